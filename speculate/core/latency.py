"""How long tools take and how long the model thinks, from what was seen: the last so many samples of each.

Only work that came to its end is counted; squashed work never feeds an estimate (as in Netflix's
concurrency-limits, where discarded work is neither success nor failure).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence

WINDOW = 128
ENOUGH = 5  # fewer samples say nothing about a tail
QUANTILES = 12


class Samples:
    """A sliding window of durations in seconds, sorted as it goes."""

    __slots__ = ("_recent", "_sorted", "count")

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []
        self.count = 0

    def add(self, seconds: float) -> None:
        if len(self._recent) == WINDOW:
            oldest = self._recent.popleft()
            del self._sorted[bisect_left(self._sorted, oldest)]
        self._recent.append(seconds)
        insort(self._sorted, seconds)
        self.count += 1

    def quantile(self, share: float) -> float | None:
        """The smallest sample that more than `share` of all do not exceed; None with fewer than ENOUGH samples."""
        values = self._sorted
        if len(values) < ENOUGH:
            return None
        return values[min(len(values) - 1, int(share * len(values)))]

    def spread(self, prior: float) -> Sequence[float]:
        """At most QUANTILES evenly spaced values; the prior alone while nothing was seen."""
        values = self._sorted
        if not values:
            return (prior,)
        if len(values) <= QUANTILES:
            return tuple(values)
        step = len(values) / QUANTILES
        return [values[int((index + 0.5) * step)] for index in range(QUANTILES)]


class Latencies:
    """Durations by tool, and the lead: from a prediction to the session's next real call."""

    __slots__ = ("_hidden", "_prior_lead_s", "_prior_tool_s", "_tools", "lead")

    def __init__(self, prior_tool_s: float, prior_lead_s: float) -> None:
        self._tools: dict[str, Samples] = {}
        self._prior_tool_s, self._prior_lead_s = prior_tool_s, prior_lead_s
        self._hidden: dict[str, tuple[int, float]] = {}  # tool -> (samples seen when computed, value)
        self.lead = Samples()

    def seed(self, tool: str, seconds: Iterable[float]) -> None:
        """Tell what was recorded elsewhere, oldest first."""
        for value in seconds:
            self.observe(tool, value)

    def observe(self, tool: str, seconds: float) -> None:
        samples = self._tools.get(tool)
        if samples is None:
            samples = self._tools[tool] = Samples()
        samples.add(seconds)

    def quantile(self, tool: str, share: float) -> float | None:
        """A tool's duration at this share in seconds, or None where too little is known."""
        samples = self._tools.get(tool)
        return None if samples is None else samples.quantile(share)

    def hidden_s(self, tool: str) -> float:
        """E[min(tool time, lead)], taking the two as independent.

        Computed anew once an eighth more was seen, or an eighth of a window: at most 16 samples old.
        """
        samples = self._tools.get(tool)
        seen = self.lead.count + (samples.count if samples is not None else 0)
        known = self._hidden.get(tool)
        if known is not None and seen - known[0] <= min(known[0], WINDOW) >> 3:
            return known[1]
        times = samples.spread(self._prior_tool_s) if samples is not None else (self._prior_tool_s,)
        leads = self.lead.spread(self._prior_lead_s)
        total = sum(min(lead, time) for time in times for lead in leads)
        value = total / (len(times) * len(leads))
        self._hidden[tool] = (seen, value)
        return value
