"""What is learned: additive counts and nothing else. Everything used to predict is derived from them.

Adding two of these gives exactly what counting both sets of sessions gives.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from operator import add, sub
from typing import Any

from predictors.pattern.pools import SLOTS
from predictors.pattern.sealing import SEPARATOR as SEPARATOR  # also of keys of the tables

WIDTH = 2 * SLOTS
ALL = ""  # the key of a total

Table = dict[str, dict[str, float]]
Rows = dict[str, list[float]]


def _add_table(into: Table, other: Table) -> None:
    for key, row in other.items():
        mine = into.get(key)
        if mine is None:
            into[key] = dict(row)
        else:
            for name, count in row.items():
                mine[name] = mine.get(name, 0) + count


def _add_rows(into: Rows, other: Rows) -> None:
    for path, row in other.items():
        mine = into.get(path)
        if mine is None:
            into[path] = list(row)
        elif len(mine) == len(row):
            into[path] = list(map(add, mine, row))
        else:
            into[path] = [a + b for a, b in zip_longest(mine, row, fillvalue=0)]


class Counts:
    """The tables, each of them additive.

    contexts, words: key -> {tool: turns that called it, "": turns}. later: key -> {tool: turns from which on the
    session called it, "": turns}. forms: tool -> {argument names: calls, "": calls}. offers: tool -> path -> for
    each slot, turns with the tool in which it held a value. takes: tool -> argument -> rule -> for each slot, turns
    in which an argument was that value (a rule is a path, a path and a change "path|lower", or a constant "=digest").
    joint: tool -> joint rule or group of records -> for each slot, turns in which an argument group was that record
    (for a group: turns in which it was there).
    years: "" -> {sealed year of a date that was an argument: turns}.
    heard: tool -> {"phrase's hash<word before": turns with the tool before which the user said it}. links: tool and
    argument -> {"hash<word before=digest": turns in which the argument, found nowhere, was that value after that}.
    kinds: tool and argument -> {kind of value: calls}; tool and two arguments -> {"=" or "<>": calls in which they
    were the same text, or two texts}. told: phrase's hash -> {digest: times a listing had both}.
    reach: tool -> path -> [values offered, values of them that the tool was called with later].
    """

    __slots__ = (
        "contexts", "forms", "heard", "joint", "kinds", "later", "links", "offers", "reach", "sessions", "takes",
        "told", "words", "years",
    )  # fmt: skip

    def __init__(self) -> None:
        self.sessions: float = 0
        self.contexts: Table = {}
        self.words: Table = {}
        self.later: Table = {}
        self.forms: Table = {}
        self.offers: dict[str, Rows] = {}
        self.takes: dict[str, dict[str, Rows]] = {}
        self.joint: dict[str, Rows] = {}
        self.years: Table = {}
        self.reach: dict[str, Rows] = {}
        self.heard: Table = {}
        self.kinds: Table = {}
        self.links: Table = {}
        self.told: Table = {}

    def add(self, other: Counts) -> None:
        """Add what the other counted."""
        self.sessions += other.sessions
        _add_table(self.contexts, other.contexts)
        _add_table(self.words, other.words)
        _add_table(self.later, other.later)
        _add_table(self.forms, other.forms)
        _add_table(self.years, other.years)
        _add_table(self.heard, other.heard)
        _add_table(self.kinds, other.kinds)
        _add_table(self.links, other.links)
        _add_table(self.told, other.told)
        for tool, rows in other.offers.items():
            _add_rows(self.offers.setdefault(tool, {}), rows)
        for tool, rows in other.joint.items():
            _add_rows(self.joint.setdefault(tool, {}), rows)
        for tool, rows in other.reach.items():
            _add_rows(self.reach.setdefault(tool, {}), rows)
        for tool, arguments in other.takes.items():
            mine = self.takes.setdefault(tool, {})
            for name, rows in arguments.items():
                _add_rows(mine.setdefault(name, {}), rows)


def without(counts: Counts, own: Counts) -> Counts:
    """The counts less these, which are a part of them. Rows that stay as they are are shared, and those that were
    bounded away stay away: what is returned is to be looked at only."""
    out = Counts()
    out.sessions = counts.sessions - own.sessions
    for name in Counts.__slots__:
        if name != "sessions":
            setattr(out, name, _less(getattr(counts, name), getattr(own, name)))
    return out


def _less(whole: Any, part: Any) -> Any:
    """A number, a row or a table less another."""
    if isinstance(part, dict):
        less = whole.copy()
        for key, item in part.items():
            mine = whole.get(key)
            if mine is not None:
                less[key] = _less(mine, item) if type(item) is dict or type(item) is list else mine - item
        return less
    if len(whole) == len(part):
        return list(map(sub, whole, part))
    return [a - b for a, b in zip_longest(whole, part, fillvalue=0)]


def wide(row: list[float]) -> list[float]:
    """A row of slots in full: its trailing zeros are left out in a file."""
    return row if len(row) == WIDTH else row + [0] * (WIDTH - len(row))


def bump(table: Table, keys: Iterable[str], tools: Iterable[str]) -> None:
    """Count one turn that called these tools under each of these keys."""
    for key in keys:
        row = table.get(key)
        if row is None:
            row = table[key] = {ALL: 0}
        row[ALL] += 1
        for tool in tools:
            row[tool] = row.get(tool, 0) + 1


def form(names: Iterable[str]) -> str:
    """One call's argument names as a key."""
    return SEPARATOR.join(sorted(names))
