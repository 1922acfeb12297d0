"""Spans to sessions: what tracing formats share.

A trace's spans arrive in any order, mostly children first. They are held until the trace is complete (its root has
come, and then a while nothing more) or the room for held spans is used up, and then laid out in time: a model span is
a turn, the tool spans that start after it are its calls. Where no model span was recorded, calls that overlap are one
turn. Spans below a tool span (an agent used as a tool) form a session of their own.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from speculate.trace.records import (
    CallIssued,
    Record,
    ResultArrived,
    SessionEnded,
    SessionStarted,
    TurnTaken,
    UserSaid,
)

HELD_SPANS = 20_000
HELD_BYTES = 64 << 20
SETTLED_AFTER = 2_000  # further spans, once the root has come
REMEMBERED_SESSIONS = 4_096

Kind = Literal["tool", "model", "other"]


@dataclass(frozen=True, slots=True)
class Exact:
    """What our own export adds to a span: the record as it was, where a span cannot say it. Its start only sorts it.

    said: the user's words, if the span is one. opening: the session's first record, if the span is the root.
    """

    at: float | None = None
    turn: int | None = None
    result_at: float | None = None
    is_answered: bool = True
    said: str | None = None
    opening: SessionStarted | None = None


@dataclass(slots=True)
class Span:
    """One span of a trace, whatever format it came in. Times are seconds since the epoch.

    users: every user message the model was shown, oldest first. issued: the ids of the calls a model span asked for,
    in its order. result_known False: the result was not recorded.
    """

    trace: str
    id: str
    parent: str | None
    kind: Kind
    name: str
    line: int
    size: int = 0
    start: float | None = None
    end: float | None = None
    conversation: str | None = None
    seconds: float | None = None  # how long it took, where that is recorded apart from its start and end
    # of a model span, and of an agent's
    text: str | None = None
    users: list[str] = field(default_factory=list)
    issued: list[str] = field(default_factory=list)
    model: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    # of a tool span
    call_id: str | None = None
    args: dict[str, Any] = field(default_factory=dict)
    ok: bool = True
    result: Any = None
    result_known: bool = False
    raised: str | None = None
    cut: bool = False
    exact: Exact | None = None


def arguments_of(value: Any) -> dict[str, Any]:
    """The arguments, an object or its JSON text; anything else stands raw."""
    if type(value) is str:
        try:
            read = json.loads(value)
        except (ValueError, RecursionError):
            return {"_raw": value}
        value = read if type(read) is dict else value
    return value if type(value) is dict else {"_raw": value}


@dataclass(slots=True)
class _Trace:
    spans: list[Span] = field(default_factory=list)
    size: int = 0
    root_at: int | None = None  # when the root came, counted in spans


@dataclass(slots=True)
class _Session:
    """Where a session stands that several traces (one a user's turn) continue."""

    id: str
    began: float | None
    next_turn: int = 0
    users_seen: int = 0
    last: float | None = None
    ids: set[str] = field(default_factory=set)


class SpanAssembler:
    """Feed it spans, get records. `finish` gives the rest."""

    def __init__(self) -> None:
        self._traces: OrderedDict[str, _Trace] = OrderedDict()  # least recently touched first
        self._settling: OrderedDict[str, int] = OrderedDict()
        self._conversations: OrderedDict[str, _Session] = OrderedDict()
        self._used_ids: OrderedDict[str, int] = OrderedDict()
        self._count = 0
        self._held = 0
        self._held_bytes = 0

    def add(self, span: Span) -> Iterator[Record]:
        self._count += 1
        trace = self._traces.get(span.trace)
        if trace is None:
            trace = self._traces[span.trace] = _Trace()
        trace.spans.append(span)
        trace.size += span.size
        self._traces.move_to_end(span.trace)
        self._held += 1
        self._held_bytes += span.size
        if span.parent is None:
            self._settling[span.trace] = self._count
        while self._settling:
            name, since = next(iter(self._settling.items()))
            if self._count - since < SETTLED_AFTER:
                break
            yield from self._release(name)
        while self._held > HELD_SPANS or self._held_bytes > HELD_BYTES:
            yield from self._release(next(iter(self._settling or self._traces)))

    def finish(self) -> Iterator[Record]:
        while self._traces:
            yield from self._release(next(iter(self._traces)))
        while self._conversations:
            yield from self._end(self._conversations.popitem(last=False)[1])

    def _release(self, name: str) -> Iterator[Record]:
        trace = self._traces.pop(name)
        self._settling.pop(name, None)
        self._held -= len(trace.spans)
        self._held_bytes -= trace.size
        yield from self._lay_out(name, trace.spans)

    def _lay_out(self, name: str, spans: list[Span]) -> Iterator[Record]:
        by_id = {span.id: span for span in spans}
        lanes: dict[str | None, list[Span]] = {None: []}
        for span in spans:
            inside, is_echo = _enclosing_tool(span, by_id)
            if not is_echo:
                lanes.setdefault(inside, []).append(span)
        conversation = next((span.conversation for span in spans if span.conversation is not None), None)
        for inside, lane in lanes.items():
            if not any(span.kind != "other" or span.exact is not None for span in lane):
                continue
            lane.sort(key=lambda span: (span.start is None, span.start or 0.0))
            lane = _in_issue_order(lane)
            if inside is None and conversation is not None:
                session, opening = self._conversation(conversation, lane)
                yield from opening
                yield from _events(session, lane)
            else:
                id = conversation or name
                session = _Session(self._unused(id if inside is None else f"{id}/{inside}"), _began(lane))
                yield _opening(session, lane)
                yield from _events(session, lane)
                yield from self._end(session)

    def _conversation(self, id: str, lane: list[Span]) -> tuple[_Session, list[Record]]:
        session = self._conversations.get(id)
        records: list[Record] = []
        if session is None:
            session = self._conversations[id] = _Session(self._unused(id), _began(lane))
            records.append(_opening(session, lane))
            if len(self._conversations) > REMEMBERED_SESSIONS:
                records = [*self._end(self._conversations.popitem(last=False)[1]), *records]
        self._conversations.move_to_end(id)
        return session, records

    def _unused(self, id: str) -> str:
        """The id, made unique where an earlier session of it has been written already."""
        count = self._used_ids.pop(id, 0) + 1
        self._used_ids[id] = count
        if len(self._used_ids) > 16 * REMEMBERED_SESSIONS:
            self._used_ids.popitem(last=False)
        return id if count == 1 else f"{id}~{count}"

    @staticmethod
    def _end(session: _Session) -> Iterator[Record]:
        yield SessionEnded(session.id, _since(session, session.last))


def _enclosing_tool(span: Span, by_id: dict[str, Span]) -> tuple[str | None, bool]:
    """The tool span around this one, and whether it merely repeats that one (a client's span inside the agent's)."""
    seen = {span.id}
    at = by_id.get(span.parent) if span.parent is not None else None
    while at is not None and at.id not in seen:
        if at.kind == "tool":
            is_echo = span.kind == "tool" and span.name == at.name and span.parent == at.id
            return (at.call_id or at.id), is_echo
        seen.add(at.id)
        at = by_id.get(at.parent) if at.parent is not None else None
    return None, False


def _in_issue_order(lane: list[Span]) -> list[Span]:
    """The lane with each turn's calls in the model's order: run at once, they may have begun in any."""
    ordered: list[Span] = []
    calls: list[Span] = []
    place: dict[str, int] = {}

    def settle() -> None:
        ordered.extend(sorted(calls, key=lambda span: place.get(span.call_id or "", len(place))))
        calls.clear()

    for span in lane:
        if span.kind == "tool" and place:
            calls.append(span)
            continue
        if span.kind == "model":
            settle()
            place = {id: index for index, id in enumerate(span.issued)}
        ordered.append(span)
    settle()
    return ordered


def _began(lane: list[Span]) -> float | None:
    return min((span.start for span in lane if span.start is not None), default=None)


def _since(session: _Session, at: float | None) -> float | None:
    """Seconds since the session began, to the microsecond: an epoch's float holds no more."""
    return None if at is None or session.began is None else round(at - session.began, 6)


def _opening(session: _Session, lane: list[Span]) -> SessionStarted:
    exact = next((span.exact.opening for span in lane if span.exact is not None and span.exact.opening), None)
    if exact is not None:
        return replace(exact, session=session.id)
    task = next((text for span in lane for text in span.users), None)
    model = next((span.model for span in lane if span.model is not None), None)
    return SessionStarted(session.id, None if session.began is None else 0.0, task, model)


def _events(session: _Session, lane: list[Span]) -> Iterator[Record]:
    """The lane's records, in the order of time."""
    pending: list[tuple[float, ResultArrived]] = []  # results, by when they came
    turn: int | None = None
    turn_ends: float | None = None  # when the last call of a turn without a model span ended
    has_models = any(span.kind == "model" for span in lane)
    users_in_trace = max((len(span.users) for span in lane), default=0)
    if users_in_trace < session.users_seen:  # this trace shows its own messages alone
        session.users_seen = 0
    for span in lane:
        if span.start is not None:
            yield from _due(pending, span.start)
        for text in span.users[session.users_seen :]:  # our own export's spans have none: they say it themselves
            yield UserSaid(session.id, text, _since(session, span.start))
        session.users_seen = max(session.users_seen, len(span.users))
        if span.end is not None:
            session.last = span.end if session.last is None else max(session.last, span.end)
        if span.exact is not None:
            yield from _exactly(session, span, span.exact, pending)
        elif span.kind == "model":
            turn = session.next_turn
            session.next_turn += 1
            yield TurnTaken(
                session.id, turn, _since(session, span.start), _lasted(span), span.text, span.tokens_in, span.tokens_out
            )
        elif span.kind == "tool":
            overlaps = turn_ends is not None and span.start is not None and span.start < turn_ends
            if turn is None or (not has_models and not overlaps):
                turn = session.next_turn
                session.next_turn += 1
                yield TurnTaken(session.id, turn)
                turn_ends = None
            if span.end is not None:
                turn_ends = span.end if turn_ends is None else max(turn_ends, span.end)
            id = _unique(session, span.call_id or span.id)
            yield CallIssued(session.id, turn, id, span.name, span.args, _since(session, span.start))
            result = _result(session, span, id, _since(session, span.end), _lasted(span))
            if span.end is not None:
                pending.append((span.end, result))
            elif span.result_known or span.raised is not None or not span.ok:
                yield result
    yield from _due(pending, float("inf"))


def _result(session: _Session, span: Span, id: str, at: float | None, tool_s: float | None) -> ResultArrived:
    ok = span.ok and span.raised is None
    return ResultArrived(session.id, id, at, tool_s, ok, span.result, span.result_known, span.raised, span.cut)


def _exactly(
    session: _Session, span: Span, exact: Exact, pending: list[tuple[float, ResultArrived]]
) -> Iterator[Record]:
    """The records of a span of our own export."""
    if exact.said is not None:
        yield UserSaid(session.id, exact.said, exact.at)
    elif exact.turn is not None:
        session.next_turn = max(session.next_turn, exact.turn + 1)
        if span.kind == "model":
            yield TurnTaken(session.id, exact.turn, exact.at, span.seconds, span.text, span.tokens_in, span.tokens_out)
        else:
            id = _unique(session, span.call_id or span.id)
            yield CallIssued(session.id, exact.turn, id, span.name, span.args, exact.at)
            if exact.is_answered:
                pending.append((span.end or 0.0, _result(session, span, id, exact.result_at, span.seconds)))


def _due(pending: list[tuple[float, ResultArrived]], at: float) -> Iterable[Record]:
    due = sorted((item for item in pending if item[0] <= at), key=lambda item: item[0])
    if due:
        pending[:] = [item for item in pending if item[0] > at]
    return [result for _, result in due]


def _lasted(span: Span) -> float | None:
    if span.seconds is not None:
        return round(span.seconds, 6)
    if span.start is None or span.end is None:
        return None
    return max(round(span.end - span.start, 6), 0.0)


def _unique(session: _Session, id: str) -> str:
    unique, count = id, 1
    while unique in session.ids:
        count += 1
        unique = f"{id}~{count}"
    session.ids.add(unique)
    return unique
