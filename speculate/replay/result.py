"""The replay's document: the keys are a contract, their definitions stand in docs/replay.md."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

from speculate.calls import Served
from speculate.replay.driver import ArmRun
from speculate.replay.fit import quantile

DECIMALS = 6  # microseconds: what is below is the rounding of sums
RESAMPLES = 1_000
DRAWS = 2_000_000  # the bootstrap's work is bounded: with very many sessions it resamples less often
CONFIDENCE = 0.95

Number = float | int | None


def ratio(part: float | None, whole: float | None) -> float | None:
    """part / whole, rounded; None where there is nothing to divide by."""
    if part is None or not whole:
        return None
    return rounded(part / whole)


def rounded(value: float) -> float:
    """To DECIMALS places, and never "-0.0"."""
    return round(value, DECIMALS) + 0.0


def seconds_of(run: ArmRun) -> float:
    """The time of all sessions of an arm."""
    return rounded(math.fsum(session.seconds for session in run.sessions))


def percentile(values: Sequence[float], share: float) -> float | None:
    """The quantile of unsorted values; None of none."""
    return quantile(sorted(values), share) if values else None


def bootstrap_interval(pairs: Sequence[tuple[float, float]], seed: int) -> tuple[float | None, float | None]:
    """The 95 % interval of Σ saved / Σ off over sessions, resampled with replacement (Efron's percentile method).

    `pairs` are (saved, off) of each session.
    """
    if not pairs or math.fsum(off for _, off in pairs) <= 0:
        return None, None
    draw = random.Random(f"bootstrap {seed}")  # noqa: S311  # a seeded statistic, nothing secret
    resamples = max(100, min(RESAMPLES, DRAWS // len(pairs)))
    shares = []
    for _ in range(resamples):
        sample = draw.choices(pairs, k=len(pairs))
        off = math.fsum(pair[1] for pair in sample)
        if off > 0:
            shares.append(math.fsum(pair[0] for pair in sample) / off)
    if not shares:
        return None, None
    shares.sort()
    tail = (1 - CONFIDENCE) / 2
    return rounded(quantile(shares, tail)), rounded(quantile(shares, 1 - tail))


def speculation(run: ArmRun, speculable_calls: int) -> dict[str, Number]:
    """The funnel of one arm."""
    return {
        "hit_rate": ratio(run.count(Served.READY, Served.JOINED), speculable_calls),
        "ready_rate": ratio(run.count(Served.READY), speculable_calls),
        "launched": run.launched,
        "committed": run.committed,
        "wasted": run.wasted,
        "waste_per_hit": ratio(run.wasted, run.committed),
    }


def latency(
    sequential_s: float, off: ArmRun, speculative: ArmRun, oracle: ArmRun, foresight: ArmRun, seed: int
) -> dict[str, Any]:
    """Times of the arms side by side."""
    off_s, speculative_s, oracle_s = seconds_of(off), seconds_of(speculative), seconds_of(oracle)
    saved, oracle_saved = rounded(off_s - speculative_s), rounded(off_s - oracle_s)
    pairs = [(a.seconds - b.seconds, a.seconds) for a, b in zip(off.sessions, speculative.sessions, strict=True)]
    speedups = [a.seconds / b.seconds for a, b in zip(off.sessions, speculative.sessions, strict=True) if b.seconds > 0]
    median = percentile(speedups, 0.5)
    return {
        "sequential_s": rounded(sequential_s),
        "speculative_s": speculative_s,
        "oracle_s": oracle_s,
        "foresight_s": seconds_of(foresight),
        "saved_share": ratio(saved, off_s),
        "oracle_share": ratio(oracle_saved, off_s),
        "captured": ratio(saved, oracle_saved),
        "p50_speedup": None if median is None else rounded(median),
        "wait_p99_ratio": ratio(percentile(speculative.waits, 0.99), percentile(off.waits, 0.99)),
        "ci95": list(bootstrap_interval(pairs, seed)),
    }


def frontier_row(min_probability: float, run: ArmRun, off: ArmRun, speculable_calls: int) -> dict[str, Number]:
    """One threshold of the frontier."""
    off_s = seconds_of(off)
    return {
        "min_probability": min_probability,
        "hit_rate": ratio(run.count(Served.READY, Served.JOINED), speculable_calls),
        "waste_per_hit": ratio(run.wasted, run.committed),
        "saved_share": ratio(rounded(off_s - seconds_of(run)), off_s),
    }


def overhead(predict_s: Sequence[float], call_us: Sequence[float], train_s: float) -> dict[str, Number]:
    """What guessing and calling cost on the real clock: the one part that differs between runs."""

    def microseconds(seconds: Sequence[float], share: float) -> float | None:
        found = percentile(seconds, share)
        return None if found is None else round(found * 1e6, 1)

    middle = percentile(call_us, 0.5)
    return {
        "predict_us_p50": microseconds(predict_s, 0.5),
        "predict_us_p99": microseconds(predict_s, 0.99),
        "call_us_p50": None if middle is None else round(middle, 1),
        "train_s": round(train_s, 3),
    }
