"""What fan-out and a chain of instant tools cost elsewhere. Runs on its own, in an environment with the peers:

    python -m venv .venvs/peers
    .venvs/peers/bin/pip install langgraph agent-framework-core llama-index-workflows
    .venvs/peers/bin/python benchmarks/plans/peers.py

Annotations are evaluated here (no `from __future__ import annotations`): two of the peers read them at run time.
Prints JSON: by peer and case the best and median milliseconds. A peer that is not installed is left out.
"""

import asyncio
import json
import operator
import statistics
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter
from typing import Annotated, Any

from typing_extensions import TypedDict

RUNS = 30
Case = Callable[[], Awaitable[Any]]


async def instant(x: int) -> int:
    return x


async def measure(case: Case, runs: int = RUNS) -> dict[str, float]:
    """Best and median milliseconds, the first runs (imports, caches) left out."""
    for _ in range(3):
        await case()
    times = []
    for _ in range(runs):
        started = perf_counter()
        await case()
        times.append((perf_counter() - started) * 1e3)
    return {"best_ms": round(min(times), 3), "median_ms": round(statistics.median(times), 3)}


def gather() -> dict[str, Case]:
    async def fan(width: int) -> None:
        assert len(await asyncio.gather(*[instant(x) for x in range(width)])) == width

    async def chain() -> None:
        value = 0
        for _ in range(50):
            value = (await asyncio.gather(instant(value + 1)))[0]
        assert value == 50

    return {"fan 8": lambda: fan(8), "fan 64": lambda: fan(64), "chain 50": chain}


def langgraph() -> dict[str, Case]:
    from langgraph.graph import END, START, StateGraph

    class Many(TypedDict):
        out: Annotated[list[int], operator.add]

    class One(TypedDict):
        value: int

    def fan(width: int) -> Case:
        graph = StateGraph(Many)
        for x in range(width):

            async def node(state: Many, x: int = x) -> dict[str, list[int]]:
                return {"out": [await instant(x)]}

            graph.add_node(f"n{x}", node)
            graph.add_edge(START, f"n{x}")
            graph.add_edge(f"n{x}", END)
        compiled = graph.compile()

        async def run() -> None:
            assert len((await compiled.ainvoke({"out": []}))["out"]) == width

        return run

    def chain() -> Case:
        async def node(state: One) -> dict[str, int]:
            return {"value": await instant(state["value"] + 1)}

        graph = StateGraph(One)
        names = [f"n{x}" for x in range(50)]
        for name in names:
            graph.add_node(name, node)
        for before, behind in zip([START, *names], [*names, END], strict=True):
            graph.add_edge(before, behind)
        compiled = graph.compile()

        async def run() -> None:
            assert (await compiled.ainvoke({"value": 0}, {"recursion_limit": 100}))["value"] == 50

        return run

    return {"fan 8": fan(8), "fan 64": fan(64), "chain 50": chain()}


def agent_framework() -> dict[str, Case]:
    from agent_framework import Executor, WorkflowBuilder, WorkflowContext, handler

    class Source(Executor):
        @handler
        async def start(self, value: int, ctx: WorkflowContext[int]) -> None:
            await ctx.send_message(value)

    class Node(Executor):
        @handler
        async def run(self, value: int, ctx: WorkflowContext[int]) -> None:
            await ctx.send_message(await instant(value + 1))

    class Collect(Executor):
        @handler
        async def gather(self, values: list[int], ctx: WorkflowContext[Any, int]) -> None:
            await ctx.yield_output(len(values))

    class Last(Executor):
        @handler
        async def end(self, value: int, ctx: WorkflowContext[Any, int]) -> None:
            await ctx.yield_output(value)

    def fan(width: int) -> Case:
        async def run() -> None:
            assert (await workflow.run(0)).get_outputs() == [width]

        source, collect = Source(id="source"), Collect(id="collect")
        nodes = [Node(id=f"n{x}") for x in range(width)]
        builder = WorkflowBuilder(start_executor=source)
        workflow = builder.add_fan_out_edges(source, nodes).add_fan_in_edges(nodes, collect).build()
        return run

    def chain() -> Case:
        async def run() -> None:
            assert (await workflow.run(0)).get_outputs() == [50]

        nodes: list[Executor] = [Node(id=f"n{x}") for x in range(50)]
        builder = WorkflowBuilder(start_executor=nodes[0], max_iterations=200)
        for before, behind in zip(nodes, [*nodes[1:], Last(id="last")], strict=True):
            builder = builder.add_edge(before, behind)
        workflow = builder.build()
        return run

    return {"fan 8": fan(8), "fan 64": fan(64), "chain 50": chain()}


def llama_index() -> dict[str, Case]:
    from workflows import Context, Workflow, step
    from workflows.events import Event, StartEvent, StopEvent

    class Piece(Event):
        x: int

    class Done(Event):
        x: int

    class Fan(Workflow):
        @step
        async def start(self, ctx: Context, ev: StartEvent) -> Piece | None:
            await ctx.store.set("width", ev.width)
            for x in range(ev.width):
                ctx.send_event(Piece(x=x))
            return None

        @step(num_workers=64)
        async def work(self, ev: Piece) -> Done:
            return Done(x=await instant(ev.x))

        @step
        async def join(self, ctx: Context, ev: Done) -> StopEvent | None:
            width = await ctx.store.get("width")
            found = ctx.collect_events(ev, [Done] * width)
            return None if found is None else StopEvent(result=len(found))

    class Chain(Workflow):
        @step
        async def start(self, ev: StartEvent) -> Piece:
            return Piece(x=0)

        @step
        async def work(self, ev: Piece) -> Piece | StopEvent:
            x = await instant(ev.x + 1)
            return Piece(x=x) if x < 50 else StopEvent(result=x)

    async def fan(width: int) -> None:
        assert await Fan(timeout=60).run(width=width) == width

    async def chain() -> None:
        assert await Chain(timeout=60).run() == 50

    return {"fan 8": lambda: fan(8), "fan 64": lambda: fan(64), "chain 50": chain}


PEERS = {
    "asyncio.gather": (None, gather),
    "langgraph": ("langgraph", langgraph),
    "agent-framework": ("agent-framework-core", agent_framework),
    "llama-index-workflows": ("llama-index-workflows", llama_index),
}


async def main() -> None:
    found: dict[str, Any] = {}
    for name, (distribution, cases) in PEERS.items():
        try:
            known = "" if distribution is None else version(distribution)
        except PackageNotFoundError:
            continue
        try:
            measured = {case: await measure(run) for case, run in cases().items()}
        except Exception as error:  # a peer whose interface moved on must not hide the others
            print(f"{name} {known}: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        found[name] = {"version": known, "cases": measured}
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main())
