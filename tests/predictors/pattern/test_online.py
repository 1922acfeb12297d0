"""Learning while it runs: what keeps happening stays as likely as it was."""

from __future__ import annotations

from predictors.pattern import PatternPredictor
from speculate.calls import ToolCall
from speculate.trace import RecordedSession, moments
from tests.predictors.pattern.sessions import SPECS, session

WANTED = {
    "where is my parcel": ("order", "flights"),
    "cancel that please": ("order", "cancel"),
    "take it back from me": ("lookup", "grep"),
    "do you sell any": ("search", "page"),
}


def usual(number: int) -> RecordedSession:
    """A user is looked up, then what they ask for decides."""
    words = list(WANTED)[number % len(WANTED)]
    user, thing = f"u_{number}", f"o_{number * 7}"
    return session(
        f"s{number}",
        f"{words}, I am k_{number}",
        ("find", {"key": f"k_{number}"}, {"user": user}),
        ("user", {"user": user}, {"thing": thing}),
        *((tool, {"thing": thing}, {"fine": True}) for tool in WANTED[words]),
    )


def test_observing_the_usual_changes_little():
    """A predictor trained on more turns than it keeps online is as sure after observing more of the same."""
    model = PatternPredictor.train([usual(number) for number in range(60)], SPECS)
    frozen = PatternPredictor.train([usual(number) for number in range(60)], SPECS)
    for number in range(100, 110):
        for seen, turn in moments(usual(number)):
            (call,) = turn.calls
            sure, still = (
                max(g.p_next for g in predictor.predict(seen, 8) if (g.tool, g.arguments) == (call.tool, call.args))
                for predictor in (frozen, model)
            )
            assert still > 0.8 * sure
            model.observe(seen, ToolCall(call.tool, call.args, call.id))
