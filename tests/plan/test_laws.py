"""The laws of a plan that runs: over random plans, on the real runtime, under the virtual clock."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plans.graphs import random_graph
from speculate.fanout import Limits
from speculate.plan import Plan, Task, run_plan
from speculate.plan.graph import descendants, successors_of
from speculate.runtime.runtime import Runtime
from speculate.spec import Effect, ToolSpec
from speculate.testing import run_virtual

READ = ToolSpec(name="read", effect=Effect.READ, reads=("shelf/{shelf}",))
WRITE = ToolSpec(name="write", effect=Effect.WRITE, idempotent=True, reads=(), writes=("shelf/{shelf}",))


class World:
    """Notes who runs when, and that no write overlaps anything on its shelf."""

    def __init__(self, fails: frozenset[str]) -> None:
        self.fails = fails
        self.runs: list[str] = []
        self.ended: set[str] = set()
        self.on_shelf: dict[int, list[str]] = {}
        self.overlaps: list[tuple[str, str]] = []
        self.is_over = False

    async def _touch(self, id: str, shelf: int, kind: str, seconds: float) -> str:
        assert not self.is_over
        self.runs.append(id)
        others = self.on_shelf.setdefault(shelf, [])
        self.overlaps += [(id, other) for other in others if kind == "write" or other.startswith("write")]
        others.append(f"{kind} {id}")
        try:
            await asyncio.sleep(seconds)
        finally:
            others.remove(f"{kind} {id}")
        self.ended.add(id)
        if id in self.fails:
            raise ValueError(id)
        return id

    async def read(self, id: str, shelf: int, seconds: float, uses: list[Any]) -> str:
        assert all(use in self.ended for use in uses)
        return await self._touch(id, shelf, "read", seconds)

    async def write(self, id: str, shelf: int, seconds: float, uses: list[Any]) -> str:
        assert all(use in self.ended for use in uses)
        return await self._touch(id, shelf, "write", seconds)


def random_plan(draw: random.Random, tasks: int) -> Plan:
    out = []
    for number in range(tasks):
        sources = {draw.randrange(number) for _ in range(draw.randrange(4))} if number else set()
        arguments = {
            "id": str(number),
            "shelf": draw.randrange(4),
            "seconds": draw.choice((0.25, 0.5, 2.0)),
            "uses": [f"${source}" for source in sorted(sources)],
        }
        after = (str(draw.randrange(number)),) if number and draw.random() < 0.2 else ()
        out.append(Task(str(number), draw.choice(("read", "write", "read")), arguments, after))
    return Plan(tuple(out))


def run(world: World, plan: Plan, cancel_after_s: float | None = None, limits: Limits | None = None) -> Any:
    async def main() -> Any:
        tools = {"read": world.read, "write": world.write}
        async with Runtime(tools, {"read": READ, "write": WRITE}) as runtime, runtime.session() as session:
            outcome = await run_plan(
                session,
                plan,
                conflicts="order",
                limits=limits or Limits(),
                deadline_s=cancel_after_s,
                compensate=False,
                start_early=False,
            )
            world.is_over = True
            await asyncio.sleep(100.0)
            return outcome

    return run_virtual(main())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 25), st.sampled_from([0.0, 0.2]), st.sampled_from([None, 2]))
def test_at_most_once_never_before_its_inputs_no_conflict_overlaps_and_failures_skip_the_descendants(
    seed, tasks, failing, total
):
    draw = random.Random(seed)
    plan = random_plan(draw, tasks)
    world = World(frozenset(str(n) for n in range(tasks) if draw.random() < failing))
    outcome = run(world, plan, limits=Limits(total=total))
    assert len(world.runs) == len(set(world.runs))
    assert not world.overlaps
    sources = [
        [int(use[1:]) for use in task.arguments["uses"]] + [int(source) for source in task.after] for task in plan.tasks
    ]
    failed = {int(task.id) for task in outcome.failed}
    skipped = {int(task.id) for task in outcome.skipped}
    assert skipped == descendants(successors_of(sources), failed)
    assert set(world.runs) == {task.id for task in (*outcome.done, *outcome.failed)}
    assert outcome.story().count("\n") >= tasks


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 25), st.sampled_from([0.25, 1.0, 3.0]))
def test_nothing_runs_after_a_cancel_and_every_task_has_its_fate(seed, tasks, after_s):
    plan = random_plan(random.Random(seed), tasks)
    world = World(frozenset())
    outcome = run(world, plan, cancel_after_s=after_s)
    assert not any(world.on_shelf.values())
    assert outcome.seconds <= after_s
    assert len(outcome.done) + len(outcome.cancelled) == tasks
    assert {task.id for task in outcome.done} <= world.ended


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.integers(100, 500))
def test_a_plan_that_runs_takes_no_longer_than_its_critical_path(seed, tasks):
    graph = random_graph(random.Random(seed), tasks)

    async def work(seconds: float, uses: list[Any]) -> float:
        await asyncio.sleep(seconds)
        return seconds

    async def main() -> float:
        plan = Plan(
            tuple(
                Task(str(n), "work", {"seconds": graph.seconds[n], "uses": [f"${source}" for source in sources]})
                for n, sources in enumerate(graph.predecessors)
            )
        )
        manifest = {"work": ToolSpec(name="work", effect=Effect.READ, reads=())}
        async with Runtime({"work": work}, manifest) as runtime, runtime.session() as session:
            outcome = await run_plan(session, plan)
            assert outcome.ok
            return outcome.seconds

    assert run_virtual(main()) <= 1.02 * graph.critical_s()
