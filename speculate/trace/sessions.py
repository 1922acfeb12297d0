"""Recorded runs, one session at a time: users, turns, and each turn's calls with their results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from speculate.history import CallMade, History, ModelText, ResultSeen, UserText, snapshot
from speculate.trace.reader import read_traces
from speculate.trace.records import (
    CallIssued,
    Record,
    ResultArrived,
    SessionEnded,
    SessionStarted,
    TurnTaken,
    UserSaid,
)


@dataclass(slots=True)
class RecordedTurn:
    """One model response with the calls it emitted, in issue order, and their results by call id."""

    record: TurnTaken
    calls: list[CallIssued] = field(default_factory=list)
    results: dict[str, ResultArrived] = field(default_factory=dict)


@dataclass(slots=True)
class RecordedSession:
    """One run: what users said and what turns the model took, in order."""

    start: SessionStarted
    steps: list[UserSaid | RecordedTurn] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.start.session

    @property
    def turns(self) -> list[RecordedTurn]:
        return [step for step in self.steps if isinstance(step, RecordedTurn)]

    @property
    def calls(self) -> list[CallIssued]:
        return [call for turn in self.turns for call in turn.calls]


def group_sessions(records: Iterable[Record]) -> Iterator[RecordedSession]:
    """Sessions as they end (those that never end come last, in order of their start)."""
    open_: dict[str, RecordedSession] = {}
    turn_of: dict[tuple[str, str], RecordedTurn] = {}
    for record in records:
        session = open_.get(record.session)
        if session is None:
            start = record if isinstance(record, SessionStarted) else SessionStarted(record.session)
            session = open_[record.session] = RecordedSession(start)
        match record:
            case UserSaid():
                session.steps.append(record)
            case TurnTaken():
                session.steps.append(RecordedTurn(record))
            case CallIssued():
                last = session.steps[-1] if session.steps else None
                if not isinstance(last, RecordedTurn) or last.record.turn != record.turn:
                    last = next((t for t in reversed(session.turns) if t.record.turn == record.turn), None)
                    if last is None:  # a call whose turn was not recorded
                        last = RecordedTurn(TurnTaken(record.session, record.turn))
                        session.steps.append(last)
                last.calls.append(record)
                turn_of[record.session, record.id] = last
            case ResultArrived():
                turn = turn_of.pop((record.session, record.id), None)
                if turn is not None:
                    turn.results[record.id] = record
            case SessionEnded():
                yield open_.pop(record.session)
            case SessionStarted():
                pass
    yield from open_.values()


def read_sessions(*paths: str | Path) -> list[RecordedSession]:
    """All sessions of these files. Raises TraceError."""
    return list(group_sessions(read_traces(paths)))


def moments(
    session: RecordedSession, untrusted: frozenset[str] = frozenset()
) -> Iterator[tuple[History, RecordedTurn]]:
    """For every turn: the history at the last moment before it, and the turn. The history then moves on.

    One History object grows as the session goes, exactly as it does live: a turn's text becomes visible with
    its calls, never before. `untrusted` names the tools whose results may be hostile.
    """
    history = History(session.id, session.start.tenant)
    for step in session.steps:
        if isinstance(step, UserSaid):
            history.append(UserText(step.text))
            continue
        yield history, step
        if step.record.text:
            history.append(ModelText(step.record.turn, step.record.text))
        tools = {}
        for call in step.calls:
            tools[call.id] = call.tool
            history.append(CallMade(call.id, call.turn, call.tool, call.args))
        for id, result in step.results.items():
            history.append(
                ResultSeen(
                    id,
                    tools[id],
                    result.ok and result.raised is None,
                    snapshot(result.result),
                    result.raised,
                    result.known,
                    tools[id] in untrusted,
                )
            )
