"""Perfetto (and chrome://tracing): the JSON trace event format. A process a session; lanes for the model and the tools.

Calls that overlap stand in lanes of their own, so that nothing hides anything. Steps whose times were not recorded
are drawn in their order and say so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from speculate.exporters.timeline import Placed, timeline
from speculate.trace.records import CallIssued, TurnTaken, UserSaid
from speculate.trace.sessions import RecordedSession
from speculate.trace.writer import MAX_WRITTEN_DEPTH, writable

SHOWN_TEXT = 2_000
MODEL_LANE = 1


def export_perfetto(sessions: Iterable[RecordedSession]) -> Iterator[str]:
    """The document in pieces, one session in memory at a time."""
    yield '{"displayTimeUnit": "ms", "traceEvents": [\n'
    separator = ""
    for process, session in enumerate(sessions, start=1):
        for event in _events(session, process):
            yield separator + json.dumps(event)
            separator = ",\n"
    yield "\n]}\n"


def _events(session: RecordedSession, process: int) -> Iterator[dict[str, Any]]:
    yield _named("process_name", process, 0, session.id)
    yield _named("thread_name", process, MODEL_LANE, "model")
    ends: list[float] = []  # of each tool lane
    for placed in timeline(session):
        step = placed.step
        if isinstance(step, UserSaid):
            shown = {"text": _shown(step.text)}
            yield {
                "ph": "i", "s": "p", "name": "user", "cat": "user", "pid": process, "tid": MODEL_LANE,
                "ts": _microseconds(placed.start), "args": shown,
            }  # fmt: skip
        elif isinstance(step, TurnTaken):
            details = {"text": _shown(step.text), "tokens_in": step.tokens_in, "tokens_out": step.tokens_out}
            yield _bar(f"turn {step.turn}", "model", process, MODEL_LANE, placed, details)
        else:
            lane = next((lane for lane, end in enumerate(ends) if end <= placed.start), None)
            if lane is None:
                lane = len(ends)
                ends.append(0.0)
                yield _named("thread_name", process, MODEL_LANE + 1 + lane, f"tools {lane + 1}")
            # A call whose end is not known takes its lane for a hair, so that two of them do not cover each other.
            ends[lane] = max(placed.end, placed.start + 1e-9)
            yield _bar(step.tool, "tool", process, MODEL_LANE + 1 + lane, placed, _details(step, placed))


def _named(what: str, process: int, thread: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": process, "tid": thread, "args": {"name": name}}


def _bar(name: str, kind: str, process: int, lane: int, placed: Placed, details: dict[str, Any]) -> dict[str, Any]:
    if not placed.is_timed:
        details["timing"] = "not recorded in full"
    return {
        "ph": "X", "name": name, "cat": kind, "pid": process, "tid": lane, "ts": _microseconds(placed.start),
        "dur": _microseconds(placed.end - placed.start),
        "args": {key: value for key, value in details.items() if value is not None},
    }  # fmt: skip


def _details(call: CallIssued, placed: Placed) -> dict[str, Any]:
    details: dict[str, Any] = {"id": call.id, "arguments": writable(dict(call.args), MAX_WRITTEN_DEPTH)}
    result = placed.result
    if result is None:
        return {**details, "result": "never came"}
    if result.raised is not None:
        return {**details, "raised": _shown(result.raised)}
    details["ok"] = result.ok
    details["result"] = _shown(result.result) if result.known else "not recorded"
    return {**details, "served": result.extra.get("served")}


def _microseconds(seconds: float) -> float:
    return round(seconds * 1e6, 3)


def _shown(value: Any) -> str | None:
    """A text short enough to look at."""
    if value is None:
        return None
    text = value if type(value) is str else json.dumps(writable(value, MAX_WRITTEN_DEPTH))
    return text if len(text) <= SHOWN_TEXT else text[:SHOWN_TEXT] + "…"
