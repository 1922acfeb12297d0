"""Graph algorithms a plan needs, all without recursion and near-linear, so that 100,000 tasks are no matter."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence


def topological_order(predecessors: Sequence[Sequence[int]]) -> list[int]:
    """Every node after its predecessors, the lowest number first where there is a choice (Kahn 1962).

    Nodes on a cycle, or behind one, are left out: the order is shorter than the graph.
    """
    blockers = [len(sources) for sources in predecessors]
    successors = successors_of(predecessors)
    ready = [node for node, count in enumerate(blockers) if count == 0]  # ascending: a heap as it stands
    order: list[int] = []
    while ready:
        node = heapq.heappop(ready)
        order.append(node)
        for target in successors[node]:
            blockers[target] -= 1
            if blockers[target] == 0:
                heapq.heappush(ready, target)
    return order


def successors_of(predecessors: Sequence[Iterable[int]]) -> list[list[int]]:
    """The same edges from their other end."""
    successors: list[list[int]] = [[] for _ in predecessors]
    for target, sources in enumerate(predecessors):
        for source in sources:
            successors[source].append(target)
    return successors


def cycles(predecessors: Sequence[Sequence[int]], limit: int = 20) -> list[list[int]]:
    """Up to `limit` cycles that share no node, each in the order its tasks wait for each other."""
    ordered = set(topological_order(predecessors))
    found: list[list[int]] = []
    seen: set[int] = set()
    for first in range(len(predecessors)):
        if first in ordered or first in seen:
            continue
        # Every node left has a predecessor that is left too, so walking backwards must come round.
        walk: list[int] = []
        position: dict[int, int] = {}
        node: int | None = first
        while node is not None and node not in position and node not in seen:
            position[node] = len(walk)
            walk.append(node)
            node = next((source for source in predecessors[node] if source not in ordered), None)
        if node is not None and node in position:
            found.append(walk[position[node] :])
        seen.update(walk)
        if len(found) >= limit:
            break
    return found


def remaining_path(successors: Sequence[Sequence[int]], order: Sequence[int], seconds: Sequence[float]) -> list[float]:
    """For each node the seconds of the longest path that begins with it, itself included."""
    remaining = list(seconds)
    for node in reversed(order):
        longest = max((remaining[target] for target in successors[node]), default=0.0)
        remaining[node] = seconds[node] + longest
    return remaining


def critical_path(
    predecessors: Sequence[Sequence[int]], successors: Sequence[Sequence[int]], remaining: Sequence[float]
) -> list[int]:
    """One longest path, first node first."""
    roots = [node for node, sources in enumerate(predecessors) if not sources]
    if not roots:
        return []
    node = max(roots, key=lambda root: remaining[root])
    path = [node]
    while successors[node]:
        node = max(successors[node], key=lambda target: remaining[target])
        path.append(node)
    return path


def descendants(successors: Sequence[Sequence[int]], roots: Iterable[int]) -> set[int]:
    """Everything reachable from `roots`, the roots themselves left out unless one reaches another."""
    reached: set[int] = set()
    stack = list(roots)
    while stack:
        for target in successors[stack.pop()]:
            if target not in reached:
                reached.add(target)
                stack.append(target)
    return reached


def reach_masks(predecessors: Sequence[Sequence[int]], order: Sequence[int], bits: Sequence[int]) -> list[int]:
    """For each node, which of up to some thousands of nodes `bits` are among its ancestors, as a bit mask.

    One pass over the edges with whole-integer unions: what makes many reachability questions cost little more
    than one. Call it on the reversed graph for descendants.
    """
    own = dict.fromkeys(bits, 0)
    for position, node in enumerate(bits):
        own[node] = 1 << position
    masks = [0] * len(predecessors)
    for node in order:
        mask = 0
        for source in predecessors[node]:
            mask |= masks[source]
            bit = own.get(source)
            if bit is not None:
                mask |= bit
        masks[node] = mask
    return masks
