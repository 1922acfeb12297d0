"""Keys of objects may be data: no file holds one that fewer than k tenants showed, and models add up all the same."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Sequence
from functools import reduce
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictors.modelfile import to_envelope
from predictors.pattern import PatternPredictor
from predictors.pattern.keys import Keys
from predictors.pattern.namevault import FieldNames
from predictors.pattern.nesting import spread
from predictors.pattern.part import Part
from predictors.pattern.pools import FOLLOWING
from predictors.pattern.sealing import seal_of
from predictors.pattern.state import State
from predictors.pattern.sweeping import Sweep
from predictors.pattern.text import shape
from predictors.pattern.vault import digest_of
from speculate.calls import ToolCall
from speculate.history import History, ResultSeen
from speculate.spec import ArgumentSpec, Effect, ToolSpec
from speculate.trace import RecordedSession
from tests.predictors.pattern.sessions import history, session, top

CORES = ("annabel", "bertran", "cecilia", "dorotea", "Eusebio", "fridtjo")
_marks = st.text("ab_.:|<>[](){}*&=~@/-+?#!,;'\" \x1a\x1c\x1d\x1e\x1f\n1é李\ud800", max_size=3)
_keys = st.tuples(
    *[st.builds(lambda before, after, core=core: before + core + after, _marks, _marks) for core in CORES]
)
_scalars = st.sampled_from([1, 2, "u_12", "2024-05-01", "/home/a/b.py", "Rome"])

SPECS = {
    "get": ToolSpec("get", Effect.READ, reads=("it/{id}",)),
    "a.b:c": ToolSpec("a.b:c", Effect.READ),
    "login": ToolSpec("login", Effect.READ, arguments={"pin": ArgumentSpec(sensitive=True)}),
}


@st.composite
def _values(draw: st.DrawFn, keys: Sequence[str], depth: int = 2) -> Any:
    """A value that shows some of the keys in one of the ways a value can."""
    kind = draw(st.sampled_from(["object", "list", "json", "table", "url", "mark", "scalar"]))
    some = draw(st.lists(st.sampled_from(keys), min_size=1, max_size=3, unique=True))
    if kind == "table":
        return ";".join(["id", *some]) + "\n" + ";".join(["x"] * (1 + len(some)))
    if kind == "url":
        return f"https://x.org/a?{some[0]}=7&id=2"
    if kind == "mark":
        return f"[{some[0]}] file_1\n[DIR] main"
    if kind == "scalar" or depth == 0:
        return draw(_scalars)
    inner = {key: draw(_values(keys, depth - 1)) for key in some}
    if draw(st.booleans()):
        inner["id"] = draw(_scalars)
    return inner if kind == "object" else [inner, dict(inner)] if kind == "list" else json.dumps(inner)


@st.composite
def _sessions(draw: st.DrawFn) -> list[RecordedSession]:
    keys = draw(_keys)
    out = []
    for number in range(draw(st.integers(2, 7))):
        mine = draw(st.lists(st.sampled_from(keys), min_size=1, max_size=3, unique=True))
        calls = []
        for _ in range(draw(st.integers(1, 4))):
            tool = draw(st.sampled_from(["get", "get", "a.b:c", "free"]))
            arguments = {"id": draw(_scalars)}
            for key in draw(st.lists(st.sampled_from([*mine, "filter"]), max_size=2, unique=True)):
                arguments[key] = draw(_values(mine))
            calls.append((tool, arguments, draw(_values(mine))))
        tenant = draw(st.sampled_from([None, "t0", "t1", "t2"]))
        out.append(session(f"s{number}", "find u_12 please", *calls, "and Rome", calls[-1], tenant=tenant))
    return out


def showing(sessions: Sequence[RecordedSession], core: str) -> int:
    """How many tenants showed it."""
    return len(
        {
            each.start.tenant or f"session {each.id}"
            for each in sessions
            if any(
                core in repr(call.args) or core in repr(turn.results[call.id].result)
                for turn in each.turns
                for call in turn.calls
            )
        }
    )


def texts(value: Any) -> str:
    """All strings of a document, one after the other."""
    if isinstance(value, dict):
        return "\n".join([*value, *map(texts, value.values())])
    return "\n".join(map(texts, value)) if isinstance(value, list) else value if isinstance(value, str) else ""


@settings(max_examples=60, deadline=None)
@given(sessions=_sessions(), k=st.integers(1, 3), data=st.data())
def test_no_file_holds_a_key_that_few_tenants_showed(
    sessions: list[RecordedSession], k: int, data: st.DataObject
) -> None:
    """Wherever it stood, whatever is in it; nor does a part on its way; and parts add up to the same bytes."""
    whole = PatternPredictor.train(sessions, SPECS, min_tenants=k)
    document = to_envelope(whole)
    written = texts(document) + json.dumps(document, ensure_ascii=False)
    sent = pickle.dumps(whole.part)
    for core in CORES:
        if showing(sessions, core) < k:
            assert core not in written
            assert core.encode() not in sent
    places = data.draw(st.lists(st.integers(0, 2), min_size=len(sessions), max_size=len(sessions)))
    through = data.draw(st.sampled_from(["nothing", "a pickle", "a file"]))
    parts = []
    for place in range(3):
        mine = [each for each, at in zip(sessions, places, strict=True) if at == place]
        part = PatternPredictor.train_part(mine, SPECS, min_tenants=k)
        if through == "a pickle":
            part = pickle.loads(pickle.dumps(part))  # made one line above
        elif through == "a file":
            part = Part.from_document(json.loads(json.dumps(part.to_document())))
        parts.append(part)
    merged = PatternPredictor.from_part(reduce(Part.merge, parts))
    assert json.dumps(merged.to_document()) == json.dumps(whole.to_document())


def scores(name: str, value: str, **more: Any) -> RecordedSession:
    """A call whose result has a name for a key, and a call of what stands there."""
    return session(
        f"s {name} {value}", "go", ("list", {}, {name: value, "count": 2}), ("free", {"key": value}, {}), **more
    )


def file_of(predictor: PatternPredictor) -> str:
    return json.dumps(to_envelope(predictor), ensure_ascii=False)


def reloaded(predictor: PatternPredictor) -> PatternPredictor:
    return PatternPredictor.from_document(json.loads(json.dumps(predictor.to_document())))


def learned(*names: str) -> PatternPredictor:
    """Of a session for each name, all of one tenant but for "count" and the arguments, which three know."""
    runs = [scores(name, f"x_{number}", tenant="t0") for number, name in enumerate(names)]
    others = [scores(f"only{number}", f"y_{number}", tenant=f"t{number}") for number in (1, 2)]
    return PatternPredictor.train([*runs, *others], SPECS)


def test_what_was_learned_of_a_sealed_name_holds_where_the_key_comes_again() -> None:
    """In the file there is its seal; where the value came from is told by the key, which that session showed."""
    for predictor in (whole := learned("annabel", "annabel", "annabel"), reloaded(whole)):
        assert "annabel" not in file_of(predictor)
        assert seal_of("annabel") in file_of(predictor)
        assert all("annabel" not in rule.rule for rule in predictor.explain())
        guess = top(predictor, "go", ("list", {}, {"annabel": "z_7", "count": 2}))
        assert (guess.tool, guess.arguments) == ("free", {"key": "z_7"})
        assert guess.sources["key"].detail == "list.annabel [next unused]"


def test_a_name_opens_where_a_third_tenant_shows_it() -> None:
    """By a merge, whichever way round, and through files; from then on it stands in clear, with what others counted."""
    parts = [
        PatternPredictor.train([scores("annabel", f"x_{number}", tenant=f"t{number}")], SPECS) for number in range(3)
    ]
    assert not any("annabel" in file_of(part) or "list.count" in file_of(part) for part in parts)
    for order in ([0, 1, 2], [2, 0, 1]):
        merged = reduce(PatternPredictor.merge, [reloaded(parts[number]) for number in order])
        assert merged.counts.offers["free"]["list.annabel"][0] == 3
        assert seal_of("annabel") not in merged.counts.offers["free"]
    assert "list.count" in file_of(merged)
    again = merged.merge(parts[0])  # one has it open, the other sealed
    assert again.counts.offers["free"]["list.annabel"][0] == 4


def test_names_that_the_manifest_tells_are_public() -> None:
    """Also those in templates of what is read and written; calls of one tenant are then predicted."""
    runs = [session(f"s{n}", f"item k_{n}", ("get", {"id": f"k_{n}"}, {}), tenant="t0") for n in range(4)]
    predictor = PatternPredictor.train(runs, SPECS)
    assert top(predictor, "item k_9").arguments == {"id": "k_9"}
    assert {"id", "pin"} <= predictor.part.names.public
    free = [session(f"s{n}", f"item k_{n}", ("free", {"key": f"k_{n}"}, {}), tenant="t0") for n in range(4)]
    sealed = PatternPredictor.train(free, SPECS)
    assert all("key" not in guess.arguments for guess in sealed.predict(history("item k_9"), 9))
    assert {"key": "k_9"} in [
        guess.arguments for guess in sealed.predict(history("item k_8", ("free", {"key": "k_8"}, {}), "item k_9"), 9)
    ]  # the session itself said what it is called
    assert top(PatternPredictor.train(free, SPECS, min_tenants=1), "item k_9").arguments == {"key": "k_9"}


def test_keys_within_a_sensitive_argument_are_not_learned() -> None:
    """However many tenants showed them, and however they are written."""
    for pin in ({"annabel": {"annabel": 1}}, '{"annabel": 1}', "annabel;b\n1;2", "https://x.org/?annabel=1", ["a"]):
        runs = [session(f"s{n}", "go", ("login", {"pin": pin, "user": "u"}, {"ok": 1}), tenant=f"t{n}") for n in "1234"]
        predictor = PatternPredictor.train(runs, SPECS)
        assert "annabel" not in file_of(predictor)
        assert seal_of("annabel") not in file_of(predictor)
        assert "user" in predictor.counts.takes["login"]


def test_names_that_would_be_taken_for_something_else_are_not_learned() -> None:
    """For a seal, for several arguments, for a joint rule: none of them comes into the file."""
    for name in (seal_of("x"), "~annabelabcd", "annabel\x1fb", "b=annabel", "annabel&b", "a\x1eannabel"):
        result = {"rows": [{"p": "r_1", "q": "r_2"}]}
        runs = [
            session(f"s{n}", "go", ("list", {}, result), ("free", {name: "r_1", "w": "r_2"}, {}), ("list", {}, {}))
            for n in range(2)
        ]
        predictor = PatternPredictor.train(runs, SPECS)
        assert "annabel" not in file_of(predictor)
        assert predictor.predict(history("go", ("list", {}, result)), 9)


def test_forms_of_texts_show_nothing_that_was_written() -> None:
    """Letters of any script count as letters; parameters of an address and marks of lines go by seals."""
    text = "see 李明_42 and Ωmega-7 at https://x.org/a?annabel=1 or भाषा_1"
    runs = [session(f"s{n}", text, ("free", {"key": "a"}, "[annabel] f_1\n[b] f_2\n")) for n in range(2)]
    written = file_of(PatternPredictor.train(runs, SPECS))
    for part in ("annabel", "李", "明", "mega", "Ω", "भ", "ष"):
        assert part not in written
    assert shape("李明_42") == "a_9"
    assert shape("ab–12") == "a–9"


def test_names_learned_online_are_sealed_in_a_file() -> None:
    """What it is called in memory changes when it is written; sessions that begin then still find it."""
    predictor = PatternPredictor()
    for number in range(6):
        live = history("go", ("list", {}, {"annabel": f"z_{number}", "count": 2}))
        predictor.observe(live, ToolCall("free", {"key": f"z_{number}"}))
    assert "annabel" not in file_of(predictor)
    assert not predictor.part.names.keys.value(digest_of("annabel"))
    open_now = PatternPredictor()
    for number in range(6):
        live = history("go", ("list", {}, {"annabel": f"z_{number}", "count": 2}))
        live = History("now", f"t{number}", live.events)
        open_now.observe(live, ToolCall("free", {"key": f"z_{number}"}))
    for each in (open_now, reloaded(open_now)):
        assert "list.annabel" in file_of(each)
        assert top(each, "go", ("list", {}, {"annabel": "z_7", "count": 2})).arguments == {"key": "z_7"}


def test_a_field_is_found_by_its_name_though_it_is_sealed() -> None:
    """By the key that the session showed."""
    predictor = reloaded(learned("order_ref", "order_ref"))
    specs = {**SPECS, "check": ToolSpec("check", Effect.READ, reads=("it/{order_ref}",))}
    taught = PatternPredictor.from_part(
        predictor.part.merge(PatternPredictor.train_part([scores("order_ref", "q_1", tenant="t0")], specs))
    )
    assert seal_of("order_ref") in file_of(learned("order_ref", "order_ref"))
    assert taught.part.names.public >= {"order_ref"}
    assert "list.order_ref" in file_of(taught)  # public now
    state = State(None, predictor._indexer.keys)
    state.take(predictor._indexer.index(ResultSeen("c1", "list", True, {"order_ref": "z_7"}), None))
    assert list(state.pools) == [f"list.{seal_of('order_ref')}"]
    assert state.named("order_ref") == [f"list.{seal_of('order_ref')}"]
    assert state.copy().named("order_ref") == state.named("order_ref")


def _with_eight_slots(found: Any) -> Any:
    """Counts as they were written before there was a slot for what follows the value used last."""
    if not isinstance(found, dict):
        return found
    out: dict[str, Any] = {}
    for key, inner in found.items():
        if re.fullmatch(r"\d+:\d+( \d+:\d+)*", key):
            cells = [(int(slot), turns) for slot, turns in (cell.split(":") for cell in key.split(" "))]
            key = " ".join(f"{slot - (slot > FOLLOWING)}:{turns}" for slot, turns in cells if slot != FOLLOWING)
        out[key] = _with_eight_slots(inner)
    return out


def _written_before(format: int) -> tuple[PatternPredictor, dict[str, Any]]:
    """A model, and its document in a format of before, but for its names."""
    runs = [
        session(
            f"s{n}",
            f"see https://x.org/a?page=k_{n}",
            ("a.b:c", {"id": f"k_{n}"}, {"ref": f"r_{n}"}),
            ("list", {}, {"rows": [{"one": f"v_{n}", "two": f"w_{n}"}, {"one": "x_1", "two": "y_1"}]}),
            ("free", {"key": f"r_{n}", "f": {"g": 1}}, {}),
            ("free", {"first": f"v_{n}", "second": f"w_{n}"}, {}),
        )
        for n in range(4)
    ]
    new = PatternPredictor.train(runs, SPECS, min_tenants=1)
    document = json.loads(json.dumps(new.to_document()))
    document["format"] = format
    for table in ("offers", "takes", "joint"):
        document["counts"][table] = _with_eight_slots(document["counts"][table])
    assert any(row.startswith("8:") for row in document["counts"]["offers"]["free"])
    return new, document


STEPS = ("see https://x.org/a?page=k_9", ("a.b:c", {"id": "k_9"}, {"ref": "r_9"}))


def test_a_file_with_fewer_slots_is_read() -> None:
    """What it counted of pools that got nothing lately is taken for that."""
    new, document = _written_before(3)
    old = PatternPredictor.from_document(document)
    assert old.to_document() == new.to_document()
    assert old.predict(history(*STEPS, 0, "well"), 5) == new.predict(history(*STEPS, 0, "well"), 5)


def test_a_file_with_all_names_in_clear_is_read() -> None:
    """They stay so, and it predicts as it did; what it wrote otherwise is found."""
    new, document = _written_before(2)
    del document["fields"]
    document["kept_below"] = 1 << 33
    document["names"] = [
        name.replace("a_b_c.", "a.b:c.").replace(f"url?{seal_of('page')}", "url?page") for name in document["names"]
    ]
    assert "a.b:c.ref" in document["names"]
    assert "user:url?page" in document["names"]
    old = PatternPredictor.from_document(document)
    assert {"key", "ref", "id", "f", "g", "rows", "one", "first"} <= old.part.names.public
    for each in (old, reloaded(old)):
        assert each.predict(history(*STEPS), 5) == new.predict(history(*STEPS), 5)
        assert each.predict(history(STEPS[0]), 5) == new.predict(history(STEPS[0]), 5)
    assert "a_b_c.ref" in old.merge(PatternPredictor(min_tenants=1)).counts.offers["free"]


def test_a_sweep_keeps_names_that_are_open() -> None:
    """Those few tenants showed go like anything that happened least."""
    rng = Random(1)
    predictor = PatternPredictor(max_bytes=8_000)
    part = predictor.part
    for tenant in "123":
        part.names.show(["key"], [], tenant)
    part.names.show((f"name{rng.randrange(10**9)}" for _ in range(200)), [], "1")
    part.counts.words.update({f"u{number}": {"": 1_000, "t": 1_000} for number in range(1_000)})
    Sweep(part).finish()
    assert len(part.counts.words) < 1_000
    assert part.names.keys.value(digest_of("key")) == "key"
    assert len(part.names.keys.sealed) < 100


def test_what_a_key_is_is_decided_once() -> None:
    """In results and in arguments alike; a name that cannot be written in a path keeps an argument whole."""
    for value in ({"W1234": 1}, {"ann": {"a": 1, "b": 2}, "ben": {"a": 1, "b": 2}}, {f"k{n}": 1 for n in range(41)}):
        assert Keys().are_data(value)
        assert spread({"f": value}) == {"f": value}
    fields: list[dict[str, Any]] = [{"a": 1, "b": {"c": 2}}, {"a": 1, "b": 1, "W1": 1}, {"a": {"b": 1}, "c": {"b": 2}}]
    for each in fields:
        assert not Keys().are_data(each)
        assert "f" not in spread({"f": each})
    assert Keys().are_data({7: 1})  # type: ignore[dict-item]  # no JSON, but somebody may hand it over
    assert spread({"f": {"a": 1, "b": 2, "c.d": 3}}) == {"f": {"a": 1, "b": 2, "c.d": 3}}


def test_a_vault_of_names_keeps_no_marks() -> None:
    """Open names are as short in a file as can be; what a manifest makes public never was sealed."""
    names = FieldNames(2)
    names.show(["a", "", "p"], ["b"], "t1")
    names.show(["a", ""], ["c"], "t2")
    names.show(["a"], ["b"], "t3")
    names.publish(["p", "c"])
    names.show(["p"], ["c"], "t4")
    document = names.to_document()
    assert document == {
        "public": ["c", "p"],
        "keys": {"open": ["", "a"], "sealed": {}},
        "arguments": {"open": ["b"], "sealed": {}},
    }
    assert FieldNames.from_document(document, 2).to_document() == document
    with pytest.raises(ValueError, match="different min_tenants"):
        names.merge(FieldNames(3))


def test_keys_that_are_data_leave_room_for_what_is_learned() -> None:
    """However many there are: arguments are missed sooner, and stay."""
    rng = Random(1)

    def odd() -> str:
        return "".join(rng.choices("abcdefghijklmnop", k=10))

    good = [session(f"g{n}", f"item k_{n}", ("free", {"key": f"k_{n}"}, {}), tenant=f"t{n}") for n in range(30)]
    maps: list[Any] = [("list", {}, {odd(): {odd(): 1 for _ in range(20)}}) for _ in range(240)]
    bad = [session(f"b{n}", "go", *maps[8 * n : 8 * n + 8], tenant=f"b{n}") for n in range(30)]
    part = PatternPredictor.train_part([*good, *bad], SPECS, max_bytes=60_000)
    assert len(part.names.keys.sealed) < 2_000
    assert part.names.arguments.opened() == ["key"]
    assert list(part.counts.takes["free"]) == ["key"]
