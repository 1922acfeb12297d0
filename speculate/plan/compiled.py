"""A plan that passed every check: what the scheduler runs and what is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from speculate.plan.effects import TaskEffect
from speculate.plan.findings import Finding
from speculate.plan.model import TaskPolicy, When
from speculate.plan.placeholders import Reference


class EdgeKind(Enum):
    """Why one task waits for another."""

    DATA = "data"  # a placeholder: the result is used
    WHEN = "when"  # a condition is asked of the result
    AFTER = "after"  # the plan says so
    ORDER = "order"  # added, because the two would conflict; a failure does not pass along it


@dataclass(frozen=True, slots=True)
class Edge:
    source: int
    target: int
    kind: EdgeKind


@dataclass(frozen=True, slots=True)
class Node:
    """One task, ready to be scheduled. Indices are places in `CompiledPlan.nodes`, which is a topological order.

    needs: must be done first (of one that `needs_any`: one of them). waits: must only have ended, well or not.
    remaining_s: predicted seconds from this task's start to the end of the longest path through it.
    """

    id: str
    tool: str | None
    tree: Any
    references: tuple[Reference, ...]
    conditions: tuple[tuple[When, Reference], ...]
    needs: tuple[int, ...]
    waits: tuple[int, ...]
    needs_any: bool
    policy: TaskPolicy
    effect: TaskEffect
    undo: Any
    seconds: float
    remaining_s: float

    @property
    def is_static(self) -> bool:
        """Whether the arguments are known before anything ran."""
        return not self.references


@dataclass(frozen=True, slots=True)
class CompiledPlan:
    """A checked plan. `added`: edges nobody wrote, from placeholders and for the sake of order, by ids.

    critical_path_s: seconds of the longest path, the least the plan can take. makespan_s: what it is predicted to
    take under the limits it was compiled for.
    """

    name: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    findings: tuple[Finding, ...]
    added: tuple[tuple[str, str], ...]
    critical_path: tuple[str, ...]
    critical_path_s: float
    makespan_s: float
    total_s: float
    result: Any = None
    index: Mapping[str, int] = field(default_factory=dict, repr=False)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    def sinks(self) -> list[int]:
        """The tasks nothing depends on."""
        used = {edge.source for edge in self.edges if edge.kind is not EdgeKind.ORDER}
        return [index for index in range(len(self.nodes)) if index not in used]

    def __len__(self) -> int:
        return len(self.nodes)
