"""Each thing that what was worked out rests on, in a history where it alone changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from predictors.pattern import PatternPredictor
from speculate.calls import ToolCall
from speculate.history import History
from speculate.prediction import Prediction
from speculate.trace import RecordedSession
from tests.predictors.pattern.sessions import Step, history, session, train


def asked_all_along(predictor: PatternPredictor, *steps: Step) -> list[Prediction]:
    """What is predicted at the end of a history that was asked about at every event, each time as if it were new."""
    growing = History("now")
    found: list[Prediction] = []
    for number, event in enumerate(history(*steps).events):
        growing.append(event)
        found = list(predictor.predict(growing, 16))
        fresh = predictor.predict(History("now", None, growing.events), 16)
        assert [(p.tool, p.arguments, p.p_next, p.p_use, p.sources) for p in found] == [
            (p.tool, p.arguments, p.p_next, p.p_use, p.sources) for p in fresh
        ], number
    return found


def arguments(found: list[Prediction], tool: str) -> list[dict[str, Any]]:
    return [dict(p.arguments) for p in found if p.tool == tool]


def _either(number: int) -> RecordedSession:
    """What is found gives the order in every other run, what is searched in all others."""
    mine, other = ("a", "b") if number % 2 else ("b", "a")
    return session(
        f"s{number}",
        "go",
        [("find", {"q": "x"}, {"code": f"{mine}{number}"}), ("search", {"q": "x"}, {"key": f"{other}{number}"})],
        ("order", {"id": f"a{number}"}, {"fine": True}),
    )


def test_another_rule_may_get_its_first_value() -> None:
    """Results of one turn come in one by one: the second gives what no rule had given."""
    steps: list[Step] = ["go", [("find", {"q": "x"}, {"code": "a1"}), ("search", {"q": "x"}, {"key": "b1"})]]
    found = asked_all_along(train(*map(_either, range(12))), *steps)
    assert {"id": "a1"} in arguments(found, "order")
    assert {"id": "b1"} in arguments(found, "order")


def _listed(number: int) -> RecordedSession:
    rows = [f"r{number}.{place}" for place in range(4)]
    orders: list[Any] = [("order", {"id": row}, {"fine": True}) for row in rows]
    return session(
        f"s{number}", "go", ("search", {"q": "x"}, {"rows": rows}), orders[:2], orders[2:],
        ("ping", {}, "fine"), ("ping", {}, "fine"),
    )  # fmt: skip


def test_a_call_uses_its_values() -> None:
    """Calls of one turn: after each, the next one of the list is another, and calls made are made again."""
    predictor = train(*map(_listed, range(12)))
    steps: list[Step] = ["go", ("search", {"q": "x"}, {"rows": ["p", "q", "r", "s"]})]
    steps.append([("order", {"id": row}, {"fine": True}) for row in ("p", "q")])
    assert arguments(asked_all_along(predictor, *steps), "order")[0] == {"id": "r"}
    assert arguments(asked_all_along(predictor, *steps, [("ping", {}, "fine")] * 2), "ping") == [{}]


def _shipped(number: int) -> RecordedSession:
    """An address is the customer's, and now and then one of a list, of an earlier turn rather."""
    customer = {"city": f"c{number}", "zip": f"z{number}"}
    rows = [{"city": f"d{number}.{place}", "zip": f"y{number}.{place}"} for place in range(2)]
    later: list[Step] = [0, "well"] if number % 2 else []
    return session(
        f"s{number}",
        "go",
        ("user", {"q": "x"}, customer),
        ("search", {"q": "x"}, {"rows": rows}),
        *later,
        ("book", rows[0] if number in (0, 1, 25) else customer, {"fine": True}),
    )


def _rows(name: str) -> Any:
    return {"rows": [{"city": f"{name}{place}", "zip": f"{place}{name}"} for place in range(2)]}


def test_records_may_change_where_values_do_not() -> None:
    """Records of a group that gives a call now and then: the first to come, later ones, and ones that grow old."""
    predictor = train(*map(_shipped, range(48)))
    start: list[Step] = ["go", ("user", {"q": "x"}, {"city": "Rome", "zip": "1"})]
    rests: list[list[Step]] = [
        [[("search", {"q": "x"}, _rows("a")), ("search", {"q": "y"}, _rows("b"))], 0, "well", 0],
        [("search", {"q": "x"}, _rows("a")), 0, 0],
        [0, [("ping", {}, "fine"), ("search", {"q": "x"}, _rows("a"))]],
    ]
    for rest in rests:
        found = arguments(asked_all_along(predictor, *start, *rest), "book")
        assert found[0] == {"city": "Rome", "zip": "1"}
        assert any(each["city"] != "Rome" for each in found)


def _sent(number: int) -> RecordedSession:
    """City and zip are the customer's, the code is what the user typed last."""
    customer = {"city": f"c{number}", "zip": f"z{number}"}
    return session(
        f"s{number}", "go", ("user", {"q": "x"}, customer), 0, f"with AB{number:02}CD",
        ("send", {**customer, "code": f"AB{number:02}CD"}, {"fine": True}),
    )  # fmt: skip


def test_what_goes_with_a_record_may_change_where_the_record_does_not() -> None:
    """The user types another code for the same customer."""
    steps: list[Step] = ["go", ("user", {"q": "x"}, {"city": "Rome", "zip": "1"}), 0, "with AB77CD", 0, "no, XY88ZW"]
    found = arguments(asked_all_along(train(*map(_sent, range(12))), *steps), "send")
    assert found[0] == {"city": "Rome", "zip": "1", "code": "XY88ZW"}


def test_rules_may_change_between_two_questions() -> None:
    """What other sessions taught of a tool counts in a session that had asked before they did."""
    predictor = train(*map(_shipped, range(12)))
    now = history("go", ("user", {"q": "x"}, {"city": "Rome", "zip": "1"}), ("search", {"q": "x"}, _rows("a")))
    predictor.predict(now, 16)
    for number in range(30):
        rows = _rows(f"r{number}.")
        other = history("go", ("user", {"q": "x"}, {"city": "x", "zip": "y"}), ("search", {"q": "x"}, rows))
        predictor.observe(other, ToolCall("book", rows["rows"][0]))
        fresh = History("now", None, now.events)
        assert predictor.predict(now, 16) == predictor.predict(fresh, 16), number
    assert arguments(list(predictor.predict(now, 16)), "book")[0] == {"city": "a0", "zip": "0a"}


def _named(number: int) -> RecordedSession:
    rows = [
        {"id": f"p{number}.{place}", "name": name} for place, name in enumerate(("blue lamp", "red cup", "green hat"))
    ]
    wanted = number % 3
    return session(
        f"s{number}", "what is there", ("search", {"q": "x"}, {"rows": rows}), 0,
        f"the {rows[wanted]['name']} please", ("order", {"id": rows[wanted]["id"]}, {"fine": True}),
    )  # fmt: skip


def test_the_user_may_speak_of_one_of_several() -> None:
    rows = [{"id": "p1", "name": "blue lamp"}, {"id": "p2", "name": "red cup"}, {"id": "p3", "name": "green hat"}]
    steps: list[Step] = ["what is there", ("search", {"q": "x"}, {"rows": rows}), 0, "hm", 0, "the red cup please"]
    assert arguments(asked_all_along(train(*map(_named, range(12))), *steps), "order")[0] == {"id": "p2"}


def _typed(number: int) -> RecordedSession:
    """The code the user types is a key; that of a ticket, typed too, never is."""
    key, ticket = f"AB{number:02}CD", f"XY{number:02}ZW"
    both = f"{key} or {ticket}" if number % 2 else f"{ticket} or {key}"
    return session(
        f"s{number}", both, ("search", {"q": "x"}, {"ticket": ticket}),
        ("find", {"key": key}, {"fine": True}),
    )  # fmt: skip


def test_a_result_may_say_what_a_typed_code_is() -> None:
    predictor = train(*map(_typed, range(12)))
    steps: list[Step] = ["AB77CD or XY77ZW", ("search", {"q": "x"}, {"ticket": "AB77CD"})]
    assert arguments(asked_all_along(predictor, *steps), "find")[0] == {"key": "XY77ZW"}


def test_what_comes_into_a_field_beyond_the_first_makes_it_the_first() -> None:
    """A tool nothing was learned of, and more fields called like its argument than are tried."""
    tools = [f"tool{number}" for number in range(12)]
    steps: list[Step] = ["go", ("open", {"id": "none"}, "fine")]
    steps += [(tool, {}, {"id": f"value of {tool}"}) for tool in tools]
    steps.append([("other", {}, "fine"), ("tool0", {}, {"id": "the latest"})])
    found = arguments(asked_all_along(PatternPredictor(), *steps), "open")
    assert {"id": "the latest"} in found


@pytest.mark.parametrize("given", [{"filter": {"customer_id": "zz9"}}, {"customer_ids": ["zz9"]}])
def test_a_field_may_come_that_is_called_like_a_value_within_an_argument(given: dict[str, Any]) -> None:
    """Of a tool nobody learned: found by what the value is called, and not by where in the arguments it stands."""
    name = next(iter(given.get("filter", given)))
    steps: list[Step] = ["go", ("new", given, {}), ("find", {"q": "x"}, {"total": 3})]
    found = asked_all_along(train(*map(_either, range(12))), *steps, ("search", {"q": "x"}, {name: "q7w"}))
    assert json.loads(json.dumps(given).replace("zz9", "q7w")) in arguments(found, "new")


def test_nothing_stands_once_everything_is_worked_out_afresh() -> None:
    predictor = train(*map(_either, range(12)))
    now = history("go", ("find", {"q": "x"}, {"code": "a1"}))
    predictor.predict(now, 10)
    state = now.memo[predictor].state
    standing = state.standing
    predictor._guesser.forget("order")
    assert predictor._guesser.standing(state) is standing  # of one tool: its rules tell
    predictor._guesser.forget_all()
    assert predictor._guesser.standing(state) is not standing
