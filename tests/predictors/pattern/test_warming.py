"""A model is worked out before its first session, not in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from predictors import Tournament
from predictors.pattern import PatternPredictor, rules
from speculate import Runtime
from speculate.history import History
from tests.predictors.pattern.sessions import history, session, train

RUNS = [
    session(f"s{n}", f"item k_{n}", ("find", {"key": f"k_{n}"}, {"id": n}), ("open", {"id": n}, {})) for n in range(9)
]


def loaded() -> PatternPredictor:
    return PatternPredictor.from_document(json.loads(json.dumps(train(*RUNS).to_document())))


def made_rules(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tools whose rules are worked out from now on."""
    made: list[str] = []
    whole = rules.ToolRules.__init__

    def init(self: Any, counts: Any, tool: str, *others: Any) -> None:
        made.append(tool)
        whole(self, counts, tool, *others)

    monkeypatch.setattr(rules.ToolRules, "__init__", init)
    return made


@pytest.mark.parametrize("compose", [lambda model: model, lambda model: Tournament([model])], ids=["alone", "composed"])
def test_a_runtime_warms_its_predictor(compose: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tool's rules are there before the first prediction, which makes no more, and says the same."""
    model, cold = loaded(), loaded()
    made = made_rules(monkeypatch)
    Runtime({}, predictor=compose(model))
    assert sorted(made) == ["find", "open"]
    warm = model.predict(history("item k_77"), 5)
    assert sorted(made) == ["find", "open"]
    assert warm == cold.predict(history("item k_77"), 5)


def test_an_untrained_model_can_be_warmed() -> None:
    """There is nothing to work out."""
    untaught = PatternPredictor()
    untaught.warm()
    assert untaught.predict(History("s"), 3) == []


def test_one_that_cannot_be_warmed_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    """It is said, and the runtime is made."""

    class Broken:
        def warm(self) -> None:
            raise ValueError("no table")

        def predict(self, history: History, limit: int) -> list[Any]:
            return []

        def observe(self, history: History, call: Any) -> None: ...

    Runtime({}, predictor=Broken())
    assert "could not be prepared: ValueError('no table')" in caplog.text
