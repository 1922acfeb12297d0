"""Spans to sessions: order of arrival, overlap, nesting, several traces of one conversation, bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from speculate.importers import spans as module
from speculate.importers.spans import Span, SpanAssembler, arguments_of
from speculate.trace import (
    CallIssued,
    Record,
    RecordedSession,
    ResultArrived,
    SessionEnded,
    SessionStarted,
    UserSaid,
    group_sessions,
)


def span(id: str, kind: Any, start: float | None, end: float | None, **fields: Any) -> Span:
    fields = {"trace": "t", "parent": "root", "name": id, "line": 1, **fields}
    return Span(id=id, kind=kind, start=start, end=end, **fields)


ROOT = {"parent": None}


def assemble(found: Iterable[Span]) -> list[Record]:
    assembler = SpanAssembler()
    records = [record for one in found for record in assembler.add(one)]
    return [*records, *assembler.finish()]


def shape(session: RecordedSession) -> list[list[str]]:
    return [[call.tool for call in turn.calls] for turn in session.turns]


def sessions(found: Iterable[Span]) -> dict[str, RecordedSession]:
    return {session.id: session for session in group_sessions(assemble(found))}


def test_arrival_does_not_matter_times_do() -> None:
    """Children first, out of order: laid out by their times."""
    found = [
        span("b", "tool", 6.0, 7.0), span("m2", "model", 4.0, 5.5), span("a", "tool", 2.0, 3.0),
        span("a2", "tool", 2.5, 2.75), span("m1", "model", 0.5, 1.5), span("root", "other", 0.0, 9.0, **ROOT),
    ]  # fmt: skip
    records = assemble(found)
    (session,) = group_sessions(records)
    assert shape(session) == [["a", "a2"], ["b"]]
    assert [(turn.record.at, turn.record.llm_s) for turn in session.turns] == [(0.5, 1.0), (4.0, 1.5)]
    order = [r.id for r in records if isinstance(r, (CallIssued, ResultArrived))]
    assert order == ["a", "a2", "a2", "a", "b", "b"]
    assert records[-1] == SessionEnded("t", 9.0)


def test_calls_of_a_turn_stand_in_the_models_order() -> None:
    """Threads may begin them in any; a call the model's answer does not name comes last."""
    found = [
        span("m", "model", 0.0, 1.0, issued=["c1", "c2"]), span("b", "tool", 1.0, 3.0, call_id="c2"),
        span("x", "tool", 1.25, 2.0), span("a", "tool", 1.5, 2.0, call_id="c1"),
        span("n", "model", 4.0, 5.0), span("c", "tool", 5.0, 6.0),
    ]  # fmt: skip
    (session,) = sessions(found).values()
    assert shape(session) == [["a", "b", "x"], ["c"]]
    assert [session.turns[0].results[id].tool_s for id in ("c1", "c2", "x")] == [0.5, 2.0, 0.75]


def test_without_model_spans_calls_that_overlap_are_one_turn() -> None:
    found = [
        span("a", "tool", 0.0, 2.0), span("b", "tool", 1.0, 3.0), span("c", "tool", 2.5, 2.75),
        span("d", "tool", 3.0, 4.0), span("e", "tool", None, None), span("f", "tool", None, None),
    ]  # fmt: skip
    (session,) = sessions(found).values()
    assert shape(session) == [["a", "b", "c"], ["d"], ["e"], ["f"]]
    assert session.turns[2].calls[0].at is None


def test_an_agent_within_a_tool_is_a_session_of_its_own() -> None:
    """However deep; a client's span that merely repeats the tool's is not a second call."""
    found = [
        span("root", "other", 0.0, 9.0, **ROOT),
        span("m", "model", 0.0, 1.0),
        span("research", "tool", 1.0, 8.0, call_id="call-1"),
        span("agent", "other", 1.0, 8.0, parent="research"),
        span("inner", "model", 1.0, 2.0, parent="agent"),
        span("search", "tool", 2.0, 3.0, parent="agent"),
        span("echo", "tool", 2.0, 3.0, parent="search", name="search"),
    ]
    found_sessions = sessions(found)
    assert {id: shape(session) for id, session in found_sessions.items()} == {
        "t": [["research"]], "t/call-1": [["search"]],
    }  # fmt: skip
    assert found_sessions["t/call-1"].start.at == 0.0


def test_spans_whose_parents_form_a_ring_are_taken_all_the_same() -> None:
    found = [span("a", "tool", 0.0, 1.0, parent="b"), span("b", "other", 0.0, 1.0, parent="a")]
    found += [span("c", "other", 0.0, 1.0, parent="d"), span("d", "other", 0.0, 1.0, parent="c")]
    assert sum(len(session.calls) for session in sessions(found).values()) == 1


def test_several_traces_of_one_conversation_are_one_session() -> None:
    """A trace for each thing the user says; turns count on, users are told once."""

    def trace(number: int, users: list[str]) -> list[Span]:
        at = 10.0 * number
        common: dict[str, Any] = {"trace": f"t{number}", "conversation": "talk"}
        return [
            span("m", "model", at, at + 1, users=users, **common),
            span(f"call{number}", "tool", at + 1, at + 2, call_id="same-id", **common),
            span("root", "other", at, at + 3, **ROOT, **common),
        ]

    records = assemble([*trace(0, ["one"]), *trace(1, ["one", "two"]), *trace(2, ["three"])])
    (session,) = group_sessions(records)
    assert session.id == "talk"
    assert [turn.record.turn for turn in session.turns] == [0, 1, 2]
    assert [step.text for step in session.steps if isinstance(step, UserSaid)] == ["one", "two", "three"]
    assert [call.id for call in session.calls] == ["same-id", "same-id~2", "same-id~3"]
    assert session.turns[1].record.at == 10.0


def test_nothing_is_said_of_traces_without_calls_or_turns() -> None:
    assert assemble([span("root", "other", 0.0, 1.0, **ROOT)]) == []


def test_results_without_an_end_stay_where_they_are() -> None:
    found = [
        span("m", "model", 0.0, 1.0),
        span("a", "tool", 1.0, None, result=1, result_known=True),
        span("b", "tool", 2.0, None),
    ]
    (session,) = sessions(found).values()
    (turn,) = session.turns
    assert {id: (r.at, r.tool_s) for id, r in turn.results.items()} == {"a": (None, None)}


def test_a_clock_that_jumps_back_gives_no_negative_time() -> None:
    (session,) = sessions([span("m", "model", 5.0, 4.0), span("a", "tool", 6.0, 5.5)]).values()
    assert session.turns[0].record.llm_s == 0.0
    assert session.turns[0].results["a"].tool_s == 0.0


def test_a_trace_is_released_once_it_has_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its root came, and then enough of others; one that comes to life again is a session of its own."""
    monkeypatch.setattr(module, "SETTLED_AFTER", 3)
    assembler = SpanAssembler()
    early = [*assembler.add(span("a", "tool", 1.0, 2.0)), *assembler.add(span("root", "other", 0.0, 3.0, **ROOT))]
    assert early == []
    released: list[Record] = []
    for number in range(4):
        released += assembler.add(span(f"x{number}", "tool", 5.0, 6.0, trace=f"other{number}"))
    assert [r.session for r in released if isinstance(r, SessionStarted)] == ["t"]
    rest = [*assembler.add(span("late", "tool", 9.0, 9.5)), *assembler.finish()]
    assert "t~2" in {r.session for r in rest if isinstance(r, SessionStarted)}


@pytest.mark.parametrize("bound", [{"HELD_SPANS": 10}, {"HELD_BYTES": 100}])
def test_what_is_held_is_bounded(monkeypatch: pytest.MonkeyPatch, bound: dict[str, int]) -> None:
    """Traces whose root never comes do not pile up."""
    for name, value in bound.items():
        monkeypatch.setattr(module, name, value)
    assembler = SpanAssembler()
    records = [r for n in range(100) for r in assembler.add(span(f"s{n}", "tool", 1.0, 2.0, trace=f"t{n}", size=10))]
    assert assembler._held <= 10
    assert assembler._held_bytes <= 100
    assert sum(isinstance(record, CallIssued) for record in records) >= 89


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A conversation that went quiet is ended when others need its room."""
    monkeypatch.setattr(module, "REMEMBERED_SESSIONS", 2)
    monkeypatch.setattr(module, "SETTLED_AFTER", 0)
    found = [span("a", "tool", 1.0, 2.0, trace=f"t{n}", conversation=f"c{n}", **ROOT) for n in range(40)]
    assembler = SpanAssembler()
    records = [r for one in found for r in assembler.add(one)]
    assert sum(isinstance(record, SessionEnded) for record in records) >= 37
    assert len(assembler._conversations) <= 2
    assert len(assembler._used_ids) <= 32


def test_arguments_are_an_object_its_text_or_raw() -> None:
    assert arguments_of({"a": 1}) == {"a": 1}
    assert arguments_of('{"a": 1}') == {"a": 1}
    assert arguments_of("[1]") == {"_raw": "[1]"}
    assert arguments_of("{torn") == {"_raw": "{torn"}
    assert arguments_of(None) == {"_raw": None}
