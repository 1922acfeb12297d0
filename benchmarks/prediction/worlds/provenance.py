"""Where the right value of an argument stood in a history, and in what form: for finding what a predictor lacks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from speculate.history import CallMade, Event, ModelText, ResultSeen, UserText

LEAST_STEM = 4  # letters of a file's name that must have been shown for it to be called made after a template
NEAR = 100  # the farthest a number may be from one that was shown to be called derived from it
_NUMBER = re.compile(r"(?<![\w.])\d{1,9}(?![\w.])")


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar with its path; lists are written []."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, f"{path}[]")
    else:
        yield path, value


def _read(text: str) -> Any:
    """JSON in a text, or None."""
    if text.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            return json.loads(text)
    return None


def surroundings(text: str, at: int, size: int) -> str:
    """What stands around a passage, in short: the marks that touch it, or what kind of text it lies in."""
    line_start = text.rfind("\n", 0, at) + 1
    line_end = text.find("\n", at)
    line = text[line_start : len(text) if line_end < 0 else line_end]
    if line.lstrip().startswith("|"):
        return "a Markdown table's cell"
    if re.match(r"\s*[\w-]+:\s", line) and line.find(":") < at - line_start:
        return "`key: value`"
    before, after = text[at - 1 : at], text[at + size : at + size + 1]
    if before in ("", "\n") and after in ("", "\n"):
        return "a line of its own"
    shown = [{"": "edge", "\n": "line end", " ": "space"}.get(mark, mark) for mark in (before, after)]
    return f"text, between {shown[0]!r} and {shown[1]!r}"


def _in_text(where: str, text: str, value: str) -> str | None:
    """How a value stands in a text, if it does."""
    inner = _read(text)
    if inner is not None:
        for path, leaf in _leaves(inner):
            if type(leaf) is not bool and str(leaf) == value:
                return f"{where}: JSON in text, {path}"
    at = text.find(value)
    if at >= 0:
        return f"{where}: {surroundings(text, at, len(value))}"
    at = text.casefold().find(value.casefold())
    if at >= 0:
        return f"{where}: other letter case"
    return None


def _exactly(value: Any, event: Event) -> str | None:
    if isinstance(event, CallMade):
        for name, given in event.arguments.items():
            if type(given) is type(value) and given == value:
                return f"argument {event.tool}({name})"
    elif isinstance(event, ResultSeen):
        for path, leaf in _leaves(event.value):
            if type(leaf) is type(value) and leaf == value:
                return f"result {event.tool}: field {path or '(all)'}"
    elif isinstance(event, UserText) and isinstance(value, str) and event.text == value:
        return "user: the whole text"
    return None


def _texts(event: Event) -> Iterator[tuple[str, str]]:
    if isinstance(event, UserText):
        yield "user", event.text
    elif isinstance(event, ModelText):
        yield "model", event.text
    elif isinstance(event, CallMade):
        for name, given in event.arguments.items():
            if isinstance(given, (str, int)):
                yield f"argument {event.tool}({name})", str(given)
    elif isinstance(event, ResultSeen):
        for path, leaf in _leaves(event.value):
            if isinstance(leaf, (str, int)) and not isinstance(leaf, bool):
                yield f"result {event.tool} {path or '(all)'}", str(leaf)


def _nearly(value: Any, events: Sequence[Event]) -> str | None:
    """A number near one shown, a path of two parts shown, a date written otherwise."""
    if type(value) is int:
        for event in reversed(events):
            for where, text in _texts(event):
                found = [value - int(n) for n in _NUMBER.findall(text)]
                if found and abs(nearest := min(found, key=abs)) <= NEAR:
                    return f"{where}: a number {nearest:+d}"
    if type(value) is str and (match := re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", value)):
        year, month, day = match.groups()
        forms = {
            f"{day}.{month}.{year}",
            f"{int(day)}.{int(month)}.{year}",
            f"{int(day)}.{int(month)}.",
            f"{month}/{day}/{year}",
        }
        for event in reversed(events):
            for where, text in _texts(event):
                if any(form in text for form in forms):
                    return f"{where}: a date written otherwise"
    if type(value) is str and "/" in value:
        for cut in (match.start() for match in re.finditer("/", value)):
            first, last = value[:cut], value[cut + 1 :]
            if len(last) < 3 or len(first) < 2:
                continue
            whole = [(where, text) for event in reversed(events) for where, text in _texts(event)]
            head = next((w for w, t in whole if first in t), None)
            tail = next((f"{w} {surroundings(t, t.find(last), len(last))}" for w, t in whole if last in t), None)
            if head is not None and tail is not None:
                return f"joined: {head} + '/' + {tail}"
        stem = value.rpartition("/")[2].partition(".")[0]
        for start in range(max(0, len(stem) - LEAST_STEM + 1)):
            for event in reversed(events):
                for where, text in _texts(event):
                    if stem[start:] in text:
                        return f"template: {where} has the stem"
    return None


def provenance(value: Any, events: Sequence[Event]) -> str:
    """Where a value stood last, the plainest form first; "nowhere" if it did not. Of an object or a list that stood
    nowhere as it is, where each value in it did."""
    for event in reversed(events):
        found = _exactly(value, event)
        if found is not None:
            return found
    if isinstance(value, (dict, list)):
        places = {path: provenance(leaf, events) for path, leaf in _leaves(value)}
        return ", ".join(f"{path} <- {place}" for path, place in places.items()) or "nowhere"
    if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value):
        for event in reversed(events):
            for where, text in _texts(event):
                found = _in_text(where, text, str(value))
                if found is not None:
                    return found
        found = _nearly(value, events)
        if found is not None:
            return found
    return "nowhere"
