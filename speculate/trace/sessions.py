"""Recorded runs, one session at a time: users, turns, and each turn's calls with their results."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
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

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class RecordedTurn:
    """One model response with the calls it emitted, in issue order, and their results by call id."""

    record: TurnTaken
    calls: list[CallIssued] = field(default_factory=list)
    results: dict[str, ResultArrived] = field(default_factory=dict)

    def tool_seconds(self, call: CallIssued) -> float | None:
        """How long the tool took: as recorded, else from when the call was issued to when its result came."""
        result = self.results.get(call.id)
        if result is None:
            return None
        if result.tool_s is None and result.at is not None and call.at is not None:
            return max(result.at - call.at, 0.0)
        return result.tool_s


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


class _Open:
    """A session whose end has not been read yet."""

    __slots__ = ("answered_by", "has_start", "ids", "implied", "session", "turns")

    def __init__(self, start: SessionStarted, has_start: bool) -> None:
        self.session = RecordedSession(start)
        self.has_start = has_start
        self.turns: dict[int, RecordedTurn] = {}
        self.implied: set[int] = set()  # turns known so far only by their calls
        self.ids: set[str] = set()
        self.answered_by: dict[str, list[tuple[str, RecordedTurn]]] = {}  # recorded id: unanswered calls, oldest first

    def take_turn(self, record: TurnTaken) -> None:
        if record.turn in self.implied:  # calls issued while the model still spoke come before their turn
            self.implied.discard(record.turn)
            self.turns[record.turn].record = record
            return
        turn = self.turns[record.turn] = RecordedTurn(record)
        self.session.steps.append(turn)

    def issue(self, call: CallIssued) -> None:
        turn = self.turns.get(call.turn)
        if turn is None:
            turn = self.turns[call.turn] = RecordedTurn(TurnTaken(call.session, call.turn))
            self.implied.add(call.turn)
            self.session.steps.append(turn)
        recorded_id = call.id
        if recorded_id in self.ids:
            count = 2
            while f"{recorded_id}~{count}" in self.ids:
                count += 1
            call = replace(call, id=f"{recorded_id}~{count}")
            _log.warning("session %s: call id %s occurs twice; read as %s", call.session, recorded_id, call.id)
        self.ids.add(call.id)
        turn.calls.append(call)
        self.answered_by.setdefault(recorded_id, []).append((call.id, turn))

    def answer(self, result: ResultArrived) -> None:
        waiting = self.answered_by.get(result.id)
        if not waiting:
            _log.warning("session %s: a result for %s, which no call awaits, is left out", result.session, result.id)
            return
        id, turn = waiting.pop(0)
        turn.results[id] = result if id == result.id else replace(result, id=id)


def group_sessions(records: Iterable[Record]) -> Iterator[RecordedSession]:
    """Sessions as they end (those that never end come last, in order of their start).

    Memory holds the sessions that are open. A call id that occurs twice in a session is made unique ("c1~2"), and
    results go to the oldest call that awaits one; a result no call awaits is left out with a warning. A second
    `session` record begins a new session of the same id.
    """
    open_: dict[str, _Open] = {}
    for record in records:
        state = open_.get(record.session)
        if isinstance(record, SessionStarted):
            if state is not None and not state.has_start:  # the first events overtook it
                state.session.start, state.has_start = record, True
                continue
            if state is not None:
                yield open_.pop(record.session).session
            open_[record.session] = _Open(record, has_start=True)
            continue
        if state is None:
            if isinstance(record, ResultArrived):
                _log.warning("session %s: a result of a session that is not open is left out", record.session)
                continue
            if isinstance(record, SessionEnded):
                continue
            state = open_[record.session] = _Open(SessionStarted(record.session), has_start=False)
        match record:
            case CallIssued():
                state.issue(record)
            case ResultArrived():
                state.answer(record)
            case TurnTaken():
                state.take_turn(record)
            case UserSaid():
                state.session.steps.append(record)
            case SessionEnded():
                yield open_.pop(record.session).session
    for state in open_.values():
        yield state.session


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
