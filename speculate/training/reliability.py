"""Whether probabilities mean what they say: said against happened, by tenths."""

from __future__ import annotations

from typing import Any

from speculate.training.scoring import ratio

_BINS = 10


class Reliability:
    """Predictions by tenths of what was said: how many, the mean said, and the share that came true."""

    def __init__(self) -> None:
        self.count = [0] * _BINS
        self._said = [0.0] * _BINS
        self._came = [0] * _BINS

    def add(self, p: float, came: bool) -> None:
        """One prediction and whether it came true."""
        tenth = min(_BINS - 1, max(0, int(p * _BINS)))
        self.count[tenth] += 1
        self._said[tenth] += p
        self._came[tenth] += came

    def said(self, tenth: int) -> float | None:
        """The mean probability said in this tenth."""
        return ratio(self._said[tenth], self.count[tenth])

    def came(self, tenth: int) -> float | None:
        """The share that came true of what was said in this tenth."""
        return ratio(self._came[tenth], self.count[tenth])

    @property
    def error(self) -> float | None:
        """The expected calibration error: the mean distance of said and came, by number of predictions
        (Naeini, Cooper and Hauskrecht 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning").
        """
        distance = sum(abs(said - came) for said, came in zip(self._said, self._came, strict=True))
        return ratio(distance, sum(self.count))

    def document(self) -> dict[str, Any]:
        """As JSON; tenths nobody spoke in have null."""
        tenths = [
            {"from": tenth / _BINS, "count": self.count[tenth], "said": self.said(tenth), "came": self.came(tenth)}
            for tenth in range(_BINS)
        ]
        return {"error": self.error, "tenths": tenths}
