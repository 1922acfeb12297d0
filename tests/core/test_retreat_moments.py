"""A defect in the middle of each kind of stimulus, at every place in it: the one word that the call is owed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from speculate.core import commands as c
from speculate.core import stimuli as s
from speculate.core.brain import Brain
from speculate.core.policy import Policy
from speculate.notices import LaunchRetired
from speculate.spec import Effect, ToolSpec
from tests.core.test_retreat import FUSE, Defect, fuses

__all__ = ["fuses"]  # a fixture, used by every test

GET = ToolSpec("get", Effect.READ, reads=("item/{id}",), ttl_s=60.0, real_max_concurrency=2)
STAGE = ToolSpec("stage", Effect.ABORTABLE, reads=("item/{id}",), writes=("item/{id}",), dedup_key="{id}")
ASK = ToolSpec("ask", Effect.WRITE, reads=(), writes=("item/{id}",), confirm=True)
WORDS = (c.Run, c.RunBeside, c.Join, c.Deliver, c.Apply, c.Confirm, c.Refuse, c.Reuse)


@dataclass
class Shell:
    """Carries out nothing, but remembers what it was told."""

    brain: Brain = field(default_factory=lambda: Brain(Policy(min_probability=0.0, self_check=True)))
    told: list[c.Command] = field(default_factory=list)
    id: int = 0

    def tell(self, stimulus: s.Stimulus, *, after: int | None = None) -> list[c.Command]:
        FUSE.left = after
        try:
            out = self.brain.handle(stimulus)
        except Defect as error:
            FUSE.left = None
            out = self.brain.retreat(stimulus, error)
        FUSE.left = None
        self.told += out
        return out

    def launch(self, spec: ToolSpec) -> None:
        call = spec.resolve({"id": "a"})
        self.tell(s.Predicted(0.0, "s", (s.Candidate(call, 1.0, 1.0, "test", {}),)))
        self.id = next(command.id for command in self.told if isinstance(command, c.Launch))

    def call(self, number: int, spec: ToolSpec, at: float = 1.0) -> None:
        self.tell(s.Called(at, "s", number, spec.resolve({"id": "a"})))


def joined(shell: Shell) -> None:
    shell.brain.latencies.seed("get", [5.0] * 9)
    shell.launch(GET)
    shell.call(1, GET)


def beside(shell: Shell) -> None:
    joined(shell)
    shell.tell(s.JoinOverdue(6.0, 1))


def staged(shell: Shell) -> None:
    shell.launch(STAGE)
    shell.tell(s.LaunchFinished(0.5, shell.id))


def applying(shell: Shell) -> None:
    staged(shell)
    shell.call(1, STAGE)


def asked(shell: Shell) -> None:
    shell.call(1, ASK)


def queued(shell: Shell) -> None:
    for number in (1, 2, 3):
        shell.call(number, GET)


def squashed(shell: Shell) -> None:
    shell.launch(GET)
    shell.tell(s.LaunchOverdue(1.0, shell.id))


def nothing(shell: Shell) -> None:
    pass


Moment = tuple[Callable[[Shell], None], Callable[[Shell], s.Stimulus], set[type[c.Command]], int]
MOMENTS: dict[str, Moment] = {
    "a joined launch finishes": (joined, lambda shell: s.LaunchFinished(2.0, shell.id), {c.Deliver, c.Run}, 1),
    "a joined launch comes too late": (joined, lambda shell: s.LaunchFinished(90.0, shell.id), {c.Run}, 1),
    "a joined launch fails": (joined, lambda shell: s.LaunchFailed(2.0, shell.id, "raised"), {c.Run}, 1),
    "a joined launch takes too long": (joined, lambda _: s.JoinOverdue(6.0, 1), {c.RunBeside, c.Run}, 1),
    "a joined launch is overdue": (joined, lambda shell: s.LaunchOverdue(2.0, shell.id), {c.Run}, 1),
    "the call that joined is cancelled": (joined, lambda _: s.CallCancelled(2.0, 1), set(), 1),
    "a launch beside finishes": (beside, lambda shell: s.LaunchFinished(7.0, shell.id), {c.Deliver}, 1),
    "a launch beside fails": (beside, lambda shell: s.LaunchFailed(7.0, shell.id, "raised"), set(), 1),
    "the call beside ends first": (beside, lambda _: s.CallEnded(7.0, 1, True, 1.0), set(), 1),
    "the call beside is cancelled": (beside, lambda _: s.CallCancelled(7.0, 1), set(), 1),
    "what was staged is asked for": (
        staged,
        lambda _: s.Called(1.0, "s", 1, STAGE.resolve({"id": "a"})),
        {c.Apply, c.Run},
        1,
    ),
    "what was staged is applied": (applying, lambda shell: s.Applied(2.0, shell.id, True), set(), 1),
    "what was staged raises": (applying, lambda shell: s.Applied(2.0, shell.id, False), set(), 1),
    "what was staged is refused": (applying, lambda shell: s.ApplyRefused(2.0, shell.id), {c.Run}, 1),
    "the application says yes": (asked, lambda _: s.Confirmed(2.0, 1, True), {c.Run}, 1),
    "the application says no": (asked, lambda _: s.Confirmed(2.0, 1, False), {c.Refuse}, 1),
    "a slot becomes free": (queued, lambda _: s.CallEnded(2.0, 1, True, 1.0), {c.Run}, 3),
    "a queued call is cancelled": (queued, lambda _: s.CallCancelled(2.0, 3), set(), 3),
    "a launch is abandoned": (squashed, lambda shell: s.Abandoned(3.0, shell.id), set(), 1),
    "a squashed launch ends": (squashed, lambda shell: s.LaunchFinished(3.0, shell.id), set(), 1),
    "another session opens": (nothing, lambda _: s.SessionOpened(0.0, "t"), set(), 1),
    "the session closes": (joined, lambda _: s.SessionClosed(2.0, "s"), {c.Run}, 1),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_the_call_gets_the_one_word_it_is_owed(name: str) -> None:
    """Whatever breaks at whichever place; and in the end nothing is left, with every launch in the ledger once."""
    prepare, stimulus_of, expected, number = MOMENTS[name]
    broke = 0
    for after in range(1, 60):
        FUSE.broken = None
        shell = Shell()
        shell.tell(s.SessionOpened(0.0, "s"))
        prepare(shell)
        out = shell.tell(stimulus_of(shell), after=after)
        words = [type(command) for command in out if isinstance(command, WORDS) and command.number == number]
        broke += not shell.brain.is_on
        assert set(words) <= expected
        assert len(words) <= 1
        if prepare is not beside:  # that one has its word already
            assert bool(words) == bool(expected)
        finish(shell)
    assert broke


def finish(shell: Shell) -> None:
    """Everything ends; what the brain keeps is what the shell was told."""
    brain, told = shell.brain, shell.told
    for number, real in list(brain.books.calls.items()):
        ran = [item for item in told if isinstance(item, c.Run | c.RunBeside | c.Apply) and item.number == number]
        assert ran, f"call {number} is {real.phase} and waits for nothing"
        if isinstance(ran[-1], c.Apply):
            shell.tell(s.Applied(100.0, ran[-1].id, True))
        else:
            shell.tell(s.CallEnded(100.0, number, True, 1.0))
    for launch in [item for item in told if isinstance(item, c.Launch)]:
        if launch.id in brain.speculations and brain.speculations[launch.id].finished_at is None:
            assert c.Abort(launch.id) in told or brain.is_on
            shell.tell(s.LaunchFailed(100.0, launch.id, "stopped"))
        elif launch.id in brain.books.table._abandoned:
            shell.tell(s.LaunchFinished(100.0, launch.id))
    for session in list(brain.books.sessions):
        shell.tell(s.SessionClosed(101.0, session))
    books = brain.books
    kept = (books.calls, books.writes, books.sessions, books.table.entries)
    assert not any(kept)
    assert len(books.outcomes) == 0
    assert brain.in_flight == brain.ledger.open == 0
    for load in books.tools.values():
        assert (load.launches, load.joined, load.real, len(load.queue)) == (0, 0, 0, 0)
    retired = [item.id for item in told if isinstance(item, LaunchRetired)]
    assert retired == [item.id for item in told if isinstance(item, c.Launch)]
    assert len(retired) == brain.ledger.launched


@pytest.mark.parametrize("was_staged", [False, True])
def test_a_write_that_succeeded_answers_its_repeat_wherever_the_core_broke(was_staged: bool) -> None:
    """It is not run again for a defect at its end."""
    for after in range(1, 60):
        FUSE.broken = None
        shell = Shell()
        shell.tell(s.SessionOpened(0.0, "s"))
        if was_staged:
            applying(shell)
            shell.tell(s.Applied(2.0, shell.id, True), after=after)
        else:
            shell.call(1, STAGE)
            shell.tell(s.CallEnded(2.0, 1, True, 1.0), after=after)
        shell.call(2, STAGE, at=3.0)
        assert c.Reuse(2, 1) in shell.told
        assert c.Forget(1) not in shell.told
        finish(shell)
        assert c.Forget(1) in shell.told
