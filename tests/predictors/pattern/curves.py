"""A curve read piece by piece: what working its pieces out ahead is judged by."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from predictors.pattern.reliability import KNOTS


def bend(heights: Sequence[float], score: float) -> float:
    """The log odds at this score; beyond the knots the curve goes on with slope 1."""
    above = bisect_right(KNOTS, score)
    if above == 0:
        return heights[0] + score - KNOTS[0]
    if above == len(KNOTS):
        return heights[-1] + score - KNOTS[-1]
    left = KNOTS[above - 1]
    share = (score - left) / (KNOTS[above] - left)
    return heights[above - 1] * (1 - share) + heights[above] * share
