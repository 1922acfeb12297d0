"""Counting in bounded memory: quantiles by logarithmic buckets, counters with a limit, a reservoir of sessions."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from random import Random
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

RELATIVE_ERROR = 0.01
SMALLEST_S = 1e-7
_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(_GAMMA)


class Quantiles:
    """Durations in seconds, counted in buckets that are 2 % wide: any quantile to within 1 %.

    Bounded whatever is added, and exact to add up (DDSketch: Masson, Rim and Lee, VLDB 2019, section 2).
    """

    __slots__ = ("_buckets", "count", "largest", "total")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.largest = 0.0

    def add(self, seconds: float) -> None:
        index = math.ceil(math.log(max(seconds, SMALLEST_S)) / _LOG_GAMMA)
        self._buckets[index] = self._buckets.get(index, 0) + 1
        self.count += 1
        self.total += seconds
        self.largest = max(self.largest, seconds)

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    def quantile(self, share: float) -> float | None:
        """The value below which `share` of what was added lies; None if nothing was."""
        if not self.count:
            return None
        rank = share * (self.count - 1)
        passed = 0
        for index in sorted(self._buckets):
            passed += self._buckets[index]
            if passed > rank:
                value = 2 * _GAMMA**index / (_GAMMA + 1)
                return min(0.0 if value <= 2 * SMALLEST_S else value, self.largest)
        return self.largest  # pragma: no cover  # the buckets hold all that was counted

    def document(self) -> dict[str, float | int | None]:
        return {
            "count": self.count,
            "total_s": self.total,
            "mean_s": self.mean,
            "p50_s": self.quantile(0.5),
            "p90_s": self.quantile(0.9),
            "p99_s": self.quantile(0.99),
            "max_s": self.largest if self.count else None,
        }


class Counts(Generic[K]):
    """How often each key occurred. Past `limit` different keys, new ones are only counted together."""

    __slots__ = ("_counts", "limit", "others")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.others = 0
        self._counts: dict[K, int] = {}

    def add(self, key: K, amount: int = 1) -> None:
        if key in self._counts:
            self._counts[key] += amount
        elif len(self._counts) < self.limit:
            self._counts[key] = amount
        else:
            self.others += amount

    def __getitem__(self, key: K) -> int:
        return self._counts.get(key, 0)

    def __contains__(self, key: object) -> bool:
        return key in self._counts

    def __iter__(self) -> Iterator[K]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def total(self) -> int:
        return sum(self._counts.values()) + self.others

    def most_common(self, limit: int | None = None) -> list[tuple[K, int]]:
        """Keys with their counts, most frequent first; equals by name, so that the order never varies."""
        ranked = sorted(self._counts.items(), key=lambda item: (-item[1], str(item[0])))
        return ranked if limit is None else ranked[:limit]


class Reservoir(Generic[T]):
    """A uniform sample of a stream of unknown length (Vitter 1985, algorithm R), also bounded by total weight.

    Kept in the order of the stream. When the weights exceed the limit, the sample is thinned at random.
    """

    def __init__(self, capacity: int, random: Random, weight_limit: int | None = None) -> None:
        self._capacity = capacity
        self._random = random
        self._weight_limit = weight_limit
        self._kept: list[tuple[int, int, T]] = []
        self._weight = 0
        self.seen = 0

    def wants(self) -> int | None:
        """Decide about the next item of the stream: the place it takes, or None if it is not sampled."""
        self.seen += 1
        if len(self._kept) < self._capacity:
            return len(self._kept)
        place = self._random.randrange(self.seen)
        return place if place < self._capacity else None

    def put(self, place: int, item: T, weight: int = 0) -> None:
        """Keep an item at the place `wants` gave for it."""
        if place < len(self._kept):
            self._weight -= self._kept[place][1]
            self._kept[place] = (self.seen, weight, item)
        else:
            self._kept.append((self.seen, weight, item))
        self._weight += weight
        while self._weight_limit is not None and self._weight > self._weight_limit and len(self._kept) > 1:
            dropped = self._random.randrange(len(self._kept))
            self._weight -= self._kept[dropped][1]
            self._kept[dropped] = self._kept[-1]
            self._kept.pop()
            self._capacity = len(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def items(self) -> list[T]:
        return [item for _, _, item in sorted(self._kept, key=lambda kept: kept[0])]
