"""The laws, held by a machine that knows nothing of the brain's inside.

It plays the shell: it invents sessions, predictions, real calls, results, failures and time, keeps its own log of
what was launched, written and delivered, and judges every command against that log by its own rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from speculate.core import commands as c
from speculate.core import stimuli as s
from speculate.core.brain import Brain
from speculate.core.policy import Policy
from speculate.notices import LaunchRetired
from speculate.spec import Effect, ToolSpec

TTL_S = 8.0
ITEMS = ("a", "b")

SPECS = {
    "get": ToolSpec("get", Effect.READ, reads=("item/{id}",), ttl_s=TTL_S, timeout_s=6.0),
    "list": ToolSpec("list", Effect.READ, reads=("item/*",), ttl_s=TTL_S, real_max_concurrency=3),
    "pop": ToolSpec("pop", Effect.READ, idempotent=False, reads=("item/{id}",)),
    "stage": ToolSpec("stage", Effect.ABORTABLE, reads=("item/{id}",), writes=("item/{id}",), ttl_s=TTL_S),
    "set": ToolSpec("set", Effect.WRITE, reads=(), writes=("item/{id}",)),
    "once": ToolSpec("once", Effect.WRITE, idempotent=True, reads=(), writes=("item/{id}",), dedup_key="{id}"),
    "ask": ToolSpec("ask", Effect.WRITE, reads=(), writes=("item/{id}",), confirm=True),
    "wipe": ToolSpec("wipe", Effect.WRITE),
    "vetoed": ToolSpec("vetoed", Effect.READ, reads=(), speculate=False),
    "stranger": ToolSpec.undeclared("stranger"),
}
MAY_LAUNCH = {"get", "list", "stage"}
WRITES = {"pop", "stage", "set", "once", "ask", "wipe", "stranger"}
ALL = {"list", "wipe", "stranger", "vetoed"}  # touch every item, or take no id


def touches(tool: str, item: str, other_tool: str, other_item: str) -> bool:
    """Whether the first, a write, changes what the second reads or stages. Judged without the product's code."""
    if other_tool == "vetoed":
        return False
    return tool in ALL or other_tool in ALL or item == other_item


@dataclass
class Guess:
    session: str
    tool: str
    item: str
    launched_at: float
    state: str = "running"  # running, ready, gone
    conflicts: int = 0  # conflicting writes that began, ran or ended since the launch


@dataclass
class Real:
    session: str
    tool: str
    item: str
    phase: str  # waiting, running, applying, asking
    joined: int | None = None
    writing: bool = False


@dataclass
class World:
    guesses: dict[int, Guess] = field(default_factory=dict)
    reals: dict[int, Real] = field(default_factory=dict)
    retired: dict[int, str] = field(default_factory=dict)
    delivered: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    writes_run: dict[int, int] = field(default_factory=dict)
    outcomes: dict[tuple[str, str], bool] = field(default_factory=dict)  # (session, item) of "once" -> spoiled since


class Laws(RuleBasedStateMachine):
    policy_fields: ClassVar[dict[str, Any]] = {"self_check": False}

    def __init__(self) -> None:
        super().__init__()
        self.policy = Policy(
            max_in_flight=6, max_in_flight_per_session=5, store_size=4, error_streak=50, **self.policy_fields
        )
        self.brain = Brain(self.policy)
        self.world = World()
        self.at = 0.0
        self.number = 0
        self.open: set[str] = set()
        self.brain.latencies.seed("list", [1.0] * 10)

    def feed(self, stimulus: s.Stimulus) -> list[c.Command]:
        out = self.handle(stimulus)
        for command in out:
            self.judge(command)
        return out

    def handle(self, stimulus: s.Stimulus) -> list[c.Command]:
        return self.brain.handle(stimulus)

    def write_event(self, real: Real, *, own: int | None) -> None:
        """A write began or ended: count it against every guess it touches."""
        for id, guess in self.world.guesses.items():
            if id != own and guess.state != "gone" and touches(real.tool, real.item, guess.tool, guess.item):
                guess.conflicts += 1
        for key in self.world.outcomes:
            if touches(real.tool, real.item, "once", key[1]):
                self.world.outcomes[key] = True

    def begin(self, number: int) -> None:
        real = self.world.reals[number]
        real.phase = "running"
        if real.tool in WRITES:
            assert not real.writing, "L1: a real call's write runs once"
            real.writing = True
            self.world.writes_run[number] = self.world.writes_run.get(number, 0) + 1
            self.write_event(real, own=real.joined)

    def judge(self, command: c.Command) -> None:
        world = self.world
        match command:
            case c.Launch(id=id, session=session, call=call):
                item = call.arguments.get("id", "")
                assert call.tool in MAY_LAUNCH, "L1, L2: only what the manifest permits is launched"
                assert session in self.open
                for real in world.reals.values():
                    if real.writing:
                        assert not touches(real.tool, real.item, call.tool, item), "L3: launched while a write ran"
                world.guesses[id] = Guess(session, call.tool, item, self.at)
            case c.Deliver(number=number, id=id):
                guess, real = world.guesses[id], world.reals[number]
                assert id not in world.delivered, "L3: delivered twice"
                assert id not in world.failed, "L6: a launch that raised was delivered"
                assert (guess.session, guess.tool, guess.item) == (real.session, real.tool, real.item), "L3: other call"
                assert self.at - guess.launched_at <= TTL_S, "L3: too old"
                assert guess.conflicts == 0, "L3: stale"
                world.delivered.add(id)
                guess.state = "gone"
                if real.phase == "beside":
                    real.phase, real.joined = "running", None
                else:
                    del world.reals[number]
            case c.Apply(number=number, id=id):
                guess, real = world.guesses[id], world.reals[number]
                assert (guess.session, guess.tool, guess.item) == (real.session, real.tool, real.item)
                assert self.at - guess.launched_at <= TTL_S
                assert guess.conflicts == 0, "L3: stale staging applied"
                assert id not in world.delivered
                world.delivered.add(id)
                guess.state = "gone"
                real.joined = id
                self.begin(number)
                real.phase = "applying"
            case c.Run(number=number):
                self.begin(number)
                world.reals[number].joined = None
            case c.RunBeside(number=number):
                assert world.reals[number].tool in {"get", "list"}, "L1: only a read runs beside a guess"
                world.reals[number].phase = "beside"
            case c.Join(number=number, id=id):
                world.reals[number].joined = id
                assert world.guesses[id].state == "running"
            case c.Confirm(number=number):
                world.reals[number].phase = "asking"
            case c.Reuse(number=number) if world.outcomes.get((world.reals[number].session, world.reals[number].item)):
                raise AssertionError("an outcome was handed out again after a conflicting write")
            case c.Refuse(number=number) | c.Reuse(number=number):
                assert not world.reals[number].writing, "a refused or repeated write ran"
                del world.reals[number]
            case LaunchRetired(id=id, outcome=outcome):
                assert id not in world.retired, "L4: retired twice"
                world.retired[id] = outcome
            case _:
                pass

    def waits_for_nothing_wrong(self) -> None:
        """L5: a real call waits only for the running launch it joined, a limit of its own tool, or an answer."""
        for number, real in self.world.reals.items():
            if real.phase != "waiting":
                continue
            if real.joined is not None:
                guess = self.world.guesses[real.joined]
                assert guess.state == "running", f"call {number} waits for a guess that is {guess.state}"
            else:
                busy = sum(
                    other.tool == real.tool and (other.phase in ("running", "beside") or other.joined is not None)
                    for other in self.world.reals.values()
                )
                assert real.tool == "list"
                assert busy >= 3, f"call {number} waits for nothing"

    @rule(session=st.sampled_from(["x", "y"]))
    def open_session(self, session: str) -> None:
        if session not in self.open and not any(real.session == session for real in self.world.reals.values()):
            self.open.add(session)
            self.world.outcomes = {key: value for key, value in self.world.outcomes.items() if key[0] != session}
            self.feed(s.SessionOpened(self.at, session))

    @rule(seconds=st.sampled_from([0.25, 1.0, 3.0, 9.0]))
    def time_passes(self, seconds: float) -> None:
        self.at += seconds

    @precondition(lambda self: self.open)
    @rule(
        data=st.data(),
        guesses=st.lists(
            st.tuples(st.sampled_from(sorted(SPECS)), st.sampled_from(ITEMS), st.floats(0, 1)), min_size=1, max_size=5
        ),
    )
    def predict(self, data: st.DataObject, guesses: list[tuple[str, str, float]]) -> None:
        session = data.draw(st.sampled_from(sorted(self.open)))
        found = tuple(
            s.Candidate(SPECS[tool].resolve({} if tool in ALL else {"id": item}), p, p, "test", {})
            for tool, item, p in guesses
        )
        self.feed(s.Predicted(self.at, session, found, "context"))

    @precondition(lambda self: self.open)
    @rule(
        data=st.data(),
        tool=st.sampled_from(sorted(SPECS)),
        item=st.sampled_from(ITEMS),
        context=st.sampled_from(["context", "context", "context", "other"]),
    )
    def call(self, data: st.DataObject, tool: str, item: str, context: str) -> None:
        session = data.draw(st.sampled_from(sorted(self.open)))
        self.make_call(session, tool, "" if tool in ALL else item, context)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), context=st.sampled_from(["context", "context", "context", "context", "other"]))
    def call_what_was_guessed(self, data: st.DataObject, context: str) -> None:
        """Chance alone would seldom make a call that matches a guess."""
        live = [guess for guess in self.world.guesses.values() if guess.state != "gone" and guess.session in self.open]
        if live:
            guess = data.draw(st.sampled_from(live))
            self.make_call(guess.session, guess.tool, guess.item, context)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), tool=st.sampled_from(["get", "get", "list", "stage"]), item=st.sampled_from(ITEMS))
    def guess_finishes_at_once(self, data: st.DataObject, tool: str, item: str) -> None:
        """A ready result, for writes and time to spoil."""
        session = data.draw(st.sampled_from(sorted(self.open)))
        call = SPECS[tool].resolve({} if tool in ALL else {"id": item})
        out = self.feed(s.Predicted(self.at, session, (s.Candidate(call, 1.0, 1.0, "test", {}),), "context"))
        for command in out:
            if isinstance(command, c.Launch):
                self.world.guesses[command.id].state = "ready"
                self.feed(s.LaunchFinished(self.at, command.id))

    def make_call(self, session: str, tool: str, item: str, context: str) -> None:
        mine = [real for real in self.world.reals.values() if real.session == session]
        if any(tool in WRITES or real.tool in WRITES for real in mine):
            return  # the shell keeps conflicting calls of one session in order; here: one at a time is enough
        self.number += 1
        self.world.reals[self.number] = Real(session, tool, item, "waiting")
        call = SPECS[tool].resolve({"id": item} if item else {})
        out = self.feed(s.Called(self.at, session, self.number, call, context))
        if context == "other":
            assert not any(isinstance(command, c.Deliver | c.Join | c.Apply) for command in out)

    @precondition(lambda self: any(guess.state == "running" for guess in self.world.guesses.values()))
    @rule(data=st.data(), how=st.sampled_from(["finished", "finished", "finished", "raised", "stopped", "overdue"]))
    def launch_ends(self, data: st.DataObject, how: str) -> None:
        running = [id for id, guess in self.world.guesses.items() if guess.state == "running"]
        id = data.draw(st.sampled_from(running))
        guess = self.world.guesses[id]
        if how == "overdue":
            self.feed(s.LaunchOverdue(self.at, id))
            return
        if how == "finished":
            guess.state = "ready"
            self.feed(s.LaunchFinished(self.at, id))
        else:
            guess.state = "gone"
            self.world.failed.add(id)
            self.feed(s.LaunchFailed(self.at, id, how))

    @precondition(lambda self: any(real.phase in ("running", "beside") for real in self.world.reals.values()))
    @rule(data=st.data(), ok=st.sampled_from([True, True, False, None]))
    def real_ends(self, data: st.DataObject, ok: bool | None) -> None:
        ready = [number for number, real in self.world.reals.items() if real.phase in ("running", "beside")]
        number = data.draw(st.sampled_from(ready))
        real = self.world.reals[number]
        if real.phase == "beside" and ok is None:
            self.feed(s.CallCancelled(self.at, number))
        elif ok is None:
            self.feed(s.CallCancelled(self.at, number))  # changes nothing: what runs reports its own end
        del self.world.reals[number]
        if real.writing:
            self.write_event(real, own=None)
        if ok and real.tool == "once" and real.session in self.open:
            self.world.outcomes[real.session, real.item] = False
        self.feed(s.CallEnded(self.at, number, ok, 1.0))

    @precondition(lambda self: any(real.phase == "applying" for real in self.world.reals.values()))
    @rule(data=st.data(), how=st.sampled_from(["applied", "raised", "refused"]))
    def apply_ends(self, data: st.DataObject, how: str) -> None:
        applying = [number for number, real in self.world.reals.items() if real.phase == "applying"]
        number = data.draw(st.sampled_from(applying))
        real = self.world.reals[number]
        assert real.joined is not None
        if how == "refused":
            real.writing = False
            real.phase = "waiting"
            self.feed(s.ApplyRefused(self.at, real.joined))
            assert real.phase == "running", "L5: after a refused commit the real call runs at once"
            return
        del self.world.reals[number]
        self.write_event(real, own=None)
        self.feed(s.Applied(self.at, real.joined, how == "applied"))

    @precondition(lambda self: any(real.phase == "asking" for real in self.world.reals.values()))
    @rule(data=st.data(), granted=st.booleans())
    def answer(self, data: st.DataObject, granted: bool) -> None:
        asking = [number for number, real in self.world.reals.items() if real.phase == "asking"]
        number = data.draw(st.sampled_from(asking))
        self.world.reals[number].phase = "waiting"
        self.feed(s.Confirmed(self.at, number, granted))

    @precondition(lambda self: any(real.phase == "waiting" and real.joined for real in self.world.reals.values()))
    @rule(data=st.data(), cancel=st.booleans())
    def waiting_ends(self, data: st.DataObject, cancel: bool) -> None:
        waiting = [number for number, real in self.world.reals.items() if real.phase == "waiting" and real.joined]
        number = data.draw(st.sampled_from(waiting))
        real = self.world.reals[number]
        joined = real.joined
        if cancel:
            del self.world.reals[number]
            out = self.feed(s.CallCancelled(self.at, number))
            assert c.Abort(joined) in out, "L8: the joined launch is cancelled as the call would have been"
        else:
            self.feed(s.JoinOverdue(self.at, number))
            assert real.phase in ("running", "beside"), "L5: past the tail the real call runs"

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def close_session(self, data: st.DataObject) -> None:
        session = data.draw(st.sampled_from(sorted(self.open)))
        self.open.discard(session)
        out = self.feed(s.SessionClosed(self.at, session))
        gone = {command.id for command in out if isinstance(command, c.Abort | c.Discard)}
        for id, guess in self.world.guesses.items():
            if guess.session == session and id not in self.world.retired and id not in self.world.delivered:
                known = self.brain.speculations[id]
                assert id in gone or known.state.value == "squashed", "L8: a session's launches are aborted"

    @invariant()
    def nothing_waits_wrongly(self) -> None:
        self.waits_for_nothing_wrong()

    @invariant()
    def the_ledger_adds_up(self) -> None:
        ledger, world = self.brain.ledger, self.world
        assert ledger.launched == len(world.guesses)
        assert ledger.launched == ledger.committed + ledger.wasted + len(self.brain.speculations), "L4"
        assert ledger.committed == sum(outcome == "committed" for outcome in world.retired.values())
        assert ledger.wasted == sum(outcome == "wasted" for outcome in world.retired.values())
        assert all(count <= 2 for count in world.writes_run.values())

    @invariant()
    def the_limits_hold(self) -> None:
        running = sum(guess.state == "running" for guess in self.world.guesses.values())
        assert running == self.brain.in_flight <= self.policy.max_in_flight

    def teardown(self) -> None:
        """Everything ends: the account closes with nothing open."""
        for session in sorted(self.open):
            self.feed(s.SessionClosed(self.at, session))
        for id, guess in list(self.world.guesses.items()):
            if guess.state == "running":
                guess.state = "gone"
                self.feed(s.LaunchFailed(self.at, id, "stopped"))
        for number, real in list(self.world.reals.items()):
            if real.phase == "applying" and real.joined is not None:
                del self.world.reals[number]
                self.feed(s.Applied(self.at, real.joined, True))
        ledger = self.brain.ledger
        assert ledger.open == 0
        assert len(self.world.retired) == len(self.world.guesses)
        super().teardown()


TestLaws = Laws.TestCase
TestLaws.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
