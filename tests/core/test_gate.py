"""The write gate's de-duplication, and what ends it."""

from __future__ import annotations

from speculate.core import commands as c
from speculate.core import stimuli as s
from speculate.core.brain import Brain
from speculate.core.policy import Policy
from speculate.spec import Effect, ToolSpec

ONCE = ToolSpec("cancel", Effect.WRITE, idempotent=True, reads=(), writes=("order/{id}",), dedup_key="{id}")
SET = ToolSpec("reopen", Effect.WRITE, reads=(), writes=("order/{id}",))


class Gate:
    """A brain with two open sessions, and calls that are made and ended by hand."""

    def __init__(self) -> None:
        self.brain = Brain(Policy())
        self.number = 0
        for session in ("x", "y"):
            self.brain.handle(s.SessionOpened(0.0, session))

    def call(self, session: str, spec: ToolSpec, id: str) -> tuple[int, list[c.Command]]:
        self.number += 1
        out = self.brain.handle(s.Called(1.0, session, self.number, spec.resolve({"id": id})))
        return self.number, out

    def end(self, number: int, ok: bool | None = True) -> None:
        self.brain.handle(s.CallEnded(2.0, number, ok, 1.0))


def test_a_repeat_gets_the_first_successful_outcome() -> None:
    """The second call of the same key does not run."""
    gate = Gate()
    first, out = gate.call("x", ONCE, "1")
    assert out == [c.Run(first)]
    gate.end(first)
    repeat, out = gate.call("x", ONCE, "1")
    assert out == [c.Reuse(repeat, first)]


def test_a_failed_or_cancelled_write_is_not_handed_out() -> None:
    """Only a success counts."""
    for ok in (False, None):
        gate = Gate()
        first, _ = gate.call("x", ONCE, "1")
        gate.end(first, ok)
        again, out = gate.call("x", ONCE, "1")
        assert out == [c.Run(again)]


def test_another_key_and_another_session_run() -> None:
    """De-duplication is per key and per session."""
    gate = Gate()
    first, _ = gate.call("x", ONCE, "1")
    gate.end(first)
    other, out = gate.call("x", ONCE, "2")
    assert out == [c.Run(other)]
    foreign, out = gate.call("y", ONCE, "1")
    assert out == [c.Forget(first), c.Run(foreign)]


def test_a_conflicting_write_ends_it_when_it_begins() -> None:
    """Whoever ran it, in whichever session; a write of something else does not."""
    gate = Gate()
    first, _ = gate.call("x", ONCE, "1")
    gate.end(first)
    unrelated, _ = gate.call("y", SET, "2")
    gate.end(unrelated)
    repeat, out = gate.call("x", ONCE, "1")
    assert out == [c.Reuse(repeat, first)]
    gate.call("y", SET, "1")
    again, out = gate.call("x", ONCE, "1")
    assert out == [c.Run(again)]


def test_a_conflicting_write_that_was_running_ends_it_when_it_ends() -> None:
    """The other write began before the success and ended after it: which came last nobody knows."""
    gate = Gate()
    other, _ = gate.call("y", SET, "1")
    first, _ = gate.call("x", ONCE, "1")
    gate.end(first)
    gate.end(other)
    again, out = gate.call("x", ONCE, "1")
    assert out == [c.Run(again)]


def test_the_same_write_by_another_session_ends_it_too() -> None:
    """It is a conflicting write like any other."""
    gate = Gate()
    first, _ = gate.call("x", ONCE, "1")
    gate.end(first)
    foreign, _ = gate.call("y", ONCE, "1")
    gate.end(foreign)
    again, out = gate.call("x", ONCE, "1")
    assert out == [c.Forget(foreign), c.Run(again)]


def test_a_withdrawn_suggestion_is_aborted_and_another_sources_guess_stays() -> None:
    """A plan's branch that lost takes back only what the plan itself suggested."""
    get = ToolSpec("get", Effect.READ, reads=())
    brain = Brain(Policy(min_probability=0.0))
    brain.handle(s.SessionOpened(0.0, "x"))
    calls = [get.resolve({"id": id}) for id in ("1", "2", "3")]
    found = tuple(
        s.Candidate(call, 1.0, 1.0, source, {}) for call, source in zip(calls, ("plan", "pattern", "plan"), strict=True)
    )
    launched = [out.id for out in brain.handle(s.Predicted(0.0, "x", found)) if isinstance(out, c.Launch)]
    brain.handle(s.LaunchFinished(1.0, launched[2]))
    keys = [call.key or "" for call in calls]
    assert brain.handle(s.Withdrawn(2.0, "x", keys[0], "plan")) == [c.Abort(launched[0])]
    assert brain.handle(s.Withdrawn(2.0, "x", keys[1], "plan")) == []
    assert c.Discard(launched[2]) in brain.handle(s.Withdrawn(2.0, "x", keys[2], "plan"))
    assert brain.handle(s.Withdrawn(2.0, "x", "never heard of", "plan")) == []
    assert brain.ledger.open == 2
