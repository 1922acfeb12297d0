"""The scores, on examples small enough to work out by hand."""

from __future__ import annotations

import math

import pytest

from speculate.history import CallMade, UserText
from speculate.prediction import Prediction
from speculate.spec import ArgumentSpec, Effect, ToolSpec
from speculate.testing import ScriptedPredictor
from speculate.trace import CallIssued, RecordedSession, RecordedTurn, SessionStarted, TurnTaken, UserSaid
from speculate.training.scoring import Scorer, judge, score, untrusted_tools

SPECS = {
    "look": ToolSpec("look", Effect.READ, arguments={"name": ArgumentSpec(normalize="casefold")}),
    "find": ToolSpec("find", Effect.READ, untrusted=True),
    "save": ToolSpec("save", Effect.WRITE),
}


def turn(*calls: tuple[str, dict[str, object]], number: int = 0) -> RecordedTurn:
    issued = [CallIssued("s", number, f"{number}.{i}", tool, args) for i, (tool, args) in enumerate(calls)]
    return RecordedTurn(TurnTaken("s", number), issued)


def guess(tool: str, p_next: float, **arguments: object) -> Prediction:
    return Prediction(tool, arguments, p_next, p_next)


def test_writes_are_dropped_before_ranking() -> None:
    """Three writes ahead of the right read leave it at rank 1, and at exact@1."""
    guesses = [guess("save", 0.9 - i / 10, n=i) for i in range(3)] + [guess("look", 0.3, name="a")]
    scorer = Scorer()
    judged = scorer.add(guesses, turn(("look", {"name": "a"})), SPECS)
    assert judged is not None
    assert judged.calls[0].rank == 1
    assert scorer.document() == {
        "tool@1": 0.0,
        "exact@1": 1.0,
        "exact@3": 1.0,
        "exact@5": 1.0,
        "brier": pytest.approx((0.81 + 0.64 + 0.49 + 0.49) / 4),
    }


def test_rank_goes_by_p_next_not_by_the_order_given() -> None:
    """The order a predictor returns does not count; its probabilities do."""
    judged = judge([guess("look", 0.1, name="a"), guess("find", 0.6)], turn(("look", {"name": "a"})), SPECS)
    assert [p.prediction.tool for p in judged.predictions] == ["find", "look"]
    assert judged.calls[0].rank == 2


def test_identity_is_canonical() -> None:
    """Normalised as declared, and typed: 1 is not 1.0."""
    judged = judge(
        [guess("look", 0.5, name=" A "), guess("find", 0.4, n=1.0)],
        turn(("look", {"name": "a"}), ("find", {"n": 1})),
        SPECS,
    )
    assert [call.rank for call in judged.calls] == [1, None]
    assert [p.happened for p in judged.predictions] == [True, False]


def test_all_calls_of_a_turn_are_judged_at_one_moment() -> None:
    """Two calls and a repeat of the first: three speculable calls, found at ranks 1, 2 and 1."""
    scorer = Scorer()
    scorer.add(
        [guess("find", 0.5, n=1), guess("find", 0.25, n=2)],
        turn(("find", {"n": 1}), ("find", {"n": 2}), ("find", {"n": 1})),
        SPECS,
    )
    assert scorer.speculable_calls == 3
    assert scorer.exact_at(1) == pytest.approx(2 / 3)
    assert scorer.exact_at(2) == 1.0
    assert scorer.brier == pytest.approx((0.25 + 0.5625) / 2)


def test_a_tools_share_is_the_sum_of_its_predictions() -> None:
    """Two halves of `find` outweigh one `save`; the turn's first call decides."""
    guesses = [guess("save", 0.4), guess("find", 0.3, n=1), guess("find", 0.2, n=2)]
    assert judge(guesses, turn(("find", {"n": 9})), SPECS).top_tool == "find"
    scorer = Scorer()
    scorer.add(guesses, turn(("find", {"n": 9}), ("save", {})), SPECS)
    scorer.add(guesses, turn(("save", {}), ("find", {"n": 9})), SPECS)
    assert scorer.tool_at_1 == 0.5
    assert scorer.exact_at(5) == 0.0


def test_raw_arguments_and_undeclared_tools_are_not_speculable() -> None:
    """What could never be launched is in no denominator, and takes no rank."""
    scorer = Scorer()
    scorer.add(
        [guess("find", 0.9, _raw="x"), guess("unheard", 0.8), guess("find", 0.7, n=1)],
        turn(("find", {"_raw": "x"}), ("unheard", {}), ("save", {}), ("find", {"n": 1})),
        SPECS,
    )
    assert (scorer.calls, scorer.speculable_calls) == (4, 1)
    assert scorer.exact_at(1) == 1.0


def test_turns_without_calls_do_not_count() -> None:
    """Neither in tool@1 nor in the Brier score."""
    scorer = Scorer()
    assert scorer.add([guess("find", 1.0)], turn(), SPECS) is None
    scorer.add_judged(judge([guess("find", 1.0)], turn(), SPECS))
    assert (scorer.turns, scorer.predictions) == (0, 0)
    assert set(scorer.document().values()) == {None}


def test_no_predictions_score_zero_not_none() -> None:
    """A silent predictor is judged: its exact@k is 0; only the Brier score has nothing to divide by."""
    scorer = Scorer()
    scorer.add([], turn(("find", {"n": 1})), SPECS)
    assert scorer.document() == {"tool@1": 0.0, "exact@1": 0.0, "exact@3": 0.0, "exact@5": 0.0, "brier": None}


def test_predictions_that_are_no_number_are_left_out() -> None:
    """NaN cannot be ranked; arguments that are no JSON never match, and take no rank."""
    judged = judge(
        [guess("find", math.nan, n=1), guess("find", 0.5, n=math.nan), guess("find", 0.4, n=1)],
        turn(("find", {"n": 1}), ("find", {"n": math.nan})),
        SPECS,
    )
    assert len(judged.predictions) == 2
    assert [call.rank for call in judged.calls] == [1, None]
    assert [p.happened for p in judged.predictions] == [False, True]


def _session() -> RecordedSession:
    first, second = turn(("find", {"n": 1})), turn(("find", {"n": 2}), ("save", {}), number=2)
    return RecordedSession(SessionStarted("s"), [UserSaid("s", "go"), first, turn(number=1), second])


def test_score_walks_sessions_and_frozen_predictors_observe_nothing() -> None:
    """Predictions see what came before a turn, never the turn itself."""
    seen: list[list[str]] = []

    def script(history: object) -> list[Prediction]:
        events = history.events  # type: ignore[attr-defined]  # a History
        seen.append([type(event).__name__ for event in events])
        return [guess("find", 0.5, n=1 + sum(type(event) is CallMade for event in events))]

    predictor = ScriptedPredictor(script)
    scorer = score(predictor, [_session()], SPECS)
    assert scorer.document() == {"tool@1": 1.0, "exact@1": 1.0, "exact@3": 1.0, "exact@5": 1.0, "brier": 0.25}
    assert seen == [[UserText.__name__], [UserText.__name__, CallMade.__name__]]
    assert predictor.observed == []


def test_online_scoring_observes_each_call_after_its_turn() -> None:
    """Learning never runs ahead of the judgement."""
    predictor = ScriptedPredictor(lambda history: [])
    score(predictor, [_session()], SPECS, online=True)
    assert [(call.tool, call.id) for call in predictor.observed] == [("find", "0.0"), ("find", "2.0"), ("save", "2.1")]


def test_untrusted_tools_come_from_the_manifest() -> None:
    """What `moments` is told to mark."""
    assert untrusted_tools(SPECS) == {"find"}
