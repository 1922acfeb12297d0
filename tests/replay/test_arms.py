"""The arms on hand-made sessions whose times can be worked out by hand."""

from __future__ import annotations

import pytest

from speculate.calls import Served, ToolCall
from speculate.core.policy import Policy
from speculate.history import CallMade, History, ModelText, ResultSeen, UserText
from speculate.prediction import ArgumentSource, Prediction
from speculate.replay.arms import FRONTIER, knowing, unlimited
from speculate.replay.driver import Arm, run_arm
from speculate.replay.guessing import NEVER_AN_ARGUMENT, AllWrong, Foresight, Oracle, Recalled, Timed
from speculate.testing import ScriptedPredictor
from tests.replay.runs import LAUNCH_ALL, Call, Parrot, always, cancel, get, guess, play, session, stage, turn

KNOWING = knowing(Policy())


def foresight(made, policy=KNOWING):
    off = play(made)
    return play(made, Foresight(made.specs, {run.id: run.turns for run in off.sessions}), policy)


def test_off_overlaps_what_does_not_conflict():
    """Two reads of a turn overlap, a write and a read of its order do not; people type in no time."""
    made = stage(
        session("s", "hi", turn(4.0, get("1"), get("2", seconds=0.25)), "more", turn(2.0, cancel("1"), get("1")))
    )
    off = play(made)
    assert off.sessions[0].seconds == 4.0 + 0.5 + 2.0 + 0.5 + 0.5
    assert off.sessions[0].waits == [0.5, 0.25, 0.5, 1.0]
    assert off.launched == 0
    assert made.scripts[0].sequential_s == 4.0 + 0.75 + 2.0 + 1.0


def test_the_oracle_hides_the_next_turn_and_no_more():
    """A read of half a second hides under the thinking before it; one of ten seconds hides four of them."""
    made = stage(session("s", "hi", turn(4.0, get("1")), turn(4.0, get("2", seconds=10.0))))
    run = play(made, Oracle(), KNOWING)
    assert run.sessions[0].seconds == 4.0 + 4.0 + 6.0
    assert run.sessions[0].served == [Served.READY, Served.JOINED]


def test_foresight_hides_more_than_the_oracle():
    """Knowing the whole session, the ten seconds begin with the first thinking."""
    made = stage(session("s", "hi", turn(4.0, get("1")), turn(4.0, get("2", seconds=10.0))))
    assert foresight(made).sessions[0].seconds == 10.0


def test_foresight_waits_for_the_last_write():
    """What a write changes is read after it, in the turns that follow."""
    made = stage(session("s", "hi", turn(4.0, get("1")), turn(4.0, cancel("1")), turn(4.0, get("1", seconds=3.0))))
    run = foresight(made)
    assert run.sessions[0].seconds == 12.5
    assert run.sessions[0].served == [Served.READY, Served.RAN, Served.READY]
    assert run.wasted == 0


def test_foresight_starts_nothing_that_would_grow_too_old():
    """With a minute to live, a read two turns ahead is started only when the call is less than a minute away."""
    made = stage(session("s", "hi", turn(50.0, get("1")), turn(40.0, get("2", seconds=20.0))))
    run = foresight(made)
    assert run.wasted == 0
    assert run.sessions[0].seconds == 90.0


def test_foresight_starts_nothing_that_would_time_out():
    """A launch is limited to timeout_s; what takes longer is left to the real call."""
    run = foresight(stage(session("s", "hi", turn(50.0, get("1", seconds=31.0)))))
    assert run.launched == 0
    assert run.sessions[0].seconds == 81.0


def test_foresight_counts_time_while_calls_of_a_turn_are_out():
    """During a turn of several calls the schedule's moment is that of their being made."""
    made = stage(session("s", "hi", turn(4.0, get("1", seconds=25.0), get("2")), turn(40.0, get("3", seconds=5.0))))
    run = foresight(made)
    assert run.wasted == 0
    assert run.safety.stale_delivered == 0
    assert run.sessions[0].seconds == 25.0 + 40.0


def test_the_knowing_obey_manifest_and_egress():
    """Writes, undeclared tools and unvouched external reads are not started, whoever knows that they come."""
    made = stage(
        session("s", "find cats", turn(4.0, Call("search", {"q": "dogs"})), turn(4.0, Call("search", {"q": "cats"})))
    )
    for run in (play(made, Oracle(), KNOWING), foresight(made)):
        assert run.sessions[0].served == [Served.RAN, Served.READY]


def test_the_knowing_leave_out_what_raises_and_what_is_over():
    """A read that raises is never served early; after the last turn nothing is left to know."""
    made = stage(session("s", "hi", turn(4.0, get("1", raised="E: x")), turn(1.0, text="done")))
    assert foresight(made).launched == 0
    oracle = Oracle()
    assert oracle.predict(History("nowhere"), 5) == ()
    assert Foresight(made.specs, {}).predict(History("nowhere"), 5) == ()


def test_all_wrong_is_never_right_and_changes_nothing():
    """As many launches at the same confidence, no hit, and the time of off."""
    made = stage(session("s", "hi", turn(4.0, get("1")), turn(4.0, get("1"))))
    right = play(made, always(guess("get_order", order_id="1")))
    wrong = play(made, AllWrong(always(guess("get_order", order_id="1"))))
    assert right.count(Served.READY) == 2
    assert wrong.count(Served.READY, Served.JOINED) == 0
    assert wrong.launched >= 1
    assert wrong.wasted == wrong.launched
    assert wrong.seconds == play(made).seconds


def test_all_wrong_keeps_values_and_their_sources():
    """Egress, taint and resources see the values they saw before; a call without arguments gets a harmless one."""
    source = ArgumentSource("result", "x", "c1")
    sure = Prediction("search", {"q": "cats"}, 0.5, 0.6, {"q": source}, "p")
    bare = Prediction("clock", {}, 0.5, 0.6)
    unsourced = Prediction("search", {"q": "cats"}, 0.5, 0.6)
    wrong = AllWrong(ScriptedPredictor([sure, bare, unsourced]))
    one, two, three = wrong.predict(History(), 5)
    assert one.arguments == {"q": "cats", NEVER_AN_ARGUMENT: "cats"}
    assert one.sources == {"q": source, NEVER_AN_ARGUMENT: source}
    assert (one.p_next, one.p_use) == (0.5, 0.6)
    assert two.arguments == {NEVER_AN_ARGUMENT: ""}
    assert three.sources == {}
    wrong.observe(History(), ToolCall("clock"))
    assert wrong._predictor.observed == [ToolCall("clock")]


def test_recalled_answers_a_state_once():
    """The same events give the same answer without asking again; what cannot be told apart is asked."""
    made = stage(session("s", "hi", turn(1.0, get("1"))))
    asked = []

    def script(history):
        asked.append(len(history))
        return [guess("clock")]

    recalled = Recalled(ScriptedPredictor(script), made.scripts, clock=lambda: 0.0)
    events = [UserText("hi"), ModelText(0, "let me see"), CallMade("c1", 0, "get_order", {"order_id": "1"})]
    for _ in range(2):
        history = History("s")
        for event in events:
            history.append(event)
            recalled.predict(history, 5)
    assert asked == [1, 2, 3]
    branch = history.fork()
    recalled.predict(branch, 5)
    assert asked == [1, 2, 3]
    recalled.predict(branch, 6)
    assert asked == [1, 2, 3, 3]
    for number in range(2):
        guessed = history.fork()
        guessed.append(CallMade(f"speculation-{number}", 1, "get_order", {"order_id": "2"}))
        guessed.append(ResultSeen(f"speculation-{number}", "get_order", True, "guessed"))
        recalled.predict(guessed, 5)
    assert asked == [1, 2, 3, 3, 5]
    branch.append(ResultSeen("speculation-3", "get_order", True, {"no", "JSON"}))
    for _ in range(2):
        recalled.predict(branch, 5)
    assert asked == [1, 2, 3, 3, 5, 4, 4]
    recalled.observe(history, ToolCall("clock"))
    other = History("s")
    other.append(CallMade("c1", 0, "another_tool", {}))
    recalled.predict(other, 5)
    assert len(asked) == 8
    assert len(recalled.seconds) == 8


def test_learning_is_frozen_unless_online():
    """`observe` reaches the predictor only in an arm that learns."""
    made = stage(session("s", "hi", turn(1.0, get("1")), turn(1.0, get("1"))))
    parrot = Parrot()
    run_arm(made, Arm("frozen", LAUNCH_ALL, Recalled(parrot, made.scripts, clock=lambda: 0.0)))
    assert parrot.observed == 0
    run = run_arm(made, Arm("online", LAUNCH_ALL, Timed(parrot, clock=lambda: 0.0), learn=True))
    assert parrot.observed == 2
    assert run.count(Served.READY) == 1


def test_policies_without_limits():
    """The frontier's policy keeps egress and tenancy, and drops budgets and self-check."""
    policy = unlimited(Policy(egress="never", min_tenants=3, budget=1.0, launches_per_minute=2), 0.35)
    assert (policy.egress, policy.min_tenants, policy.min_probability) == ("never", 3, 0.35)
    assert (policy.budget, policy.launches_per_minute, policy.self_check) == (None, None, False)
    assert knowing(Policy()).max_depth == 1
    assert FRONTIER[0] == 0.0
    assert FRONTIER[-1] == 0.95
    assert len(FRONTIER) == 20
    assert FRONTIER[3] == 0.15


def test_a_runtime_knows_what_training_showed():
    """Seeded times let the value rule see that a tool of a millisecond is not worth guessing."""
    made = stage(session("s", "hi", turn(4.0, get("1"))))
    policy = Policy(max_depth=1)
    quick = stage(session("s", "hi", turn(4.0, get("1"))), known_tool_s={"get_order": [0.001] * 8}, known_lead_s=[4.0])
    guesses = always(guess("get_order", 0.5, order_id="1"))
    assert play(made, guesses, policy).launched == 1
    assert play(quick, guesses, policy).launched == 0


@pytest.mark.parametrize("keep", [False, True])
def test_starts_are_kept_for_those_who_draw_them(keep):
    """Timelines need every start; nobody else pays for them."""
    made = stage(session("s", "hi", turn(4.0, get("1"))), keep_runs=keep)
    run = play(made, always(guess("get_order", order_id="1")))
    assert [(r.began_at, r.ended_at, r.real) for r in run.runs][:1] == ([(0.0, 0.5, False)] if keep else [])
    assert run.retired[0].reason == "ready"
