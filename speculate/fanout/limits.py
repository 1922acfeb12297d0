"""How much may run at once: limits as a value, and the slots that keep to them, without any I/O.

The queue is a heap, and who waits for a full limit waits in that limit's own heap, so that starting or ending a
call costs O(log n) however many are waiting: nothing is scanned and nothing polls.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field

from speculate.errors import SpeculateError
from speculate.resources import Claims, overlaps, template_problem

TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many calls may run at once: in all, of a tool, and on a resource ("db/*": what claims any of it)."""

    total: int | None = None
    tools: Mapping[str, int] = field(default_factory=dict)
    resources: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, limit in (("total", self.total), *self.tools.items(), *self.resources.items()):
            if limit is not None and limit < 1:
                raise SpeculateError(f"limit {name!r}: at least 1 call must be able to run, not {limit!r}")
        for resource in self.resources:
            if (problem := template_problem(resource)) is not None:
                raise SpeculateError(f"limit on resource {resource!r}: {problem}")

    def capacities(self) -> dict[str, int]:
        """Every limit by the key that `keys_of` gives it."""
        out = {f"tool:{name}": limit for name, limit in self.tools.items()}
        out |= {f"resource:{name}": limit for name, limit in self.resources.items()}
        if self.total is not None:
            out[TOTAL] = self.total
        return out

    def keys_of(self, tool: str, claims: Claims) -> tuple[str, ...]:
        """The limits a call falls under."""
        keys = [TOTAL] if self.total is not None else []
        if tool in self.tools:
            keys.append(f"tool:{tool}")
        claimed = (*claims.reads, *claims.writes)
        keys += [f"resource:{name}" for name in self.resources if any(overlaps(name, claim) for claim in claimed)]
        return tuple(keys)


NO_LIMITS = Limits()


class Slots:
    """Who may run now. Items are numbers; the lowest rank goes first, then the lowest number."""

    __slots__ = ("_free", "_keys", "_parked", "_queue", "_ranks")

    def __init__(self, capacities: Mapping[str, int] | None = None) -> None:
        self._free: dict[str, int] = dict(capacities or {})
        self._queue: list[tuple[float, int]] = []
        self._parked: dict[str, list[tuple[float, int]]] = {key: [] for key in self._free}
        self._keys: dict[int, tuple[str, ...]] = {}
        self._ranks: dict[int, float] = {}  # of who waits; a heap's entry with another rank is out of date

    def push(self, item: int, rank: float, keys: tuple[str, ...] = ()) -> None:
        """`item` is ready to run; pushed again while it waits, it takes the new rank."""
        self._ranks[item] = rank
        if keys:
            self._keys[item] = keys
        heapq.heappush(self._queue, (rank, item))

    def take(self) -> list[int]:
        """Everything that can start now, best rank first. Each takes its slots until it is released."""
        started: list[int] = []
        queue, free = self._queue, self._free
        while queue:
            entry = heapq.heappop(queue)
            rank, item = entry
            if self._ranks.get(item) != rank:
                continue
            keys = self._keys.get(item)
            if keys is not None:
                full = next((key for key in keys if free[key] <= 0), None)
                if full is not None:
                    heapq.heappush(self._parked[full], entry)
                    continue
                for key in keys:
                    free[key] -= 1
            del self._ranks[item]
            started.append(item)
        return started

    def release(self, item: int) -> list[int]:
        """`item` holds its slots no longer; what can start in its place."""
        keys = self._keys.pop(item, None)
        if keys is None:
            return []
        for key in keys:
            self._free[key] += 1
        started: list[int] = []
        # One candidate of each freed limit at a time: whoever is pushed on either starts, or parks at another full
        # limit and leaves this one to the next in line.
        while True:
            woken = False
            for key in keys:
                if self._free[key] > 0 and self._parked[key]:
                    heapq.heappush(self._queue, heapq.heappop(self._parked[key]))
                    woken = True
            if not woken:
                return started
            started += self.take()

    def clear(self) -> list[int]:
        """Drop everything that has not started; the items dropped."""
        dropped = sorted(self._ranks)
        self._ranks.clear()
        self._queue.clear()
        for parked in self._parked.values():
            parked.clear()
        for item in dropped:
            self._keys.pop(item, None)
        return dropped

    @property
    def waiting(self) -> int:
        """How many are ready and wait for a slot."""
        return len(self._ranks)

    def __repr__(self) -> str:
        return f"<Slots {self.waiting} waiting, free {self._free}>"
