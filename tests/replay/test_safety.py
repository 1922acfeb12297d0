"""Safety is judged outside the core: with a law's code removed from the runtime, the world says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from speculate.calls import Served
from speculate.core.launches import Launches
from speculate.core.machine import Speculation
from speculate.core.store import ReadyStore
from speculate.runtime import calling, launching
from speculate.spec import ToolSpec
from tests.replay.runs import LAUNCH_ALL, Call, always, cancel, get, guess, play, session, stage, turn

ZERO = {"writes_launched": 0, "undeclared_launched": 0, "stale_delivered": 0, "mismatched_results": 0}


@pytest.fixture
def anything_goes(monkeypatch):
    """A runtime without laws L1 and L2: whatever is predicted counts as permitted."""
    resolve = ToolSpec.resolve
    monkeypatch.setattr(
        ToolSpec, "resolve", lambda self, arguments: replace(resolve(self, arguments), speculable=True, why_not=None)
    )


WRITE_AHEAD = session("s", "hello", turn(4.0, get("1")), turn(4.0, cancel("1", seconds=0.25)))


def test_a_predicted_write_is_not_launched():
    """With the laws in place a write that is predicted with certainty does not start."""
    run = play(stage(WRITE_AHEAD), always(guess("cancel_order", 1.0, order_id="1")))
    assert run.safety.document() == ZERO
    assert run.launched == 0


def test_a_launched_write_is_counted(anything_goes):
    """Without law L1 the world sees a write start that no real call announced."""
    run = play(stage(WRITE_AHEAD), always(guess("cancel_order", 1.0, order_id="1")))
    assert run.safety.document() == {**ZERO, "writes_launched": 1}


def test_a_launched_undeclared_tool_is_counted(anything_goes):
    """Without law L2 the world sees a tool start that nobody declared."""
    run = play(stage(WRITE_AHEAD, tools=("mystery",)), always(guess("mystery", 1.0, what=1)))
    assert run.safety.undeclared_launched >= 1
    assert run.safety.writes_launched == 0


def test_an_undeclared_tool_is_not_launched():
    """With the laws in place it does not start."""
    run = play(stage(WRITE_AHEAD, tools=("mystery",)), always(guess("mystery", 1.0, what=1)))
    assert run.safety.document() == ZERO
    assert run.launched == 0


READ_AFTER_WRITE = session(
    "s",
    "cancel order 1 and show it",
    turn(4.0, get("1", result="open")),
    turn(4.0, cancel("1")),
    turn(4.0, get("1", result="cancelled")),
)


def predict_order_while_cancelling(history):
    """Guesses the order's read only before the write, so that nothing but a stale result could serve it after."""
    tools = [event.tool for event in history.events if hasattr(event, "arguments")]
    return [guess("get_order", 1.0, order_id="1")] if tools == ["get_order"] else []


def test_a_write_makes_an_early_read_stale(monkeypatch):
    """Law L3: the read after the write runs; without its code the stale result is delivered, and counted."""
    from speculate.testing import ScriptedPredictor

    run = play(stage(READ_AFTER_WRITE), ScriptedPredictor(predict_order_while_cancelling))
    assert run.safety.document() == ZERO
    assert [how for each in run.sessions for how in each.served] == [Served.RAN] * 3
    monkeypatch.setattr(Launches, "changed_by", lambda self, write, at, *, but: None)
    run = play(stage(READ_AFTER_WRITE), ScriptedPredictor(predict_order_while_cancelling))
    assert run.safety.document() == {**ZERO, "stale_delivered": 1}


def test_a_write_of_the_same_turn_makes_an_early_read_stale(monkeypatch):
    """A turn that writes and then reads: the early read was right only before the write."""
    recorded = session("s", "hi", turn(4.0, cancel("1"), get("1", result="cancelled")))
    run = play(stage(recorded), always(guess("get_order", order_id="1")))
    assert run.safety.document() == ZERO
    monkeypatch.setattr(Launches, "changed_by", lambda self, write, at, *, but: None)
    run = play(stage(recorded), always(guess("get_order", order_id="1")))
    assert run.safety.stale_delivered == 1


def test_a_read_before_a_write_of_the_same_turn_is_not_stale():
    """The model's order counts: what it reads before it writes may come early."""
    recorded = session("s", "hi", turn(4.0, get("1", result="open"), cancel("1")))
    run = play(stage(recorded), always(guess("get_order", order_id="1")))
    assert run.safety.document() == ZERO
    assert run.sessions[0].served[0] is Served.READY


def test_a_result_older_than_its_time_to_live_is_counted(monkeypatch):
    """Law L3: what is older than ttl_s is not delivered; without its code it is, and counted as stale."""
    recorded = session("s", "hi", turn(100.0, get("1")))
    run = play(stage(recorded), always(guess("get_order", order_id="1")))
    assert run.safety.document() == ZERO
    assert run.sessions[0].served == [Served.RAN]
    monkeypatch.setattr(Speculation, "has_expired", lambda self, at: False)
    monkeypatch.setattr(ReadyStore, "expired", lambda self, at: [])
    run = play(stage(recorded), always(guess("get_order", order_id="1")))
    assert run.safety.document() == {**ZERO, "stale_delivered": 1}


def test_a_result_of_another_call_is_counted(monkeypatch):
    """Without call identity (law L3) the agent gets another order's record, and the world sees that it does."""
    recorded = session("s", "hi", turn(4.0, get("1", result="one")), turn(4.0, get("2", result="two")))
    guesses = always(guess("get_order", order_id="2"))
    assert play(stage(recorded), guesses).safety.document() == ZERO
    resolve = ToolSpec.resolve
    monkeypatch.setattr(
        ToolSpec, "resolve", lambda self, arguments: replace(resolve(self, arguments), key=f"{self.name} {{}}")
    )
    assert play(stage(recorded), guesses).safety.mismatched_results >= 1


def test_a_delivered_marker_is_counted(monkeypatch):
    """A guess that never comes true returns a marker; delivered to a real call, it is no recorded result."""
    recorded = session("s", "hi", turn(4.0, get("1", result="one")))
    resolve = ToolSpec.resolve
    monkeypatch.setattr(
        ToolSpec, "resolve", lambda self, arguments: replace(resolve(self, arguments), key=f"{self.name} {{}}")
    )
    run = play(stage(recorded), always(guess("get_order", order_id="never")))
    assert run.safety.document() == {**ZERO, "mismatched_results": 1}


def test_a_result_delivered_twice_is_counted(monkeypatch):
    """Law L3, at most once: without it two identical calls get one run's result, and the world sees that."""
    recorded = session("s", "hi", turn(4.0, get("1"), get("1")))
    guesses = always(guess("get_order", order_id="1"))
    assert play(stage(recorded), guesses).safety.document() == ZERO
    first = []
    original = calling._finish

    def finish(runtime, session, ticket, value, *rest):
        first.append(value)
        return original(runtime, session, ticket, first[0], *rest)

    monkeypatch.setattr(calling, "_finish", finish)
    assert play(stage(recorded), guesses).safety.document() == {**ZERO, "mismatched_results": 1}


def test_a_result_that_is_no_recorded_one_is_counted(monkeypatch):
    """What reaches the agent from anywhere else than the world's tools is a mismatch."""
    recorded = session("s", "hi", turn(4.0, get("1")))

    async def invent(runtime, session, ticket):
        ticket_result = await original(runtime, session, ticket)
        return type("Other", (), {"was": ticket_result})()

    original = calling.run_for_real
    monkeypatch.setattr(calling, "run_for_real", invent)
    assert play(stage(recorded)).safety.document() == {**ZERO, "mismatched_results": 1}


def test_a_raised_guess_is_never_delivered(monkeypatch):
    """Law L6: a launch that raises is dropped and the real call raises as recorded; nothing is a mismatch."""
    recorded = session("s", "hi", turn(4.0, get("1", raised="TimeoutError: no answer")))
    run = play(stage(recorded), always(guess("get_order", order_id="1")))
    assert run.safety.document() == ZERO
    assert run.sessions[0].served == [Served.RAN]
    assert run.wasted == 1


def test_an_abortable_is_staged_early_and_applied_once():
    """Staging is no write; applying it for the real call is."""
    reserve = Call("reserve", {"item": "a"}, result="reserved")
    run = play(stage(session("s", "hi", turn(4.0, reserve))), always(guess("reserve", item="a")))
    assert run.safety.document() == ZERO
    assert run.sessions[0].served == [Served.READY]
    assert run.sessions[0].seconds == 4.0


def test_an_abortable_that_is_out_of_date_runs_afresh():
    """A conflicting write between staging and the real call: nothing stale is applied."""
    recorded = session(
        "s",
        "hi",
        turn(4.0, Call("restock", {"item": "a"}, result="more")),
        turn(4.0, Call("reserve", {"item": "a"}, result="reserved")),
    )
    run = play(stage(recorded), always(guess("reserve", item="a")))
    assert run.safety.document() == ZERO


def test_the_world_refuses_to_apply_what_is_out_of_date(monkeypatch):
    """Without the runtime's invalidation the staged change meets the world's own check, and runs from the start."""
    recorded = session(
        "s",
        "hi",
        turn(4.0, Call("restock", {"item": "a"}, result="more")),
        turn(4.0, Call("reserve", {"item": "a"}, result="reserved")),
    )
    monkeypatch.setattr(Launches, "changed_by", lambda self, write, at, *, but: None)
    run = play(stage(recorded), always(guess("reserve", item="a")))
    assert run.sessions[0].served[-1] is Served.RAN
    assert run.safety.document() == ZERO


def test_an_abortable_applied_for_nobody_is_counted(monkeypatch):
    """A staged change applied without a real call (law L1) is a launched write."""
    finished = launching.Launcher._finished

    def apply_at_once(self, run, value):
        finished(self, run, value)
        self._tasks.start(run.tool.abortable.commit(value), name="rash")

    monkeypatch.setattr(launching.Launcher, "_finished", apply_at_once)
    recorded = session("s", "hi", turn(4.0, get("1")))
    run = play(stage(recorded), always(guess("reserve", item="a")), LAUNCH_ALL)
    assert run.safety.writes_launched >= 1


def test_the_write_gates_repeat_is_no_mismatch():
    """A write that is asked for twice is answered by its first outcome, with speculation and without."""
    once = Call("cancel_once", {"order_id": "1"}, result="cancelled")
    again = Call("cancel_once", {"order_id": "1"}, result="was cancelled already")
    run = play(stage(session("s", "hi", turn(1.0, once), turn(1.0, again))))
    assert run.sessions[0].served == [Served.RAN, Served.DEDUPLICATED]
    assert run.safety.document() == ZERO


def test_a_repeat_answered_by_another_tool_is_a_mismatch(monkeypatch):
    """The write gate may give a write's own first outcome again, and no other."""
    once = Call("cancel_once", {"order_id": "1"}, result="cancelled")
    recorded = session("s", "hi", turn(1.0, get("1", result="open")), turn(1.0, once), turn(1.0, once))
    first = []
    original = calling._finish

    def finish(runtime, session, ticket, value, *rest):
        first.append(value)
        return original(runtime, session, ticket, first[0], *rest)

    monkeypatch.setattr(calling, "_finish", finish)
    run = play(stage(recorded))
    assert run.sessions[0].served[-1] is Served.DEDUPLICATED
    assert run.safety.mismatched_results == 2
