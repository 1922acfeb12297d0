"""The policies of the arms: as the operator set it, or with everything but manifest and egress out of the way."""

from __future__ import annotations

from dataclasses import replace

from speculate.core.policy import Policy

FRONTIER_STEP = 0.05
FRONTIER = tuple(round(step * FRONTIER_STEP, 2) for step in range(20))
NO_LIMIT = 1_000_000


def unlimited(policy: Policy, min_probability: float) -> Policy:
    """A plain threshold on `p_use`, no budget, no self-check. Egress, taint, tenancy and conflicts still hold."""
    return replace(
        policy,
        min_probability=min_probability,
        self_check=False,
        max_in_flight=NO_LIMIT,
        max_in_flight_per_session=NO_LIMIT,
        launches_per_minute=None,
        budget=None,
        error_streak=NO_LIMIT,
        store_size=NO_LIMIT,
    )


def knowing(policy: Policy) -> Policy:
    """For those who know the future: as many guesses as there are calls, and none built on another."""
    return replace(unlimited(policy, 0.0), predictions=NO_LIMIT, max_depth=1)
