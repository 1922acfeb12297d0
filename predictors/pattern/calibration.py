"""From raw chances to probabilities that mean what they say.

Two logistic regressions over a few features of a guess: does the next turn make this call, and does the session make
it while its result would be fresh. They are fitted on the sample of digests, each judged with its own counts taken
out again, and pulled towards weights that trust the raw chance, so that little data changes little.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from math import exp, log
from operator import mul, sub

from predictors.pattern.guessing import Call, Guess

# A column's number, the rows in which it is not 0, its values there, and those of others (with their numbers) there
Pairs = tuple[int, Sequence[int], Sequence[float], Sequence[tuple[int, Sequence[float]]]]

PULL = 4.0  # rows of evidence that the starting weights count for
ROUNDS = 16
THINNED = 4  # of so many rows one is looked at first
FEWEST = 50  # rows that this is worth it for
SURE = 1 - 1e-12  # no guess is taken for more
NEAR, THERE = 0.5, 1e-4  # what one more step would lessen the loss by
LEAST_REACH = 0.01
LOG_LEAST_REACH = log(LEAST_REACH)

# bias, logit of the tool in its context, words, forms, log of the arguments, user spoke last, made before, one record,
# the strongest word, then traits: share, behind, typed, listed, stale; logit of the tool's later, log of the reach,
# whether the last result was an error
NEXT_START = (0.0, 1.0, 0.35, 0.5, 1.0, 0.0, -1.0, 0.0, 0.2, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
# bias, logit of the next turn's chance, logit of the tool's later, log of the reach, of the arguments, user spoke last,
# made before, log of how often the user spoke, then traits: share, constant, left, listed; log of the tool's calls so
# far
USE_START = (0.0, 0.6, 0.5, 0.5, 0.4, 0.0, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


# of p_next's features, of p_use's, the curves that both sums are bent along, and what rivals count for (see `rivals`)
Weights = tuple[Sequence[float], Sequence[float], Sequence[float], Sequence[float], Sequence[float]]


def logit(p: float) -> float:
    """log(p / (1 - p)), kept within ±7."""
    return -7.0 if p < 0.001 else 7.0 if p > 0.999 else log(p / (1 - p))


def probability(score: float) -> float:
    """The inverse of `logit`."""
    return 1 / (1 + exp(-score)) if score > -30 else 0.0


def next_features(guess: Guess, asked: bool, failed: bool) -> tuple[float, ...]:
    """What the chance of the next turn depends on."""
    call = guess.call
    traits = call.traits
    return (
        1.0, guess.context, guess.words, guess.forms, call.log_arguments, 1.0 if asked else 0.0, call.repeated,
        call.together, guess.strongest, traits.share, traits.behind, traits.typed, traits.listed, traits.stale,
        logit(guess.p_later), log(max(LEAST_REACH, call.reach)), 1.0 if failed else 0.0,
    )  # fmt: skip


def use_features(guess: Guess, p_next: float, asked: bool, times_asked: int) -> tuple[float, ...]:
    """What the chance of any later turn depends on."""
    call = guess.call
    traits = call.traits
    return (
        1.0, logit(p_next), logit(guess.p_later), log(max(LEAST_REACH, call.reach)), call.log_arguments,
        1.0 if asked else 0.0, call.repeated, log(1 + times_asked), traits.share, traits.constant, traits.left,
        traits.listed, log(1 + guess.calls_made),
    )  # fmt: skip


def weigh(weights: Weights, calls: Sequence[Call]) -> None:
    """Note what a call's own features add to both scores (see `next_features` and `use_features`)."""
    to_next, to_use, _, _, _ = weights
    _, _, _, _, by_arguments, _, by_repeated, by_together, _, by_share, by_behind, by_typed, by_listed = to_next[:13]
    by_stale, _, by_reach, _ = to_next[13:]
    _, _, _, use_reach, use_arguments, _, use_repeated, _, use_share, use_constant, use_left, use_listed = to_use[:12]
    for call in calls:
        share, behind, typed, listed, constant, left, stale = call.traits
        log_arguments, repeated = call.log_arguments, call.repeated
        reach = log(call.reach) if call.reach > LEAST_REACH else LOG_LEAST_REACH
        call.next_part = (
            by_arguments * log_arguments
            + by_repeated * repeated
            + by_together * call.together
            + by_share * share
            + by_behind * behind
            + by_typed * typed
            + by_listed * listed
            + by_stale * stale
            + by_reach * reach
        )
        call.use_part = (
            use_reach * reach
            + use_arguments * log_arguments
            + use_repeated * repeated
            + use_share * share
            + use_constant * constant
            + use_left * left
            + use_listed * listed
        )


def score(weights: Sequence[float], features: Sequence[float]) -> float:
    """The weighted sum."""
    total: float = sum(map(mul, weights, features))
    return total


def fit(rows: Sequence[tuple[Sequence[float], bool]], start: Sequence[float]) -> tuple[float, ...]:
    """Ridge logistic regression towards `start`, by Newton's method. Deterministic.

    Every few rows alone come close to the weights that all of them give, at a fraction of the time: they go first.
    """
    weights: Sequence[float] = start
    if len(rows) >= THINNED * FEWEST:
        weights = _newton(rows[::THINNED], start, weights, PULL / THINNED, NEAR)
    return tuple(round(weight, 6) for weight in _newton(rows, start, weights, PULL, THERE))


def _newton(
    rows: Sequence[tuple[Sequence[float], bool]], start: Sequence[float], weights: Sequence[float], pull: float,
    least: float,
) -> Sequence[float]:  # fmt: skip
    """The weights, from these on, until a step lessens the loss by no more than `least`."""
    features_of = [features for features, _ in rows]
    happened = [1.0 if each else 0.0 for _, each in rows]
    columns = list(zip(*features_of, strict=True))
    there = _there(columns)
    best: tuple[float, Sequence[float]] = (float("inf"), weights)
    step: Sequence[float] = ()
    hessian: list[list[float]] = []
    gain = float("inf")
    for _ in range(ROUNDS if rows else 0):
        loss = sum(pull / 2 * (s - w) ** 2 for s, w in zip(start, weights, strict=True))
        chances = [1 / (1 + exp(-total)) if total > -30 else 0.0
                   for total in [sum(map(mul, weights, features)) for features in features_of]]  # fmt: skip
        errors = list(map(sub, happened, chances))
        loss -= sum([log(1 - off) if off < SURE else log(1 - SURE) for off in map(abs, errors)])
        if loss > best[0] + 1e-9:  # too far: half the way
            step = [each / 2 for each in step]
            weights = [w + d for w, d in zip(best[1], step, strict=True)]
            continue
        best = (loss, weights)
        gradient = [sum(map(mul, errors, column), pull * (s - w))
                    for column, s, w in zip(columns, start, weights, strict=True)]  # fmt: skip
        if gain > NEAR:  # nearer than that, the last curvature is as good
            hessian = _hessian(there, [p * (1 - p) for p in chances], pull)
        step = _solve(hessian, gradient)
        gain = sum(map(mul, step, gradient)) / 2
        weights = [w + d for w, d in zip(weights, step, strict=True)]
        if gain < least:
            return weights
    return best[1]


def _there(columns: Sequence[Sequence[float]]) -> list[Pairs]:
    """Every two columns once, in the rows in which neither can be spared: where the one with more zeros has none."""
    out: list[Pairs] = []
    left = sorted(range(len(columns)), key=lambda i: (sum(map(bool, columns[i])), i))
    while left:
        i = left[0]
        rows = list(compress(range(len(columns[i])), columns[i]))
        others = [(j, list(compress(columns[j], columns[i]))) for j in left]
        out.append((i, rows, others[0][1], others))
        del left[0]
    return out


def _hessian(pairs: Sequence[Pairs], bends: Sequence[float], pull: float) -> list[list[float]]:
    """The sums over rows of one column times another, times the bend of the row."""
    hessian = [[0.0] * len(pairs) for _ in pairs]
    for i, rows, column, others in pairs:
        scaled = list(map(mul, map(bends.__getitem__, rows), column))
        for j, other in others:
            hessian[i][j] = hessian[j][i] = sum(map(mul, scaled, other), pull if i == j else 0.0)
    return hessian


def _solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gaussian elimination; the matrix is positive definite thanks to the pull."""
    size = len(right)
    rows = [[*matrix[i], right[i]] for i in range(size)]
    for i in range(size):
        pivot = max(range(i, size), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(i + 1, size):
            factor = rows[r][i] / rows[i][i]
            if factor:
                for c in range(i, size + 1):
                    rows[r][c] -= factor * rows[i][c]
    out = [0.0] * size
    for i in range(size - 1, -1, -1):
        out[i] = (rows[i][size] - sum(rows[i][j] * out[j] for j in range(i + 1, size))) / rows[i][i]
    return out
