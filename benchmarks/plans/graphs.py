"""Random graphs of tasks, and their run on a virtual machine of the scheduler's own."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

from speculate.plan.graph import descendants, remaining_path, successors_of
from speculate.plan.schedule import Scheduler, State


@dataclass(frozen=True)
class Graph:
    predecessors: list[list[int]]
    seconds: list[float]

    @property
    def successors(self) -> list[list[int]]:
        return successors_of(self.predecessors)

    def remaining(self) -> list[float]:
        return remaining_path(self.successors, range(len(self.seconds)), self.seconds)

    def critical_s(self) -> float:
        return max(self.remaining(), default=0.0)


def random_graph(draw: random.Random, tasks: int, density: float = 2.0) -> Graph:
    """Each task waits for some earlier ones; durations are spread over two orders of magnitude, binary-exact."""
    predecessors: list[list[int]] = [[]]
    for task in range(1, tasks):
        edges = draw.randrange(int(density * 2))
        predecessors.append(sorted({draw.randrange(max(0, task - 40), task) for _ in range(edges)}))
    return Graph(predecessors, [draw.choice((0.25, 0.5, 1.0, 2.0, 8.0, 16.0)) for _ in range(tasks)])


@dataclass
class Trace:
    start: dict[int, float] = field(default_factory=dict)
    end: dict[int, float] = field(default_factory=dict)
    states: list[State] = field(default_factory=list)
    makespan: float = 0.0
    most_at_once: int = 0


def simulate(
    graph: Graph,
    slots: int | None = None,
    *,
    first_come: bool = False,
    fails: frozenset[int] = frozenset(),
    check: bool = False,
) -> Trace:
    """Run the graph on so many slots. `first_come`: in the order tasks became ready, as a plain queue would."""
    capacities = {} if slots is None else {"total": slots}
    keys = () if slots is None else ("total",)
    scheduler = Scheduler(capacities)
    remaining = graph.remaining()
    trace = Trace()
    for task, sources in enumerate(graph.predecessors):
        scheduler.add(sources, (), 0.0 if first_come else remaining[task], keys)
    running: list[tuple[float, int]] = []
    step, now = scheduler.poke(), 0.0
    while True:
        for task in step.start:
            assert task not in trace.start
            trace.start[task] = now
            heapq.heappush(running, (now + graph.seconds[task], task))
        trace.most_at_once = max(trace.most_at_once, len(running))
        if check:
            scheduler.check()
        if not running:
            break
        now, task = heapq.heappop(running)
        trace.end[task] = now
        step = scheduler.failed(task) if task in fails else scheduler.succeeded(task)
    trace.states, trace.makespan = scheduler.states, now
    assert scheduler.is_settled
    return trace


def skipped_by(graph: Graph, fails: frozenset[int]) -> set[int]:
    """What failing these tasks must skip: their descendants, and nothing else."""
    return descendants(graph.successors, fails)
