"""The document's arithmetic, and limits on its numbers."""

from __future__ import annotations

import pytest

from speculate.calls import Served
from speculate.errors import SpeculateError
from speculate.replay.driver import ArmRun, SessionRun
from speculate.replay.result import bootstrap_interval, frontier_row, latency, overhead, ratio, speculation
from speculate.replay.thresholds import KEYS, Threshold, broken, parse_threshold


def arm(*sessions: tuple[float, list[float]], served: list[Served] | None = None) -> ArmRun:
    """An arm whose sessions took so long, with these waits."""
    runs = [SessionRun(f"s{n}", seconds, waits) for n, (seconds, waits) in enumerate(sessions)]
    if served:
        runs[0].served = served
    return ArmRun("x", runs)


def test_latency_by_the_definitions():
    """Saved, its share, captured, the median speed-up and the ratio of waits, worked out by hand."""
    off = arm((10.0, [2.0, 2.0]), (20.0, [4.0]))
    speculative = arm((8.0, [1.0, 1.0]), (19.0, [2.0]))
    found = latency(33.0, off, speculative, arm((6.0, []), (18.0, [])), arm((6.0, []), (15.0, [])), seed=0)
    assert found["sequential_s"] == 33.0
    assert (found["speculative_s"], found["oracle_s"], found["foresight_s"]) == (27.0, 24.0, 21.0)
    assert found["saved_share"] == 0.1
    assert found["oracle_share"] == 0.2
    assert found["captured"] == 0.5
    assert found["p50_speedup"] == pytest.approx((1.25 + 20 / 19) / 2, abs=1e-6)
    assert found["wait_p99_ratio"] == pytest.approx(1.98 / 3.96, abs=1e-6)
    low, high = found["ci95"]
    assert 0.05 <= low <= 0.1 <= high <= 0.2


def test_nothing_to_divide_by_is_null():
    """Sessions without calls or time leave every ratio null."""
    empty = arm((0.0, []))
    found = latency(0.0, empty, empty, empty, empty, seed=0)
    ratios = ("saved_share", "oracle_share", "captured", "p50_speedup", "wait_p99_ratio")
    assert [found[name] for name in ratios] == [None] * 5
    assert found["ci95"] == [None, None]
    assert speculation(empty, 0) == {
        "hit_rate": None,
        "ready_rate": None,
        "launched": 0,
        "committed": 0,
        "wasted": 0,
        "waste_per_hit": None,
    }
    assert set(overhead([], [], 0.0).values()) == {None, 0.0}
    assert frontier_row(0.5, empty, empty, 0)["saved_share"] is None
    assert ratio(None, 3.0) is None


def test_an_oracle_that_saves_nothing_leaves_captured_null():
    """Differences below a microsecond are the rounding of sums."""
    off = arm((10.0, []))
    found = latency(10.0, off, off, arm((10.0 - 1e-9, [])), off, seed=0)
    assert found["captured"] is None
    assert found["oracle_share"] == 0.0


def test_rates_by_the_definitions():
    """Hits are ready or joined; the denominator is all speculable calls."""
    run = arm((1.0, []), served=[Served.READY, Served.JOINED, Served.RAN, Served.READY])
    run.launched, run.committed, run.wasted = 9, 3, 6
    found = speculation(run, 5)
    assert (found["hit_rate"], found["ready_rate"], found["waste_per_hit"]) == (0.6, 0.4, 2.0)


def test_the_bootstrap_is_seeded_and_covers():
    """The interval of a constant share is that share; of a spread one it holds the mean; the seed fixes it."""
    assert bootstrap_interval([(1.0, 10.0)] * 20, 0) == (0.1, 0.1)
    pairs = [(float(n % 3), 10.0) for n in range(60)]
    low, high = bootstrap_interval(pairs, 1)
    assert low < 0.1 < high
    assert bootstrap_interval(pairs, 1) == (low, high)
    assert bootstrap_interval(pairs, 2) != (low, high)
    assert bootstrap_interval([], 0) == (None, None)
    assert bootstrap_interval([(0.0, 0.0)], 0) == (None, None)
    assert bootstrap_interval([(0.0, 0.0), (1.0, 2.0)], 0)[1] == 0.5


def test_overhead_in_microseconds():
    """Seconds in, microseconds out."""
    assert overhead([0.001, 0.002, 0.003], [10.0, 30.0], 1.23456) == {
        "predict_us_p50": 2000.0,
        "predict_us_p99": 2980.0,
        "call_us_p50": 20.0,
        "train_s": 1.235,
    }


def test_limits_hold_or_are_named():
    """A number below its floor or above its ceiling is named with its value; null keeps no limit."""
    document = {"latency": {"saved_share": 0.1, "captured": None}, "speculation": {"waste_per_hit": 2.0}}
    limits = [
        parse_threshold("latency.saved_share=0.1"),
        parse_threshold("latency.saved_share=0.2"),
        parse_threshold("latency.captured=0.2"),
        parse_threshold("speculation.waste_per_hit=2", is_ceiling=True),
        parse_threshold("speculation.waste_per_hit=1.5", is_ceiling=True),
    ]
    assert broken(limits, document) == [
        "latency.saved_share is 0.1, not at least 0.2",
        "latency.captured is null (there was nothing to divide by), not at least 0.2",
        "speculation.waste_per_hit is 2, not at most 1.5",
    ]
    assert Threshold("calls", 3).broken_by({"calls": 4}) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("latency.saved_share", "write KEY=VALUE"),
        ("latency.saved=0.1", "did you mean latency.saved_share"),
        ("zzz=1", "there are sessions"),
        ("calls=many", "'many' is no number"),
        ("calls=nan", "'nan' is no number"),
    ],
)
def test_limits_that_make_no_sense(text, problem):
    """The error says what to write."""
    with pytest.raises(SpeculateError, match=f"--fail-under .*{problem}"):
        parse_threshold(text)
    with pytest.raises(SpeculateError, match="--fail-over"):
        parse_threshold(text, is_ceiling=True)


def test_every_key_is_in_the_document():
    """The limits' keys and the document's numbers are the same list (see test_replay)."""
    assert len(KEYS) == len(set(KEYS)) == 33
