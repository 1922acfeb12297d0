"""Sessions cut in two, so that nothing is predicted from a session it was learned from; and sessions rewritten."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace

from speculate.audit.timing import TimedSession, TimedTurn
from speculate.trace import RecordedSession, RecordedTurn, ResultArrived, UserSaid

Halves = tuple[list[int], list[int]]


def halves(sessions: Sequence[RecordedSession]) -> Halves:
    """Places of the sessions in two halves; runs of one task never stand in both, so that none is learned by heart."""
    tasks: dict[str, list[int]] = {}
    for place, session in enumerate(sessions):
        tasks.setdefault(session.start.task or f"session {place} {session.id}", []).append(place)
    first: list[int] = []
    second: list[int] = []
    for task in sorted(tasks, key=lambda task: (-len(tasks[task]), zlib.crc32(task.encode("utf-8", "replace")), task)):
        (first if len(first) <= len(second) else second).extend(tasks[task])
    return sorted(first), sorted(second)


def with_recorded_times(session: RecordedSession, timed: TimedSession) -> RecordedSession:
    """The session with the times that were drawn written into it, so that every remedy sees the same world."""
    steps: list[UserSaid | RecordedTurn] = []
    turns = iter(timed.turns)
    for step in session.steps:
        if isinstance(step, UserSaid):
            steps.append(step)
            continue
        turn = next(turns)
        results: dict[str, ResultArrived] = {}
        for call, known in zip(step.calls, turn.calls, strict=True):
            result = step.results.get(call.id)
            if result is None:
                results[call.id] = ResultArrived(session.id, call.id, tool_s=known.seconds, known=False)
            else:
                results[call.id] = replace(result, tool_s=known.seconds)
        steps.append(RecordedTurn(replace(step.record, llm_s=turn.llm_s), list(step.calls), results))
    return RecordedSession(session.start, steps)


def with_fan_outs(session: RecordedSession, groups: Sequence[Sequence[TimedTurn]]) -> RecordedSession:
    """The session as it were if each group of turns had been one turn, with all their calls."""
    member_of = {turn.shape.place: number for number, group in enumerate(groups) for turn in group}
    steps: list[UserSaid | RecordedTurn] = []
    merged: dict[int, RecordedTurn] = {}
    place = 0
    for step in session.steps:
        if isinstance(step, UserSaid):
            steps.append(step)
            continue
        group = member_of[place]
        place += 1
        into = merged.get(group)
        if into is None:
            into = merged[group] = RecordedTurn(step.record)
            steps.append(into)
        into.calls.extend(replace(call, turn=into.record.turn) for call in step.calls)
        into.results.update(step.results)
    return RecordedSession(session.start, steps)
