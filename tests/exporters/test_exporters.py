"""What is exported reads back, and draws without hiding anything."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from speculate.exporters import export_otlp, export_perfetto
from speculate.exporters.timeline import timeline
from speculate.importers import import_file
from speculate.trace import (
    CallIssued,
    Record,
    RecordedSession,
    ResultArrived,
    SessionStarted,
    TurnTaken,
    UserSaid,
    group_sessions,
    read_sessions,
)

ODD = Path(__file__).parent.parent / "fixtures" / "odd.jsonl"


def plain(session: RecordedSession) -> list[Any]:
    """All of a session but the fields trace v1 does not know."""
    found: list[Any] = [replace(session.start, extra={})]
    for step in session.steps:
        if isinstance(step, UserSaid):
            found.append(replace(step, extra={}))
        else:
            found.append(replace(step.record, extra={}))
            found.append([replace(call, extra={}) for call in step.calls])
            found.append({id: replace(result, extra={}) for id, result in step.results.items()})
    return found


def test_calls_results_and_times_survive_otlp(tmp_path: Path) -> None:
    """Raw arguments, missing and cut results, errors of both kinds, partial times, users' words: all of it."""
    sessions = {session.id: session for session in read_sessions(ODD)}
    path = tmp_path / "odd.otlp.jsonl"
    path.write_text("".join(export_otlp(sessions.values())))
    back = {session.id: session for session in group_sessions(import_file(path))}
    assert {id: plain(s) for id, s in back.items()} == {id: plain(s) for id, s in sessions.items()}


def test_otlp_speaks_the_conventions() -> None:
    """One request a session: an agent's span, below it chat and execute_tool spans with ids in hex."""
    line = next(export_otlp(s for s in read_sessions(ODD) if s.id == "odd-lookup"))
    (scope,) = json.loads(line)["resourceSpans"][0]["scopeSpans"]
    root, *spans = scope["spans"]
    assert "parentSpanId" not in root
    assert all(span["parentSpanId"] == root["spanId"] and span["traceId"] == root["traceId"] for span in spans)
    assert (len(root["traceId"]), len(root["spanId"])) == (32, 16)
    int(root["traceId"], 16)
    assert len({span["spanId"] for span in scope["spans"]}) == len(spans) + 1
    operations = [
        next((a["value"]["stringValue"] for a in s["attributes"] if a["key"] == "gen_ai.operation.name"), None)
        for s in spans
    ]
    assert operations == [None, "chat", "execute_tool", "chat", "execute_tool", "execute_tool", "chat"]
    fetched = next(s for s in spans if s["name"] == "execute_tool fetch_page")
    assert int(fetched["endTimeUnixNano"]) - int(fetched["startTimeUnixNano"]) == 2_000_000_000
    # The same on every export.
    assert line == next(export_otlp(s for s in read_sessions(ODD) if s.id == "odd-lookup"))


def test_perfetto_has_a_lane_for_the_model_and_lanes_for_overlapping_calls() -> None:
    """Valid JSON; within a lane nothing overlaps, so nothing is hidden; every call is there."""
    document = json.loads("".join(export_perfetto(read_sessions(ODD))))
    events = document["traceEvents"]
    bars = [event for event in events if event["ph"] == "X"]
    assert sum(event["cat"] == "tool" for event in bars) == 31
    assert sum(event["cat"] == "user" for event in events if event["ph"] == "i") == 5
    lanes: dict[tuple[int, int], list[Any]] = {}
    for event in bars:
        if event["cat"] == "tool":
            lanes.setdefault((event["pid"], event["tid"]), []).append(event)
    for lane in lanes.values():
        for before, after in pairwise(sorted(lane, key=lambda event: event["ts"])):
            assert before["ts"] + before["dur"] <= after["ts"] + 1e-3
    named = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["ph"] == "M"}
    assert {named[process, 0] for process in range(1, 5)} == {
        "odd-orders", "odd-files", "odd-lookup", "odd-unfinished",
    }  # fmt: skip
    assert all(named[key].startswith("tools ") for key in lanes)


def test_perfetto_says_what_is_not_known() -> None:
    events = json.loads("".join(export_perfetto(read_sessions(ODD))))["traceEvents"]
    by_id = {event["args"]["id"]: event["args"] for event in events if event.get("cat") == "tool"}
    assert by_id["b5"]["result"] == "never came"
    assert by_id["b6"]["result"] == "not recorded"
    assert by_id["a10"]["raised"] == "TimeoutError: the carrier did not answer"
    assert by_id["b6"]["timing"] == "not recorded in full"
    assert "timing" not in by_id["a1"]
    long: list[Record] = [CallIssued("s", 0, "c", "t", {}), ResultArrived("s", "c", result="x" * 5000)]
    (event,) = [
        e for e in json.loads("".join(export_perfetto(group_sessions(long))))["traceEvents"] if e.get("cat") == "tool"
    ]
    assert len(event["args"]["result"]) == 2001


def test_nothing_to_export_is_a_valid_document() -> None:
    assert json.loads("".join(export_perfetto([])))["traceEvents"] == []
    assert list(export_otlp([])) == []


@pytest.mark.parametrize("session", read_sessions(ODD), ids=lambda session: session.id)
def test_a_timeline_never_goes_back(session: RecordedSession) -> None:
    placed = list(timeline(session))
    assert len(placed) == sum(isinstance(s, UserSaid) for s in session.steps) + len(session.turns) + len(session.calls)
    assert all(before.start <= after.start for before, after in pairwise(placed))
    assert all(one.start <= one.end for one in placed)


def test_steps_without_times_follow_what_they_waited_for() -> None:
    """Durations alone lay a run out: the next turn begins when the slowest call has ended."""
    records: list[Record] = [
        SessionStarted("s"), TurnTaken("s", 0, llm_s=2.0),
        CallIssued("s", 0, "a", "x", {}), CallIssued("s", 0, "b", "y", {}),
        ResultArrived("s", "a", tool_s=1.0), ResultArrived("s", "b", tool_s=3.0), TurnTaken("s", 1, llm_s=1.0),
        UserSaid("s", "thanks"),
    ]  # fmt: skip
    (session,) = group_sessions(records)
    assert [(p.start, p.end) for p in timeline(session)] == [(0.0, 2.0), (2.0, 3.0), (2.0, 5.0), (5.0, 6.0), (6.0, 6.0)]
