"""What is learned: additive counts and nothing else. Everything used to predict is derived from them.

Adding two of these gives exactly what counting both sets of sessions gives.
"""

from __future__ import annotations

from typing import Any

from predictors.pattern.state import SLOTS

WIDTH = 2 * SLOTS
ALL = ""  # the key of a total

Table = dict[str, dict[str, float]]


def add_table(into: Table, other: Table) -> None:
    for key, row in other.items():
        mine = into.get(key)
        if mine is None:
            into[key] = dict(row)
        else:
            for name, count in row.items():
                mine[name] = mine.get(name, 0) + count


def _add_slots(into: dict[str, list[float]], other: dict[str, list[float]]) -> None:
    for path, row in other.items():
        mine = into.get(path)
        if mine is None:
            into[path] = list(row)
        else:
            into[path] = [a + b for a, b in zip(mine, row, strict=True)]


class Counts:
    """contexts, words: key -> {tool: turns that called it, "": turns}. offers: tool -> path -> turns with the tool
    in which a slot existed. takes: tool -> argument -> path -> turns in which that slot was the value. forms: tool ->
    {argument names: calls}."""

    __slots__ = ("contexts", "forms", "offers", "sessions", "takes", "words")

    def __init__(self) -> None:
        self.sessions = 0
        self.contexts: Table = {}
        self.words: Table = {}
        self.forms: Table = {}
        self.offers: dict[str, dict[str, list[float]]] = {}
        self.takes: dict[str, dict[str, dict[str, list[float]]]] = {}

    def add(self, other: Counts) -> None:
        self.sessions += other.sessions
        add_table(self.contexts, other.contexts)
        add_table(self.words, other.words)
        add_table(self.forms, other.forms)
        for tool, paths in other.offers.items():
            _add_slots(self.offers.setdefault(tool, {}), paths)
        for tool, arguments in other.takes.items():
            mine = self.takes.setdefault(tool, {})
            for name, rows in arguments.items():
                _add_slots(mine.setdefault(name, {}), rows)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Counts:
        counts = cls()
        for name in cls.__slots__:
            setattr(counts, name, document[name])
        return counts

    def to_document(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def bump(table: Table, key: str, tools: set[str]) -> None:
    """Count one turn that called these tools."""
    row = table.get(key)
    if row is None:
        row = table[key] = {ALL: 0}
    row[ALL] += 1
    for tool in tools:
        row[tool] = row.get(tool, 0) + 1


def form(names: Any) -> str:
    """One call's argument names as a key."""
    return "\x1f".join(sorted(names))
