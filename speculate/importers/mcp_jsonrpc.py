"""MCP's JSON-RPC messages, as logged by a client, a server, a proxy or an inspector.

One message a line: bare, wrapped in an object with a time, or after a log line's own prefix. The protocol knows no
model turns: calls that were sent before any answer of theirs came are one turn. `initialize` begins a session.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from speculate.importers.documents import Item, Report
from speculate.importers.messages import text_of
from speculate.importers.spans import arguments_of
from speculate.importers.times import from_iso
from speculate.trace.records import CallIssued, Record, ResultArrived, SessionEnded, SessionStarted, TurnTaken

_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?")
TIMES = ("timestamp", "time", "ts", "at")
WRAPPERS = ("message", "payload", "data", "body", "msg")


@dataclass(slots=True)
class _Session:
    id: str
    began: float | None
    turn: int = -1
    has_answer: bool = True  # whether the turn's first answer came: the next call begins another turn
    calls: int = 0
    last: float | None = None
    waiting: dict[str, str] = field(default_factory=dict)  # JSON-RPC id: call id
    sent: dict[str, float | None] = field(default_factory=dict)

    def since(self, at: float | None) -> float | None:
        return None if at is None or self.began is None else round(at - self.began, 6)


class McpImporter:
    name = "mcp"
    title = "MCP JSON-RPC messages"

    def recognizes(self, item: Item) -> bool:
        return _message(item.value) is not None

    def convert(self, items: Iterable[Item], name: str, report: Report) -> Iterator[Record]:
        session: _Session | None = None
        count = 0
        for item in items:
            message = _message(item.value)
            if message is None:
                report("no JSON-RPC message", item.line)
                continue
            at = _time(item)
            if session is None or message.get("method") == "initialize":
                if session is not None:
                    yield from _end(session)
                count += 1
                session = _Session(name if count == 1 else f"{name}-{count}", at)
                yield SessionStarted(session.id, None if at is None else 0.0)
            if at is not None:
                session.last = at
            try:
                yield from _records(session, message, at)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                report(f"a broken message: {error!r}", item.line)
        if session is not None:
            yield from _end(session)


def _message(value: Any) -> dict[str, Any] | None:
    """The JSON-RPC message of a record, unwrapped."""
    if type(value) is not dict:
        return None
    if value.get("jsonrpc") == "2.0":
        return value
    for name in WRAPPERS:
        inner = value.get(name)
        if type(inner) is dict and inner.get("jsonrpc") == "2.0":
            return inner
    return None


def _time(item: Item) -> float | None:
    value: Mapping[str, Any] = item.value
    for name in TIMES:
        found = value.get(name)
        if isinstance(found, (int, float)) and found > 0:
            return found / 1000.0 if found > 1e11 else float(found)  # milliseconds, as JavaScript counts
        if type(found) is str:
            return from_iso(found)
    match = _TIME.search(item.prefix)
    return from_iso(match.group().replace(",", ".")) if match else None


def _records(session: _Session, message: dict[str, Any], at: float | None) -> Iterator[Record]:
    if message.get("method") == "tools/call":
        parameters = message["params"]
        tool = parameters["name"]
        if type(tool) is not str:
            raise TypeError("the tool's name is no text")
        if session.has_answer:
            session.turn += 1
            session.has_answer = False
            yield TurnTaken(session.id, session.turn)
        session.calls += 1
        id = f"{message['id']}" if f"{message['id']}" not in session.sent else f"{message['id']}~{session.calls}"
        session.waiting[f"{message['id']}"] = id
        session.sent[id] = at
        arguments = arguments_of(parameters.get("arguments", {}))
        yield CallIssued(session.id, session.turn, id, tool, arguments, session.since(at))
    elif "method" not in message and f"{message.get('id')}" in session.waiting:
        result, error = message.get("result"), message.get("error")
        if type(result) is dict and "role" in result and "model" in result:
            return  # the client's answer to a server that asked for a completion, with an id of the server's own
        id = session.waiting.pop(f"{message['id']}")
        session.has_answer = True
        sent = session.sent[id]
        took = None if sent is None or at is None else max(round(at - sent, 6), 0.0)
        when = session.since(at)
        if error is not None:
            raised = f"McpError: {error.get('message') or 'no message'}"
            yield ResultArrived(session.id, id, when, took, False, known=False, raised=raised)
        else:
            value = _value(result)
            ok = not (type(result) is dict and result.get("isError"))
            yield ResultArrived(session.id, id, when, took, ok, value)


def _value(result: Any) -> Any:
    """What the tool gave: its structured content, else the text of its content, else the content as it is."""
    if type(result) is not dict:
        return result
    if result.get("structuredContent") is not None:
        return result["structuredContent"]
    content = result.get("content")
    is_text = type(content) is list and all(type(c) is dict and c.get("type") == "text" for c in content)
    return text_of(content) or "" if is_text else content


def _end(session: _Session) -> Iterator[Record]:
    yield SessionEnded(session.id, session.since(session.last))
