"""What is learned online stays within the bound: a few entries are looked at with every call, never all at once.

Here the order of calls decides anyway, so what happened least is dropped first; hashes only break ties. (A bound by
hashes alone, as training has it, would drop ever more of what happens often while new things never cease to come.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, repeat
from typing import Any

from predictors.pattern.bounding import drop
from predictors.pattern.counts import ALL
from predictors.pattern.part import Part
from predictors.pattern.weighing import Shared, entries_of, shared_weight

ENTRIES = 32  # looked at with one call
CALLS = 256  # between looks at how many entries there are
LEAST_WEIGHT = 40  # characters of an entry, on average: with fewer entries than fit there is nothing to sweep
ROOM_LEFT = 0.8  # of the room is filled after a sweep, so that the next one is a while off
TIES = 16  # parts that entries which happened equally often are dropped in
SELDOM = 24  # doublings of a sixty-fourth of a turn that are told apart
MANY = 100  # entries of one owner, which stays then: looking at them all would take long
ALWAYS = 1e6
HOSTILE = 3  # times as many entries as fit: then all are looked at, at once
NOTHING: Sequence[Shared] = ()

Entry = tuple[int, int, Sequence[Shared], dict[str, Any], str]  # priority, weight, what it shares, where, key


class Sweep:
    """Drops entries of a part until it fits, bit by bit. `step` is called with every call that was learned."""

    __slots__ = ("_calls", "_cutoff", "_entries", "_names", "_part", "_quiet", "_total", "_weights")

    def __init__(self, part: Part) -> None:
        self._part = part
        self._calls = 0
        self._quiet = part.bound.max_bytes // LEAST_WEIGHT  # entries up to which nothing is looked at
        self._entries: Iterator[Entry] | None = None
        self._cutoff: int | None = None  # set: ranks below it are being dropped; else entries are being weighed
        self._weights: dict[int, int] = {}  # rank -> weight
        self._names: set[Shared] = set()
        self._total = 0

    def step(self) -> None:
        """A bounded bit of work."""
        if self._entries is not None:
            self._advance(ENTRIES)
            return
        self._calls += 1
        if self._calls % CALLS == 0:
            count = self._part.entries()
            if count > HOSTILE * self._part.bound.max_bytes // LEAST_WEIGHT:
                self.finish()
            elif count > self._quiet:
                self._begin(None)

    def finish(self) -> None:
        """All of it, now."""
        self._begin(None)
        while self._entries is not None:
            self._advance(1_000)

    def _advance(self, count: int) -> None:
        seen = 0
        for entry in islice(self._entries or (), count):
            seen += 1
            rank = self._rank(entry)
            _, weight, shared, where, key = entry
            if self._cutoff is not None:
                if rank < self._cutoff:
                    drop(where, key, self._part.vault, *self._part.names.vaults)
                continue
            for name in shared:
                if name not in self._names:
                    self._names.add(name)
                    weight += shared_weight(name)
            self._weights[rank] = self._weights.get(rank, 0) + weight
            self._total += weight
        if seen < count:
            self._end()

    def _rank(self, entry: Entry) -> int:
        """How often it happened, in doublings, and a hash of its key."""
        priority, _, _, where, key = entry
        if where is self._part.vault.sealed:
            turns: float = self._part.vault.tenants(key)
        elif names := next((each for each in self._part.names.vaults if where is each.sealed), None):
            turns = names.tenants(key) if names.value(key) is None else ALWAYS  # what stands in clear stays so
        else:
            turns = _turns(where.get(key, 0))
        return min(SELDOM, int(turns * 64).bit_length()) * TIES + (priority >> 8) % TIES

    def _begin(self, cutoff: int | None) -> None:
        self._cutoff = cutoff
        self._entries = _one_by_one(self._part)
        self._weights, self._names, self._total = {}, set(), 0

    def _end(self) -> None:
        self._entries = None
        if self._cutoff is None and self._total > self._part.room():
            left = self._total
            for rank in sorted(self._weights):
                left -= self._weights[rank]
                if left <= self._part.room() * ROOM_LEFT:
                    self._begin(rank + 1)
                    return
        self._quiet = max(self._part.bound.max_bytes // LEAST_WEIGHT, self._part.entries() * 9 // 8)


def _one_by_one(part: Part) -> Iterator[Entry]:
    for each in entries_of(part.counts, part.vault, part.names, ENTRIES):
        yield from zip(
            each.priorities, each.weights, each.shared or repeat(NOTHING), repeat(each.where), each.keys, strict=False
        )


def _turns(value: Any) -> float:
    """How often it happened; of what holds entries of its own, how often the commonest of them did."""
    if isinstance(value, dict):
        turns = value.get(ALL, value)
        if not isinstance(turns, dict):
            return float(turns)
        return ALWAYS if len(value) > MANY else max(map(_turns, value.values()), default=0.0)
    return float(sum(value) if isinstance(value, list) else value)
