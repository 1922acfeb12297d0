"""Which tools are looked at."""

from __future__ import annotations

import pytest

from predictors.pattern import PatternPredictor, predictor
from predictors.pattern.choosing import LEAST_TRUST, MIN_SCORE
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
