"""Numbers counted on the event loop's thread, turned into Prometheus' families when somebody scrapes.

prometheus_client's own counters take a lock for every increment; every call of every agent passes here several times,
a scrape comes every few seconds. Only the loop's thread writes. A scrape copies a dict in one step of the interpreter,
so it sees some moment between two increments.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from speculate.metrics.catalogue import Metric as Entry

Labels = tuple[str, ...]


class Count:
    """A counter or a gauge, by label values."""

    __slots__ = ("_values", "entry")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self._values: dict[Labels, float] = {} if entry.labels else {(): 0.0}

    def add(self, labels: Labels = (), amount: float = 1.0) -> None:
        values = self._values
        values[labels] = values.get(labels, 0.0) + amount

    def family(self) -> Metric:
        kind = CounterMetricFamily if self.entry.kind == "counter" else GaugeMetricFamily
        family = kind(self.entry.name, self.entry.help, labels=self.entry.labels)
        for labels, value in self._values.copy().items():
            family.add_metric(labels, value)
        return family


class _Buckets:
    __slots__ = ("counts", "total")

    def __init__(self, size: int) -> None:
        self.counts = [0] * size
        self.total = 0.0


class Spread:
    """A histogram, by label values."""

    __slots__ = ("_bounds", "_names", "_values", "entry")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self._bounds = entry.buckets
        self._names = [*map(floatToGoString, entry.buckets), "+Inf"]
        self._values: dict[Labels, _Buckets] = {} if entry.labels else {(): _Buckets(len(self._names))}

    def observe(self, labels: Labels, value: float) -> None:
        buckets = self._values.get(labels)
        if buckets is None:
            buckets = self._values[labels] = _Buckets(len(self._names))
        buckets.counts[bisect_left(self._bounds, value)] += 1  # a bound is part of its own bucket
        buckets.total += value

    def family(self) -> Metric:
        family = HistogramMetricFamily(self.entry.name, self.entry.help, labels=self.entry.labels)
        for labels, buckets in self._values.copy().items():
            family.add_metric(labels, list(self._cumulated(buckets.counts.copy())), buckets.total)
        return family

    def _cumulated(self, counts: Sequence[int]) -> Iterator[tuple[str, float]]:
        so_far = 0
        for name, count in zip(self._names, counts, strict=True):
            so_far += count
            yield name, float(so_far)


class Tally(Collector):
    """What a registry collects: every metric of a catalogue, counted here."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._counts: dict[str, Count] = {}
        self._spreads: dict[str, Spread] = {}
        for entry in entries:
            if entry.kind == "histogram":
                self._spreads[entry.name] = Spread(entry)
            else:
                self._counts[entry.name] = Count(entry)

    def count(self, name: str) -> Count:
        """The counter or gauge of this name."""
        return self._counts[name]

    def spread(self, name: str) -> Spread:
        """The histogram of this name."""
        return self._spreads[name]

    def collect(self) -> Iterator[Metric]:
        """Every family as it stands."""
        yield from (count.family() for count in self._counts.values())
        yield from (spread.family() for spread in self._spreads.values())

    def describe(self) -> Iterator[Metric]:
        """The families' names, so that a registry notices a second set."""
        return self.collect()
