"""Drafters of other projects, as they are installed, say what they would say: none is judged by a broken wrapper."""

from __future__ import annotations

import pytest

pytest.importorskip("specunode.drafters.t1_pattern", reason="not installed; see tests/peers/requirements.txt")
pytest.importorskip("toolahead.speculator", reason="not installed; see tests/peers/requirements.txt")

from benchmarks.prediction.peers import SpecuNode, ToolAhead, installed, missing
from benchmarks.prediction.walking import walk
from speculate.history import History
from tests.predictors.pattern.sessions import SPECS, Step, history, session

RUNS = [
    session(f"s{number}", "go", ("find", {"q": "x"}, {"id": f"r{number}"}), ("order", {"id": f"r{number}"}, "fine"))
    for number in range(4)
]


def test_specunode_carries_a_result_into_the_argument_of_that_name() -> None:
    """Its data flow at work: a value that no run before had."""
    drafter = SpecuNode.train(RUNS, SPECS)
    steps: list[Step] = ["go", ("find", {"q": "x"}, {"id": "new"})]
    found = drafter.predict(history(*steps), 5)
    assert [(each.tool, each.arguments, each.p_next) for each in found] == [("order", {"id": "new"}, 1.0)]


def test_specunode_offers_nothing_it_cannot_fill() -> None:
    assert SpecuNode.train(RUNS, SPECS).predict(History("new"), 5) == []


def test_toolahead_repeats_the_usual_next_call() -> None:
    """The tool that usually follows, with the arguments it had most often: one guess, from the start on."""
    table = ToolAhead.train([*RUNS, RUNS[2]], SPECS)
    first = table.predict(History("new"), 5)
    assert [(each.tool, each.arguments, each.p_next) for each in first] == [("find", {"q": "x"}, 1.0)]
    then = table.predict(history("go", ("find", {"q": "x"}, {"id": "new"})), 5)
    assert [(each.tool, each.arguments) for each in then] == [("order", {"id": "r2"})]
    assert table.predict(History("new"), 0) == []


def test_all_that_are_installed_are_judged() -> None:
    """Under their names and versions, on calls that are there to be guessed."""
    found = dict(installed())
    assert [label.split()[0] for label in found] == ["specunode", "toolahead"]
    assert missing() == []
    for train in found.values():
        judged = walk(train(RUNS, SPECS), RUNS, SPECS)
        assert judged.scorer.speculable_calls == 8
        assert judged.scorer.document()["exact@1"] > 0
