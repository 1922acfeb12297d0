"""A defect anywhere in the core: the laws hold all the same, and every real call runs.

The machine of the laws plays on, while a fuse makes some function of the core raise on its so-and-so-many-th call,
in the middle of whatever it was called for.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from speculate.core import commands as c
from speculate.core import launches as launches_module
from speculate.core import stimuli as s
from speculate.core.admission import Reason
from speculate.core.benefit import EVIDENCE, Benefit
from speculate.core.books import Books
from speculate.core.brain import Brain
from speculate.core.disclosure import Disclosure
from speculate.core.index import ResourceIndex
from speculate.core.latency import Latencies, Samples
from speculate.core.launches import Launches
from speculate.core.ledger import Ledger
from speculate.core.limits import Limits
from speculate.core.machine import Speculation
from speculate.core.outcomes import Outcomes
from speculate.core.policy import Policy
from speculate.core.real_calls import RealCalls
from speculate.core.store import ReadyStore
from speculate.core.table import SpeculationTable
from speculate.notices import Fault, LaunchDenied, LaunchRetired
from speculate.spec import Effect, ToolSpec
from tests.core import test_laws

ADVICE = (Benefit, Latencies, Samples, Limits, Disclosure, ReadyStore, ResourceIndex)  # may be broken for good
BOOKKEEPING = (Launches, RealCalls, SpeculationTable, Ledger, Speculation, Outcomes, Books)  # broken once


class Defect(Exception):
    """What a broken function of the core raises."""


class Fuse:
    """Burns down with every call of a guarded function; the one at its end raises."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.broken: str | None = None  # a function of advice that raises from now on, always

    def burn(self, name: str, *, is_advice: bool) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                self.left = None
                if is_advice:
                    self.broken = name
                raise Defect(name)
        if name == self.broken:
            raise Defect(name)


FUSE = Fuse()


def guarded(function: Callable[..., Any], name: str, *, is_advice: bool) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        FUSE.burn(name, is_advice=is_advice)
        return function(*args, **keywords)

    return call


@pytest.fixture(autouse=True)
def fuses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every function of the core, but those that mend, burns the fuse."""
    for owner in (*ADVICE, *BOOKKEEPING):
        for name, function in vars(owner).items():
            if inspect.isfunction(function) and not name.startswith("__"):
                wrapped = guarded(function, f"{owner.__name__}.{name}", is_advice=owner in ADVICE)
                monkeypatch.setattr(owner, name, wrapped)
    admit = guarded(launches_module.admit, "admit", is_advice=True)
    monkeypatch.setattr(launches_module, "admit", admit)
    FUSE.left = FUSE.broken = None
    yield
    FUSE.left = FUSE.broken = None


class LawsUnderDefects(test_laws.Laws):
    """Nothing is launched after a defect; all else is as ever."""

    policy_fields: ClassVar[dict[str, Any]] = {"self_check": True}

    def __init__(self) -> None:
        FUSE.left = FUSE.broken = None
        self.told = self.light_at = 0
        self.light_with = 1
        self.finished: set[int] = set()
        self.disposed_of: set[int] = set()
        super().__init__()

    @initialize(at=st.integers(1, 40), left=st.integers(1, 25))
    def plan_the_defect(self, at: int, left: int) -> None:
        """In the middle of which stimulus something breaks, and how far into it."""
        self.light_at, self.light_with = at, left

    @precondition(lambda self: not self.brain.is_on)
    @rule(left=st.integers(1, 15))
    def break_something_else(self, left: int) -> None:
        FUSE.left = left

    def handle(self, stimulus: s.Stimulus) -> list[c.Command]:
        was_on = self.brain.is_on
        self.told += 1
        if self.told == self.light_at:
            FUSE.left = self.light_with
        try:
            out = self.brain.handle(stimulus)
        except Defect as error:
            FUSE.left = None  # one thing breaks at a time; what is broken for good stays so
            out = self.brain.retreat(stimulus, error)
            assert isinstance(out[-1], Fault)
            assert out[-1].kind == "core"
            assert not self.brain.is_on
        if not was_on:
            assert not any(isinstance(command, c.Launch | c.Join | c.Deliver) for command in out)
        if isinstance(stimulus, s.LaunchFinished):
            self.finished.add(stimulus.id)
        self.disposed_of |= {command.id for command in out if isinstance(command, c.Deliver | c.Apply | c.Discard)}
        return out

    @invariant()
    def after_a_defect_nothing_is_left_to_be_matched(self) -> None:
        if not self.brain.is_on:
            states = {item.state.value for item in self.brain.speculations.values()}
            assert states <= {"squashed", "applying"}

    def teardown(self) -> None:
        FUSE.left = None
        super().teardown()
        books = self.brain.books
        assert self.finished == self.disposed_of, "a result stays with the shell for ever"
        assert not books.table.entries
        assert (books.table.in_flight, books.writes.keys()) == (0, books.calls.keys() & books.writes.keys())


TestLawsUnderDefects = LawsUnderDefects.TestCase
TestLawsUnderDefects.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)

GET = ToolSpec("get", Effect.READ, reads=("item/{id}",), ttl_s=60.0)
SET = ToolSpec("set", Effect.WRITE, reads=(), writes=("item/{id}",))
ASK = ToolSpec("ask", Effect.WRITE, reads=(), writes=("item/{id}",), confirm=True)
ONCE = ToolSpec("once", Effect.WRITE, idempotent=True, reads=(), writes=("item/{id}",), dedup_key="{id}")


def guesses(*ids: str) -> tuple[s.Candidate, ...]:
    return tuple(s.Candidate(GET.resolve({"id": id}), 1.0, 1.0, "test", {}) for id in ids)


def tell(brain: Brain, stimulus: s.Stimulus, *, after: int | None = None) -> list[c.Command]:
    """The stimulus, with a defect after so many guarded calls."""
    FUSE.left = after
    try:
        return brain.handle(stimulus)
    except Defect as error:
        return brain.retreat(stimulus, error)
    finally:
        FUSE.left = None


def test_launches_ordered_before_the_defect_are_not_lost() -> None:
    """The shell hears of each, and of its end: the account adds up."""
    found: set[int] = set()
    for after in range(1, 80):
        brain = Brain(Policy(min_probability=0.0))
        tell(brain, s.SessionOpened(0.0, "s"))
        out = tell(brain, s.Predicted(0.0, "s", guesses("a", "b", "c")), after=after)
        FUSE.broken = None
        launched = [command.id for command in out if isinstance(command, c.Launch)]
        found.add(len(launched))
        if brain.is_on:
            continue
        assert [command.id for command in out if isinstance(command, c.Abort)] == launched
        assert brain.ledger.launched == brain.in_flight == len(launched)
        for id in launched:
            tell(brain, s.LaunchFailed(1.0, id, "stopped"))
        assert (brain.in_flight, brain.ledger.open) == (0, 0)
    assert found == {0, 1, 2, 3}


@pytest.mark.parametrize("spec", [GET, SET, ASK, ONCE], ids=lambda spec: spec.name)
def test_a_call_gets_its_word_wherever_the_core_breaks(spec: ToolSpec) -> None:
    """A read and a write run; what wants confirmation is asked about; a repeat is answered by its first outcome."""
    expected = {"get": c.Run(2), "set": c.Run(2), "ask": c.Confirm(2), "once": c.Reuse(2, 1)}[spec.name]
    broke = 0
    for after in range(1, 60):
        brain = Brain(Policy(min_probability=0.0))
        tell(brain, s.SessionOpened(0.0, "s"))
        if spec is ONCE:
            tell(brain, s.Called(0.0, "s", 1, spec.resolve({"id": "a"})))
            tell(brain, s.CallEnded(0.0, 1, True, 1.0))
        tell(brain, s.Predicted(0.0, "s", guesses("b")))
        out = tell(brain, s.Called(1.0, "s", 2, spec.resolve({"id": "a"})), after=after)
        FUSE.broken = None
        broke += not brain.is_on
        assert out.count(expected) == 1
        words = (c.Run, c.Join, c.Deliver, c.Confirm, c.Reuse, c.Refuse, c.Apply)
        assert [command for command in out if isinstance(command, words)] == [expected]
    assert broke


def test_a_write_ends_what_it_may_have_undone_wherever_the_core_breaks() -> None:
    """An outcome is handed out again only if no conflicting write began or ended since."""
    for ends in (False, True):
        for after in range(1, 40):
            brain = Brain(Policy())
            tell(brain, s.SessionOpened(0.0, "s"))
            if ends:  # it begins before the outcome, and ends after it
                tell(brain, s.Called(0.0, "s", 2, SET.resolve({"id": "a"})))
            tell(brain, s.Called(0.0, "s", 1, ONCE.resolve({"id": "a"})))
            tell(brain, s.CallEnded(0.0, 1, True, 1.0))
            if ends:
                out = tell(brain, s.CallEnded(1.0, 2, None, 1.0), after=after)
            else:
                out = tell(brain, s.Called(1.0, "s", 2, SET.resolve({"id": "a"})), after=after)
            FUSE.broken = None
            assert c.Forget(1) in out
            assert c.Run(3) in tell(brain, s.Called(2.0, "s", 3, ONCE.resolve({"id": "a"})))


def test_speculation_off_means_that_nothing_is_predicted_or_learned() -> None:
    """Later predictions are not even looked at, and real calls run with everything that gives advice broken."""
    brain = Brain(Policy(min_probability=0.0))
    tell(brain, s.SessionOpened(0.0, "s"))
    tell(brain, s.Predicted(0.0, "s", guesses("a")), after=1)
    assert not brain.is_on
    assert "switched off" in repr(brain)
    assert tell(brain, s.Predicted(1.0, "s", guesses("a"))) == []
    tell(brain, s.UserSpoke(1.0, "s", "a"))
    tell(brain, s.UntrustedSeen(1.0, "s", "a"))
    for number, spec in enumerate((GET, SET, ONCE), 1):
        assert tell(brain, s.Called(2.0, "s", number, spec.resolve({"id": "a"}))) == [c.Run(number)]
        assert tell(brain, s.CallEnded(3.0, number, True, 1.0)) == []
    assert tell(brain, s.SessionClosed(4.0, "s")) == [c.Forget(3)]


def test_a_tool_in_shadow_is_booked_only_if_nothing_else_stood_against_it() -> None:
    """And a conflicting write makes the booking stale, whichever session it is of."""
    brain = Brain(Policy(min_probability=0.0, max_in_flight=1))
    for _ in range(EVIDENCE):
        brain.books.benefit.waste("get", 1.0)
    tell(brain, s.SessionOpened(0.0, "s"))
    tell(brain, s.SessionOpened(0.0, "t"))
    out = tell(brain, s.Predicted(0.0, "s", guesses("a", "b")))
    assert [denied.reason for denied in out if isinstance(denied, LaunchDenied)] == [Reason.SHADOW.value] * 2
    assert brain.books.benefit.shadows == 2
    tell(brain, s.Called(1.0, "t", 1, SET.resolve({"id": "a"})))
    assert brain.books.benefit.shadows == 1
    out = tell(brain, s.Predicted(1.5, "s", guesses("a")))
    assert [denied.reason for denied in out if isinstance(denied, LaunchDenied)] == [Reason.CONFLICT.value]
    tell(brain, s.CallEnded(2.0, 1, True, 1.0))
    assert not [command for command in out if isinstance(command, LaunchRetired)]
    assert brain.books.benefit.shadows == 1
