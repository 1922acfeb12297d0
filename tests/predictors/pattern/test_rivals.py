"""The calls of one moment compete."""

from __future__ import annotations

from itertools import pairwise
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictors.pattern import calibration, training
from predictors.pattern.calibration import score
from predictors.pattern.rivals import NONE, RIVALS_START, beside_rivals, compete, keeps_order
from tests.predictors.pattern.sessions import session, train

SCORES = st.lists(st.floats(-9.0, 9.0) | st.just(1e4), max_size=12)
WEIGHT = st.floats(-1.5, 1.5)


def test_what_a_call_sees_of_its_rivals() -> None:
    """All of them together, and the best; the best one sees the second."""
    assert beside_rivals([]) == []
    assert beside_rivals([0.4]) == [(1.0, 0.4, NONE, NONE)]
    low, high = beside_rivals([-1.0, 2.0])
    assert low == pytest.approx((1.0, -1.0, 2.0, 2.0))
    assert high == pytest.approx((1.0, 2.0, -1.0, -1.0))
    first, _, third = beside_rivals([1.0, 1.0, -2.0])
    assert first == pytest.approx((1.0, 1.0, log(exp(1) + exp(-2)), 1.0))
    assert third == pytest.approx((1.0, -2.0, 1 + log(2), 1.0))


@given(SCORES, st.tuples(WEIGHT, WEIGHT, WEIGHT, WEIGHT), st.integers(0, 12))
def test_competing_is_what_was_fitted(scores: list[float], weights: tuple[float, ...], limit: int) -> None:
    """Rivals beyond the limit count, too."""
    scores.sort(reverse=True)
    expected = [score(weights, each) for each in beside_rivals(scores)[:limit]]
    assert compete(weights, scores, limit) == pytest.approx(expected, abs=1e-5)


@given(SCORES, st.tuples(WEIGHT, WEIGHT, WEIGHT, WEIGHT).filter(keeps_order))
def test_competing_keeps_the_order(scores: list[float], weights: tuple[float, ...]) -> None:
    """With any weights that are taken over from a fit."""
    competed = compete(weights, sorted(scores, reverse=True), len(scores))
    for better, worse in pairwise(competed):
        assert better >= worse - 1e-6


def test_weights_that_would_change_the_order_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that scores higher never comes out less likely; rivals then count for nothing."""
    runs = [session(f"s{n}", "go", ("find", {"id": "7"}, {"key": f"k{n}"})) for n in range(5)]
    assert keeps_order(RIVALS_START)
    assert not keeps_order((0.0, 1.0, 0.6, 0.5))
    fitted = calibration.fit

    def refit(rows: object, start: object) -> tuple[float, ...]:
        return (0.0, 1.0, 0.6, 0.5) if start is RIVALS_START else fitted(rows, start)  # type: ignore[arg-type]  # as called

    monkeypatch.setattr(training, "fit", refit)
    assert train(*runs)._weights[4] == RIVALS_START


def test_rivals_take_from_a_call() -> None:
    """Of two calls that are about as likely, one is made: both come out less likely than each by itself."""
    runs = [session(f"s{n}", "go", (("left", "right")[n % 2], {}, {"ok": n})) for n in range(40)]
    _, own, together, best = train(*runs)._weights[4]
    assert own > 0 > together + best
