"""How long a tool takes: a distribution fitted to recorded times, conditioned on result size where it matters.

Thirty samples or more: a lognormal where it fits (Kolmogorov-Smirnov distance under the 5 % critical value
1.36/√n), else the recorded times themselves. Fewer, down to MIN_SAMPLES: a lognormal by maximum likelihood. Where
log time goes with log result size (|t| of the slope of at least 4, and |r| of at least 0.3), the fit is that
regression and the distribution of what it leaves over.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from speculate.replay.sampling import normal_quantile

MIN_SAMPLES = 5  # fewer say nothing about a distribution
ENOUGH_FOR_SHAPE = 30
FLOOR_S = 1e-6  # a recorded zero is below the recorder's resolution; its logarithm must exist
KOLMOGOROV_5_PERCENT = 1.36
SLOPE_T = 4.0
CORRELATION = 0.3


@dataclass(frozen=True, slots=True)
class Sample:
    """One recorded run of a tool. `size` is that of its result in characters, None if not recorded."""

    seconds: float
    size: int | None = None


class Distribution(Protocol):
    """A tool's time in seconds."""

    def draw(self, share: float, size: int | None = None) -> float:
        """The time at this share of the distribution (strictly between 0 and 1), for a result of this size."""
        ...


@dataclass(frozen=True, slots=True)
class Lognormal:
    """exp(normal): `median_s`, `sigma` of the logarithm, cut at `max_s`."""

    median_s: float
    sigma: float
    max_s: float | None = None

    def draw(self, share: float, size: int | None = None) -> float:
        seconds = self.median_s * math.exp(self.sigma * normal_quantile(share))
        return seconds if self.max_s is None else min(seconds, self.max_s)


@dataclass(frozen=True, slots=True)
class Empirical:
    """Recorded times, sorted, with straight lines between them."""

    seconds: tuple[float, ...]

    def draw(self, share: float, size: int | None = None) -> float:
        return quantile(self.seconds, share)


@dataclass(frozen=True, slots=True)
class BySize:
    """log time = intercept + slope · log(1 + size) + residual; `marginal` where the size is not known."""

    intercept: float
    slope: float
    residuals: tuple[float, ...]  # sorted, of the logarithm
    smallest: int
    largest: int
    marginal: Lognormal | Empirical

    def draw(self, share: float, size: int | None = None) -> float:
        if size is None:
            return self.marginal.draw(share)
        within = min(max(size, self.smallest), self.largest)  # no extrapolation beyond what was seen
        return math.exp(self.intercept + self.slope * math.log1p(within) + quantile(self.residuals, share))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The quantile of sorted values, linear between neighbours (Hyndman and Fan's type 7)."""
    place = share * (len(ordered) - 1)
    below = int(place)
    if below + 1 >= len(ordered):
        return ordered[-1]
    return ordered[below] + (place - below) * (ordered[below + 1] - ordered[below])


def result_size(value: Any) -> int | None:
    """How large a result is, in characters; None if it has no JSON text."""
    if isinstance(value, str):
        return len(value)
    try:
        return len(json.dumps(value))
    except (TypeError, ValueError, RecursionError):
        return None


def fit(samples: Iterable[Sample]) -> Distribution | None:
    """The distribution of these times, or None with fewer than MIN_SAMPLES."""
    samples = list(samples)
    if len(samples) < MIN_SAMPLES:
        return None
    marginal = _marginal(sorted(max(sample.seconds, FLOOR_S) for sample in samples))
    sized = [(max(sample.seconds, FLOOR_S), sample.size) for sample in samples if sample.size is not None]
    return _by_size(sized, marginal) or marginal


def _marginal(seconds: list[float]) -> Lognormal | Empirical:
    logs = [math.log(value) for value in seconds]
    mean = math.fsum(logs) / len(logs)
    sigma = math.sqrt(math.fsum((value - mean) ** 2 for value in logs) / len(logs))
    lognormal = Lognormal(math.exp(mean), sigma)
    if len(seconds) < ENOUGH_FOR_SHAPE:
        return lognormal
    if sigma and _distance(logs, mean, sigma) <= KOLMOGOROV_5_PERCENT / math.sqrt(len(logs)):
        return lognormal
    return Empirical(tuple(seconds))


def _distance(ordered: list[float], mean: float, sigma: float) -> float:
    """The largest gap between the sample's distribution function and the normal one."""
    count = len(ordered)
    worst = 0.0
    for value in ordered:
        expected = 0.5 * (1 + math.erf((value - mean) / (sigma * math.sqrt(2))))
        upto = bisect_right(ordered, value)
        worst = max(worst, abs(upto / count - expected), abs((upto - 1) / count - expected))
    return worst


def _by_size(sized: list[tuple[float, int]], marginal: Lognormal | Empirical) -> BySize | None:
    """The regression on size, where there is one worth having (least squares, Student's t of the slope)."""
    count = len(sized)
    if count < ENOUGH_FOR_SHAPE:
        return None
    x = [math.log1p(size) for _, size in sized]
    y = [math.log(seconds) for seconds, _ in sized]
    mean_x, mean_y = math.fsum(x) / count, math.fsum(y) / count
    spread_x = math.fsum((value - mean_x) ** 2 for value in x)
    spread_y = math.fsum((value - mean_y) ** 2 for value in y)
    if not spread_x or not spread_y:
        return None
    together = math.fsum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    correlation = together / math.sqrt(spread_x * spread_y)
    unexplained = max(1 - correlation * correlation, 1e-12)
    t = abs(correlation) * math.sqrt((count - 2) / unexplained)
    if abs(correlation) < CORRELATION or t < SLOPE_T:
        return None
    slope = together / spread_x
    intercept = mean_y - slope * mean_x
    residuals = sorted(b - intercept - slope * a for a, b in zip(x, y, strict=True))
    sizes = [size for _, size in sized]
    return BySize(intercept, slope, tuple(residuals), min(sizes), max(sizes), marginal)
