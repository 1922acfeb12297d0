"""The self-check: a tool that does not pay goes to shadow, and comes back as soon as it would have paid."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from speculate.core.benefit import DECAY, EVIDENCE, SHADOWS_PER_TOOL, Benefit, Shadow
from speculate.resources import Claims

READS_A = Claims(reads=("order/a",))


def shadow(
    key: str, booked_at: float, expires_at: float, hidden_s: float, *, session: str = "s", tool: str = "get"
) -> Shadow:
    return Shadow(session, key, tool, READS_A, 1.0, hidden_s, booked_at, expires_at, context=("credentials",))


CONTEXT = ("credentials",)


def in_shadow(tool: str = "get") -> Benefit:
    benefit = Benefit(wasted_cost_s=0.25)
    for _ in range(EVIDENCE):
        benefit.waste(tool, 1.0)
    assert benefit.is_shadow(tool)
    return benefit


def until_back(benefit: Benefit, hidden_s: float) -> int:
    """How many commits it takes until the tool is launched again."""
    for count in range(1, 200):
        if benefit.commit("get", hidden_s):
            return count
    raise AssertionError("it never came back")


def test_no_verdict_without_evidence() -> None:
    """Eleven wasted launches are not enough, the twelfth is; the change is told once; other tools are not judged."""
    benefit = Benefit(wasted_cost_s=0.25)
    changes = [benefit.waste("get", 1.0) for _ in range(EVIDENCE + 3)]
    assert changes == [False] * (EVIDENCE - 1) + [True] + [False] * 3
    assert benefit.is_shadow("get")
    assert not benefit.is_shadow("other")


@given(st.lists(st.none() | st.floats(0, 2), max_size=60), st.sampled_from([0.0, 0.25, 1.0]))
def test_the_mode_by_brute_force(launches: list[float | None], wasted_cost_s: float) -> None:
    """The decayed mean of hidden seconds less the price of waste, with a margin on both sides of zero."""
    benefit, nets, shadow = Benefit(wasted_cost_s), list[float](), False
    for hidden_s in launches:
        changed = benefit.waste("get", 2.0) if hidden_s is None else benefit.commit("get", hidden_s)
        nets.append(-2.0 * wasted_cost_s if hidden_s is None else hidden_s)
        weights = [DECAY**age for age in range(len(nets))]
        mean = sum(w * n for w, n in zip(weights, reversed(nets), strict=True)) / sum(weights)
        margin = 0.05 * wasted_cost_s
        if math.isclose(abs(mean), margin, abs_tol=1e-9):
            return  # a tie within rounding decides nothing
        before = shadow
        if len(nets) >= EVIDENCE:
            shadow = mean <= margin if shadow else mean < -margin
        assert (benefit.is_shadow("get"), changed) == (shadow, shadow != before)


def test_between_the_margins_nothing_flaps() -> None:
    """What neither pays nor costs stays as it is, in either mode."""
    benefit = Benefit(wasted_cost_s=0.25)
    assert not any(benefit.commit("get", 0.0) for _ in range(100))
    assert not benefit.is_shadow("get")
    shadow = in_shadow()
    assert not any(shadow.commit("get", 0.0) for _ in range(1000))
    assert shadow.is_shadow("get")


def test_a_shadow_launch_that_would_have_served_brings_the_tool_back() -> None:
    """It is booked as a commit of the same hidden time would have been."""
    expected = until_back(in_shadow(), 1.0)
    benefit = in_shadow()
    for count in range(1, expected + 1):
        benefit.book_shadow(shadow("get {}", 0.0, 10.0, 1.0))
        assert benefit.called("s", "get {}", 5.0, CONTEXT) == (count == expected)
    assert not benefit.is_shadow("get")


def test_a_shadow_launch_hides_no_more_than_the_time_until_the_call() -> None:
    """A call that follows at once would have gained nothing."""
    benefit = in_shadow()
    for _ in range(200):
        benefit.book_shadow(shadow("k", 0.0, 10.0, 5.0))
        assert not benefit.called("s", "k", 0.0, CONTEXT)


def test_a_shadow_launch_serves_once_in_its_session_and_its_time() -> None:
    """As a launch would: for the identical call, in the same session, until it is too old, and not twice."""
    gain = 1_000.0
    benefit = in_shadow()
    benefit.book_shadow(shadow("k", 0.0, 10.0, gain))
    assert not benefit.called("other", "k", 1_000.0, CONTEXT)
    assert not benefit.called("s", "other", 1_000.0, CONTEXT)
    assert not benefit.called("s", "k", 10.25, CONTEXT)
    assert not benefit.called("s", "k", 5_000.0, CONTEXT), "it is gone"
    benefit.book_shadow(shadow("k", 0.0, 10.0, gain))
    assert benefit.called("s", "k", 10.0, CONTEXT), "exactly as old as allowed"


def test_a_repeated_guess_is_one_shadow_launch() -> None:
    """As a second launch would be a duplicate; the first counts its time."""
    benefit = in_shadow()
    benefit.book_shadow(shadow("k", 0.0, 100.0, 50.0))
    benefit.book_shadow(shadow("k", 50.0, 150.0, 50.0))
    assert benefit.called("s", "k", 50.0, CONTEXT)


def test_what_grew_too_old_makes_room() -> None:
    """A tool's places are limited; expired shadow launches are waste, and the next one finds a place."""
    benefit = in_shadow()
    for number in range(SHADOWS_PER_TOOL):
        benefit.book_shadow(shadow(f"k{number}", 0.0, 10.0, 1.0))
    benefit.book_shadow(shadow("full", 10.0, 20.0, 1_000_000.0))
    assert not benefit.called("s", "full", 15.0, CONTEXT), "no place was left"
    benefit.book_shadow(shadow("other tool", 10.0, 20.0, 1.0, tool="put"))
    benefit.book_shadow(shadow("k0", 10.25, 20.0, 1_000_000.0))
    assert benefit.called("s", "k0", 20.0, CONTEXT), "the expired one of the same call was replaced"
    assert not benefit.called("s", "k1", 11.0, CONTEXT)


def test_closing_a_session_makes_its_shadow_launches_waste() -> None:
    """Its own alone; and it says which tools' modes changed with it."""
    benefit = Benefit(wasted_cost_s=1.0)
    for _ in range(EVIDENCE - 1):
        benefit.waste("get", 1.0)
        benefit.waste("put", 1.0)
    benefit.book_shadow(shadow("a", 0.0, 10.0, 1.0))
    benefit.book_shadow(shadow("b", 0.0, 10.0, 1.0))
    benefit.book_shadow(shadow("c", 0.0, 10.0, 1.0, tool="put", session="t"))
    assert benefit.close("s") == ["get"]
    assert benefit.close("s") == []
    assert not benefit.is_shadow("put")
    assert benefit.close("t") == ["put"]


def test_an_expired_shadow_launch_counts_against_the_tool_when_it_is_asked_for() -> None:
    """The call came too late to be served: waste, which may change the mode."""
    benefit = Benefit(wasted_cost_s=1.0)
    for _ in range(EVIDENCE - 1):
        benefit.waste("get", 1.0)
    benefit.book_shadow(shadow("k", 0.0, 10.0, 100.0))
    assert benefit.called("s", "k", 11.0, CONTEXT)
    assert benefit.is_shadow("get")


def test_a_write_spoils_a_shadow_launch_as_it_would_a_launch() -> None:
    """What rests on what it changes is waste, of every session; the rest still serves."""
    benefit = in_shadow()
    benefit.book_shadow(shadow("k", 0.0, 10.0, 1_000_000.0))
    benefit.book_shadow(shadow("k", 0.0, 10.0, 1_000_000.0, session="t"))
    assert benefit.written(Claims(writes=("order/b",))) == []
    assert benefit.written(Claims(reads=("order/a",))) == []
    assert benefit.shadows == 2
    assert benefit.written(Claims(writes=("order/*",))) == []
    assert benefit.shadows == 0
    assert not benefit.called("s", "k", 5_000_000.0, CONTEXT)
    assert benefit.is_shadow("get")


def test_a_write_that_spoils_may_change_the_mode() -> None:
    """The twelfth wasted launch is one that was never made; the tool is named once."""
    benefit = Benefit(wasted_cost_s=1.0)
    for _ in range(EVIDENCE - 2):
        benefit.waste("get", 1.0)
    benefit.book_shadow(shadow("a", 0.0, 10.0, 1.0))
    benefit.book_shadow(shadow("b", 0.0, 10.0, 1.0))
    assert benefit.written(Claims(writes=("order/a",))) == ["get"]
    assert benefit.is_shadow("get")


def test_a_shadow_launch_serves_no_call_with_other_credentials() -> None:
    """As a launch would be squashed, it is waste."""
    benefit = in_shadow()
    benefit.book_shadow(shadow("k", 0.0, 10.0, 1_000_000.0))
    assert not benefit.called("s", "k", 5.0, ("other credentials",))
    assert benefit.shadows == 0
