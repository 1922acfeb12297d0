"""What the training report is made of, on runs small enough to judge by hand."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from speculate.core.latency import Latencies
from speculate.core.policy import Policy
from speculate.history import CallMade, History, ModelText, ResultSeen, UserText
from speculate.prediction import Prediction
from speculate.spec import ArgumentSpec, Effect, EffectRule, ToolSpec
from speculate.testing import ScriptedPredictor
from speculate.trace import (
    CallIssued,
    RecordedSession,
    RecordedTurn,
    ResultArrived,
    SessionStarted,
    TurnTaken,
    UserSaid,
)
from speculate.training.analysis import NOTHING, Miss
from speculate.training.explaining import lines
from speculate.training.judging import Judgement, judge_predictor
from speculate.training.outlook import Outlook
from speculate.training.presence import Presence, leaves
from speculate.training.reliability import Reliability
from speculate.training.scoring import resolve
from speculate.training.tradeoff import break_even, recorded_latencies

SPECS = {
    "get": ToolSpec(
        "get", Effect.READ, reads=("item/{id}",), arguments={"lang": ArgumentSpec(has_default=True, default="en")}
    ),
    "set": ToolSpec("set", Effect.WRITE, writes=("item/{id}",)),
}


def session(*turns: list[tuple[str, dict[str, Any]]], text: str = "Look at item A, please.") -> RecordedSession:
    """Every result is {"next": "B-2"}."""
    steps: list[UserSaid | RecordedTurn] = [UserSaid("s", text)]
    for number, calls in enumerate(turns):
        issued = [CallIssued("s", number, f"{number}.{i}", tool, args) for i, (tool, args) in enumerate(calls)]
        results = {call.id: ResultArrived("s", call.id, tool_s=2.0, result={"next": "B-2"}) for call in issued}
        steps.append(RecordedTurn(TurnTaken("s", number, llm_s=4.0), issued, results))
    return RecordedSession(SessionStarted("s"), steps)


def guess(tool: str, p: float, p_use: float | None = None, **arguments: Any) -> Prediction:
    return Prediction(tool, arguments, p, p if p_use is None else p_use)


def test_where_misses_come_from() -> None:
    """One call for each: the tool not named, a value nowhere, one nobody copied, one ranked low, one right."""
    said = {
        0: [guess("set", 0.9, id="A")],
        1: [guess("get", 0.9, id="A")],
        2: [guess("get", 0.9, id="A")],
        3: [guess("get", 0.5, id="A"), guess("get", 0.4, id="B-2")],
        4: [guess("get", 0.9, id="A")],
    }
    runs = session(*[[("get", {"id": each})] for each in ("A", "Z9", "B-2", "B-2", "A")])
    predictor = ScriptedPredictor(lambda history: said[sum(type(each) is CallMade for each in history.events)])
    judged = judge_predictor(predictor, [runs], SPECS).document()
    (row,) = judged["arguments"]
    assert (row["tool"], row["argument"], row["values"]) == ("get", "id", 5)  # `lang` was left to its default
    assert row["misses"] == {
        Miss.TOOL_NOT_EXPECTED.value: 1, Miss.NOT_IN_HISTORY.value: 1, Miss.NO_RULE.value: 1, Miss.RANKED_LOW.value: 1,
    }  # fmt: skip
    assert (row["exact@1"], row["exact@3"]) == (0.2, 0.4)
    assert judged["tools"]["get"] == {
        "calls": 5, "speculable_calls": 5, "exact@1": 0.2, "exact@3": 0.4, "exact@5": 0.4,
    }  # fmt: skip
    assert judged["confusion"] == [{"tool": "get", "expected": "set", "turns": 1}]
    assert judged["prediction"]["exact@3"] == 0.4


def test_guesses_of_a_tool_count_for_its_arguments_even_if_they_could_not_be_launched() -> None:
    """A tool whose effect depends on its arguments is expected, also when the guess is one of its writes."""
    shell = ToolSpec(
        "sh", Effect.WRITE, when=(EffectRule(lambda args: args.get("cmd") == "ls", Effect.READ, reads=("fs",)),)
    )
    predictor = ScriptedPredictor([guess("sh", 0.9, cmd="rm"), guess("sh", 0.5, cmd="ls")])
    (row,) = judge_predictor(predictor, [session([("sh", {"cmd": "ls"})])], {"sh": shell}).document()["arguments"]
    assert row["misses"][Miss.RANKED_LOW.value] == 1
    assert (row["exact@1"], row["exact@3"]) == (0.0, 1.0)


def test_writes_are_counted_and_not_judged() -> None:
    """They have calls and confusion, and no exact@k; a silent predictor expects nothing."""
    judged = judge_predictor(ScriptedPredictor([]), [session([("set", {"id": "A"})], [])], SPECS).document()
    assert judged["tools"] == {
        "set": {"calls": 1, "speculable_calls": 0, "exact@1": None, "exact@3": None, "exact@5": None}
    }
    assert judged["arguments"] == []
    assert judged["confusion"] == [{"tool": "set", "expected": NOTHING, "turns": 1}]
    assert judged["reliability"]["p_next"]["error"] is None
    assert json.loads(json.dumps(judged, allow_nan=False)) == judged


def test_progress_is_told_and_sessions_counted() -> None:
    """After each."""
    told: list[int] = []
    judgement = judge_predictor(ScriptedPredictor([]), [session([])] * 3, SPECS, progress=lambda: told.append(1))
    assert isinstance(judgement, Judgement)
    assert judgement.sessions == len(told) == 3


def test_reliability_by_hand() -> None:
    """Two at 0.2 of which one came, one at 1.0 that came: off by 0.6 over three predictions."""
    table = Reliability()
    table.add(0.2, True)
    table.add(0.2, False)
    table.add(1.0, True)
    document = table.document()
    assert document["error"] == pytest.approx(0.6 / 3)
    assert document["tenths"][2] == {"from": 0.2, "count": 2, "said": 0.2, "came": 0.5}
    assert document["tenths"][9] == {"from": 0.9, "count": 1, "said": 1.0, "came": 1.0}
    assert document["tenths"][0] == {"from": 0.0, "count": 0, "said": None, "came": None}


def test_reliability_counts_turns_without_calls_too() -> None:
    """`p_next` speaks of the next turn, also of one that makes no call."""
    judgement = judge_predictor(ScriptedPredictor([guess("get", 0.5, id="A")]), [session([], [])], SPECS)
    assert judgement.next.count[5] == 2
    assert judgement.next.came(5) == 0.0


def test_the_tradeoff_by_hand() -> None:
    """get A is said at every turn and used twice; get B never: a launch waits until its use, and is not made twice."""
    runs = session([], [("get", {"id": "A"})], [], [("get", {"id": "A"})], [])
    predictor = ScriptedPredictor([guess("get", 0.5, 0.7, id="A"), guess("get", 0.1, 0.1, id="B")])
    document = judge_predictor(predictor, [runs], SPECS, Policy(min_probability=0.5)).document()["tradeoff"]
    curve = {row["min_probability"]: row for row in document["curve"]}
    # A: before turn 0 (used in 1), before 2 (used in 3), before 4 (never). B: before 0, and it waits to the end.
    assert (curve[0.0]["launched"], curve[0.0]["committed"]) == (4, 2)
    assert (curve[0.5]["launched"], curve[0.5]["committed"]) == (3, 2)
    assert curve[0.5] == {
        "min_probability": 0.5, "launched": 3, "committed": 2, "coverage": 1.0, "precision": pytest.approx(2 / 3),
        "waste_per_hit": 0.5,
    }  # fmt: skip
    assert (curve[0.75]["launched"], curve[0.75]["precision"], curve[0.75]["waste_per_hit"]) == (0, None, None)
    assert document["admission"]["rule"] == "p_use >= 0.5"
    assert document["admission"]["launched"] == 3


def test_admission_chooses_by_each_tools_break_even() -> None:
    """Tools of 2 s under a model of 4 s: p·2 > (1-p)·0.5 + 0.0005, so p above 0.5005/2.5."""
    runs = session([("get", {"id": "A"})])
    latencies = recorded_latencies([runs], Policy())
    assert latencies.hidden_s("get") == 2.0
    least = break_even(SPECS["get"], Policy(), latencies)
    assert least == pytest.approx(0.5005 / 2.5)
    for p, launched in ((least - 1e-6, 0), (least + 1e-6, 1)):
        predictor = ScriptedPredictor([guess("get", p, id="A")])
        admission = judge_predictor(predictor, [runs], SPECS).document()["tradeoff"]["admission"]
        assert (admission["rule"], admission["launched"]) == ("value", launched)
        assert admission["break_even"] == {"get": least}


def test_where_nothing_can_be_gained_nothing_pays() -> None:
    """A free call of an instant tool: no probability is worth the overhead."""
    free = ToolSpec("free", Effect.READ, cost=0.0)
    assert break_even(free, Policy(), Latencies(0.0, 1.0)) == 1.0


def test_a_write_ends_a_wait() -> None:
    """Before the write and after it are two launches; a write to another item changes nothing."""
    predictor = ScriptedPredictor([guess("get", 0.5, id="A")])
    for item, launched in (("A", 2), ("B", 1)):
        runs = session([("set", {"id": item})], [], [], [])
        document = judge_predictor(predictor, [runs], SPECS).document()["tradeoff"]
        assert document["curve"][0]["launched"] == launched


def test_the_outlook_of_a_call() -> None:
    """First use, at most eight turns ahead, not past a conflicting write, in the model's order within a turn."""
    calls: list[list[tuple[str, dict[str, Any]]]] = [
        [("get", {"id": "A"}), ("set", {"id": "A"})], [], [("get", {"id": "A"})], *[[]] * 8, [("get", {"id": "A"})],
    ]  # fmt: skip
    outlook = Outlook(session(*calls), SPECS)
    call = resolve("get", {"id": "A"}, SPECS)
    assert [outlook.next_use(call, turn) for turn in range(5)] == [0, 2, 2, None, 11]
    assert outlook.next_use(resolve("get", {"id": math.nan}, SPECS), 0) is None
    assert [outlook.last_fresh(call, turn) for turn in range(2)] == [0, 8]
    assert Outlook(session([], [("set", {"id": "A"})], []), SPECS).next_use(call, 0) is None


@pytest.mark.parametrize(
    ("value", "there"),
    [
        ("A-17", True), ("a-17", True), ("17", True), ("7", False), ("A", True), ("order A-17", True), ("-17", True),
        (42, True), ("42", True), (4, False), (42.0, False), (True, True), (False, False), (None, False),
        (["A-17", 42], True), ({"x": "A-17", "y": "nowhere"}, False), ("said so", True), ("boom", True), ("", True),
        ("  ", False), ("deep", True), ("é", False),
    ],
)  # fmt: skip
def test_presence(value: Any, there: bool) -> None:
    """As itself, as whole words of a text whatever the case, and item by item."""
    history = History(
        "s",
        None,
        [
            UserText("Where is order A-17? I paid 42 at the café."),
            ModelText(0, "As I said so."),
            CallMade("c", 0, "get", {"id": "x", "flags": [True, ""]}),
            ResultSeen("c", "get", True, {"rows": [{"note": "deep down", "n": 42}]}),
            ResultSeen("d", "get", False, None, "ValueError: boom"),
        ],
    )
    presence = Presence()
    presence.follow(history)
    presence.follow(history)
    assert presence.has(value) is there


def test_presence_follows_and_is_bounded() -> None:
    """What comes later is found later; of an endless result only so much is looked at; NaN is nothing."""
    history, presence = History(), Presence()
    presence.follow(history)
    assert not presence.has("late")
    history.append(UserText("late"))
    history.append(ResultSeen("c", "get", True, {"n": math.nan}))
    presence.follow(history)
    assert presence.has("late")
    assert sum(1 for _ in leaves(list(range(50_000)))) == 19_999


def test_rules_that_end_with_too_many_say_so() -> None:
    """The last argument's as well."""
    rule = {"tool": "get", "argument": "id", "rule": "r", "support": 1, "precision": 0.25, "tenants": None}
    assert list(lines([rule] * 7))[-2:] == ["     25.0%  r (right 1×)", "           … 1 more"]
