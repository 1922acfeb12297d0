"""Finished results waiting to be asked for: bounded, and each with its own time to live.

cachetools' TLRUCache on the runtime's clock. The store holds speculations, not results: those stay with the
shell. What leaves it unasked, because it grew too old or room was needed, is handed to the brain to squash.
"""

from __future__ import annotations

from collections.abc import Callable

from cachetools import TLRUCache

from speculate.core.machine import Speculation


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

    __slots__ = ("_entries", "_now", "holds_any")

    def __init__(self, size: int) -> None:
        self._now = 0.0
        self._entries = _Store(size, lambda: self._now)
        self.holds_any = False  # False: certainly none; asked before every call

    def put(self, speculation: Speculation, at: float) -> list[Speculation]:
        """Keep it. Returns what was evicted for it. Call `expired(at)` first: cachetools drops those silently."""
        self._now = at
        self.holds_any = True
        entries = self._entries
        entries[speculation.id] = speculation
        evicted, entries.evicted = entries.evicted, []
        if speculation.id not in entries:  # its time to live ended this moment: cachetools does not take it
            evicted.append(speculation)
        return evicted

    def remove(self, speculation: Speculation) -> None:
        self._entries.pop(speculation.id, None)

    def expired(self, at: float) -> list[Speculation]:
        """Take out what has grown too old by `at`."""
        self._now = at
        gone = [item for _, item in self._entries.expire(at)]
        self.holds_any = bool(self._entries.currsize)
        return gone

    def __len__(self) -> int:
        return len(self._entries)
