"""Every kind of rule, learned from a few hand-made sessions and applied to values never seen."""

from __future__ import annotations

from typing import Any

import pytest

from predictors.pattern import PatternPredictor
from predictors.pattern.rules import MAX_FREQUENT, MAX_RULES, ArgumentRules, OpenValues
from predictors.pattern.vault import Vault
from speculate.spec import Effect, ToolSpec
from tests.predictors.pattern.sessions import Step, history, session, top, train

NAMES = ["Ann Lee", "Bob Ray", "Cid Fox", "Dee Kay", "Eve Orr", "Fay Ito"]


def _orders(number: int) -> list[str]:
    return [f"#W{number}{place}00" for place in range(3)]


def test_a_path_in_a_result() -> None:
    """The user's identifier goes from one call's result into the next."""
    learned = train(
        *[session(f"s{i}", "hi", ("find", {}, {"id": f"u_{i}"}), ("user", {"user_id": f"u_{i}"}, {})) for i in range(5)]
    )
    guess = top(learned, "hi", ("find", {}, {"id": "u_99"}))
    assert (guess.tool, guess.arguments) == ("user", {"user_id": "u_99"})
    assert guess.sources["user_id"].kind == "result"
    assert guess.sources["user_id"].detail.startswith("find.id")
    assert guess.sources["user_id"].call == "0.0"
    assert guess.p_next > 0.5


def _listing(number: int, used: int) -> list[Step]:
    orders = _orders(number)
    steps: list[Step] = ["my orders", ("user", {}, {"orders": orders})]
    return steps + [("order", {"order_id": order}, {"status": "ok"}) for order in orders[:used]]


def test_the_next_unused_element_of_a_list() -> None:
    """One after the other; the next but one comes second."""
    learned = train(*[session(f"s{i}", *_listing(i, 3)) for i in range(6)])
    guesses = learned.predict(history(*_listing(42, 1)), 5)
    assert [guess.arguments for guess in guesses if guess.tool == "order"][:2] == [
        {"order_id": "#W42100"},
        {"order_id": "#W42200"},
    ]
    assert "next unused" in guesses[0].sources["order_id"].detail


def test_several_calls_of_one_turn_rank_high_together() -> None:
    """A model that fetches a whole list at once: every element is likely."""
    runs = [
        session(
            f"s{i}", "all", ("user", {}, {"orders": _orders(i)}), [("order", {"order_id": o}, {}) for o in _orders(i)]
        )
        for i in range(8)
    ]
    guesses = train(*runs).predict(history("all", ("user", {}, {"orders": _orders(77)})), 3)
    assert sorted(str(guess.arguments["order_id"]) for guess in guesses) == _orders(77)
    assert min(guess.p_next for guess in guesses) > 0.5


def test_what_the_user_typed_by_its_form_and_surroundings() -> None:
    """Two slots of one sentence fill three arguments of one call, words apart."""
    runs = []
    for i, name in enumerate(NAMES):
        first, last = name.split()
        text = f"Hello! My name is {name} and my zip code is {10000 + 37 * i}."
        runs.append(
            session(f"s{i}", text, ("find", {"first_name": first, "last_name": last, "zip": str(10000 + 37 * i)}, {}))
        )
    guess = top(train(*runs), "Hi, my name is Zoe Quin and my zip code is 54321.")
    assert guess.arguments == {"first_name": "Zoe", "last_name": "Quin", "zip": "54321"}
    assert {source.kind for source in guess.sources.values()} == {"user"}


def _segments(number: int) -> list[dict[str, Any]]:
    return [
        {"from": f"A{number}{place}", "to": f"B{number}{place}", "day": f"2024-05-{10 + place}"} for place in range(3)
    ]


def _flown(number: int, used: int) -> list[Step]:
    segments = _segments(number)
    steps: list[Step] = ["flights?", ("flights", {}, {"segments": segments})]
    return steps + [("search", {"origin": s["from"], "target": s["to"], "date": s["day"]}, []) for s in segments[:used]]


def test_fields_of_one_record_stay_together() -> None:
    """The next record gives all three arguments, never a mixture of two records."""
    guess = top(train(*[session(f"s{i}", *_flown(i, 3)) for i in range(6)]), *_flown(50, 1))
    assert guess.arguments == {"origin": "A501", "target": "B501", "date": "2024-05-11"}


def test_a_record_rule_of_this_session_is_followed_at_once() -> None:
    """Nothing of the kind was learned: what gave the first call of the session gives the next one."""
    learned = train(session("s", "flights?", ("flights", {}, {"segments": []})), session("t", *_flown(1, 1)))
    guesses = learned.predict(history(*_flown(50, 2)), 5)
    assert {"origin": "A502", "target": "B502", "date": "2024-05-12"} in [dict(guess.arguments) for guess in guesses]


def test_the_record_the_user_speaks_of() -> None:
    """Of a list of products the one whose name was typed comes first."""
    products = ["lamp", "chair", "kettle", "bicycle"]

    def steps(number: int, place: int, used: bool) -> list[Step]:
        items = [{"name": name, "id": f"{number}-{at}"} for at, name in enumerate(products)]
        head: list[Step] = [f"I want to return the {products[place]}s", ("user", {}, {"items": items})]
        return [*head, ("lookup", {"item": f"{number}-{place}"}, {})] if used else head

    learned = train(*[session(f"s{i}", *steps(i, i % 4, True)) for i in range(12)])
    assert top(learned, *steps(70, 2, False)).arguments == {"item": "70-2"}


def test_the_record_the_user_speaks_of_stands_late_in_a_long_list() -> None:
    """It is offered however many others stand before it."""
    names = ["red lamp", "blue chair", "green vase", "tin kettle", "wool rug", "oak shelf", "tall mirror", "soft mat"]

    def shop(number: int, wanted: int) -> list[Step]:
        goods = [{"id": f"p{number}-{place}", "name": name} for place, name in enumerate(names)]
        return [f"I want the {names[wanted]}", ("find", {}, goods)]

    learned = train(
        *[session(f"s{i}", *shop(i, i % 8), ("order", {"order_id": f"p{i}-{i % 8}"}, "ok")) for i in range(16)]
    )
    for wanted in (0, 5, 7):
        assert top(learned, *shop(99, wanted)).arguments == {"order_id": f"p99-{wanted}"}


def test_an_increment() -> None:
    """Page 2 follows page 1, whatever the query."""
    runs = [
        session(f"s{i}", f"find q{i}x", *[("page", {"query": f"q{i}x", "page": n}, {"more": True}) for n in (1, 2, 3)])
        for i in range(6)
    ]
    guess = top(train(*runs), "find q77x", ("page", {"query": "q77x", "page": 4}, {"more": True}))
    assert guess.arguments == {"query": "q77x", "page": 5}


@pytest.mark.parametrize(
    ("typed", "argument"),
    [
        (lambda n: f"order W{n}00a", lambda n: f"#W{n}00a"),
        (lambda n: f"CODE{n}X", lambda n: f"code{n}x"),
        (lambda n: f"see /srv/data/f{n}.txt", lambda n: f"cat /srv/data/f{n}.txt"),
        (lambda n: f"on May {n}", lambda n: f"2031-05-{n}"),
        (lambda n: f"box_{n}@mail.org is mine", lambda n: f"box_{n}"),
        (lambda n: f"number {n}000", lambda n: n * 1000),
    ],
)
def test_a_change_of_what_was_offered(typed: Any, argument: Any) -> None:
    """An affix, case, a template, a date's year, part of an address, text to number."""
    learned = train(*[session(f"s{n}", typed(n), ("lookup", {"key": argument(n)}, {})) for n in range(10, 17)])
    assert top(learned, typed(21)).arguments == {"key": argument(21)}


def test_an_earlier_argument_and_a_copy_with_one_changed() -> None:
    """The same search in the next place of the list."""

    def steps(number: int, used: int) -> list[Step]:
        places = [f"p{number}{at}/x" for at in range(3)]
        head: list[Step] = [f"look for key_{number}", ("file", {}, places)]
        return head + [("grep", {"text": f"key_{number}", "path": path}, []) for path in places[:used]]

    guess = top(train(*[session(f"s{i}", *steps(i, 3)) for i in range(6)]), *steps(60, 2))
    assert guess.arguments == {"text": "key_60", "path": "p602/x"}


def test_constants_need_distinct_tenants() -> None:
    """Two tenants are not enough, however often they show a value; a third makes it known."""
    one = [session(f"a{i}", "go", ("file", {"mode": "verbose"}, {}), tenant="a") for i in range(9)]
    two = [session(f"b{i}", "go", ("file", {"mode": "verbose"}, {}), tenant="b") for i in range(9)]
    assert train(*one, *two).predict(history("go"), 5) == []
    learned = train(*one, *two, session("c", "go", ("file", {"mode": "verbose"}, {}), tenant="c"))
    guess = top(learned, "go")
    assert guess.arguments == {"mode": "verbose"}
    assert (guess.sources["mode"].kind, guess.sources["mode"].tenants) == ("constant", 3)


def test_lists_and_objects_can_be_constants() -> None:
    """As they stand."""
    learned = train(
        *[session(f"s{i}", "go", ("file", {"fields": ["a", "b"], "deep": {"x": True}}, {})) for i in range(5)]
    )
    assert top(learned, "go").arguments == {"fields": ["a", "b"], "deep": {"x": True}}


def test_outcomes_decide_which_tool_follows() -> None:
    """After an error another tool follows than after a success."""
    runs = []
    for i in range(8):
        runs.append(
            session(
                f"g{i}", f"m_{i}@x.org", ("find", {"mail": f"m_{i}@x.org"}, f"u_{i}"), ("user", {"id": f"u_{i}"}, {})
            )
        )
        runs.append(
            session(
                f"b{i}",
                f"m_{i}@x.org",
                ("find", {"mail": f"m_{i}@x.org"}, "Error: none"),
                ("lookup", {"mail": f"m_{i}@x.org"}, {}),
            )
        )
    learned = train(*runs)
    assert top(learned, "m_9@x.org", ("find", {"mail": "m_9@x.org"}, "u_9")).tool == "user"
    assert top(learned, "m_9@x.org", ("find", {"mail": "m_9@x.org"}, "Error: none")).tool == "lookup"


def test_a_search_ends_where_what_the_user_spoke_of_is_shown() -> None:
    """The next order is looked at until one holds the thing, whatever it is and whichever order that is."""
    goods = ["kettle", "lamp", "chair", "bicycle", "mirror"]

    def search(number: int, wanted: str, *seen: str) -> list[Step]:
        orders = _orders(number)
        steps: list[Step] = [f"I bought a {wanted} some time ago", ("user", {}, {"orders": orders})]
        for order, thing in zip(orders, seen, strict=False):
            items = [{"name": thing, "id": f"i{order[2:]}"}, {"name": "gift wrap", "id": f"w{order[2:]}"}]
            steps.append(("order", {"order_id": order}, {"items": items}))
        return steps

    runs = []
    for i in range(15):
        others = [thing for thing in goods if thing != goods[i % 5]]
        seen = [others[(i + place) % 4] for place in range(i % 3)] + [goods[i % 5]]
        runs.append(session(f"s{i}", *search(i, goods[i % 5], *seen), ("page", {}, "ok")))
    learned = train(*runs)
    for seen in (["chair"], ["chair", "mirror"]):
        assert top(learned, *search(77, "lamp", *seen)).tool == "order"
        assert top(learned, *search(77, "lamp", *seen[1:], "lamp")).tool == "page"


def test_words_decide_which_tool_follows() -> None:
    """The same place in the session, other words."""
    runs = []
    for i in range(12):
        runs.append(session(f"c{i}", f"please cancel order X{i}99", ("cancel", {"order": f"X{i}99"}, {})))
        runs.append(session(f"t{i}", f"where does order X{i}99 stand", ("order", {"order": f"X{i}99"}, {})))
    learned = train(*runs)
    assert top(learned, "could you cancel order X4499").tool == "cancel"
    assert top(learned, "where is order X4499").tool == "order"


def test_identifiers_that_came_together_are_told_from_those_that_did_not() -> None:
    """The same two wait to be used, and nothing else was said: with which of them the last message came decides."""
    runs = []
    for i in range(10):
        code, name = f"X{i}99", f"ann_{i}"
        runs.append(session(f"b{i}", "hello", 0, f"{code} {name}", ("order", {"order": code}, {})))
        runs.append(session(f"a{i}", code, 0, name, ("user", {"id": name}, {})))
        runs.append(session(f"u{i}", "hello", 0, name, ("user", {"id": name}, {})))
        runs.append(session(f"o{i}", "hello", 0, code, ("order", {"order": code}, {})))
    learned = train(*runs)
    chooser = learned._guesser.chooser
    for steps, tool in ((("hello", 0, "X499 eve_4"), "order"), (("X499", 0, "eve_4"), "user")):
        state = learned._view(history(*steps)).state
        assert chooser.tools(state, state.contexts())[0][1] == tool
        assert state.copy().fresh_forms == state.fresh_forms


def test_names_alone_are_enough_to_start() -> None:
    """No trace at all: a manifest's argument names and a result's fields."""
    specs = {
        "open_file": ToolSpec("open_file", Effect.READ, reads=("file/{file_id}",)),
        "list_files": ToolSpec("list_files", Effect.READ, reads=("folder",)),
    }
    learned = PatternPredictor.train([], specs)

    def opened(result: dict[str, Any]) -> list[dict[str, Any]]:
        guesses = learned.predict(history(("list_files", {}, result)), 5)
        return [dict(guess.arguments) for guess in guesses if guess.tool == "open_file"]

    assert opened({"files": [{"id": "f-1"}, {"id": "f-2"}]})[0] == {"file_id": "f-1"}
    assert opened({"file_id": "f-7"}) == [{"file_id": "f-7"}]


def test_a_tool_never_trained_on_is_learned_within_its_session() -> None:
    """Two calls of an unknown tool are enough to expect the third."""
    learned = train(session("s", "hi", ("find", {}, {})))
    steps: list[Step] = ["hi", ("user", {}, {"rows": ["r1", "r2", "r3", "r4"]})]
    steps += [("unheard", {"row": row}, "fine") for row in ("r1", "r2")]
    found = [dict(guess.arguments) for guess in learned.predict(history(*steps), 8) if guess.tool == "unheard"]
    assert {"row": "r3"} in found


def test_rules_can_be_read() -> None:
    """Tool, argument, rule, support, precision."""
    learned = train(
        *[session(f"s{i}", *_flown(i, 3), ("file", {"mode": "raw"}, {})) for i in range(6)],
        *[session(f"d{i}", f"see x_{i}.txt", ("lookup", {"run": f"cat x_{i}.txt --all"}, {})) for i in range(5)],
    )
    rules = learned.explain()
    joint = next(rule for rule in rules if rule.argument == "date, origin, target")
    assert (joint.tool, joint.support > 5, 0 < joint.precision <= 1) == ("search", True, True)
    assert next(rule for rule in rules if rule.rule == "= 'raw'").tenants == 6
    assert any('["cat ", " --all"]' in rule.rule for rule in rules)


def test_a_usual_form_is_not_crowded_out_by_odd_ones() -> None:
    """A form seen once and taken looks surer than one that was taken twenty times of sixty; there are many of them."""
    rows: dict[str, list[float]] = {f"user:odd{number}": [1] for number in range(MAX_RULES + 40)}
    offers: dict[str, list[float]] = {path: [1] for path in rows}
    rows |= {"user:usual": [20], "user:usual|lower": [15], "user:rare": [1]}
    offers |= {"user:usual": [60], "user:rare": [9]}
    argument = ArgumentRules("find", "query", {})
    argument.learn(rows, offers, [], OpenValues(Vault(1)))
    kept = [(path, change) for _, path, change, _, _ in argument.rules]
    assert {("user:usual", ""), ("user:usual", "lower")} <= set(kept)
    assert ("user:rare", "") not in kept
    assert len(kept) == MAX_RULES + MAX_FREQUENT
    assert [chance for chance, *_ in argument.rules] == sorted((rule[0] for rule in argument.rules), reverse=True)


def test_arguments_that_were_never_the_same_are_kept_apart() -> None:
    """Both ends of a trip are of one kind and one list; where they may be the same, they are."""

    def steps(number: int, same: bool) -> list[Step]:
        places = [f"P{number}{place}X" for place in range(3)]
        first, second = (places[0], places[0]) if same else (places[number % 3], places[(number + 1) % 3])
        return ["go", ("find", {}, {"ids": places}), ("search", {"origin": first, "target": second}, {})]

    apart = train(*[session(f"s{i}", *steps(10 + i, False)) for i in range(12)])
    guesses = [guess for guess in apart.predict(history(*steps(50, False)[:2]), 12) if guess.tool == "search"]
    assert guesses
    assert not [guess for guess in guesses[:3] if guess.arguments["origin"] == guess.arguments["target"]]
    same = train(*[session(f"s{i}", *steps(10 + i, True)) for i in range(12)])
    assert top(same, *steps(50, True)[:2]).arguments == {"origin": "P500X", "target": "P500X"}


def test_the_word_before_tells_codes_of_one_form_apart() -> None:
    """Flight numbers look like bookings and come first as often, but were never looked up."""

    def steps(number: int) -> list[Step]:
        parts = [f"flight HAT{100 + number}", f"booking QRS{200 + number}"]
        return [" and ".join(parts if number % 2 else parts[::-1])]

    learned = train(*[session(f"s{i}", *steps(i), ("lookup", {"key": f"QRS{200 + i}"}, {})) for i in range(12)])
    raw = {
        str(g.arguments["key"]): g.call.p_arguments
        for g in learned._guesser.guesses(learned._view(history(*steps(71))).state)
    }
    assert raw["QRS271"] > 0.7
    assert raw.get("HAT171", 0.0) < 0.3
