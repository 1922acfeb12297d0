"""Learning while it runs: what keeps happening stays as likely as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from predictors import load_predictor, save_predictor
from predictors.pattern import PatternPredictor
from predictors.pattern.sweeping import CALLS, HOSTILE, LEAST_WEIGHT
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


def test_observing_the_usual_changes_little() -> None:
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


@pytest.mark.parametrize(("runs", "size"), [(1_200, 1), (270, 24)])
def test_what_is_learned_online_stays_within_the_bound(runs: int, size: int, tmp_path: Path) -> None:
    """Call after call brings new values, texts and fields, a few or many: old ones are dropped, bit by bit or all at
    once; memory stays bounded all the while, a file keeps to its size, and what is learned goes on to be used."""
    model = PatternPredictor(max_bytes=60_000)
    least = 60_000 // LEAST_WEIGHT
    most = 0
    for number in range(runs):
        arguments = {f"k{number}.{n}": f"key-{number}-{n}" for n in range(size)}
        result = {f"f{number}{chr(97 + n)}": n for n in range(size)}
        for seen, turn in moments(session(f"s{number}", f"word{number} for Ann{number}", ("find", arguments, result))):
            for call in turn.calls:
                model.observe(seen, ToolCall(call.tool, call.args, call.id))
        most = max(most, model.part.entries())
    for number in range(40):
        for seen, turn in moments(usual(number)):
            for call in turn.calls:
                model.observe(seen, ToolCall(call.tool, call.args, call.id))
    assert least < most < HOSTILE * least + CALLS * 5 * (size + 1)
    path = tmp_path / "model.json"
    save_predictor(model, path)
    assert path.stat().st_size <= 60_000
    loaded = load_predictor(path)
    seen = next(seen for seen, turn in moments(usual(99)) if turn.calls)
    assert loaded.predict(seen, 5) == model.predict(seen, 5)
    assert model.predict(seen, 1)[0].arguments == {"key": "k_99"}
