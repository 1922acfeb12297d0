"""What every reader gives, and how pieces of text become lines, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from speculate.plan.model import Handoff, Task

MAX_LINE = 65_536


@dataclass(frozen=True, slots=True)
class Join:
    """The planner asks for the join step: everything it wanted is written."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no task. `line` counts from 1 (0: a task that was read, and refused); the text is shortened."""

    line: int
    text: str
    problem: str

    def __str__(self) -> str:
        if not self.line:
            return f"{self.text}: {self.problem}"
        return f"line {self.line}, {self.text!r}: {self.problem}"


Item = Task | Handoff | Join | Malformed


class Reader(Protocol):
    """Turns what a planner writes into tasks."""

    def feed(self, piece: Any) -> list[Item]:
        """The items that are complete now that `piece` is there."""
        ...

    def end(self) -> list[Item]:
        """The planner stopped: what was left unfinished, as a task if it is whole, else as Malformed."""
        ...


class Lines:
    """Pieces of text to whole lines. A line longer than MAX_LINE is dropped as it comes, and reported once."""

    __slots__ = ("_is_overlong", "_pieces", "_size", "number")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0
        self._is_overlong = False
        self.number = 0

    def feed(self, piece: str) -> list[str | Malformed]:
        """The lines that ended in this piece."""
        out: list[str | Malformed] = []
        start = 0
        while (end := piece.find("\n", start)) != -1:
            self._take(piece[start:end])
            out.append(self._line())
            start = end + 1
        self._take(piece[start:])
        return out

    def end(self) -> list[str | Malformed]:
        """The last line, if it never ended."""
        return [self._line()] if self._size or self._is_overlong else []

    def _take(self, text: str) -> None:
        if self._is_overlong or not text:
            return
        self._pieces.append(text)
        self._size += len(text)
        if self._size > MAX_LINE:
            self._is_overlong = True
            self._pieces = ["".join(self._pieces)[:200]]

    def _line(self) -> str | Malformed:
        self.number += 1
        text, overlong = "".join(self._pieces), self._is_overlong
        self._pieces, self._size, self._is_overlong = [], 0, False
        if overlong:
            return malformed(self.number, text, f"it is longer than {MAX_LINE} characters")
        return text.rstrip("\r")


def malformed(line: int, text: str, problem: str) -> Malformed:
    """A Malformed with its text shortened."""
    return Malformed(line, text if len(text) <= 120 else f"{text[:119]}…", problem)
