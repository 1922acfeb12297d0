"""How a call stands among the others of its tool, and where its values come from."""

from __future__ import annotations

import pytest

from predictors.pattern.calibration import (
    NEXT_START,
    USE_START,
    next_features,
    probability,
    score,
    use_features,
    weigh,
)
from predictors.pattern.filling import Value
from predictors.pattern.guessing import Call, Guess
from predictors.pattern.pools import AGAIN, STALE
from predictors.pattern.reliability import STRAIGHT
from predictors.pattern.rivals import RIVALS_START, beside_rivals
from predictors.pattern.traits import UNREMARKABLE, Traits, marks_of, note_traits
from tests.predictors.pattern.curves import bend
from tests.predictors.pattern.sessions import Step, history, session, train


def call(p: float, *chosen: Value) -> Call:
    return Call({}, (), chosen, p, -1.0, 0.0, 0.4, 0.0)


def value(rule: str, slot: int = 0, event: int = 1) -> Value:
    return (0.5, "v", rule, slot, event, 0, event, marks_of(rule, slot), 1.0)


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
    assert made.traits == Traits(0.0, 0.0, typed=0.25, listed=1.0, constant=1.0, left=1.0, stale=0.5)


def test_parts_of_a_score_are_what_the_features_say() -> None:
    """What is noted at a call once, and added up turn by turn, is the weighted sum that was fitted."""
    made = call(0.4, value("user:Ax6"), value("find[].id", AGAIN + STALE))
    other = call(0.5, value("find[].id"))
    note_traits([made, other], "find[].id")
    to_next = tuple(0.3 + 0.1 * number for number in range(len(NEXT_START)))
    to_use = tuple(0.2 + 0.1 * number for number in range(len(USE_START)))
    weigh((to_next, to_use, STRAIGHT, STRAIGHT, RIVALS_START), [made, other])
    for each in (made, other):
        guess = Guess("t", each, 0.0, 0.0, 0.0, 0.0, 0.5)
        assert each.next_part + to_next[0] == pytest.approx(score(to_next, next_features(guess, False, False)))
        assert each.use_part + to_use[0] == pytest.approx(score(to_use, use_features(guess, 0.5, False, 0)))


@pytest.mark.parametrize(
    "steps",
    [
        ("look up AB12CD", ("find", {"id": "AB12CD"}, {"key": "k9", "rows": [{"id": "r1"}, {"id": "r2"}]})),
        ("look up AB12CD", ("find", {"id": "AB12CD"}, "Error: not found")),
        ("look up AB12CD", ("find", {"id": "AB12CD"}, {"key": "k9"}), ("user", {"key": "k9"}, {"ok": 1}), "and CD34EF"),
    ],
    ids=["result", "error", "asked again"],
)
def test_predictions_are_what_the_fitted_features_say(steps: tuple[Step, ...]) -> None:
    """Training and predicting add up the same features: after a result, an error, a word of the user."""
    learned = train(
        *[
            session(
                f"s{n}",
                f"look up AB1{n}CD",
                ("find", {"id": f"AB1{n}CD"}, "Error: busy" if n % 2 else {"key": f"k{n}"}),
                *[("find", {"id": f"AB1{n}CD"}, {"key": f"k{n}", "rows": [{"id": f"r{n}"}]})] * (n % 2),
                ("user", {"key": f"k{n}"}, {"ok": 1}),
            )
            for n in range(6)
        ]
    )
    to_next = tuple(0.3 + 0.05 * number for number in range(len(NEXT_START)))
    to_use = tuple(0.2 + 0.05 * number for number in range(len(USE_START)))
    document = learned.to_document()
    to_rivals = (0.1, 0.9, -0.2, 0.3)
    document["weights"] |= {"next": to_next, "use": to_use, "rivals": to_rivals}
    learned = type(learned).from_document(document)
    now = history(*steps)
    predictions = learned.predict(now, 10)
    assert predictions
    state = learned._view(now).state
    curves = learned._weights[2:4]
    expected = {}
    guesses = learned._guesser.guesses(state)
    alone = [score(to_next, next_features(guess, state.asked, state.failed)) for guess in guesses]
    for guess, beside in zip(guesses, beside_rivals(alone), strict=True):
        total = score(to_rivals, beside)
        later = score(to_use, use_features(guess, probability(total), state.asked, state.times_asked))
        p_next, p_use = (probability(bend(*each)) for each in zip(curves, (total, later), strict=True))
        expected[guess.tool, str(guess.arguments)] = (p_next, max(p_next, p_use))
    for each in predictions:
        assert (each.p_next, each.p_use) == pytest.approx(expected[each.tool, str(each.arguments)], abs=1e-6)
