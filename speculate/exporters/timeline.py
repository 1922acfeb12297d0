"""A recorded session laid out in time: when each user message, turn and call began and ended.

What was not recorded is placed so that the order of the run stays and nothing begins before what it waited for:
a step without a time begins when the one before it ended, one without a duration ends where it began.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from speculate.trace.records import CallIssued, ResultArrived, TurnTaken, UserSaid
from speculate.trace.sessions import RecordedSession, RecordedTurn


@dataclass(frozen=True, slots=True)
class Placed:
    """One step, in seconds since the session began. `result` is of a call that was answered.

    is_timed: both its start and how long it took were recorded.
    """

    step: UserSaid | TurnTaken | CallIssued
    start: float
    end: float
    is_timed: bool
    result: ResultArrived | None = None


def timeline(session: RecordedSession) -> Iterator[Placed]:
    """The steps in the order of the run; starts never go back."""
    start = 0.0  # of the step before
    free = 0.0  # when everything so far has ended
    for step in session.steps:
        if isinstance(step, UserSaid):
            start = max(start, step.at) if step.at is not None else max(start, free)
            free = max(free, start)
            yield Placed(step, start, start, step.at is not None)
            continue
        turn = step.record
        start = max(start, turn.at) if turn.at is not None else max(start, free)
        end = start + (turn.llm_s or 0.0)
        yield Placed(turn, start, end, turn.at is not None and turn.llm_s is not None)
        free = max(free, end) if step.calls else end
        for placed in _calls(step, start, end):
            start, free = placed.start, max(free, placed.end)
            yield placed


def _calls(step: RecordedTurn, start: float, answered: float) -> Iterator[Placed]:
    """A turn's calls; those without a time begin together once the model has answered."""
    for call in step.calls:
        result = step.results.get(call.id)
        start = max(start, call.at if call.at is not None else answered)
        seconds = step.tool_seconds(call)
        end = start + (seconds or 0.0)
        if result is not None and result.at is not None and call.at is not None:
            end = max(start, result.at)
        yield Placed(call, start, end, call.at is not None and seconds is not None, result)
