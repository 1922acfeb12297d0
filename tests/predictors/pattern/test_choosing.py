"""Which tools are looked at."""

from __future__ import annotations

from predictors.pattern.choosing import LEAST_TRUST, MIN_SCORE
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
