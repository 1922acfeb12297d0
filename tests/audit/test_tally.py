"""Counting in bounded memory."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speculate.audit.tally import Counts, Quantiles, Reservoir


@settings(max_examples=100)
@given(st.lists(st.floats(1e-6, 1e5), min_size=1, max_size=200), st.floats(0, 1))
def test_quantiles_are_right_to_a_hundredth(seconds: list[float], share: float) -> None:
    quantiles = Quantiles()
    for value in seconds:
        quantiles.add(value)
    exact = sorted(seconds)[int(share * (len(seconds) - 1))]
    found = quantiles.quantile(share)
    assert found is not None
    assert exact * 0.98 <= found <= exact * 1.02
    assert quantiles.count == len(seconds)


def test_quantiles_of_nothing_and_of_zeros() -> None:
    quantiles = Quantiles()
    assert quantiles.quantile(0.5) is None
    assert quantiles.mean is None
    assert quantiles.document()["max_s"] is None
    quantiles.add(0.0)
    assert quantiles.quantile(0.99) == 0.0


def test_counts_past_the_limit_are_added_up() -> None:
    counts: Counts[str] = Counts(2)
    for key in "abcabca":
        counts.add(key)
    assert (counts["a"], counts["b"], counts["c"], counts.others) == (3, 2, 0, 2)
    assert counts.most_common() == [("a", 3), ("b", 2)]
    assert counts.most_common(1) == [("a", 3)]
    assert (counts.total, len(counts), list(counts), "a" in counts) == (7, 2, ["a", "b"], True)


def test_a_reservoir_is_uniform_seeded_and_in_order() -> None:
    hits = [0] * 40
    for seed in range(400):
        reservoir: Reservoir[int] = Reservoir(10, Random(seed))
        for item in range(40):
            if (place := reservoir.wants()) is not None:
                reservoir.put(place, item)
        kept = reservoir.items()
        assert kept == sorted(kept)
        assert len(reservoir) == 10
        for item in kept:
            hits[item] += 1
    assert all(60 <= count <= 140 for count in hits), hits


@pytest.mark.parametrize("limit", [100, 350])
def test_a_reservoir_keeps_its_weight(limit: int) -> None:
    reservoir: Reservoir[int] = Reservoir(50, Random(1), limit)
    for item in range(1000):
        if (place := reservoir.wants()) is not None:
            reservoir.put(place, item, 10 + item % 5)
    assert 1 <= len(reservoir) <= limit // 10


def test_a_reservoir_of_nothing_wants_nothing() -> None:
    reservoir: Reservoir[int] = Reservoir(0, Random(1))
    assert [reservoir.wants() for _ in range(5)] == [None] * 5
    assert reservoir.items() == []
