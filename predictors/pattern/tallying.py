"""Counts on their way into the tables: what is counted again and again is written there once.

Contexts and words are counted in C, by the tools that turns called; the slots of pools by all the paths that held
them together.
"""

from __future__ import annotations

from collections import _count_elements  # type: ignore[attr-defined]  # what Counter counts with, in C
from collections.abc import Iterable

from predictors.pattern.counts import ALL, WIDTH, Counts, Rows, Table, wide

Turns = dict[tuple[str, ...], dict[str, float]]  # tools that turns called -> key -> such turns
Moves = dict[tuple[str, tuple[int, ...], tuple[int, ...]], float]  # path, slots not held, slots held -> turns
Held = dict[tuple[str, ...], dict[tuple[str, tuple[int, ...]], float]]  # paths -> tool, slots they held -> turns


def add_one(row: dict[str, float], keys: Iterable[str]) -> None:
    """Count each of the keys once more."""
    _count_elements(row, keys)


class Tally:
    """What is being counted into `counts`: contexts, words and offers, until it is poured."""

    __slots__ = ("_contexts", "_moves", "_offers", "_paths", "_words", "counts")

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self._contexts: Turns = {}
        self._words: Turns = {}
        self._offers: Held = {}
        self._moves: dict[str, Moves] = {}
        self._paths: dict[str, float] = {}

    def turn(self, tools: tuple[str, ...], contexts: Iterable[str], words: Iterable[str]) -> None:
        """Count a turn that called these tools, in these contexts and with these features of words."""
        found = self._contexts.get(tools)
        if found is None:
            found = self._contexts[tools] = {}
            self._words[tools] = {}
        add_one(found, contexts)
        add_one(self._words[tools], words)

    def session(self, paths: Iterable[str]) -> None:
        """Count a session with pools of these paths, and one value that each of them offered."""
        _count_elements(self._paths, paths)

    def held(self, paths: tuple[str, ...], turns: dict[tuple[str, tuple[int, ...]], float]) -> None:
        """Count turns in which the pools of these paths held the same slots each: by tool and slots. Keeps `turns`."""
        found = self._offers.setdefault(paths, turns)
        if found is turns:
            return
        for key, count in turns.items():
            found[key] = found.get(key, 0) + count

    def moved(self, tool: str, moves: Iterable[tuple[str, tuple[int, ...], tuple[int, ...]]]) -> None:
        """Count turns with the tool in which a pool held other slots than it was counted with: (path, those, these)."""
        _count_elements(self._moves.setdefault(tool, {}), moves)

    def pour(self) -> None:
        """Write it all into the tables."""
        _pour_turns(self.counts.contexts, self._contexts)
        _pour_turns(self.counts.words, self._words)
        _pour_slots(self.counts.offers, self._offers)
        self._offers.clear()
        for tool, moves in self._moves.items():
            _pour_moves(self.counts.offers.setdefault(tool, {}), moves)
            moves.clear()
        everything = self.counts.reach.setdefault(ALL, {}) if self._paths else {}
        for path, count in self._paths.items():
            row = everything.get(path)
            if row is None:
                everything[path] = [count, count]
            else:
                row[0] += count
                row[1] += count
        self._paths.clear()


def _pour_turns(table: Table, turns: Turns) -> None:
    for tools, keys in turns.items():
        for key, count in keys.items():
            row = table.get(key)
            if row is None:
                row = table[key] = {ALL: 0}
            row[ALL] += count
            for tool in tools:
                row[tool] = row.get(tool, 0) + count
        keys.clear()


def _row_of(rows: Rows, path: str) -> list[float]:
    row = rows.get(path)
    if row is None or len(row) < WIDTH:
        row = rows[path] = [0] * WIDTH if row is None else wide(row)
    return row


def _pour_slots(offers: dict[str, Rows], held: Held) -> None:
    for paths, found in held.items():
        for (tool, slots), count in found.items():
            rows = offers.setdefault(tool, {})
            get = rows.get
            for path in paths:
                row = get(path)
                if row is None or len(row) < WIDTH:
                    row = _row_of(rows, path)
                for slot in slots:
                    row[slot] += count


def _pour_moves(rows: Rows, moves: Moves) -> None:
    for (path, before, after), count in moves.items():
        row = _row_of(rows, path)
        for slot in before:
            row[slot] -= count
        for slot in after:
            row[slot] += count
