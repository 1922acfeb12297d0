"""Where predictions go wrong: per tool, per argument, which tool instead, and where missed values were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from speculate.identity import canonical_json
from speculate.training.presence import Presence
from speculate.training.scoring import CUTOFFS, JudgedCall, JudgedTurn, ratio

NOTHING = "(nothing)"  # the tool that a predictor names which names none


class Miss(Enum):
    """Why the first guess of a tool did not have an argument's value."""

    TOOL_NOT_EXPECTED = "tool not expected"  # no guess of this tool was made at all
    NOT_IN_HISTORY = "not in history"  # the value stood nowhere in the session: nothing could copy it
    NO_RULE = "no rule finds it"  # it stood there, and no guess had it
    RANKED_LOW = "ranked too low"  # a guess had it, and it was not the first


@dataclass(slots=True)
class ToolScore:
    """One tool's real calls that could have been launched, and how many were among the first k guesses."""

    calls: int = 0  # real calls, speculable or not
    speculable: int = 0
    found: dict[int, int] = field(default_factory=lambda: dict.fromkeys(CUTOFFS, 0))

    def document(self) -> dict[str, Any]:
        exact = {f"exact@{cutoff}": ratio(found, self.speculable) for cutoff, found in self.found.items()}
        return {"calls": self.calls, "speculable_calls": self.speculable, **exact}


@dataclass(slots=True)
class ArgumentScore:
    """One argument of one tool: how often the first k guesses *of that tool* had its value, and why not the first."""

    values: int = 0
    found: dict[int, int] = field(default_factory=lambda: dict.fromkeys(CUTOFFS, 0))
    misses: Counter[Miss] = field(default_factory=Counter)

    def document(self) -> dict[str, Any]:
        exact = {f"exact@{cutoff}": ratio(found, self.values) for cutoff, found in self.found.items()}
        return {"values": self.values, **exact, "misses": {miss.value: self.misses[miss] for miss in Miss}}


class Analysis:
    """Adds up judged turns. Arguments are looked at for calls that could have been launched."""

    def __init__(self) -> None:
        self.tools: dict[str, ToolScore] = {}
        self.arguments: dict[tuple[str, str], ArgumentScore] = {}
        self.confusion: Counter[tuple[str, str]] = Counter()  # (the turn's first tool, the tool expected instead)

    def add(self, judged: JudgedTurn, presence: Presence) -> None:
        """One turn, with at least one call; `presence` is the session just before it."""
        first = judged.calls[0].call.tool
        if judged.top_tool != first:
            self.confusion[first, judged.top_tool or NOTHING] += 1
        for call in judged.calls:
            score = self.tools.setdefault(call.call.tool, ToolScore())
            score.calls += 1
            if call.speculable:
                score.speculable += 1
                for cutoff in CUTOFFS:
                    score.found[cutoff] += call.rank is not None and call.rank <= cutoff
                self._add_arguments(call, judged, presence)

    def _add_arguments(self, call: JudgedCall, judged: JudgedTurn, presence: Presence) -> None:
        spec = call.resolved.spec
        guesses = [
            spec.canonical_arguments(each.prediction.arguments)
            for each in judged.predictions
            if each.prediction.tool == call.call.tool
        ]
        for name, value in spec.canonical_arguments(call.call.args).items():
            if name in call.call.args:  # a default that was filled in is nobody's guess
                score = self.arguments.setdefault((call.call.tool, name), ArgumentScore())
                _add_argument(score, name, value, guesses, presence)

    def document(self) -> dict[str, Any]:
        """As JSON, the tools called most first."""
        tools = sorted(self.tools, key=lambda tool: (-self.tools[tool].calls, tool))
        arguments = sorted(self.arguments, key=lambda at: (-self.arguments[at].values, at))
        return {
            "tools": {tool: self.tools[tool].document() for tool in tools},
            "arguments": [
                {"tool": tool, "argument": name, **self.arguments[tool, name].document()} for tool, name in arguments
            ],
            "confusion": [
                {"tool": tool, "expected": expected, "turns": turns}
                for (tool, expected), turns in sorted(self.confusion.items(), key=lambda row: (-row[1], row[0]))
            ],
        }


def _add_argument(
    score: ArgumentScore, name: str, value: Any, guesses: Sequence[Mapping[str, Any]], presence: Presence
) -> None:
    """Judge one argument's value by the guesses of its tool, best first."""
    wanted = canonical_json(value)
    rank = next(
        (i for i, guess in enumerate(guesses, 1) if name in guess and canonical_json(guess[name]) == wanted), None
    )
    score.values += 1
    for cutoff in CUTOFFS:
        score.found[cutoff] += rank is not None and rank <= cutoff
    if rank == 1:
        return
    if not guesses:
        score.misses[Miss.TOOL_NOT_EXPECTED] += 1
    elif rank is not None:
        score.misses[Miss.RANKED_LOW] += 1
    else:
        score.misses[Miss.NO_RULE if presence.has(value) else Miss.NOT_IN_HISTORY] += 1
