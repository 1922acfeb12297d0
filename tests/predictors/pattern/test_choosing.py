"""Which tools are looked at."""

from __future__ import annotations

import pytest

from predictors.pattern import PatternPredictor, predictor
from predictors.pattern.calibration import logit
from predictors.pattern.choosing import LEAST_TRUST, LOCAL_BACK_OFF, MAX_BESIDE, MIN_SCORE, UNSEEN_HERE, Chances
from predictors.pattern.counts import ALL
from speculate.trace import RecordedSession
from tests.predictors.pattern.sessions import history, session, train


def test_a_tool_is_not_left_out_for_what_little_the_context_says() -> None:
    """Where the fitted weights hardly heed the context, no tool is far behind because of it."""
    runs = [session(f"s{n}", "go", ("find", {}, {}), ("user" if n else "order", {}, {})) for n in range(40)]
    learned = train(*runs)
    state = learned._view(history("go", ("find", {}, {}))).state
    chooser = learned._guesser.chooser
    hardly = [each[1] for each in chooser.tools(state, state.contexts(), (0.01, 0.0, 0.0, 0.0))]
    assert set(hardly) == {"find", "user", "order"}
    for each in chooser.tools(state, state.contexts(), (1.0, 0.0, 0.0, 0.0)):
        assert -each[0] >= MIN_SCORE
    words = (-0.2, 0.0, 0.0)  # against all tools
    state.evidence = (chooser, (chooser.version, state.times_asked, state.asked), dict.fromkeys(hardly, (1.0, 0.0)))
    assert len(chooser.tools(state, state.contexts(), (0.01, *words))) == 3
    assert MIN_SCORE * 0.01 > words[0] + 0.01 * MIN_SCORE > MIN_SCORE * LEAST_TRUST


def test_a_write_far_behind_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only whether it comes first is asked of a tool that is never launched; near the first one, it may."""

    def run(number: int, then: str) -> RecordedSession:
        key, thing = f"k_{number}", f"o_{number}"
        return session(
            f"s{number}", f"I am {key}", ("find", {"key": key}, {"thing": thing}), (then, {"thing": thing}, 1)
        )

    seldom = train(*[run(number, "cancel" if number % 6 == 0 else "order") for number in range(12)])
    often = train(*[run(number, "cancel" if number % 2 == 0 else "order") for number in range(12)])
    now = ("I am k_99", ("find", {"key": "k_99"}, {"thing": "o_99"}))

    def tools(learned: PatternPredictor) -> set[str]:
        return {each.tool for each in learned.predict(history(*now), 10)}

    assert "cancel" not in tools(seldom)
    assert {"order", "cancel"} <= tools(often)
    monkeypatch.setattr(predictor, "MAX_BEHIND", 99.0)
    assert {"order", "cancel"} <= tools(seldom)


def test_what_followed_in_this_session_counts_beside_what_was_learned() -> None:
    """Of tools that followed the same result here, of others, and of one that no trace called."""
    steps = ("I am k_1", ("find", {"key": "k_1"}, {"thing": "o_1"}), ("order", {"thing": "o_1"}, 1))
    learned = train(*[session(f"s{number}", *steps) for number in range(4)])
    found = ("find", {"key": "k_1"}, {"thing": "o_1"})
    state = learned._view(history("I am k_1", found, ("order", {}, 1), found, ("other", {}, 1), found)).state
    chooser = learned._guesser.chooser
    keys = state.contexts()
    chances = chooser._in_context(learned.counts.contexts[ALL], keys)
    choices = {tool: context for _, tool, context, _, _, _ in chooser.tools(state, keys)}
    for tool, times in {"order": 1, "other": 1, "find": 0}.items():
        before = chances[tool][0] if tool in chances else UNSEEN_HERE
        assert choices[tool] == pytest.approx(logit((times + LOCAL_BACK_OFF * before) / (2 + LOCAL_BACK_OFF)))


def test_few_numbers_of_followers_are_kept() -> None:
    chances = Chances({"find": (0.5, 0.0)})
    for times in range(1, 40):
        assert chances.beside(times)["find"][0] == pytest.approx(0.5 * LOCAL_BACK_OFF / (times + LOCAL_BACK_OFF))
        assert len(chances._beside) <= MAX_BESIDE
    assert chances.beside(39) is chances.beside(39)
