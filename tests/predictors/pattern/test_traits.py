"""How a call stands among the others of its tool, and where its values come from."""

from __future__ import annotations

import pytest

from predictors.pattern.calibration import NEXT_START, USE_START, next_features, score, use_features, weigh
from predictors.pattern.filling import Value
from predictors.pattern.guessing import Call, Guess
from predictors.pattern.pools import AGAIN, STALE
from predictors.pattern.reliability import STRAIGHT
from predictors.pattern.traits import UNREMARKABLE, Traits, note_traits


def call(p: float, *chosen: Value) -> Call:
    return Call({}, (), chosen, p, -1.0, 0.0, 1.0, 0.0)


def value(rule: str, slot: int = 0, event: int = 1) -> Value:
    return (0.5, "v", rule, slot, event, 0, event)


def test_an_only_call_has_nothing_taken_off() -> None:
    """Of two, the likelier one is the best."""
    only, first, second = call(0.6), call(0.3), call(0.1)
    note_traits([only], None)
    assert only.traits == UNREMARKABLE
    note_traits([first, second], None)
    assert (first.traits.share, first.traits.behind) == pytest.approx((-0.25, 0.0))
    assert (second.traits.share, second.traits.behind) == pytest.approx((-0.75, -1.0))


def test_a_chance_of_nothing_has_no_share() -> None:
    """No division by zero where counts were taken out."""
    made = call(0.0)
    note_traits([made], None)
    assert made.traits.share == -1.0


def test_where_values_come_from() -> None:
    """Typed by the user, from the tool's list, a constant, used before; a tool's name may start with "user"."""
    made = call(
        0.5, value("user:Ax6"), value("users.id", STALE), value("find[].id", AGAIN + STALE), value("=digest", event=-1)
    )
    note_traits([made], "find[].id")
    assert made.traits == Traits(0.0, 0.0, typed=0.25, listed=1.0, constant=1.0, left=1.0)


def test_parts_of_a_score_are_what_the_features_say() -> None:
    """What is noted at a call once, and added up turn by turn, is the weighted sum that was fitted."""
    made = call(0.4, value("user:Ax6"), value("find[].id", AGAIN + STALE))
    other = call(0.5, value("find[].id"))
    note_traits([made, other], "find[].id")
    to_next = tuple(0.3 + 0.1 * number for number in range(len(NEXT_START)))
    to_use = tuple(0.2 + 0.1 * number for number in range(len(USE_START)))
    weigh((to_next, to_use, STRAIGHT, STRAIGHT), [made, other])
    for each in (made, other):
        guess = Guess("t", each, 0.0, 0.0, 0.0, 0.0, 0.5)
        assert each.next_part + to_next[0] == pytest.approx(score(to_next, next_features(guess, False)))
        assert each.use_part + to_use[0] == pytest.approx(score(to_use, use_features(guess, 0.5, False, 0)))
