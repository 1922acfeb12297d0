"""Tournament: for every tool, the predictor that has done best on it of late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from predictors.composition import Composition, Forecast
from speculate.prediction import Prediction


class Tournament(Composition):
    """Takes each tool's guesses from one component: the one with the least recent loss on that tool.

    After the tournament branch predictors, whose chooser is indexed by what is predicted (McFarling 1993,
    "Combining Branch Predictors", WRL TN-36); here the loss is a squared error that wears off, since guesses are
    probabilities. Choose it where components are good at different tools.
    """

    KIND: ClassVar[str] = "tournament"

    def _combine(self, forecasts: Sequence[Forecast]) -> list[Prediction]:
        winner: dict[str, int] = {}
        guesses = []
        for index, forecast in enumerate(forecasts):
            for guess in forecast.values():
                if guess.tool not in winner:
                    winner[guess.tool] = self.track.best(guess.tool)
                if winner[guess.tool] == index:
                    guesses.append(guess)
        return guesses
