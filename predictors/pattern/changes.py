"""Small changes between a value that was offered and the argument made of it: case, slugs, numbers, an affix."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Mapping
from functools import lru_cache
from typing import Any

MAX_AFFIX = 160
MAX_SHIFTS = 4  # looked at for one argument
# How far windows and pages move, and how much people want to see around a line.
SHIFTS = tuple(
    sign * size
    for size in (1, 2, 3, 5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 100, 120, 150, 200, 250, 300, 400, 500, 1000, 2000)
    for sign in (1, -1)
)
_PIECES = re.compile(r"[^\s'\"`()\[\]{}<>=,;|]{3,}")


def _number(value: Any) -> Any:
    if type(value) is not str:
        return None
    try:
        return int(value)
    except ValueError:
        try:
            number = float(value)
        except ValueError:
            return None
        return number if number - number == 0 else None


def _text(change: Callable[[str], str]) -> Callable[[Any], Any]:
    return lambda value: change(value) if type(value) is str else None


CHANGES: Mapping[str, Callable[[Any], Any]] = {
    "lower": _text(str.lower),
    "upper": _text(str.upper),
    "title": _text(str.title),
    "slug_": _text(lambda value: value.lower().replace(" ", "_")),
    "slug-": _text(lambda value: value.lower().replace(" ", "-")),
    "number": _number,
    "text": lambda value: str(value) if type(value) in (int, float) else None,
    "day": lambda value: value[:10] if type(value) is str and len(value) > 10 and value[4:5] == "-" else None,
}


# All values of a list at once, each of them changed, or as it is.
ALL_OF: Mapping[str, Callable[[Any], Any]] = {
    "[]": lambda value: value,
    "[]number": CHANGES["number"],
    "[]text": CHANGES["text"],
}


def sources_of(value: Any) -> list[Any]:
    """Values that one of the changes might turn into this one."""
    if type(value) is str:
        spaced = value.replace("_", " ").replace("-", " ")
        found: list[Any] = [value.lower(), value.upper(), value.title(), value.capitalize(), spaced, spaced.title()]
        number = _number(value)
        if number is not None:
            found.append(number)
        return [each for each in dict.fromkeys(found) if each != value]
    return [str(value)] if type(value) in (int, float) else []


def pieces_of(text: str) -> list[str]:
    """Parts of a text that may have been put into it, longest first."""
    if len(text) > 4 * MAX_AFFIX:
        return []
    found = dict.fromkeys(_PIECES.findall(text))
    for piece in list(found):
        found.setdefault(piece.strip(".:#/"))
        if "/" in piece:
            stem = piece.rstrip("/").rpartition("/")[2].partition(".")[0]
            found.setdefault(stem)
            for at, mark in enumerate(stem):
                if mark in "_-":
                    found.setdefault(stem[at + 1 :])
        if len(piece) == 10 and piece[4] == piece[7] == "-":
            found.setdefault(piece[5:])
    return sorted((piece for piece in found if len(piece) > 2 and piece != text), key=lambda each: (-len(each), each))


def affix(text: str, piece: str) -> str | None:
    """The template that gives `text` when `piece` is put into it: a JSON pair; None if it is too long."""
    before, _, after = text.partition(piece)
    return None if len(before) + len(after) > MAX_AFFIX else json.dumps([before, after], ensure_ascii=False)


def shifts_of(value: int, where: Container[Any]) -> list[tuple[str, Any]]:
    """(template, number) for numbers that were offered, as such or in a text, a usual distance away from this one."""
    found: list[tuple[str, Any]] = []
    for shift in SHIFTS:
        for source in (value - shift, str(value - shift)):
            if source in where:
                found.append((json.dumps(shift), source))
                if len(found) >= MAX_SHIFTS:
                    return found
    return found


@lru_cache(maxsize=1_024)
def _read(template: str) -> Any:
    return json.loads(template)


def fill(template: str, value: Any) -> str | int | None:
    """The text a template gives for this value; the number a shift gives for this one."""
    read = _read(template)
    if type(read) is int:
        number = value if type(value) is int else _number(value)
        return number + read if type(number) is int else None
    if type(value) is not str:
        return None
    before, after = read
    return f"{before}{value}{after}"
