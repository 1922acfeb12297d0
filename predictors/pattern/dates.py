"""Dates people write: numbers with strokes or points, and words relative to a stated today. Never the wall clock.

A year that was left out is the usual one, or, where today was stated, the one that brings the date nearest to it.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep sept september", "oct october", "nov november", "dec december"), 1,
    )
    for name in names.split()
}  # fmt: skip
NOW = frozenset(("today", "now", "current", "currently"))  # words before a date that is stated as today
MAX_RELATIVE = 8  # of one text

_NUMERIC = re.compile(r"(\d{1,4})([/.-])(\d{1,2})(?:\2(\d{4}|\d{2}))?(?:T\d\d.*)?\Z")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WORDS = ("a", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_COUNTS = {"an": 1, **{word: max(1, number) for number, word in enumerate(_WORDS)}}
_NEAR = {"today": 0, "tonight": 0, "tomorrow": 1, "yesterday": -1, "day after tomorrow": 2, "day before yesterday": -2,
         "next week": 7, "a week from today": 7}  # fmt: skip
_RELATIVE = re.compile(
    rf"\b(?:(?P<near>{'|'.join(sorted(_NEAR, key=len, reverse=True))})"
    rf"|(?P<in>in )?(?P<count>\d{{1,3}}|{'|'.join(sorted(_COUNTS, key=len, reverse=True))}) (?P<unit>day|week)s?"
    r"(?P<when> ago| from now| from today| later)?"
    rf"|(?P<next>next |coming )?(?P<day>{'|'.join(_DAYS)}))\b"
)

Span = tuple[str, str]


def iso(year: int, month: int, day: int) -> str | None:
    """The date, if there is such a day."""
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def day_of(value: str) -> str | None:
    """The date that a text begins with, "2024-05-20T10:00" say."""
    if len(value) < 10 or value[4] != "-" or value[10:11] not in ("", "T", " "):
        return None
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        return None


def complete(month: int, day: int, when: str | None) -> str | None:
    """The date of a month and a day; `when`: the usual year, or today."""
    if when is None:
        return None
    year = int(when[:4])
    if len(when) < 10:
        return iso(year, month, day)
    today = date.fromisoformat(when)
    found = [each for each in (iso(year + offset, month, day) for offset in (0, 1, -1)) if each is not None]
    return min(found, key=lambda each: abs((date.fromisoformat(each) - today).days)) if found else None


def numeric(token: str, when: str | None) -> list[Span]:
    """What "2024-05-20", "5/20", "20.5.2024" may mean: "date" with the month first if both ways are possible, then
    "day-first"; "full" before it if the year was there."""
    match = _NUMERIC.match(token)
    if match is None:
        return []
    one, stroke, two, three = match.groups()
    if len(one) == 4:
        found = iso(int(one), int(two), int(three)) if three is not None and len(three) <= 2 else None
        return [("full", found)] if found is not None else []
    if len(one) > 2 or (three is None and stroke != "/") or (stroke == "." and three is not None and len(three) < 4):
        return []  # 1.5, 1.5.24 and 3-4 are as a rule no dates
    out: list[Span] = []
    ways = [("day-first", int(two), int(one))]
    if stroke != ".":  # with points the day is first
        ways.insert(0, ("date", int(one), int(two)))
    for kind, month, day in ways:
        if three is None:
            found = complete(month, day, when)
        else:
            found = iso(int(three) + (2000 if len(three) == 2 else 0), month, day)
        if found is not None and all(found != other for _, other in out):
            out.append(("date" if not out else kind, found))
    return [("full", out[0][1]), *out[1:]] if out and three is not None else out


def relative(text: str, today: str) -> list[Span]:
    """Dates that words give relative to today: "tomorrow", "in two days", "Friday" (the next one; as "week-later" the
    one after it, which "next Friday" may mean)."""
    start = date.fromisoformat(today)
    out: list[Span] = []
    for match in _RELATIVE.finditer(text.lower()):
        if len(out) >= MAX_RELATIVE:
            break
        if match["near"]:
            days = _NEAR[match["near"]]
        elif match["day"]:
            days = (_DAYS.index(match["day"]) - start.weekday() - 1) % 7 + 1
        else:
            if not (match["in"] or match["when"]):
                continue  # "two days" is how long something takes
            count = _COUNTS.get(match["count"])
            days = (int(match["count"]) if count is None else count) * (7 if match["unit"] == "week" else 1)
            if match["when"] == " ago":
                days = -days
        try:
            out.append(("date", (start + timedelta(days)).isoformat()))
            if match["next"]:
                out.append(("week-later", (start + timedelta(days + 7)).isoformat()))
        except OverflowError:
            continue
    return out
