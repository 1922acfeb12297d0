"""Calibrator: probabilities corrected by what came true, so that seven of ten things said at 0.7 happen."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, Self

# Where corrections are kept: 0.7 % to 99.3 % in steps of one in log-odds (`_between` counts on that).
_ODDS = tuple(float(odds) for odds in range(-5, 6))
_PRIOR = 2.0  # expected hits that an uncorrected probability counts for


def _log_odds(p: float) -> float:
    return math.log(p / (1.0 - p))


class Calibrator:
    """Learns, per region of p, the ratio of what happened to what was expected; recent outcomes count more.

    corrected(p) = min(1, p · c(p)), with c = (happened + 2) / (expected + 2) at each of eleven points and linear
    in log-odds between them: a credibility-weighted ratio of actual to expected (Bühlmann 1967). A linear pool of
    calibrated forecasts is itself not calibrated but too timid, which is why pools are recalibrated at all
    (Ranjan and Gneiting 2010, "Combining probability forecasts", theorem 1).
    """

    def __init__(self, half_life: float = 2000.0) -> None:
        if not 0 < half_life < math.inf:
            raise ValueError(f"half_life must be a finite number above 0, not {half_life!r}")
        self.half_life = half_life
        self._keep = 0.5 ** (1.0 / half_life)
        self._expected = [0.0] * len(_ODDS)
        self._happened = [0.0] * len(_ODDS)

    def corrected(self, p: float) -> float:
        """The probability that p has turned out to mean. 0 and 1 stay what they are."""
        if p <= 0.0 or p >= 1.0:
            return min(1.0, max(0.0, p))
        low, high, share = self._between(p)
        ratio = (1.0 - share) * self._ratio(low) + share * self._ratio(high)
        return min(1.0, p * ratio)

    def learn(self, p: float, happened: bool) -> None:
        """One outcome of a thing said at p. It wears off by half every `half_life` outcomes near it."""
        if not 0.0 < p < 1.0:
            return
        low, high, share = self._between(p)
        for point, weight in ((low, 1.0 - share), (high, share)):
            if weight > 0.0:
                keep = self._keep**weight
                self._expected[point] = keep * self._expected[point] + weight * p
                self._happened[point] = keep * self._happened[point] + weight * happened

    def _ratio(self, point: int) -> float:
        return (self._happened[point] + _PRIOR) / (self._expected[point] + _PRIOR)

    @staticmethod
    def _between(p: float) -> tuple[int, int, float]:
        """The two points p lies between, and how far along."""
        odds = _log_odds(p)
        high = bisect_left(_ODDS, odds)
        if high == 0 or high == len(_ODDS):
            end = min(high, len(_ODDS) - 1)
            return end, end, 0.0
        return high - 1, high, odds - _ODDS[high - 1]

    def to_document(self) -> dict[str, Any]:
        return {"half_life": self.half_life, "expected": self._expected, "happened": self._happened}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        calibrator = cls(document["half_life"])
        calibrator._expected = read_amounts(document["expected"], "calibration.expected", len(_ODDS))
        calibrator._happened = read_amounts(document["happened"], "calibration.happened", len(_ODDS))
        return calibrator


def read_amounts(value: Any, name: str, length: int) -> list[float]:
    """A list of `length` finite amounts of at least 0 from a document. Raises ValueError."""
    if not isinstance(value, list) or len(value) != length:
        raise ValueError(f"{name} must be a list of {length} numbers")
    for item in value:
        if type(item) not in (int, float) or not 0 <= item < math.inf:
            raise ValueError(f"{name} must hold finite numbers of at least 0, not {item!r}")
    return [float(item) for item in value]
