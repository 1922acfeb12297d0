"""The scripted agent: does in every arm what was recorded, through the real runtime on a virtual clock."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

from speculate.calls import Served, ToolCall
from speculate.core.policy import Policy
from speculate.notices import Fault, LaunchDenied, LaunchRetired, Notice
from speculate.prediction import Predictor
from speculate.replay.answers import Answer, ToolRun
from speculate.replay.guessing import Knowing, Recalled, Timed, TurnTimes
from speculate.replay.judgement import Judge
from speculate.replay.latency import LatencyModel
from speculate.replay.script import SessionScript, UserStep
from speculate.replay.world import Safety, World
from speculate.runtime.runtime import Runtime
from speculate.runtime.tasks import TaskSet
from speculate.spec import ToolSpec
from speculate.testing import VirtualLoop

Progress = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """What all arms share: the scripts, the manifest, the times, and what a fresh runtime is told of them.

    `known_tool_s`, `known_lead_s`: times of the training runs, oldest first. `capacity`: slots of a tool that
    `sessions_at_once` sessions share; `starts_s`: when each of those who play them begins. `pace`: a
    run of these scripts; nobody calls sooner than there.
    """

    scripts: Sequence[SessionScript]
    specs: Mapping[str, ToolSpec]
    latency: LatencyModel
    judge: Judge
    tools: Sequence[str]
    known_tool_s: Mapping[str, Sequence[float]] = field(default_factory=dict)
    known_lead_s: Sequence[float] = ()
    capacity: Mapping[str, int] = field(default_factory=dict)
    sessions_at_once: int = 1
    starts_s: Sequence[float] = ()
    pace: ArmRun | None = None
    keep_runs: bool = False


@dataclass(slots=True)
class SessionRun:
    """One session in one arm: how long it took, and for every call how long the agent waited for it, in seconds."""

    id: str
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    served: list[Served] = field(default_factory=list)
    turns: list[TurnTimes] = field(default_factory=list)
    began_at: float = 0.0


@dataclass(slots=True, repr=False)
class ArmRun:
    """What came of one arm. `runs` holds every start of a tool if the stage keeps them."""

    name: str
    sessions: list[SessionRun] = field(default_factory=list)
    safety: Safety = field(default_factory=Safety)
    launched: int = 0
    committed: int = 0
    wasted: int = 0
    wasted_cost: float = 0.0
    denied: Counter[str] = field(default_factory=Counter)
    wasted_because: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    call_us: list[float] = field(default_factory=list)
    runs: list[ToolRun] = field(default_factory=list)
    retired: list[LaunchRetired] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """The time of all sessions added up."""
        return sum(session.seconds for session in self.sessions)

    @property
    def waits(self) -> list[float]:
        """Every real call's wait."""
        return [wait for session in self.sessions for wait in session.waits]

    def count(self, *served: Served) -> int:
        """How many real calls were served in one of these ways."""
        return sum(how in served for session in self.sessions for how in session.served)

    def notice(self, notice: Notice) -> None:
        """The runtime's observer."""
        kind = type(notice)
        if kind is LaunchDenied:
            self.denied[notice.reason] += 1  # type: ignore[union-attr]  # kind is LaunchDenied
        elif kind is LaunchRetired:
            self._retired(notice)  # type: ignore[arg-type]  # kind is LaunchRetired
        elif kind is Fault:
            self.faults.append(notice)  # type: ignore[arg-type]  # kind is Fault

    def __repr__(self) -> str:
        # Short: asyncio's runner writes down the result of what it ran, only to drop that.
        return f"<ArmRun {self.name}: {len(self.sessions)} sessions, {self.launched} launched>"

    def _retired(self, notice: LaunchRetired) -> None:
        self.retired.append(notice)
        if notice.outcome == "wasted":
            self.wasted_because[notice.reason] += 1


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to run the scripts. Without a predictor nothing is launched."""

    name: str
    policy: Policy
    predictor: Predictor | None = None
    learn: bool = False


def run_arm(stage: Stage, arm: Arm, progress: Progress | None = None) -> ArmRun:
    """Drive every session through a fresh runtime on a fresh virtual loop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_run(stage, arm, progress))


async def _run(stage: Stage, arm: Arm, progress: Progress | None) -> ArmRun:
    result = ArmRun(arm.name, [SessionRun(script.id) for script in stage.scripts])
    world = World(stage.specs, stage.latency, stage.judge, stage.capacity, stage.keep_runs, arm.predictor is not None)
    runtime = Runtime(
        {tool: world.tool(tool) for tool in stage.tools},
        manifest=stage.specs,
        predictor=arm.predictor,
        # The real clock may not decide what happens: the same seed must give the same bytes.
        policy=replace(arm.policy, predict_limit_s=None),
        confirmer=_yes,
        observers=[result, world],
        is_error=_is_error,
        speculation=arm.predictor is not None,
        learn=arm.learn,
    )
    for tool in sorted(stage.known_tool_s):
        runtime.seed_latency(tool, stage.known_tool_s[tool])
    runtime.seed_lead(stage.known_lead_s)
    async with runtime:
        waiting = iter(stage.scripts)
        agent = _Agent(runtime, world, result, arm.predictor, stage.pace, progress)
        if stage.sessions_at_once == 1:
            await agent.work(waiting)
        else:
            starts = stage.starts_s or [0.0] * stage.sessions_at_once
            agents = TaskSet()
            try:
                await asyncio.gather(
                    *[agents.start(agent.work(waiting, at), name=f"agent {n}") for n, at in enumerate(starts)]
                )
            finally:
                await agents.close(arm.policy.grace_s)
    result.safety = world.safety
    result.runs = world.runs
    ledger = runtime.ledger
    result.launched, result.committed, result.wasted = ledger.launched, ledger.committed, ledger.wasted
    result.wasted_cost = ledger.wasted_cost
    return result


async def _yes(call: ToolCall) -> bool:
    """The recorded run shows that the application agreed."""
    return True


def _is_error(value: Any) -> bool:
    return isinstance(value, Answer) and not value.ok


class _Agent:
    """Plays sessions, one after the other, until none is left."""

    def __init__(
        self,
        runtime: Runtime,
        world: World,
        result: ArmRun,
        predictor: Predictor | None,
        pace: ArmRun | None,
        progress: Progress | None,
    ) -> None:
        self.runtime, self.world, self.result, self.pace, self.progress = runtime, world, result, pace, progress
        self.knowing = predictor if isinstance(predictor, Knowing) else None
        self.timed = predictor if isinstance(predictor, (Recalled, Timed)) else None

    async def _until(self, at: float) -> None:
        now = self.runtime.now()
        if at > now:
            await asyncio.sleep(at - now)

    def guessing_s(self) -> float:
        """Real time the predictor has taken so far: it works while a call waits, and is no part of the call."""
        return self.timed.spent_s if self.timed is not None else 0.0

    async def work(self, waiting: Iterator[SessionScript], start_s: float = 0.0) -> None:
        await asyncio.sleep(start_s)
        for script in waiting:
            await self.play(script)
            if self.progress is not None:
                self.progress()

    async def play(self, script: SessionScript) -> None:
        run = self.result.sessions[script.number]
        pace = None if self.pace is None else self.pace.sessions[script.number]
        if pace is not None:
            await self._until(pace.began_at)
        state = self.world.enter(script)
        if self.knowing is not None:
            self.knowing.enter(state)
        now = self.runtime.loop.time
        async with self.runtime.session(script.id, tenant=script.tenant) as session:
            began = run.began_at = now()
            for step in script.steps:
                if isinstance(step, UserStep):
                    session.saw_user(step.text)
                    continue
                if pace is not None:
                    await self._until(pace.began_at + pace.turns[step.number].began_s)
                turn_began = now()
                await session.think(asyncio.sleep(step.llm_s))
                run.turns.append(TurnTimes(turn_began - began, now() - began))
                state.announce(step)
                if step.text is not None:
                    session.said(step.text)
                if not step.calls:
                    continue
                asked, started, guessing = now(), perf_counter(), self.guessing_s()
                outcomes = await session.call_all([call.call for call in step.calls])
                taken = perf_counter() - started - (self.guessing_s() - guessing)
                self.result.call_us.append(taken * 1e6 / len(step.calls))
                state.answered(step, outcomes)
                run.served.extend(outcome.served for outcome in outcomes)
                if len(outcomes) == 1:
                    run.waits.append(now() - asked)
                else:
                    run.waits.extend(outcome.waited_s for outcome in outcomes)
            run.seconds = now() - began
        self.world.leave(state)
        if self.knowing is not None:
            self.knowing.leave(state)
