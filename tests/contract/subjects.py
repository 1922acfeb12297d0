"""Every predictor there is, ready to be put through the contract. A new one is added here."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from predictors import MarkovPredictor, Mixture, PatternPredictor, RecordedDraftPredictor, RepeatPredictor, Tournament
from predictors.recorded import read_row
from predictors.registry import KINDS, TrainableModel, predictor_class
from speculate.prediction import Predictor
from tests.contract.histories import hostile
from tests.contract.runs import SPECS, training_runs


def _trained(kind: str) -> Predictor:
    return cast(type[TrainableModel], predictor_class(kind)).train(training_runs(), SPECS)


def _recorded() -> Predictor:
    guesses = [
        {"tool": "get_order", "args": {"order_id": "O-1"}},
        {"tool": "list_stock", "p": 0.6, "p_use": 0.9},
        {"tool": "list_stock", "args": {}, "p": 0.1},
    ]
    sessions = ("shop-101", "shop-104", "random", *hostile())
    rows = [{"session": name, "turn": turn, "guesses": guesses} for name in sessions for turn in range(4)]
    return RecordedDraftPredictor([read_row(row) for row in rows])


SUBJECTS: dict[str, Callable[[], Predictor]] = {
    "pattern": lambda: _trained("pattern"),
    "pattern, untrained": PatternPredictor,
    "recorded": _recorded,
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
