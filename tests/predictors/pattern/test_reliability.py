"""The curve from a score to a probability: it follows what was seen, and never changes which guess comes first."""

from __future__ import annotations

from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictors.pattern.reliability import KNOTS, LEAST_ODDS, STRAIGHT, chance_along, fit_curve
from tests.predictors.pattern.curves import bend

SCORES = st.floats(-12, 12, allow_nan=False)


def chance(heights: tuple[float, ...], score: float) -> float:
    return 1 / (1 + exp(-bend(heights, score)))


def rows(score: float, hits: int, misses: int) -> list[tuple[float, bool]]:
    return [(score, True)] * hits + [(score, False)] * misses


def test_without_rows_the_curve_is_straight() -> None:
    """Nothing seen, nothing changed."""
    assert fit_curve([]) == STRAIGHT
    for score in (-40.0, -7.0, -1.0, 0.3, 5.0, 40.0):
        assert bend(STRAIGHT, score) == pytest.approx(score)


def test_the_curve_follows_what_was_seen() -> None:
    """Scores of 2.2 (.90) that came true .6 of the time, and scores of -1.4 (.20) that did .05 of the time."""
    heights = fit_curve(rows(2.2, 240, 160) + rows(-1.4, 20, 380))
    assert chance(heights, 2.2) == pytest.approx(0.6, abs=0.04)
    assert chance(heights, -1.4) == pytest.approx(0.05, abs=0.04)


def test_few_rows_change_little() -> None:
    """One miss at a score of 2.2 does not make it an even chance."""
    assert chance(fit_curve(rows(2.2, 0, 1)), 2.2) > 0.85


def test_the_order_of_the_rows_does_not_matter() -> None:
    """A merged sample gives the same file."""
    seen = rows(0.3, 5, 9) + rows(-3.0, 1, 70) + rows(4.4, 30, 2)
    assert fit_curve(seen) == fit_curve(list(reversed(seen)))


@given(st.lists(st.tuples(SCORES, st.booleans()), max_size=60), SCORES, SCORES)
def test_a_higher_score_is_a_higher_chance(seen: list[tuple[float, bool]], one: float, other: float) -> None:
    """Whatever was seen, and far outside of it, too."""
    heights = fit_curve(seen)
    low, high = sorted((one, other))
    if high - low > 1e-6:
        assert bend(heights, low) < bend(heights, high)


def test_scores_that_fall_are_pooled() -> None:
    """Where higher scores came true less often, both get about what they did together."""
    heights = fit_curve(rows(0.0, 300, 100) + rows(0.6, 100, 300))
    assert chance(heights, 0.0) == pytest.approx(0.5, abs=0.03)
    assert chance(heights, 0.6) == pytest.approx(0.5, abs=0.03)
    assert bend(heights, 0.6) > bend(heights, 0.0)


def test_perfect_scores_stay_finite() -> None:
    """All of one kind true, all of another false: heights are bounded by the pull."""
    heights = fit_curve(rows(5.0, 5_000, 0) + rows(-7.0, 0, 5_000))
    assert all(abs(height) < log(1e6) for height in heights)
    assert len(heights) == len(KNOTS)


def test_a_curve_worked_out_ahead_is_the_same_curve() -> None:
    """On every piece, at every knot, and beyond both ends; far below the chance is none."""
    heights = tuple(knot * 0.5 + 0.1 * number for number, knot in enumerate(KNOTS))
    along = chance_along(heights)
    for score in [*KNOTS, *(knot + 0.3 for knot in KNOTS), -20.0, 9.0]:
        assert along(score) == pytest.approx(chance(heights, score), rel=1e-12)
    assert along(LEAST_ODDS + KNOTS[0] - heights[0]) == 0.0
