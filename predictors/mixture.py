"""Mixture: the components' probabilities averaged, each weighted by how well it has done on the tool."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from predictors.composition import Composition, Forecast
from speculate.prediction import Prediction

_RATE = 0.5  # for squared errors of probabilities the largest rate with the book's bound


class Mixture(Composition):
    """A linear pool: p(call) = sum over components of w(component, tool) · p(component, call).

    w is proportional to exp(-loss/2), with the component's discounted squared loss on the tool: the exponentially
    weighted average forecaster, whose loss exceeds that of the best component by a constant (Cesa-Bianchi and
    Lugosi 2006, "Prediction, Learning, and Games", sections 2.11 and 3.3). A component that does not name a call
    gives it 0. The pool is then recalibrated (see `Calibrator`), since averaging makes it timid. `p_use` is pooled
    with the same weights, and corrected by what training saw of later uses. Where a guess came from is told by the
    component with the largest part in it.
    """

    KIND: ClassVar[str] = "mixture"

    def _weights(self, tool: str) -> list[float]:
        losses = self.track.loss(tool)
        least = min(losses)  # subtracted: only differences count, and exp stays in range
        parts = [math.exp(-_RATE * (loss - least)) for loss in losses]
        whole = sum(parts)
        return [part / whole for part in parts]

    def _combine(self, forecasts: Sequence[Forecast]) -> list[Prediction]:
        weights: dict[str, list[float]] = {}
        pooled: dict[str, tuple[float, float, float, Prediction]] = {}  # p_next, p_use, largest part, whose guess
        for index, forecast in enumerate(forecasts):
            for key, guess in forecast.items():
                if guess.tool not in weights:
                    weights[guess.tool] = self._weights(guess.tool)
                weight = weights[guess.tool][index]
                p_next, p_use, largest, leading = pooled.get(key, (0.0, 0.0, -1.0, guess))
                part = weight * guess.p_next
                if part > largest:
                    largest, leading = part, guess
                pooled[key] = (p_next + part, p_use + weight * guess.p_use, largest, leading)
        return [
            replace(leading, p_next=min(1.0, p_next), p_use=min(1.0, max(p_next, p_use)))
            for p_next, p_use, _, leading in pooled.values()
        ]
