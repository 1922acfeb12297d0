"""Plans as LangGraph graphs, with the real LangGraph where it is installed."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from speculate import Effect, MissingExtra, PlanError, Runtime, ToolSpec
from speculate.fanout import CallRefused
from speculate.plan import Handoff, Plan, Task, TaskPolicy, When
from speculate.plan.langgraph import from_langgraph, to_langgraph


async def echo(**arguments: Any) -> Any:
    return arguments


class FakeStateGraph:
    """As much of LangGraph's StateGraph as is used here, so that the conversion is tested where LangGraph is not."""

    def __init__(self, schema: Any) -> None:
        self.nodes: dict[str, Any] = {}
        self.edges: set[tuple[str, str]] = set()
        self.waiting_edges: set[tuple[tuple[str, ...], str]] = set()
        self.branches: dict[str, Any] = {}

    def add_node(self, name: str, function: Any, metadata: dict[str, Any] | None = None) -> None:
        self.nodes[name] = SimpleNamespace(run=function, metadata=metadata)

    def add_edge(self, before: str | list[str], behind: str) -> None:
        if isinstance(before, list):
            self.waiting_edges.add((tuple(before), behind))
        else:
            self.edges.add((before, behind))

    def add_conditional_edges(self, before: str, function: Any, targets: list[str]) -> None:
        self.branches[before] = (function, targets)

    def compile(self) -> FakeStateGraph:
        return self

    async def ainvoke(self, state: dict[str, Any]) -> dict[str, Any]:
        waits = {name: {"__start__"} for name in self.nodes}
        for sources, target in [((source,), target) for source, target in self.edges] + list(self.waiting_edges):
            if target != "__end__":
                waits[target] = set(sources)
        ended, state = {"__start__"}, {"results": {}, "skipped": []}
        while ready := [name for name in self.nodes if name not in ended and waits[name] <= ended]:
            for name in ready:
                update = await self.nodes[name].run(state)
                state["results"] |= update.get("results", {})
                state["skipped"] += update.get("skipped", [])
                ended.add(name)
        return state


FAKE = SimpleNamespace(StateGraph=FakeStateGraph, START="__start__", END="__end__")


@pytest.fixture(params=["fake", "real"])
def graph(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    if request.param == "real":
        return pytest.importorskip("langgraph.graph", reason="runs in an environment that has LangGraph")
    monkeypatch.setitem(sys.modules, "langgraph", ModuleType("langgraph"))
    monkeypatch.setitem(sys.modules, "langgraph.graph", FAKE)
    return FAKE


PLAN = Plan(
    (
        Task("1", "echo", {"n": 1}),
        Task("2", "echo", {"n": 2}),
        Task("3", "echo", {"a": "$1.n", "b": "$2.n"}, when=(When("$1.n", "equals", 1),)),
        Task("4", "echo", {"x": 1}, when=(When("$1.n", "above", 5),)),
        Task("5", "echo", {"from": ["$3.b", "$4.x"]}, needs="any"),
        Handoff("6", Plan((Task("a", "echo", {"got": "$input.x"}),)), {"x": "$5.from"}),
        Task("7", "echo", {"of": "$4"}),
    )
)


def run(use: Any) -> Any:
    async def main() -> Any:
        manifest = {"echo": ToolSpec(name="echo", effect=Effect.READ, reads=())}
        async with Runtime({"echo": echo}, manifest) as runtime, runtime.session() as session:
            return await use(session)

    return asyncio.run(main())


@pytest.mark.filterwarnings("default")  # a peer's own deprecations are not this package's to mend
def test_a_plan_runs_as_a_langgraph_graph_and_comes_back(graph):
    async def use(session: Any) -> None:
        builder = to_langgraph(session, PLAN)
        state = await builder.compile().ainvoke({})
        assert state["results"]["5"] == {"from": [2, None]}
        assert state["results"]["6"] == {"got": [2, None]}
        assert sorted(state["skipped"]) == ["4", "7"]
        back = from_langgraph(builder)
        assert back.tasks == PLAN.tasks
        with pytest.raises(PlanError, match="task '1': a task's own policy"):
            to_langgraph(session, Plan((Task("1", "echo", policy=TaskPolicy(timeout_s=1.0)),)))

    run(use)


@pytest.mark.filterwarnings("default")  # as above
def test_a_graph_of_tools_becomes_a_plan_and_code_in_edges_does_not(graph):
    builder = graph.StateGraph(dict)
    for name in ("a", "b", "c"):
        builder.add_node(name, lambda state: state)
    builder.add_edge(graph.START, "a")
    builder.add_edge(graph.START, "b")
    builder.add_edge(["a", "b"], "c")
    builder.add_edge("c", graph.END)
    plan = from_langgraph(builder, {"a": {"x": 1}})
    assert plan.tasks == (Task("a", "a", {"x": 1}), Task("b", "b"), Task("c", "c", after=("a", "b")))
    builder.add_conditional_edges("c", lambda state: "a", ["a"])
    with pytest.raises(PlanError, match="task 'c': has conditional edges"):
        from_langgraph(builder)


def test_a_write_that_is_not_confirmed_ends_the_graphs_run(graph):
    async def main() -> None:
        spec = ToolSpec(name="pay", effect=Effect.WRITE, confirm=True)
        async with Runtime({"pay": echo}, {"pay": spec}) as runtime, runtime.session() as session:
            builder = to_langgraph(session, Plan((Task("1", "pay"),)))
            with pytest.raises(CallRefused):
                await builder.compile().ainvoke({})

    asyncio.run(main())


def test_a_condition_on_what_is_not_there_does_not_hold(graph):
    async def use(session: Any) -> None:
        plan = Plan((Task("1", "echo", {"n": 1}), Task("2", "echo", when=(When("$1.m", "exists"),))))
        assert (await to_langgraph(session, plan).compile().ainvoke({}))["skipped"] == ["2"]

    run(use)


def test_without_langgraph_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "langgraph.graph", None)

    async def use(session: Any) -> None:
        with pytest.raises(MissingExtra, match=r"speculate-runtime\[langgraph\]"):
            to_langgraph(session, PLAN)

    run(use)
