"""What is known of durations: windows, quantiles, and the time a launch would hide."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speculate.core.latency import ENOUGH, QUANTILES, WINDOW, Latencies, Samples

SECONDS = st.lists(st.floats(0, 100), max_size=300)


def samples(values: list[float]) -> Samples:
    out = Samples()
    for value in values:
        out.add(value)
    return out


@given(SECONDS, st.sampled_from([Fraction(n, 8) for n in range(9)]))
def test_a_quantile_is_the_smallest_sample_that_more_than_its_share_do_not_exceed(
    values: list[float], share: Fraction
) -> None:
    """Of the window alone, by brute force; too few samples say nothing."""
    window = values[-WINDOW:]
    expected = None
    if len(window) >= ENOUGH:
        above = [value for value in window if Fraction(sum(v <= value for v in window), len(window)) > share]
        expected = min(above, default=max(window))
    assert samples(values).quantile(float(share)) == expected


@given(SECONDS)
def test_the_spread_is_evenly_drawn_from_the_window(values: list[float]) -> None:
    """The prior while nothing is known, all while they are few, else a fixed number in order, none from the ends."""
    window = sorted(values[-WINDOW:])
    spread = list(samples(values).spread(7.0))
    if not window:
        assert spread == [7.0]
    elif len(window) <= QUANTILES:
        assert spread == window
    else:
        assert len(spread) == QUANTILES
        for index, value in enumerate(spread):
            first, last = index * len(window) // QUANTILES, (index + 1) * len(window) // QUANTILES
            assert value in window[first : last + 1]
        assert spread == sorted(spread)


def test_only_the_window_counts() -> None:
    """What is older is forgotten, and still counted as seen."""
    slow_then_fast = samples([9.0] * WINDOW + [1.0] * WINDOW)
    assert slow_then_fast.quantile(1.0) == 1.0
    assert slow_then_fast.count == 2 * WINDOW


@given(st.lists(st.floats(0, 50), max_size=QUANTILES), st.lists(st.floats(0, 50), max_size=QUANTILES))
def test_the_time_hidden_is_the_mean_of_the_smaller_one(times: list[float], leads: list[float]) -> None:
    """E[min(tool time, lead)] over all pairs, priors where nothing was seen."""
    latencies = Latencies(prior_tool_s=3.0, prior_lead_s=2.0)
    latencies.seed("get", times)
    for lead in leads:
        latencies.lead.add(lead)
    known = leads or [2.0]
    pairs = [min(time, lead) for time in times or [3.0] for lead in known]
    assert math.isclose(latencies.hidden_s("get"), sum(pairs) / len(pairs), abs_tol=1e-12)
    assert latencies.hidden_s("unknown") == pytest.approx(sum(min(3.0, lead) for lead in known) / len(known))


def test_many_samples_are_well_approximated() -> None:
    """Twelve quantiles stand for the whole: within a few percent of the mean over every pair."""
    times = [0.01 * n * n for n in range(100)]
    leads = [0.5 * n for n in range(100)]
    latencies = Latencies(1.0, 1.0)
    latencies.seed("get", times)
    for lead in leads:
        latencies.lead.add(lead)
    exact = sum(min(time, lead) for time in times for lead in leads) / 10_000
    assert latencies.hidden_s("get") == pytest.approx(exact, rel=0.03)


@pytest.mark.parametrize("before", [1, 40, 1_000, 50_000])
def test_the_estimate_follows_a_change_however_long_it_has_run(before: int) -> None:
    """A window's worth of slow runs is seen, after a hundred and after a hundred thousand fast ones."""
    latencies = Latencies(1.0, 10.0)
    latencies.seed("get", [0.5] * before)
    assert latencies.hidden_s("get") == 0.5
    latencies.seed("get", [8.0] * WINDOW)
    assert latencies.hidden_s("get") == 8.0


def test_the_estimate_is_not_computed_anew_for_every_sample() -> None:
    """Up to an eighth more changes nothing; then it is brought up to date, by the lead's samples as well."""
    latencies = Latencies(1.0, 10.0)
    latencies.seed("get", [2.0] * 16)
    assert latencies.hidden_s("get") == 2.0
    latencies.seed("get", [4.0] * 2)
    assert latencies.hidden_s("get") == 2.0
    latencies.lead.add(1.0)
    assert latencies.hidden_s("get") == 1.0


def test_quantiles_by_tool() -> None:
    """An unknown tool has none."""
    latencies = Latencies(1.0, 1.0)
    latencies.seed("get", [1.0, 2.0, 3.0, 4.0, 5.0])
    assert latencies.quantile("get", 0.5) == 3.0
    assert latencies.quantile("get", 0.95) == 5.0
    assert latencies.quantile("other", 0.5) is None
