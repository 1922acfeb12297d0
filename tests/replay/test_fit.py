"""Seeded draws, and distributions fitted to recorded times."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest

from speculate.replay.fit import BySize, Empirical, Lognormal, Sample, fit, quantile, result_size
from speculate.replay.sampling import uniform


def lognormal_samples(count, seed=1):
    draw = random.Random(seed)
    return [Sample(math.exp(draw.gauss(-1, 0.5))) for _ in range(count)]


def test_a_draw_depends_on_its_names_alone():
    """The same seed and names give the same number, on every machine; others give another."""
    assert uniform(7, "tool", "s1", "3") == 0.5878134205844068
    assert uniform(7, "tool", "s1", "3") != uniform(8, "tool", "s1", "3")
    assert uniform(7, "a", "bc") != uniform(7, "ab", "c")


def test_draws_are_spread_evenly():
    """A thousand draws fill the unit interval."""
    values = sorted(uniform(0, "x", str(number)) for number in range(1_000))
    assert 0 < values[0] < 0.01
    assert 0.99 < values[-1] < 1
    assert max(abs(value - (place + 0.5) / 1_000) for place, value in enumerate(values)) < 0.05


def test_a_surrogate_in_a_name_does_no_harm():
    """Session ids come from foreign files."""
    assert 0 < uniform(0, "\ud800") < 1


def test_few_samples_say_nothing():
    """Under five recorded times there is no distribution."""
    assert fit([Sample(1.0)] * 4) is None


def test_a_small_sample_becomes_a_lognormal():
    """By maximum likelihood: median and sigma of the logarithms; recorded zeros do not break it."""
    found = fit([Sample(value) for value in (1.0, 1.0, math.e, math.e, math.e**2)])
    assert isinstance(found, Lognormal)
    assert found.median_s == pytest.approx(math.exp(0.8))
    assert found.sigma == pytest.approx(math.sqrt(0.56))
    assert fit([Sample(0.0)] * 5).draw(0.5) == pytest.approx(1e-6)


def test_a_large_lognormal_sample_is_recognised():
    """Two hundred lognormal times are fitted by a lognormal with about their parameters."""
    found = fit(lognormal_samples(200))
    assert isinstance(found, Lognormal)
    assert found.median_s == pytest.approx(math.exp(-1), rel=0.15)
    assert found.sigma == pytest.approx(0.5, rel=0.15)


def test_two_humps_stay_as_recorded():
    """What is no lognormal is drawn from the recorded times themselves."""
    found = fit([Sample(0.01 + 0.0001 * n) for n in range(50)] + [Sample(10 + 0.01 * n) for n in range(50)])
    assert isinstance(found, Empirical)
    assert found.draw(0.25) < 0.02
    assert found.draw(0.75) > 10
    assert fit([Sample(2.0)] * 40) == Empirical((2.0,) * 40)


def test_time_that_goes_with_size_is_conditioned_on_it():
    """A tool that takes a millisecond a character is slower for a larger result; without a size the marginal holds."""
    draw = random.Random(3)
    samples = []
    for _ in range(100):
        size = draw.randrange(10, 10_000)
        samples.append(Sample(0.001 * (size + 1) * math.exp(draw.gauss(0, 0.1)), size))
    found = fit(samples)
    assert isinstance(found, BySize)
    assert found.draw(0.5, 1_000) == pytest.approx(1.001, rel=0.1)
    assert found.draw(0.5, 5_000) == pytest.approx(5.0, rel=0.1)
    assert found.draw(0.5, 10**9) == found.draw(0.5, max(sample.size for sample in samples))
    assert found.draw(0.5) == found.marginal.draw(0.5)


def test_time_that_does_not_go_with_size_is_not():
    """Unrelated, constant or rarely recorded sizes leave one distribution."""
    draw = random.Random(4)
    times = lognormal_samples(100)
    assert isinstance(fit([Sample(s.seconds, draw.randrange(1_000)) for s in times]), Lognormal)
    assert isinstance(fit([Sample(s.seconds, 5) for s in times]), Lognormal)
    assert isinstance(fit([Sample(s.seconds, 5 if n < 10 else None) for n, s in enumerate(times)]), Lognormal)


def test_quantiles_are_linear_between_neighbours():
    """Type 7 of Hyndman and Fan."""
    assert quantile([1.0, 2.0, 4.0], 0.5) == 2.0
    assert quantile([1.0, 2.0, 4.0], 0.75) == 3.0
    assert quantile([1.0], 0.99) == 1.0
    assert quantile([1.0, 2.0], 1.0) == 2.0


def test_every_distribution_grows_with_its_share():
    """A draw never falls as the share rises, and a cut lognormal never exceeds its cut."""
    for found in (Lognormal(1.0, 2.0, max_s=3.0), Empirical((0.1, 0.5, 2.0)), fit(lognormal_samples(30))):
        values = [found.draw(share / 100) for share in range(1, 100)]
        assert all(a <= b for a, b in pairwise(values))
    assert Lognormal(1.0, 2.0, max_s=3.0).draw(0.999) == 3.0


def test_sizes_of_results():
    """Text by its length, JSON by its text's; what is neither has none."""
    assert result_size("four") == 4
    assert result_size({"a": 1}) == len('{"a": 1}')
    assert result_size({1, 2}) is None
