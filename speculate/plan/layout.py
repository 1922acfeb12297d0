"""A checked plan laid out for the scheduler: nodes, remaining paths, the critical path, the predicted makespan."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

from speculate.fanout.limits import NO_LIMITS, Limits
from speculate.plan.compiled import CompiledPlan, Edge, EdgeKind, Node
from speculate.plan.effects import TaskEffect
from speculate.plan.flatten import FlatTask
from speculate.plan.graph import critical_path, remaining_path, successors_of
from speculate.plan.schedule import Scheduler
from speculate.plan.toolbox import Toolbox


def lay_out(
    name: str,
    tasks: Sequence[FlatTask],
    edges: Sequence[Sequence[tuple[int, EdgeKind]]],
    effects: Sequence[TaskEffect],
    toolbox: Toolbox,
    limits: Limits,
    result: Any,
) -> CompiledPlan:
    """The plan of these tasks, which are in topological order; its findings are left to whoever checked it."""
    seconds = [0.0 if task.tool is None else toolbox.seconds.get(task.tool, toolbox.default_s) for task in tasks]
    predecessors = [[source for source, _ in each] for each in edges]
    successors = successors_of(predecessors)
    remaining = remaining_path(successors, range(len(tasks)), seconds)
    nodes: list[Node] = []
    for position, task in enumerate(tasks):
        needs: list[int] = []
        waits: list[int] = []
        for source, kind in edges[position]:
            (waits if kind is EdgeKind.ORDER or tasks[source].policy.optional else needs).append(source)
        nodes.append(
            Node(
                id=task.id,
                tool=task.tool,
                tree=task.tree,
                references=task.references,
                conditions=task.conditions,
                needs=tuple(needs),
                waits=tuple(waits),
                needs_any=task.needs_any,
                policy=task.policy,
                effect=effects[position],
                undo=task.undo,
                seconds=seconds[position],
                remaining_s=remaining[position],
            )
        )
    critical = critical_path(predecessors, successors, remaining)
    critical_s = remaining[critical[0]] if critical else 0.0
    return CompiledPlan(
        name=name,
        nodes=tuple(nodes),
        edges=tuple(Edge(source, target, kind) for target, each in enumerate(edges) for source, kind in each),
        findings=(),
        added=(),
        critical_path=tuple(nodes[node].id for node in critical),
        critical_path_s=critical_s,
        makespan_s=predicted_makespan_s(nodes, limits) if limits != NO_LIMITS else critical_s,
        total_s=sum(seconds),
        result=result,
        index={node.id: position for position, node in enumerate(nodes)},
    )


def predicted_makespan_s(nodes: Sequence[Node], limits: Limits) -> float:
    """Seconds the tasks take under `limits`, by running the scheduler itself over their predicted durations."""
    scheduler = Scheduler(limits.capacities())
    for node in nodes:
        scheduler.add(node.needs, node.waits, node.remaining_s, keys_of(node, limits), node.needs_any)
    now = 0.0
    running: list[tuple[float, int]] = []
    step = scheduler.poke()
    while True:
        for started in step.start:
            heapq.heappush(running, (now + nodes[started].seconds, started))
        if not running:
            return now
        now, ended = heapq.heappop(running)
        step = scheduler.succeeded(ended)


def keys_of(node: Node, limits: Limits) -> tuple[str, ...]:
    """The limits a task falls under; collecting a handoff's result costs nothing."""
    return () if node.tool is None else limits.keys_of(node.tool, node.effect.possible)
