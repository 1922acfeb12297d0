"""Plans as LangGraph graphs, and back where it fits (extra `langgraph`; tried with langgraph 1.2).

A plan becomes a StateGraph whose nodes make the same real calls through the session; results stand in the state by
task id. What LangGraph does otherwise stays LangGraph's: it runs in supersteps, and an exception ends the run.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from speculate.calls import Served, ToolCall
from speculate.errors import MissingExtra, PlanError
from speculate.fanout.branches import CallRefused
from speculate.plan.compile import compile_plan
from speculate.plan.compiled import Node
from speculate.plan.host import toolbox_of
from speculate.plan.model import DEFAULT_POLICY, Handoff, Plan, Task
from speculate.plan.placeholders import PathMissing, Reference, follow, render

if TYPE_CHECKING:
    from speculate.runtime.session import Session

_TASK = "speculate_task"


class PlanState(TypedDict, total=False):
    """The graph's state: results by task id, and the tasks that were skipped."""

    results: Annotated[dict[str, Any], operator.or_]
    skipped: Annotated[list[str], operator.add]


def _graph() -> Any:
    try:
        return import_module("langgraph.graph")
    except ImportError as error:
        raise MissingExtra("langgraph", "langgraph", "turning a plan into a LangGraph graph") from error


def to_langgraph(session: Session, plan: Plan) -> Any:
    """A StateGraph that runs `plan` through `session`; compile it as any other, and invoke it with `{}`.

    Raises InvalidPlan, PlanError for tasks with a policy of their own (LangGraph has its own retries and timeouts),
    MissingExtra.
    """
    graph = _graph()
    compiled = compile_plan(plan, toolbox_of(session))
    for node in compiled.nodes:
        if node.policy != DEFAULT_POLICY:
            problem = "a task's own policy does not go into a LangGraph graph; set it on the graph's node"
            raise PlanError(problem, task=node.id)
    originals = {task.id: task for task in plan.tasks}
    builder = graph.StateGraph(PlanState)
    for node in compiled.nodes:
        sources = [compiled.nodes[source].id for source in node.needs]
        # A node inside a handoff has no task of its own in the plan; the handoff itself stands for it.
        builder.add_node(node.id, _runner(session, node, sources), metadata={_TASK: originals.get(node.id)})
        before = [compiled.nodes[source].id for source in (*node.needs, *node.waits)]
        if not before:
            builder.add_edge(graph.START, node.id)
        else:
            builder.add_edge(before if len(before) > 1 else before[0], node.id)
    waited_for = {source for node in compiled.nodes for source in (*node.needs, *node.waits)}
    for position, node in enumerate(compiled.nodes):
        if position not in waited_for:
            builder.add_edge(node.id, graph.END)
    return builder


def _runner(session: Session, node: Node, sources: list[str]) -> Any:
    async def run(state: PlanState) -> PlanState:
        results, skipped = state.get("results", {}), set(state.get("skipped", []))

        def look_up(reference: Reference) -> Any:
            return None if reference.task in skipped else follow(results[reference.task], reference.path)

        def asked(reference: Reference) -> Any:
            try:
                return look_up(reference)
            except PathMissing:
                return None

        lost = [source for source in sources if source in skipped]
        if lost and (not node.needs_any or len(lost) == len(sources)):
            return {"skipped": [node.id]}
        if not all(when.holds(asked(reference)) for when, reference in node.conditions):
            return {"skipped": [node.id]}
        arguments = render(node.tree, look_up)
        if node.tool is None:
            return {"results": {node.id: arguments}}
        outcome = await session.execute(ToolCall(node.tool, arguments))
        if outcome.served is Served.REFUSED:
            raise CallRefused(str(outcome.value))
        return {"results": {node.id: outcome.result()}}

    return run


def from_langgraph(builder: Any, arguments: Mapping[str, Mapping[str, Any]] | None = None) -> Plan:
    """The plan of a StateGraph (not yet compiled): one task a node, `after` its edges.

    A node that came from a plan is that task again. Any other stands for the tool of its name, with `arguments` for
    it: what such a node reads from the graph's state is code, and cannot be read off it. Raises PlanError for
    conditional edges, which are code as well.
    """
    graph = _graph()
    if branching := sorted(builder.branches):
        problem = "has conditional edges, which are code; say them as `when` conditions of a plan"
        raise PlanError(problem, task=branching[0])
    before: dict[str, list[str]] = {name: [] for name in builder.nodes}
    edges = [((source,), target) for source, target in builder.edges] + list(builder.waiting_edges)
    for sources, target in sorted(edges):
        if target != graph.END:
            before[target] += [source for source in sources if source != graph.START]
    known = arguments or {}
    tasks: list[Task | Handoff] = []
    for name, spec in builder.nodes.items():
        metadata = spec.metadata or {}
        if _TASK not in metadata:
            tasks.append(Task(name, name, known.get(name, {}), tuple(before[name])))
        elif metadata[_TASK] is not None:
            tasks.append(metadata[_TASK])
    return Plan(tuple(tasks), name="from langgraph")
