"""Streamed tool calls: a JSON object that parses is complete; an open one only narrows the prediction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import from_json

from speculate.calls import ToolCall
from speculate.prediction import Prediction

MAX_CHARACTERS = 262_144  # of one call's arguments; more is not looked at until the call is made


@dataclass(slots=True)
class _Partial:
    tool: str = ""
    pieces: list[str] = field(default_factory=list)
    size: int = 0
    issued: bool = False


class PartialCalls:
    """The calls of one streamed turn, as far as they are written."""

    __slots__ = ("_calls", "_guesses")

    def __init__(self, guesses: Sequence[Prediction]) -> None:
        self._calls: dict[int | str, _Partial] = {}
        self._guesses = guesses

    def add(self, index: int | str, tool: str | None, fragment: str) -> ToolCall | None:
        """Add a fragment. The call, once, when its arguments object is closed."""
        partial = self._calls.setdefault(index, _Partial())
        if tool:
            partial.tool = tool
        partial.pieces.append(fragment)
        partial.size += len(fragment)
        if partial.issued or not partial.tool or "}" not in fragment or partial.size > MAX_CHARACTERS:
            return None
        try:
            arguments = json.loads("".join(partial.pieces))
        except (ValueError, RecursionError):
            return None
        if not isinstance(arguments, dict):
            return None
        partial.issued = True
        return ToolCall(partial.tool, arguments)

    def narrow(self, index: int | str) -> list[Prediction]:
        """The guesses that agree with what is written so far, their probabilities made to sum to at most 1.

        Only whole arguments count: all but the last one written, since a cut string parses as a whole one.
        """
        partial = self._calls[index]
        if partial.issued or not partial.tool or partial.size > MAX_CHARACTERS:
            return []
        try:
            written: Any = from_json("".join(partial.pieces) or "{", allow_partial=True)
        except ValueError:
            return []
        if not isinstance(written, Mapping):
            return []
        whole = dict(list(written.items())[:-1])
        fitting = [
            guess
            for guess in self._guesses
            if guess.tool == partial.tool
            and all(name in guess.arguments and guess.arguments[name] == value for name, value in whole.items())
        ]
        total = sum(guess.p_next for guess in fitting)
        if total <= 0:
            return []
        # Bayes: the model calls this tool with these arguments; what else was possible has dropped out.
        scale = 1.0 / max(total, 1e-9) if total < 1 else 1.0
        scale = min(scale, 4.0)  # a guess that was nearly ruled out before does not become certain
        return [
            replace(
                guess,
                p_next=min(1.0, guess.p_next * scale),
                p_use=min(1.0, max(guess.p_use, guess.p_next * scale)),
            )
            for guess in fitting
        ]
