"""The calls of one moment compete: what one of them makes likely, the others lack.

A weighted sum judges every call by itself. One more small regression sees a call's score beside those of its rivals:
the best of them, and all of them together (the logarithm of the sum of their odds).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

RIVALS_START = (0.0, 1.0, 0.0, 0.0)  # bias, own score, all rivals together, the best of them
NONE = -7.0  # the score of rivals that are not there
MOST = 7.0
MOST_LIKELY = 30.0  # a score beyond which nothing is likelier
LEAST_ODDS = exp(NONE)

Rivalry = tuple[float, float, float, float]  # as RIVALS_START


def beside_rivals(scores: Sequence[float]) -> list[Rivalry]:
    """What the regression sees of each of these scores, which are in any order."""
    if not scores:
        return []
    best, second = (*sorted(scores, reverse=True)[:2], NONE)[:2]
    odds = [exp(min(MOST_LIKELY, own)) for own in scores]
    total = sum(odds)
    return [
        (1.0, min(MOST_LIKELY, own), _together(total - each), _within(second if own >= best else best))
        for own, each in zip(scores, odds, strict=True)
    ]


def compete(weights: Sequence[float], scores: Sequence[float], limit: int) -> list[float]:
    """The scores of the first `limit` calls once their rivals count: sorted, highest first, before and after."""
    if not scores or limit <= 0:
        return []
    bias, by_own, by_all, by_best = weights
    if scores[0] > MOST_LIKELY:
        scores = [min(MOST_LIKELY, own) for own in scores]
    odds = list(map(exp, scores))
    total = sum(odds)
    always = bias + by_best * _within(scores[0])
    out = [
        always + by_own * own + by_all * (log(rest) if (rest := total - each) > LEAST_ODDS else NONE)
        for own, each in zip(scores[:limit], odds, strict=False)
    ]
    out[0] += by_best * ((_within(scores[1]) if len(scores) > 1 else NONE) - _within(scores[0]))
    return out


def keeps_order(weights: Sequence[float]) -> bool:
    """Whether a call with the higher score keeps it: what rivals add differs by no more than the scores do."""
    _, by_own, by_all, by_best = weights
    return by_own > max(0.0, by_all) + max(0.0, by_best)


def _together(odds: float) -> float:
    return log(odds) if odds > LEAST_ODDS else NONE


def _within(score: float) -> float:
    return min(MOST, max(NONE, score))
