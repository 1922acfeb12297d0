"""Arguments that are objects and lists: taken apart, learned, guessed and put together again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictors.modelfile import to_envelope
from predictors.pattern import PatternPredictor
from predictors.pattern.indexing import Indexed
from predictors.pattern.learning import learnable
from predictors.pattern.nesting import (
    MAX_PLACES,
    WHOLE,
    field_of,
    gathered,
    lists_of,
    owner_of,
    shown,
    spread,
)
from predictors.pattern.sealing import KEY, PLACE
from predictors.pattern.state import State
from predictors.pattern.vault import Vault
from speculate.calls import ToolCall
from tests.predictors.pattern.sessions import SPECS, history, session, top, train

_leaf = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=4), st.just([]), st.just({}))
_value: st.SearchStrategy[Any] = st.recursive(
    _leaf,
    lambda inner: st.one_of(
        st.lists(inner, max_size=8), st.dictionaries(st.sampled_from(["a", "b", "a.b", "W12345", "", "x\x1dy"]), inner)
    ),
    max_leaves=40,
)


@settings(max_examples=150, deadline=None)
@given(
    arguments=st.dictionaries(st.sampled_from(["a", "b", "a.b", "", "a\x1db", "c\x1c0", "d\x1cx"]), _value, max_size=4)
)
def test_what_is_taken_apart_comes_together_again(arguments: dict[str, Any]) -> None:
    """Whatever the arguments, but for names that hold a mark themselves, which are never built of parts."""
    before = json.dumps(arguments)
    apart = spread(arguments)
    assert isinstance(gathered(apart), dict)
    if not any(KEY in name or PLACE in name for name in arguments):
        assert json.dumps(gathered(apart), sort_keys=True) == json.dumps(arguments, sort_keys=True)
    assert json.dumps(arguments) == before
    for name in apart:
        assert isinstance(shown(name), str)


def test_what_stays_whole() -> None:
    """Empty and large ones, maps from data, and what is named; everything in a list of few goes apart."""
    row = {"id": "x", "sum": 1}
    whole = {
        "empty": [],
        "many": list(range(MAX_PLACES + 1)),
        "map": {"W1234": 1},
        "people": {"Ann": row, "Ben": row},
        "large": {"abcdefgh"[n] * 2: [[1, 2, 3]] * 3 for n in range(8)},
        "wide": {f"k{'abcdefghijklmnopqrstuvwxyz'[n]}": n for n in range(26)},
        "deep": [[[[[1]]]]],
        "secret": {"pin": 1},
        "one": 1,
    }
    assert dict(spread(whole, {"secret"})) == whole
    assert spread({"_raw": [1]}) == {"_raw": [1]}
    several = {name: {"a": 1, "b": 2, "c": 3} for name in "xyz"}
    assert spread(several) is several
    plain = {"one": 1, "other": "x"}
    assert spread(plain) is plain
    assert gathered(plain) is plain
    assert dict(spread({"f": {"ids": ["a", {"b": 1}]}})) == {
        f"f{KEY}ids{PLACE}0": "a",
        f"f{KEY}ids{PLACE}1{KEY}b": 1,
    }


def test_parts_that_do_not_go_together_do_no_harm() -> None:
    """Names of several calls at once: gaps close, an object beside a value stands, no value is changed."""
    constant: dict[str, Any] = {}
    assert gathered({f"a{PLACE}5": 1, f"a{PLACE}2": 0}) == {"a": [0, 1]}
    together = gathered({"a": constant, f"a{KEY}b": 1})
    assert constant == {}
    assert set(together) == {"a"}


def test_what_is_never_launched_stays_whole() -> None:
    """Putting the parts of a write together would be for nothing; also online."""
    learned = train(*[session(f"s{n}", "go", ("cancel", {"ids": [f"q{n}w"]}, {})) for n in range(3)])
    learned.observe(history("go"), ToolCall("cancel", {"ids": ["q9w"]}))
    assert set(learned.counts.forms["cancel"]) == {"", "ids"}


def test_names() -> None:
    """Whose they are, what they are called, and how people read them."""
    name = f"filter{KEY}items{PLACE}0{KEY}itemId"
    assert (owner_of(name), field_of(name), shown(name)) == ("filter", "itemId", "filter.items[0].itemId")
    assert (owner_of(f"ids{PLACE}3"), field_of(f"ids{PLACE}3"), shown(f"ids{PLACE}3")) == ("ids", "ids", "ids[3]")
    assert (owner_of("id"), field_of("id"), shown("id")) == ("id", "id", "id")


@pytest.mark.parametrize("shape", ["object", "list", "record"])
def test_values_within_arguments_are_found(shape: str) -> None:
    """In an object beside a constant, in a list, and two fields of one record; also through a file."""

    def given_for(number: int) -> dict[str, Any]:
        id, key = f"q{number}w", f"k{number}z"
        if shape == "object":
            return {"filter": {"id": id, "status": "open", "deep": {"on": True}}}
        return {"ids": [id]} if shape == "list" else {"what": {"id": id, "key": key}, "n": 3}

    def steps(number: int) -> tuple[Any, ...]:
        rows = [{"id": f"q{number}w", "key": f"k{number}z"}, {"id": f"r{number}w", "key": f"l{number}z"}]
        return ("go", ("find", {"all": True}, {"rows": rows}))

    runs = [session(f"s{n}", *steps(n), ("order", given_for(n), {})) for n in range(12)]
    learned = train(*runs)
    for each in (learned, PatternPredictor.from_document(json.loads(json.dumps(learned.to_document())))):
        best = top(each, *steps(77))
        assert (best.tool, best.arguments) == ("order", given_for(77))
        assert best.p_next > 0.5
        assert best.sources.keys() >= best.arguments.keys()
        assert {source.kind for source in best.sources.values()} <= {"result", "constant"}
    assert any("[" in rule.argument or "." in rule.argument for rule in learned.explain())
    assert not any(KEY in rule.argument + rule.rule for rule in learned.explain())


@pytest.mark.parametrize("shape", ["values", "lines", "numbers in a text", "texts", "nested"])
def test_all_of_a_list_at_once(shape: str) -> None:
    """However many there are, and each call once; also through a file."""

    def steps(number: int, count: int) -> tuple[Any, ...]:
        ids: list[Any] = [f"q{number}{'abcdefghi'[n]}/x" for n in range(count)]
        if shape in ("numbers in a text", "texts"):
            ids = [number * 10 + 1_000 + n for n in range(count)]
        result: Any = {"rows": [{"id": id} for id in ids]}
        if shape == "lines":
            result = "\n".join(ids)
        elif shape == "numbers in a text":
            result = "\n".join(f"#{id} is open" for id in ids)
        wanted: Any = [*map(str, ids)] if shape == "texts" else ids
        arguments = {"filter": {"ids": wanted, "on": True}} if shape == "nested" else {"ids": wanted}
        return ("go", ("find", {}, result), ("order", arguments, {}))

    runs = [session(f"s{n}", *steps(n, 2 + n % 6)) for n in range(18)]
    learned = train(*runs)
    for each in (learned, PatternPredictor.from_document(json.loads(json.dumps(learned.to_document())))):
        for count in (2, 3, 9):
            *before, (_, wanted, _) = steps(77, count)
            best = top(each, *before)
            assert (best.tool, best.arguments) == ("order", wanted)
            predictions = [json.dumps(guess.arguments) for guess in each.predict(history(*before), 20)]
            assert len(set(predictions)) == len(predictions)
    assert any(rule.argument.endswith("ids.*") for rule in learned.explain())


def test_lists_that_are_not_all_of_anything() -> None:
    """Some of a list's values go one by one; flags and objects are no such list; a sensitive list is not looked at."""
    values = {"a": ["x", "y"], "c": [True, False], "d": [{"e": 1}, {"e": 2}], "f": {"g": [1, 2]}}
    assert lists_of(spread(values)) == {"a": ["x", "y"], f"f{KEY}g": [1, 2]}
    many = list(range(40))
    assert lists_of(spread({"many": many})) == {"many": many}
    ids = [f"q{n}w" for n in range(4)]
    rows = {"rows": [{"id": id} for id in ids]}
    learned = train(*[session(f"s{n}", "go", ("find", {}, rows), ("login", {"pin": ids}, {})) for n in "ab"])
    assert not learned.counts.takes.get("login")
    state = State()
    vault = Vault(1)
    for event in (Indexed("R", items=[("find[].id", f"q{n}w", n) for n in range(3)]),):
        state.take(event)
    some = learnable(state, "order", {"ids": ["q0w", "q2w"]}, frozenset(), vault, "t")
    whole = learnable(state, "order", {"ids": ["q0w", "q1w", "q2w"]}, frozenset(), vault, "t")
    assert some.names == (f"ids{PLACE}0", f"ids{PLACE}1")
    assert (whole.names, whole.rules) == (("ids" + WHOLE,), {"ids" + WHOLE: [("find[].id|[]", "q0w")]})
    assert gathered(whole.values) == {"ids": ["q0w", "q1w", "q2w"]}


def test_a_tool_nobody_learned_is_called_again_in_the_same_form() -> None:
    """With the next value, found where this session's earlier call took it; by name from the last key."""
    rows = {"rows": [{"id": "q1w"}, {"id": "q2w"}, {"id": "q3w"}]}
    found = train().predict(history("go", ("find", {}, rows), ("new", {"filter": {"id": "q1w"}}, {})), 5)
    assert {"filter": {"id": "q2w"}} in [guess.arguments for guess in found]


def test_values_below_a_sensitive_argument_are_not_looked_at() -> None:
    """Nor their keys."""
    runs = [session(f"s{n}", "go", ("login", {"pin": {"hush": "4711-x", "n": ["4712-x"]}}, {})) for n in range(30)]
    learned = train(*runs)
    text = json.dumps(to_envelope(learned))
    assert "4711-x" not in text
    assert "4712-x" not in text
    later = history("go", ("find", {}, {"hush": "4711-x"}), ("login", {"pin": {"hush": "4711-x"}}, {}))
    assert [guess for guess in learned.predict(later, 9) if guess.tool == "login"] == []
    assert SPECS["login"].sensitive_arguments() == {"pin"}
