"""OTLP JSON with the semantic conventions for generative AI: one line a session, an ExportTraceServiceRequest.

A session is a trace: its root an `invoke_agent` span, below it a `chat` span a turn and an `execute_tool` span a
call. Recorded runs know only seconds since they began, so the spans begin on 2000-01-01. Attributes of our own
(`speculate.*`) carry what spans cannot: which times were recorded at all, the turn, a cut result. With them
`speculate import` gives the calls, results and times back as they were; unknown fields are lost.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from speculate.exporters.timeline import Placed, timeline
from speculate.trace.records import CallIssued, TurnTaken, UserSaid
from speculate.trace.sessions import RecordedSession
from speculate.trace.writer import MAX_WRITTEN_DEPTH, writable

EPOCH_NS = 946_684_800 * 1_000_000_000
KIND_INTERNAL, KIND_CLIENT = 1, 3
STATUS_ERROR = 2


def export_otlp(sessions: Iterable[RecordedSession]) -> Iterator[str]:
    """The lines, each with its newline, one session in memory at a time."""
    scope = {"name": "speculate"}
    resource = {"attributes": _attributes({"service.name": "speculate"})}
    for session in sessions:
        spans = _spans(session)
        request = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]}]}
        yield json.dumps(request, separators=(",", ":")) + "\n"


def _spans(session: RecordedSession) -> list[dict[str, Any]]:
    ids = _Ids(session.id)
    root = ids.next()
    spans: list[dict[str, Any]] = []
    users: list[str] = []
    last = 0.0
    for placed in timeline(session):
        last = max(last, placed.end)
        step = placed.step
        if isinstance(step, UserSaid):
            users.append(step.text)
            name, kind, attributes = "user", KIND_INTERNAL, {"speculate.user": step.text, "speculate.at": step.at}
        elif isinstance(step, TurnTaken):
            name, kind, attributes = "chat", KIND_CLIENT, _turn(session, step, users)
            users = []
        else:
            name, kind, attributes = f"execute_tool {step.tool}", KIND_INTERNAL, _call(step, placed)
        attributes["gen_ai.conversation.id"] = session.id
        span = ids.span(ids.next(), root, name, kind, placed.start, placed.end, attributes)
        result = placed.result
        if result is not None and not (result.ok and result.raised is None):
            span["status"] = {"code": STATUS_ERROR, "message": result.raised or "the tool returned an error"}
        spans.append(span)
    start = session.start
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.conversation.id": session.id,
        "gen_ai.request.model": start.model,
        "speculate.session": True,
        "speculate.task": start.task,
        "speculate.dataset": start.dataset,
        "speculate.tenant": start.tenant,
        "speculate.at": start.at,
    }
    return [ids.span(root, None, "invoke_agent", KIND_INTERNAL, 0.0, last, attributes), *spans]


def _turn(session: RecordedSession, turn: TurnTaken, users: list[str]) -> dict[str, Any]:
    said = [{"role": "user", "parts": [{"type": "text", "content": text}]} for text in users]
    parts = [{"type": "text", "content": turn.text}] if turn.text is not None else []
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": session.start.model,
        "gen_ai.input.messages": json.dumps(said) if said else None,
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": parts}]) if parts else None,
        "gen_ai.usage.input_tokens": turn.tokens_in,
        "gen_ai.usage.output_tokens": turn.tokens_out,
        "speculate.turn": turn.turn,
        "speculate.at": turn.at,
        "speculate.seconds": turn.llm_s,
    }


def _call(call: CallIssued, placed: Placed) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": call.tool,
        "gen_ai.tool.call.id": call.id,
        "gen_ai.tool.call.arguments": _json(dict(call.args)),
        "speculate.turn": call.turn,
        "speculate.at": call.at,
        "speculate.is_answered": placed.result is not None,
    }
    result = placed.result
    if result is not None:
        attributes["speculate.result_at"] = result.at
        attributes["speculate.seconds"] = result.tool_s
        attributes["speculate.is_cut"] = True if result.cut else None
        attributes["speculate.is_ok"] = result.ok
        attributes["speculate.raised"] = result.raised
        if result.raised is not None:
            attributes["error.type"] = result.raised.partition(":")[0]
        elif not result.ok:
            attributes["error.type"] = "tool_error"
        if result.known and type(result.result) is str:
            attributes["gen_ai.tool.call.result"] = result.result
            attributes["speculate.result_is_json"] = False
        elif result.known:
            attributes["gen_ai.tool.call.result"] = _json(result.result)
            attributes["speculate.result_is_json"] = True
    return attributes


def _json(value: Any) -> str:
    return json.dumps(writable(value, MAX_WRITTEN_DEPTH))


class _Ids:
    """Ids of a session's spans: the same on every export."""

    def __init__(self, session: str) -> None:
        digest = hashlib.sha256(session.encode("utf-8", "surrogatepass")).hexdigest()
        self.trace, self._seed, self._count = digest[:32], digest[32:], 0

    def next(self) -> str:
        self._count += 1
        return hashlib.sha256(f"{self._seed}{self._count}".encode()).hexdigest()[:16]

    def span(
        self, id: str, parent: str | None, name: str, kind: int, start: float, end: float, attributes: dict[str, Any]
    ) -> dict[str, Any]:
        return {
            "traceId": self.trace,
            "spanId": id,
            **({"parentSpanId": parent} if parent is not None else {}),
            "name": name,
            "kind": kind,
            "startTimeUnixNano": str(EPOCH_NS + round(start * 1e9)),
            "endTimeUnixNano": str(EPOCH_NS + round(end * 1e9)),
            "attributes": _attributes(attributes),
            "status": {},
        }


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items() if value is not None]


def _value(value: Any) -> dict[str, Any]:
    if type(value) is bool:
        return {"boolValue": value}
    if type(value) is int:
        return {"intValue": str(value)}
    return {"doubleValue": value} if type(value) is float else {"stringValue": value}
