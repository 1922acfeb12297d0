"""Every predictor there is, ready to be put through the contract. A new one is added here."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from predictors import MarkovPredictor, Mixture, PatternPredictor, RepeatPredictor, Tournament
from predictors.registry import KINDS, TrainableModel, predictor_class
from speculate.prediction import Predictor
from tests.contract.runs import SPECS, training_runs


def _trained(kind: str) -> Predictor:
    return cast(type[TrainableModel], predictor_class(kind)).train(training_runs(), SPECS)


SUBJECTS: dict[str, Callable[[], Predictor]] = {
    "pattern": lambda: _trained("pattern"),
    "pattern, untrained": PatternPredictor,
    "repeat": lambda: _trained("repeat"),
    "repeat, untrained": RepeatPredictor,
    "markov": lambda: _trained("markov"),
    "markov, untrained": MarkovPredictor,
    "tournament": lambda: Tournament.train(training_runs(), SPECS, ["markov", "repeat"]),
    "tournament, untrained": lambda: Tournament([MarkovPredictor(), RepeatPredictor()]),
    "mixture": lambda: Mixture.train(training_runs(), SPECS, ["markov", "repeat"]),
    "mixture, untrained": lambda: Mixture([MarkovPredictor(), RepeatPredictor()]),
}
TRAINABLE = ["pattern", "repeat", "markov"]
assert set(TRAINABLE) <= set(KINDS)
