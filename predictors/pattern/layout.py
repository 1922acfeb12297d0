"""Texts that are more than words: JSON in a text, tables with a header, marked entries, places in files."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

MAX_CHARACTERS = 6_000  # of a table or a list
MAX_JSON = 200_000
MAX_ENTRIES = 60
MAX_ROWS = 60
MAX_REFERENCES = 40
MAX_FIELDS = 24  # of one entry
MAX_HEADER = 40  # characters of a column's name
_ENTRY = re.compile(r"[ \t]*(\[[A-Za-z]{1,8}\]|[-*+•])[ \t]+(\S{1,120})[ \t]*\Z")
_REFERENCE = re.compile(
    r"(?:^|(?<=[\s(\"]))((?:[\w./~+-]*[\w-])?\.[A-Za-z]\w{0,5}|/[\w./~+-]+)(?:\", line |:)(\d{1,6})(?!\w)", re.MULTILINE
)
_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-{2,}[-:| \t]*\Z")
# `Name: value` as a line, `name="value"`, `<name>value</name>`
_PAIR = re.compile(
    r"^[ \t]*(?:[-*+•][ \t]+)?[*_`\"]{0,2}([A-Za-z][\w \-]{0,31}?)[*_\"]{0,2}:[*_]{0,2}[ \t]+[*_`\"']{0,2}"
    r"(\S[^\n]{0,79}?)[*_`\"',]{0,3}[ \t]*$",
    re.MULTILINE,
)
_GIVEN = re.compile(
    r"(?<![\w?&/])([A-Za-z_][\w-]{0,31})="
    r"(?:\"([^\"\n]{1,80})\"|'([^'\n]{1,80})'|([^\s\"'<>\[\](){},;&=]{1,80}))"
)
_TAGGED = re.compile(r"<([A-Za-z][\w-]{0,31})>([^<>\n]{1,80})</")
_OPENING = re.compile(r"^[{\[](?=[ \n]*[\"{\[\]}])", re.MULTILINE)
_DECODER = json.JSONDecoder()
_GAP = re.compile(r"[ \t]{2,}")
_NAME = re.compile(r"[^\W\d][^\n]*\Z")


def structure_of(text: str) -> tuple[Any, str]:
    """The JSON value or the rows that a text holds, None if it does not; and what is to be read besides."""
    if text[0] in "{[" and text[-1] in "}]" and len(text) <= MAX_JSON:
        with suppress(ValueError, RecursionError):
            return json.loads(text), ""
    if ("\n{" in text or "\n[" in text or text[0] == "{") and len(text) <= MAX_JSON:
        found = _embedded(text)
        if found is not None:
            return found
    rows = _rows(text)
    return (None, text) if rows is None else (rows[0], "" if rows[1] else text)


def _embedded(text: str) -> tuple[Any, str] | None:
    """JSON that begins with a line and ends with one: of several such lines a list."""
    match = _OPENING.search(text)
    if match is None:
        return None
    start = match.start()
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    if not value or text[end : end + 1].strip():
        return None
    if type(value) is dict:
        rows = [value]
        while text[end : end + 2] == "\n{" and len(rows) < MAX_ROWS:
            try:
                value, end = _DECODER.raw_decode(text, end + 1)
            except (ValueError, RecursionError):
                break
            rows.append(value)
        if len(rows) > 1:
            value = rows
    return value, text[:start] + text[end:]


def _rows(text: str) -> tuple[list[dict[str, str]], bool] | None:
    """The rows of a Markdown table, or of values between semicolons, tabs or commas; by the names in its header."""
    head, _, rest = text.partition("\n")
    if not rest or len(head) > MAX_CHARACTERS:
        return None
    if head[:1] == "|":
        line, _, body = rest.partition("\n")
        return _table(head, body, "|") if body and len(line) <= MAX_CHARACTERS and _RULE.match(line) else None
    for mark in ";\t,":
        count = head.count(mark)
        if count and mark + " " not in head:
            return _table(head, rest, mark) if rest.partition("\n")[0].count(mark) == count else None
    if "  " in head and head[0].isalpha() and ":" not in head:
        return _table(head, rest, "")
    return None


def _table(head: str, body: str, mark: str) -> tuple[list[dict[str, str]], bool] | None:
    names = _cells(head, mark)
    if len(names) < 2 or not all(len(name) <= MAX_HEADER and _NAME.match(name) for name in names):
        return None
    lines = body[:MAX_CHARACTERS].split("\n", MAX_ROWS)[:MAX_ROWS]
    if len(body) > MAX_CHARACTERS and len(lines) < MAX_ROWS:
        del lines[-1]  # cut in two
    whole = True  # what a long table has more of is more of the same
    rows = []
    for number, line in enumerate(lines):
        if not line.strip():
            whole = not any(map(str.strip, lines[number:]))
            break
        cells = _cells(line, mark)
        if len(cells) != len(names):
            return None
        rows.append(dict(zip(names, cells, strict=True)))
    return (rows, whole) if rows else None


def _cells(line: str, mark: str) -> list[str]:
    if not mark:
        return _GAP.split(line.rstrip())
    if mark == "|":
        line = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().strip('"') for cell in line.split(mark)]


def references_of(text: str) -> list[dict[str, Any]]:
    """Places in files that a text names: {"path": …, "line": …} of "a/b.py:12", and of `File "a/b.py", line 12`."""
    text = text[:MAX_CHARACTERS]
    if ":" not in text and ", line " not in text:
        return []
    found = []
    for match in _REFERENCE.finditer(text):
        found.append({"path": match[1], "line": int(match[2])})
        if len(found) >= MAX_REFERENCES:
            break
    return found


def entries_of(text: str) -> list[tuple[str, str]]:
    """(mark, entry) of every line that is a mark and one word."""
    text = text[:MAX_CHARACTERS]
    if "[" not in text and "- " not in text and "* " not in text and "+ " not in text and "• " not in text:
        return []
    found = []
    for line in text.split("\n"):  # a search would try every character of a long line
        match = _ENTRY.match(line)
        if match is not None:
            found.append((match[1], match[2]))
            if len(found) >= MAX_ENTRIES:
                break
    return found


def fields_of(entry: str) -> list[tuple[str, str]]:
    """(name, value) of what an entry of a text names."""
    found: list[tuple[str, str]] = _PAIR.findall(entry) if ":" in entry else []
    if "=" in entry:
        found += [(name, one or two or three) for name, one, two, three in _GIVEN.findall(entry)]
    if "</" in entry:
        found += _TAGGED.findall(entry)
    return found[:MAX_FIELDS]
