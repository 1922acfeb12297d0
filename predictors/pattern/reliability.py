"""The last step to a probability that means what it says: a curve from a score to the log odds that were seen.

A weighted sum of features is straight where the truth bends: scores in the middle come out too low, say, and high
ones too high. The curve is piecewise linear in the score, fitted by ridge logistic regression towards the straight
line on the same rows as the weights, and made to rise everywhere, so that it never changes which guess comes first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import exp

KNOTS = (-7.0, -5.0, -3.5, -2.2, -1.4, -0.6, 0.0, 0.6, 1.4, 2.2, 3.5, 5.0)  # scores, closer where chances are even
STRAIGHT = KNOTS  # the heights of the curve that changes nothing
PULL = 5.0  # rows of evidence that the straight line counts for at each knot
CELL = 0.05  # scores are told apart this finely
ROUNDS = 12
LEAST_SLOPE = 0.05
MAX_STEP = 2.0  # of one round, in log odds
LEAST_ODDS = -30.0  # log odds below which the chance is none

Cell = tuple[int, float, float, float]  # the knot below, the share of the one above, rows, rows that happened


def chance_along(heights: Sequence[float]) -> Callable[[float], float]:
    """From a score to the probability along this curve, each piece of which is worked out ahead; beyond the knots the
    log odds go on with slope 1."""
    pieces = pairwise(zip(KNOTS, heights, strict=True))
    slopes = [1.0, *[(high - low) / (right - left) for (left, low), (right, high) in pieces], 1.0]
    starts = zip((0, *range(len(KNOTS))), slopes, strict=True)
    levels = [heights[number] - slope * KNOTS[number] for number, slope in starts]

    def chance(score: float) -> float:
        piece = bisect_right(KNOTS, score)
        odds = levels[piece] + slopes[piece] * score
        return 1 / (1 + exp(-odds)) if odds > LEAST_ODDS else 0.0

    return chance


def fit_curve(rows: Iterable[tuple[float, bool]]) -> tuple[float, ...]:
    """The heights at the knots from (score, whether it happened). Deterministic, whatever the order of the rows."""
    cells = _cells(rows)
    size = len(KNOTS)
    heights = list(STRAIGHT)
    diagonal = [PULL] * size
    for _ in range(ROUNDS if cells else 0):
        gradient = [PULL * (straight - height) for straight, height in zip(STRAIGHT, heights, strict=True)]
        diagonal = [PULL] * size
        beside = [0.0] * (size - 1)  # each row touches two neighbouring knots, so the matrix has three diagonals
        for knot, share, count, happened in cells:
            rest = 1 - share
            p = 1 / (1 + exp(-(heights[knot] * rest + heights[knot + 1] * share)))
            error = happened - count * p
            weight = count * p * (1 - p)
            gradient[knot] += error * rest
            gradient[knot + 1] += error * share
            diagonal[knot] += weight * rest * rest
            diagonal[knot + 1] += weight * share * share
            beside[knot] += weight * rest * share
        steps = _solve(diagonal, beside, gradient)
        heights = [height + max(-MAX_STEP, min(MAX_STEP, step)) for height, step in zip(heights, steps, strict=True)]
        if max(map(abs, steps)) < 1e-6:
            break
    return tuple(round(height, 6) for height in _rising(heights, diagonal))


def _cells(rows: Iterable[tuple[float, bool]]) -> list[Cell]:
    counts: dict[int, list[float]] = {}
    low, high = KNOTS[0], KNOTS[-1]
    for score, happened in rows:
        row = counts.setdefault(round(min(max(score, low), high) / CELL), [0.0, 0.0])
        row[0] += 1
        row[1] += happened
    cells = []
    for number in sorted(counts):
        score = number * CELL
        knot = min(len(KNOTS) - 2, max(0, bisect_right(KNOTS, score) - 1))
        share = (score - KNOTS[knot]) / (KNOTS[knot + 1] - KNOTS[knot])
        cells.append((knot, share, counts[number][0], counts[number][1]))
    return cells


def _solve(diagonal: Sequence[float], beside: Sequence[float], right: Sequence[float]) -> list[float]:
    """A symmetric matrix of three diagonals, positive definite thanks to the pull (Thomas's algorithm)."""
    size = len(diagonal)
    pivots = list(diagonal)
    out = list(right)
    for i in range(1, size):
        factor = beside[i - 1] / pivots[i - 1]
        pivots[i] -= factor * beside[i - 1]
        out[i] -= factor * out[i - 1]
    out[-1] /= pivots[-1]
    for i in range(size - 2, -1, -1):
        out[i] = (out[i] - beside[i] * out[i + 1]) / pivots[i]
    return out


def _rising(heights: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The nearest curve that rises at least by the least slope: neighbours that fall are pooled (Ayer et al., 1955)."""
    pools: list[tuple[float, float, int]] = []  # mean height above the least slope, weight, knots
    for knot, height, weight in zip(KNOTS, heights, weights, strict=True):
        mean, count = height - LEAST_SLOPE * knot, 1
        while pools and pools[-1][0] > mean:
            other, others, more = pools.pop()
            mean = (mean * weight + other * others) / (weight + others)
            weight += others
            count += more
        pools.append((mean, weight, count))
    flat = [mean for mean, _, count in pools for _ in range(count)]
    return [mean + LEAST_SLOPE * knot for mean, knot in zip(flat, KNOTS, strict=True)]
