"""Texts that are more than words: JSON in a text, tables with a header, marked entries, places in files."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

MAX_CHARACTERS = 6_000  # of a table or a list
MAX_JSON = 20_000
MAX_ENTRIES = 60
MAX_ROWS = 60
MAX_REFERENCES = 40
MAX_HEADER = 40  # characters of a column's name
_ENTRY = re.compile(r"[ \t]*(\[[A-Za-z]{1,8}\]|[-*+•])[ \t]+(\S{1,120})[ \t]*\Z")
_REFERENCE = re.compile(
    r"(?:^|(?<=[\s(\"]))((?:[\w./~+-]*[\w-])?\.[A-Za-z]\w{0,5}|/[\w./~+-]+)(?:\", line |:)(\d{1,6})(?!\w)", re.MULTILINE
)
_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-{2,}[-:| \t]*\Z")
_NAME = re.compile(r"[^\W\d][^\n]*\Z")


def structure_of(text: str) -> tuple[Any, bool]:
    """The JSON value or the rows that a text begins with, None if it does not; and whether that is all of it."""
    if text[0] in "{[" and text[-1] in "}]" and len(text) <= MAX_JSON:
        with suppress(ValueError, RecursionError):
            return json.loads(text), True
    return _rows(text) or (None, False)


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
