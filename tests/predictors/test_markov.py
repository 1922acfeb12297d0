"""MarkovPredictor: counted by hand."""

from __future__ import annotations

import pytest

from predictors import MarkovPredictor
from speculate.calls import ToolCall
from speculate.history import CallMade, History
from tests.predictors.test_repeat import SPECS, run


def test_transitions_and_repeats_are_counted() -> None:
    """read a, write a, read a, (nothing): three calls, four moments, one repeat that was possible and came."""
    model = MarkovPredictor.train([run([("read", "a")], [("write", "a")], [("read", "a")], [])], SPECS)
    document = model.to_document()
    assert document["follows"] == {"": {"read": 1}, "read": {"write": 1}, "write": {"read": 1}}
    assert document["moments"] == {"": 1, "read": 2, "write": 1}
    assert document["called"] == {"read": 2, "write": 1}
    assert (document["could_repeat"], document["repeated"]) == ({"read": 1}, {"read": 1})
    assert document["kept"] == {"read": 3, "write": 2}
    assert document["used"] == {"read": 1}  # before turn 2; before turn 1 the write still lies ahead
    history = History(events=[CallMade("1", 0, "read", {"path": "z"}), CallMade("2", 1, "write", {"path": "z"})])
    read, write = model.predict(history, 5)
    assert (read.tool, dict(read.arguments)) == ("read", {"path": "z"})
    p_tool = (1 + 2 * (2 / 4)) / (1 + 2)
    assert read.p_next == pytest.approx(p_tool * (1 + 0.5) / (1 + 1))
    assert write.p_next == pytest.approx((0 + 2 * (1 / 4)) / (1 + 2) * 0.5)
    assert repr(model) == "<MarkovPredictor 2 tools, 4 moments>"


def test_a_tool_without_arguments_needs_no_earlier_call() -> None:
    """What is always called bare can be guessed at once; untrained, nothing can."""
    assert MarkovPredictor().predict(History(), 5) == []
    model = MarkovPredictor()
    model.observe(History(), ToolCall("list", {}))
    model.observe(History(), ToolCall("list", {"page": 2}))
    (guess,) = model.predict(History(), 5)
    assert (guess.tool, guess.arguments) == ("list", {})
    assert guess.p_next == pytest.approx(1.0 * 0.5)


def test_the_state_is_the_last_tool() -> None:
    """After a write comes a read, after a read comes a write."""
    model = MarkovPredictor.train([run(*[[("read", "a")], [("write", "a")]] * 10)], SPECS)
    calls = [CallMade("1", 0, "write", {"path": "a"}), CallMade("2", 1, "read", {"path": "a"})]
    assert model.predict(History(events=calls), 1)[0].tool == "write"
    assert model.predict(History(events=calls[::-1]), 1)[0].tool == "read"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"follows": []}, "follows must be an object"),
        ({"follows": {"read": 3}}, "follows.read must be an object of counts"),
        ({"called": {"read": True}}, "called.read must be a whole number"),
        ({"bare": {"read": 2}}, "read was called without arguments more often"),
    ],
)
def test_damaged_documents_are_refused(change: dict[str, object], problem: str) -> None:
    """With the field named."""
    document = {**MarkovPredictor.train([run([("read", "a")])], SPECS).to_document(), **change}
    with pytest.raises(ValueError, match=problem):
        MarkovPredictor.from_document(document)
