"""The contract's own checks refuse what they are there to refuse."""

from __future__ import annotations

import pytest

from speculate.history import History, UserText
from speculate.prediction import ArgumentSource, Prediction
from tests.contract.checks import check_predictions, frozen, same

GOOD = Prediction("look", {"n": 1}, 0.5, 0.6, {"n": ArgumentSource("constant")})


@pytest.mark.parametrize(
    "wrong",
    [
        [Prediction("look", {}, 0.7, 0.6)],
        [Prediction("look", {}, -0.1, 0.6)],
        [Prediction("look", {}, 0.5, 1.1)],
        [Prediction("look", {}, float("nan"), 0.5)],
        [Prediction("look", {"n": float("inf")}, 0.5, 0.5)],
        [Prediction("look", {"n": (1,)}, 0.5, 0.5)],
        [Prediction("look", {"_raw": "x"}, 0.5, 0.5)],
        [Prediction("look", {}, 0.5, 0.5, {"n": ArgumentSource("constant")})],
        [Prediction("look", {}, 0.2, 0.5), GOOD],
        [GOOD, GOOD],
        [GOOD, Prediction("a", {}, 0.1, 0.1), Prediction("b", {}, 0.1, 0.1)],
    ],
)
def test_wrong_predictions_are_refused(wrong: list[Prediction]) -> None:
    """Out of range, out of order, no JSON, twice the same, too many."""
    with pytest.raises(AssertionError):
        check_predictions(wrong, 2)


def test_right_predictions_pass() -> None:
    """So the refusals mean something."""
    check_predictions([GOOD, Prediction("save", {"n": 1}, 0.5, 0.5)], 2)


def test_a_changed_history_is_noticed() -> None:
    """Also when only a value deep inside an event changed."""
    history = History(events=[UserText("a")])
    before = frozen(history)
    history.append(UserText("b"))
    assert not same(frozen(history), before)
