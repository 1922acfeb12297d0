"""Seconds for a session's shape: recorded where they were recorded, otherwise from the latency model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from speculate.audit.shapes import CallShape, SessionShape, TurnShape
from speculate.replay.latency import LatencyModel


@dataclass(frozen=True, slots=True)
class TimedCall:
    shape: CallShape
    seconds: float


@dataclass(frozen=True, slots=True)
class TimedTurn:
    shape: TurnShape
    llm_s: float
    calls: tuple[TimedCall, ...]


@dataclass(frozen=True, slots=True)
class TimedSession:
    """A session whose every time is known. `modelled`: some of them were drawn."""

    id: str
    turns: tuple[TimedTurn, ...]
    modelled: bool

    @property
    def model_s(self) -> float:
        return sum(turn.llm_s for turn in self.turns)

    @property
    def tool_s(self) -> float:
        return sum(call.seconds for turn in self.turns for call in turn.calls)


def with_times(shape: SessionShape, latency: LatencyModel) -> TimedSession:
    """The session with every time filled in; draws depend on the seed, the session and the place in it."""
    modelled = False
    turns: list[TimedTurn] = []
    for place, turn in enumerate(shape.turns):
        llm_s = turn.llm_s
        if llm_s is None:
            llm_s, modelled = latency.model_s(shape.id, place), True
        calls: list[TimedCall] = []
        for call in turn.calls:
            seconds = call.seconds
            if seconds is None:
                seconds, modelled = latency.tool_s(call.tool, shape.id, call.number), True
            calls.append(TimedCall(call, seconds))
        turns.append(TimedTurn(turn, llm_s, tuple(calls)))
    return TimedSession(shape.id, tuple(turns), modelled)


def span(calls: Sequence[TimedCall]) -> float:
    """How long calls take that were issued together: conflicting ones in their order, the others side by side."""
    ends: list[tuple[CallShape, float]] = []
    for call in calls:
        began = 0.0
        for earlier, end in ends:
            if end > began and call.shape.claims.conflicts_with(earlier.claims):
                began = end
        ends.append((call.shape, began + call.seconds))
    return max((end for _, end in ends), default=0.0)


def one_by_one(calls: Sequence[TimedCall]) -> float:
    """How long calls take one after the other."""
    return sum(call.seconds for call in calls)
