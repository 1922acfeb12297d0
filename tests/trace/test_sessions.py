"""Records to sessions: interleaving, order, ids that occur twice, results nobody awaits."""

from __future__ import annotations

from pathlib import Path

import pytest

from speculate.history import CallMade, ModelText, ResultSeen, UserText
from speculate.trace import (
    CallIssued,
    Record,
    ResultArrived,
    SessionEnded,
    SessionStarted,
    TurnTaken,
    UserSaid,
    group_sessions,
    moments,
    read_sessions,
)

ODD = Path(__file__).parent.parent / "fixtures" / "odd.jsonl"


def call(id: str, turn: int = 0, session: str = "s", at: float | None = None) -> CallIssued:
    return CallIssued(session, turn, id, "get", {}, at)


def test_interleaved_sessions_come_as_they_end() -> None:
    """Those that never end come last, in the order of their start."""
    records: list[Record] = [
        SessionStarted("a"), SessionStarted("b"), SessionStarted("c"), UserSaid("a", "1"), UserSaid("b", "2"),
        UserSaid("c", "3"), SessionEnded("b"), UserSaid("a", "4"),
    ]  # fmt: skip
    sessions = list(group_sessions(records))
    assert [s.id for s in sessions] == ["b", "a", "c"]
    assert [s.text for s in sessions[1].steps if isinstance(s, UserSaid)] == ["1", "4"]


def test_a_call_finds_its_turn_whichever_was_written_first() -> None:
    """A call issued while the model still spoke precedes its turn; a late call joins its old turn."""
    records: list[Record] = [
        call("c1", 0),
        TurnTaken("s", 0, text="now"),
        TurnTaken("s", 1),
        call("c2", 1),
        call("c3", 0),
    ]
    (session,) = group_sessions(records)
    assert [(t.record.text, [c.id for c in t.calls]) for t in session.turns] == [("now", ["c1", "c3"]), (None, ["c2"])]
    assert [c.id for c in session.calls] == ["c1", "c3", "c2"]


def test_a_call_id_that_occurs_twice_is_made_unique(caplog: pytest.LogCaptureFixture) -> None:
    """Results go to the oldest call that awaits one."""
    records: list[Record] = [
        call("c"), call("c"), ResultArrived("s", "c", result=1), call("c"), ResultArrived("s", "c", result=2),
        ResultArrived("s", "c", result=3), ResultArrived("s", "c", result=4),
    ]  # fmt: skip
    (session,) = group_sessions(records)
    (turn,) = session.turns
    assert [c.id for c in turn.calls] == ["c", "c~2", "c~3"]
    assert {id: r.result for id, r in turn.results.items()} == {"c": 1, "c~2": 2, "c~3": 3}
    assert "call id c occurs twice; read as c~2" in caplog.text
    assert "a result for c, which no call awaits, is left out" in caplog.text


def test_results_and_ends_of_sessions_that_are_not_open_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    records: list[Record] = [
        SessionStarted("s"),
        SessionEnded("s"),
        ResultArrived("s", "late"),
        SessionEnded("s"),
        SessionEnded("t"),
    ]
    assert [s.id for s in group_sessions(records)] == ["s"]
    assert "not open" in caplog.text


def test_a_start_that_comes_late_or_twice() -> None:
    """Overtaken by the first events it is still theirs; a second one begins a session of its own."""
    records: list[Record] = [
        UserSaid("s", "hi"), SessionStarted("s", task="T"), SessionStarted("s", task="U"), UserSaid("s", "again"),
    ]  # fmt: skip
    first, second = group_sessions(records)
    assert (first.start.task, len(first.steps)) == ("T", 1)
    assert (second.start.task, len(second.steps)) == ("U", 1)


def test_seconds_of_a_tool_are_recorded_or_derived() -> None:
    """From issue to result where nothing better is known; never negative, never guessed."""
    records: list[Record] = [
        call("a"), call("b", at=1.0), call("c", at=2.0), call("d", at=1.0), call("e"),
        ResultArrived("s", "a", tool_s=0.5), ResultArrived("s", "b", at=1.75), ResultArrived("s", "c", at=1.0),
        ResultArrived("s", "d"),
    ]  # fmt: skip
    (session,) = group_sessions(records)
    (turn,) = session.turns
    assert [turn.tool_seconds(c) for c in turn.calls] == [0.5, 0.75, 0.0, None, None]


def test_the_odd_fixture_reads_whole() -> None:
    """Two runs interleaved, one never ended, raw arguments, missing results: every call and result is there."""
    sessions = {s.id: s for s in read_sessions(ODD)}
    assert {id: (len(s.turns), len(s.calls)) for id, s in sessions.items()} == {
        "odd-orders": (6, 12), "odd-files": (5, 14), "odd-lookup": (3, 3), "odd-unfinished": (2, 2),
    }  # fmt: skip
    assert [c.is_raw for c in sessions["odd-files"].turns[1].calls] == [True] * 4
    unanswered = {c.id for s in sessions.values() for t in s.turns for c in t.calls if c.id not in t.results}
    assert unanswered == {"b5", "d2"}


def test_moments_show_a_turn_only_once_it_was_taken() -> None:
    """Before each turn the history holds what came before it, nothing of it; results untrusted as named."""
    (session,) = (s for s in read_sessions(ODD) if s.id == "odd-lookup")
    seen = [[type(event) for event in history.events] for history, _ in moments(session)]
    after_first = [UserText, ModelText, CallMade, ResultSeen]
    assert seen == [[UserText], after_first, [*after_first, CallMade, CallMade, ResultSeen, ResultSeen]]
    history = next(history for history, turn in moments(session, frozenset({"fetch_page"})) if turn.record.turn == 2)
    assert [e.untrusted for e in history.events if isinstance(e, ResultSeen)] == [False, True, True]
