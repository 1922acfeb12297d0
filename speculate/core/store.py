"""Finished results waiting to be asked for: bounded, and each with its own time to live.

cachetools' TLRUCache on the runtime's clock. The store holds speculations, not results: those stay with the
shell. What leaves it unasked, because it grew too old or room was needed, is handed to the brain to squash.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from cachetools import TLRUCache

from speculate.core.machine import Speculation

MANY = 64


class _Store(TLRUCache[int, Speculation]):
    """Tells which entry room was made from (cachetools calls `popitem` for that)."""

    def __init__(self, size: int, timer: Callable[[], float]) -> None:
        super().__init__(size, lambda _key, item, _now: item.launched_at + item.call.spec.ttl_s, timer)
        self.evicted: list[Speculation] = []

    def popitem(self) -> tuple[int, Speculation]:
        key, item = super().popitem()
        self.evicted.append(item)
        return key, item


class ReadyStore:
    """Speculations whose result is ready."""

    __slots__ = ("_due", "_entries", "_now", "_order")

    def __init__(self, size: int) -> None:
        self._now = 0.0
        self._entries = _Store(size, lambda: self._now)
        # The cache is asked only when something is due: `expired` is asked before every call.
        self._due: dict[int, float] = {}
        self._order: list[tuple[float, int]] = []  # a heap; what has left is dropped when it comes to the top

    def put(self, speculation: Speculation, at: float) -> list[Speculation]:
        """Keep it. Returns what was evicted for it. Call `expired(at)` first: cachetools drops those silently."""
        self._now = at
        entries, id = self._entries, speculation.id
        entries[id] = speculation
        evicted, entries.evicted = entries.evicted, []
        for gone in evicted:
            del self._due[gone.id]
        if id not in entries:  # its time to live ended this moment: cachetools does not take it
            return [*evicted, speculation]
        due = self._due[id] = speculation.launched_at + speculation.call.spec.ttl_s
        heappush(self._order, (due, id))
        if len(self._order) > 2 * len(self._due) + MANY:
            self._order = [(due, id) for id, due in self._due.items()]
            heapify(self._order)
        return evicted

    def remove(self, speculation: Speculation) -> None:
        if self._due.pop(speculation.id, None) is not None:
            del self._entries[speculation.id]

    def expired(self, at: float) -> list[Speculation]:
        """Take out what has grown too old by `at`."""
        order, due = self._order, self._due
        while order and order[0][1] not in due:
            heappop(order)
        if not order or order[0][0] > at:
            return []
        self._now = at
        gone = [item for _, item in self._entries.expire(at)]
        for item in gone:
            del due[item.id]
        return gone

    def __len__(self) -> int:
        return len(self._due)
