"""Lossless: the same results in the same order and the same final state, speculation on and off."""

from __future__ import annotations

import pytest

from tests.runtime.worlds import ITEMS, changes_of, play


@pytest.mark.parametrize("block", range(8))
def test_random_sessions_see_the_same_with_speculation_on_and_off(block: int) -> None:
    """Reads that see what writes changed, failures, slow tools, cancellations, two sessions in one world."""
    hits = 0
    for seed in range(block * 25, block * 25 + 25):
        seen_on, state_on, log_on, runtime = play(seed, 25, speculation=True)
        seen_off, state_off, log_off, _ = play(seed, 25, speculation=False)
        assert seen_on == seen_off, f"seed {seed}"
        assert state_on == state_off, f"seed {seed}"
        for item in ITEMS:
            assert changes_of(log_on, item) == changes_of(log_off, item), f"seed {seed}"
        ledger = runtime.ledger
        assert ledger.launched == ledger.committed + ledger.wasted, f"seed {seed}"
        assert runtime.brain.in_flight == 0
        hits += ledger.committed
    assert hits > 100, "a test in which nothing is ever served early shows nothing"
