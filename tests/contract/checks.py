"""What a list of predictions must be, whoever made it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from speculate.history import History
from speculate.identity import is_json
from speculate.prediction import ArgumentSource, Prediction


def frozen(history: History) -> tuple[Any, ...]:
    """All of a history that a predictor must leave alone (`memo` is its scratch space)."""
    return history.session, history.tenant, history.turn, copy.deepcopy(list(history.events))


def same(one: Any, other: Any) -> bool:
    """Equal, NaN included."""
    return repr(one) == repr(other)


def check_predictions(predictions: Sequence[Prediction], limit: int) -> None:
    """The contract of one answer."""
    assert len(predictions) <= limit
    for guess in predictions:
        assert isinstance(guess, Prediction)
        assert isinstance(guess.tool, str)
        assert 0.0 <= guess.p_next <= guess.p_use <= 1.0, guess
        assert is_json(dict(guess.arguments)), guess
        assert "_raw" not in guess.arguments
        assert all(isinstance(source, ArgumentSource) for source in guess.sources.values())
        for name in guess.sources.keys() - guess.arguments.keys():  # of a value within an argument
            assert any(name.startswith((f"{owner}.", f"{owner}[")) for owner in guess.arguments), guess
    chances = [guess.p_next for guess in predictions]
    assert chances == sorted(chances, reverse=True)
    calls = [(guess.tool, repr(guess.arguments)) for guess in predictions]
    assert len(set(calls)) == len(calls), "the same call was predicted twice"
