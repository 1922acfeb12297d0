"""The operator's settings are checked when they are made."""

from __future__ import annotations

from typing import Any

import pytest

from speculate.core.policy import Policy

NAN, INFINITE = float("nan"), float("inf")
SECONDS = ("wasted_cost_s", "overhead_s", "prior_tool_s", "prior_lead_s", "cooldown_s", "grace_s")
COUNTS = ("max_in_flight", "max_in_flight_per_session", "predictions", "max_depth", "min_tenants")
AT_LEAST_ONE = ("store_size", "outcomes_size", "error_streak", "fault_limit")
OPTIONAL = ("launches_per_minute", "budget", "predict_limit_s")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("egress", "sometimes"),
        *[("min_probability", value) for value in (-0.01, 1.01, NAN)],
        *[(name, value) for name in SECONDS for value in (-0.001, NAN, INFINITE)],
        *[(name, -1) for name in COUNTS],
        *[(name, 0) for name in AT_LEAST_ONE],
        *[(name, value) for name in OPTIONAL for value in (-1, NAN)],
        *[("draft_timeout_s", value) for value in (0.0, -1.0, NAN)],
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(name: str, value: Any) -> None:
    """The error names the setting and what was given."""
    with pytest.raises(ValueError) as caught:
        Policy(**{name: value})
    assert str(caught.value).startswith(f"{name} must be ")
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("egress", value) for value in ("never", "committed-values-only", "always")],
        *[("min_probability", value) for value in (None, 0, 0.5, 1)],
        *[(name, 0.0) for name in SECONDS],
        *[(name, 0) for name in COUNTS],
        *[(name, 1) for name in AT_LEAST_ONE],
        *[(name, value) for name in OPTIONAL for value in (None, 0)],
    ],
)
def test_the_edges_are_allowed(name: str, value: Any) -> None:
    """Zero launches at once is a policy like any other."""
    assert getattr(Policy(**{name: value}), name) == value


def test_a_policy_cannot_be_changed() -> None:
    """Whoever holds one can rely on it."""
    with pytest.raises(AttributeError):
        Policy().egress = "always"  # type: ignore[misc]  # the very point
