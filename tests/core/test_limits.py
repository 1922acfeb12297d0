"""Rates, and tools closed after a 429 or a streak of errors."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from speculate.core.limits import MINUTE_S, Limits
from speculate.core.policy import Policy


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.25, 10.0, 59.75, 60.0])), max_size=30))
def test_launches_of_the_last_minute(steps: list[tuple[bool, float]]) -> None:
    """Exactly those less than a minute ago, by brute force."""
    limits, at, launches = Limits(Policy(launches_per_minute=1)), 0.0, list[float]()
    for launch, seconds in steps:
        at += seconds
        if launch:
            limits.launched(at)
            launches.append(at)
        assert limits.launches_last_minute(at) == sum(at - then < MINUTE_S for then in launches)


def test_nothing_is_counted_without_a_rate() -> None:
    """An unlimited runtime keeps no list that grows."""
    limits = Limits(Policy())
    limits.launched(0.0)
    assert limits.launches_last_minute(0.0) == 0


def test_a_streak_closes_the_tool_for_the_cooldown() -> None:
    """The third failure in a row, for 30 s, this tool alone."""
    limits = Limits(Policy(error_streak=3, cooldown_s=30.0))
    assert limits.failed("a", 0.0, None) is None
    assert limits.failed("a", 1.0, None) is None
    assert not limits.is_closed("a", 1.0)
    assert limits.failed("b", 1.0, None) is None
    assert limits.failed("a", 2.0, None) == 30.0
    assert limits.is_closed("a", 31.75)
    assert not limits.is_closed("b", 2.0)
    assert not limits.is_closed("a", 32.0)
    assert not limits.is_closed("a", 31.0), "once open, it stays open"


def test_a_success_ends_the_streak_and_so_does_closing() -> None:
    """Failures are counted in a row, and anew after each closure."""
    limits = Limits(Policy(error_streak=2, cooldown_s=1.0))
    limits.succeeded("a")
    assert limits.failed("a", 0.0, None) is None
    limits.succeeded("b")
    limits.succeeded("a")
    assert limits.failed("a", 0.0, None) is None
    assert limits.failed("a", 0.0, None) == 1.0
    assert limits.failed("a", 0.0, None) is None


def test_one_429_closes_the_tool_for_as_long_as_it_asked() -> None:
    """At least the cooldown; a shorter closure never ends a longer one early."""
    limits = Limits(Policy(error_streak=3, cooldown_s=30.0))
    assert limits.failed("a", 0.0, 100.0) == 100.0
    assert limits.failed("a", 1.0, 5.0) == 30.0
    assert limits.is_closed("a", 99.0)
    assert not limits.is_closed("a", 100.0)
    assert limits.failed("c", 0.0, 0.0) == 30.0
