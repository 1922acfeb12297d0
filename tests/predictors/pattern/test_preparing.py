"""While a tool runs, and while the user reads, the next prediction is prepared: ahead of time, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from predictors.pattern import PatternPredictor
from predictors.pattern.filling import Filler
from predictors.pattern.rules import ArgumentRules
from predictors.pattern.state import State
from speculate.history import CallMade, Event, History, ModelText, ResultSeen, UserText
from speculate.trace import RecordedSession
from tests.predictors.pattern.sessions import session, train


def _run(number: int) -> RecordedSession:
    key, user, thing = f"k_{number}", f"u_{number}", f"o_{number}"
    return session(
        f"s{number}", f"I am {key}", ("find", {"key": key}, {"user": user, "thing": thing}),
        ("user", {"user": user}, {"fine": True}), ("order", {"thing": thing}, {"fine": True}),
        0, "thank you", ("book", {"thing": thing}, {"fine": True}),
    )  # fmt: skip


ASKED = UserText("I am k_99")
FOUND: list[Event] = [
    CallMade("0.0", 0, "find", {"key": "k_99"}), ResultSeen("0.0", "find", True, {"user": "u_99", "thing": "o_99"}),
]  # fmt: skip
CALLED = CallMade("1.0", 1, "user", {"user": "u_99"})
SEEN = ResultSeen("1.0", "user", True, {"fine": True})


@pytest.fixture
def predictor() -> PatternPredictor:
    return train(*map(_run, range(12)))


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tools whose arguments were looked for, in order; cleared by the tests."""
    found: list[str] = []
    whole = Filler.values

    def values(self: Filler, state: State, standing: Any, argument: ArgumentRules) -> Any:
        found.append(argument.tool)
        return whole(self, state, standing, argument)

    monkeypatch.setattr(Filler, "values", values)
    return found


def _told(history: History, events: Sequence[Event], worked: list[str]) -> list[list[str]]:
    """The tools looked at as each of these was appended."""
    out = []
    for event in events:
        worked.clear()
        history.append(event)
        out.append(list(worked))
    return out


def test_a_call_that_was_made_prepares_what_follows_its_result(predictor: PatternPredictor, worked: list[str]) -> None:
    """What the next prediction needs is there before the result is, and the answer is that of a new history."""
    history = History("now", None, [ASKED, *FOUND])
    predictor.predict(history, 10)
    standing = history.memo[predictor].state.standing
    assert "order" not in standing.calls
    signatures, contexts = list(history.memo[predictor].state.signatures), history.memo[predictor].state.contexts()
    history.append(CALLED)
    assert "order" in standing.calls  # what follows the usual result
    state = history.memo[predictor].state
    assert (state.signatures, state.asked) == (signatures, False)  # as if nothing had been looked ahead at
    assert history.indexing_s > 0
    prepared = standing.calls["order"]
    history.append(SEEN)
    assert state.contexts() != contexts
    answer = predictor.predict(history, 10)
    assert standing.calls["order"] is prepared
    assert answer == predictor.predict(History("now", None, history.events), 10)


def test_it_is_done_once_for_each_prediction(predictor: PatternPredictor, worked: list[str]) -> None:
    """Not for the second of several calls, nor for a history nobody asked about since, nor for one nobody ever did."""
    history = History("now", None, [ASKED, *FOUND])
    predictor.predict(history, 10)
    more = [CallMade(f"1.{number}", 1, "user", {"user": "u_99"}) for number in range(1, 4)]
    first, *others = _told(history, [CALLED, *more, SEEN, CallMade("2.0", 2, "order", {"thing": "o_99"})], worked)
    assert first
    assert not any(others)
    predictor.predict(history, 10)
    assert _told(history, [CallMade("3.0", 3, "find", {"key": "k_99"})], worked) != [[]]


def test_a_fork_prepares_nothing(predictor: PatternPredictor, worked: list[str]) -> None:
    """It is made to be predicted from at once."""
    history = History("now", None, [ASKED, *FOUND])
    predictor.predict(history, 10)
    assert _told(history.fork(), [CALLED, SEEN], worked) == [[], []]


def test_what_the_user_may_want_is_prepared_while_they_read(predictor: PatternPredictor, worked: list[str]) -> None:
    history = History("now", None, [ASKED, *FOUND, CALLED, SEEN])
    predictor.predict(history, 10)
    state = history.memo[predictor].state
    evidence = state.evidence
    assert _told(history, [ModelText(2, "Here you are.")], worked) != [[]]
    assert (state.asked, state.evidence) == (False, evidence)
    standing = state.standing
    assert "book" in standing.calls
    kept = standing.calls["book"].values
    history.append(UserText("thank you"))
    answer = predictor.predict(history, 10)
    assert standing.calls["book"].values is kept or standing.calls["book"].values == kept
    assert answer == predictor.predict(History("now", None, history.events), 10)


def test_texts_that_calls_come_with_prepare_nothing(predictor: PatternPredictor, worked: list[str]) -> None:
    """Where the model thinks aloud before it calls, nobody is reading; where the user answers again, they are."""
    history = History("now", None, [ASKED, ModelText(0, "I will look."), *FOUND])
    predictor.predict(history, 10)
    assert _told(history, [ModelText(1, "Now the user.")], worked) == [[]]
    history.append(CALLED)
    for turn in range(2, 5):
        for event in (ModelText(turn, "Anything else?"), UserText("hm")):
            history.append(event)
    predictor.predict(history, 10)
    assert _told(history, [ModelText(9, "Here you are.")], worked) != [[]]


def test_nobody_asking_ends_it(predictor: PatternPredictor, worked: list[str]) -> None:
    """At most two preparations for a prediction, however much is said."""
    history = History("now", None, [ASKED, *FOUND])
    predictor.predict(history, 10)
    texts: list[Event] = [event for turn in range(1, 6) for event in (ModelText(turn, "Yes?"), UserText("hm"))]
    assert sum(map(bool, _told(history, texts, worked))) == 2


def test_what_fails_leaves_the_state_as_it_is(predictor: PatternPredictor, monkeypatch: pytest.MonkeyPatch) -> None:
    history = History("now", None, [ASKED, *FOUND])
    predictor.predict(history, 10)
    view = history.memo[predictor]
    before = (list(view.state.signatures), view.state.asked, view.state.evidence)
    view.state.calls.append(("user", {}))

    def fails(*_: Any) -> Any:
        raise RuntimeError("no")

    monkeypatch.setattr(Filler, "values", fails)
    for is_call in (True, False):
        with pytest.raises(RuntimeError, match="no"):
            predictor._prepare(view.state, is_call)
        assert (list(view.state.signatures), view.state.asked, view.state.evidence) == before


def test_the_usual_result_is_the_one_seen_most() -> None:
    runs = [
        session(f"s{n}", "go", ("find", {"q": "x"}, "Error: none" if n % 4 else {"rows": [1, 2]}), ("user", {}, "fine"))
        for n in range(8)
    ]
    predictor = train(*runs)
    chooser = predictor._guesser.chooser
    assert chooser.usual_signature("find") == "find>!"
    assert chooser.usual_signature("never seen") == "never seen>1"
    chooser.forget()
    assert chooser.usual_signature("find") == "find>!"
