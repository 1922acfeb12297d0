"""What is kept from turn to turn is what looking at everything again would give."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from predictors.modelfile import to_envelope
from predictors.pattern import offering, phrases, reading, training
from predictors.pattern.calling import MAX_EXPLAINED
from predictors.pattern.counts import WIDTH, Counts, wide
from predictors.pattern.indexing import Indexer
from predictors.pattern.offering import MAX_OFFERS, Offering
from predictors.pattern.pools import STALE
from predictors.pattern.records import Records
from predictors.pattern.state import State
from predictors.pattern.tallying import Tally
from speculate.history import CallMade, Event, ModelText, ResultSeen, UserText
from tests.predictors.pattern.sessions import session, top, train

TOOLS = ["find", "user", "order"]
VALUES = ["a1", "b2", "c3", "red lamp", "green kettle", "#W7", "May 20", 1, 1.0, 2, 3.5]

_value = st.sampled_from(VALUES)
_record = st.dictionaries(st.sampled_from(["id", "name", "n"]), _value, max_size=3)
_result = st.one_of(
    _value,
    st.lists(_value, max_size=8),
    st.lists(_record, max_size=5),
    st.dictionaries(st.sampled_from(["x", "y"]), st.lists(_value, max_size=3), max_size=2),
    st.fixed_dictionaries({f"f{name}": _value for name in "abcdefghijklmnopqrstuvwxyz"}),
)
_told = st.lists(st.sampled_from(["a1", "b2", "the red lamps", "#W7", "kettle", "Ann Lee", "on May 20"]), max_size=4)
_arguments = st.dictionaries(st.sampled_from(["id", "key"]), _value, max_size=2)
_happening = st.one_of(
    st.tuples(st.just("user"), _told.map(" ".join)),
    st.tuples(st.just("model"), _told.map(" ".join)),
    st.tuples(st.just("call"), st.tuples(st.sampled_from(TOOLS), _arguments, _result)),
    st.tuples(st.just("look"), st.tuples(st.sampled_from(TOOLS), st.lists(_value, max_size=3))),
)


def _events(happening: tuple[str, Any], number: int) -> list[Event]:
    kind, what = happening
    if kind == "user":
        return [UserText(what)]
    if kind == "model":
        return [ModelText(number, what)]
    tool, arguments, result = what
    return [CallMade(str(number), number, tool, arguments), ResultSeen(str(number), tool, True, result)]


def _looked_at_again(
    offers: dict[str, list[float]],
    state: State,
    tool: str,
    wanted: Mapping[Any, Sequence[str]],
    changed: Mapping[str, Sequence[tuple[str, str, Any]]],
) -> list[tuple[str, str, int]]:
    used = state.used.get(tool) or {}
    taken = []
    for path, pool in islice(state.pools.items(), MAX_OFFERS):
        row = offers.setdefault(path, [0] * WIDTH)
        for slot, value, _, _ in pool.slots(used, state, True, state.latest.get(tool, -1)):
            row[slot] += 1
            taken += [(name, path, slot) for name in wanted.get(value, ())]
            taken += [(name, rule, slot) for name, rule, source in changed.get(path, ()) if source == value]
    return taken


_LOOK: tuple[str, Any] = ("look", ("find", []))
_LAMPS: tuple[str, Any] = (
    "call",
    ("find", {}, [{"id": "c3", "name": "red lamp"}, {"id": "b2", "name": "green kettle"}]),
)
_OTHERS: tuple[str, Any] = ("call", ("find", {}, [{"id": "a1", "name": "May 20"}, {"id": 2, "name": "#W7"}]))
_TYPED: list[tuple[str, Any]] = [("call", ("find", {}, ["a1", "b2", "c3"])), _LOOK, ("user", "b2"), _LOOK]
_FOLLOWED: list[tuple[str, Any]] = [
    ("call", ("find", {"id": "a1"}, "a1")), ("call", ("user", {}, ["a1", "b2"])), ("call", ("user", {}, ["a1"])), _LOOK,
]  # fmt: skip
_SPOKEN = [_LAMPS, _LOOK, ("user", "the red lamps"), _LOOK]
_SPOKEN_OF_THE_SECOND = [_OTHERS, _LOOK, _LAMPS, _LOOK, ("user", "the red lamps"), _LOOK]


@settings(max_examples=120, deadline=None)
@example(happenings=_TYPED, few=False, bound=400, at_once=False)
@example(happenings=_FOLLOWED, few=False, bound=400, at_once=False)
@example(happenings=_SPOKEN, few=False, bound=400, at_once=False)
@example(happenings=_SPOKEN_OF_THE_SECOND, few=False, bound=400, at_once=False)
@given(
    happenings=st.lists(_happening, max_size=25),
    few=st.booleans(),
    bound=st.sampled_from([3, 400]),
    at_once=st.booleans(),
)
def test_slots_kept_are_those_held(happenings: list[tuple[str, Any]], few: bool, bound: int, at_once: bool) -> None:
    """Whatever happened since, for whichever tool, whether used values are looked up or all pools asked, and whether
    what was counted is written down after each turn or at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(offering, "MAX_TRACED", 0 if few else 200)
        patch.setattr(offering, "MAX_OFFERS", bound)
        patch.setitem(_looked_at_again.__globals__, "MAX_OFFERS", bound)
        indexer, state, kept = Indexer(), State(), Offering()
        tally = Tally(Counts())
        expected: dict[str, dict[str, list[float]]] = {
            tool: {path: [1.0, 2.0] + [0.0] * (WIDTH - 2) for path in ("user", "find(id)")} for tool in TOOLS
        }
        tally.counts.offers.update(
            {tool: {path: [1, 2] for path in ("user", "find(id)")} for tool in TOOLS}
        )  # a file's
        for number, happening in enumerate(happenings):
            if happening[0] != "look":
                for event in _events(happening, number):
                    state.take(indexer.index(event, state.year))
                continue
            tool, values = happening[1]
            wanted = {value: ["id", "key"] for value in values}
            changed: dict[str, list[tuple[str, str, Any]]] = {}
            for value in values:
                for path in state.where.get(value, ())[:2]:
                    changed.setdefault(path, []).append(("key", f"{path}|upper", value))
            kept.catch_up(state)
            taken = kept.count(state, tool, wanted, changed)
            assert sorted(taken) == sorted(_looked_at_again(expected[tool], state, tool, wanted, changed))
            if at_once:
                kept.hand_over(tally)
                tally.pour()
        kept.hand_over(tally)
        tally.pour()
        offers = {tool: {path: wide(row) for path, row in rows.items()} for tool, rows in tally.counts.offers.items()}
        assert offers == expected


def test_a_value_in_more_places_than_are_looked_up_is_counted_in_all() -> None:
    """Thirty fields hold it: `where` names the first of them only."""
    indexer, state, kept = Indexer(), State(), Offering()
    fields = {f"field_{chr(97 + number)}": "same" for number in range(26)} | {"x": {"y": "same", "z": "same"}}
    for event in _events(("call", ("find", {}, fields)), 0):
        state.take(indexer.index(event, None))
    assert len(state.where["same"]) < 28 == len(state.paths_of("same"))
    assert len(state.copy().paths_of("same")) == 28
    kept.catch_up(state)
    taken = kept.count(state, "order", {"same": ["id"]}, {})
    assert len(taken) == 28
    assert {slot for _, _, slot in taken} == {0}
    state.take(indexer.index(ModelText(5, "hm"), None))
    kept.catch_up(state)
    assert {slot for _, _, slot in kept.count(state, "order", {"same": ["id"]}, {})} == {STALE}


@settings(max_examples=60, deadline=None)
@given(happenings=st.lists(_happening, max_size=15))
def test_records_are_the_same_whenever_they_are_asked_for(happenings: list[tuple[str, Any]]) -> None:
    """After every event, or once at the end; and what explains a call is not looked for twice."""
    indexer, early, late = Indexer(), Records(), Records()
    for number, happening in enumerate(each for each in happenings if each[0] != "look"):
        for event in _events(happening, number):
            items = indexer.index(event, None).items
            early.add(items, number)
            late.add(items, number)
            assert early.groups is early.groups
    values = {"id": "a1", "key": 1}
    assert late.copy().explain(values) == early.explain(values) == late.explain(values)
    assert late.explain(values) is late.explain(dict(values))
    assert late.explain({"id": "a1", "key": 1.0}) is not late.explain(values)
    assert late.groups == early.groups


_words = st.lists(st.sampled_from([
    "the", "of", "and", "Ann", "Lee", "USA's", "USA", "May", "20th", ",", ".", "'", '"', "http://x.y/z", "http",
    "#W12", "I'm", "x_1@y.org", "é", "A", "to", "&", "-", "1999", "AB12", "\n", "word word word", "**", "(", "!",
    "./a/b", "...",
]), max_size=40)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(words=_words, gaps=st.lists(st.sampled_from(["", " ", " ", " ", "  "]), min_size=40, max_size=40))
def test_words_in_a_row_read_as_words_one_by_one(words: list[str], gaps: list[str]) -> None:
    """Taking plain words, or marks, as one is a short cut and nothing else."""
    written = "".join(word + gap for word, gap in zip(words, gaps, strict=False))
    found = reading.read(written, "2024")
    with pytest.MonkeyPatch.context() as patch:
        words_together, marks_together = "(?:[a-z]++ )++|", "*+|"
        assert reading._TOKEN.pattern.startswith(words_together)
        assert reading._TOKEN.pattern.count(marks_together) == 1
        one_by_one = reading._TOKEN.pattern.removeprefix(words_together).replace(marks_together, "{0}|")
        patch.setattr(reading, "_TOKEN", re.compile(one_by_one))
        assert reading.read(written, "2024") == found
        assert reading.read("word " * 400)[1] == ["word"] * reading.MAX_TOKENS
    assert reading.read("word " * 400)[1] == ["word"] * reading.MAX_TOKENS


@given(words=st.lists(st.sampled_from(["new", "york", "trips", "the", "é", "\x00quoted", "cats"]), max_size=9))
def test_phrases_are_hashed_as_their_words_together(words: list[str]) -> None:
    """Step by step or at once: the hash stands in model files."""
    for number, _ in phrases.phrases_of(words):
        spans = [words[start:stop] for start in range(len(words)) for stop in range(start + 1, start + 4)]
        assert number in {phrases.phrase_hash(span) for span in spans}


def test_a_call_of_repeated_values_costs_bounded_work() -> None:
    """However many pools hold its arguments, so many are looked at."""
    indexer, state = Indexer(), State()
    fields = {f"field_{chr(97 + number)}": [f"v{value}" for value in range(20)] for number in range(26)}
    calls = [("find", {}, fields), ("order", {f"a{n}": f"v{n}" for n in range(20)}, 1)]
    for call in calls:
        for event in _events(("call", call), state.count):
            state.take(indexer.index(event, None))
    assert 0 < sum(map(len, state.local["order"].values())) <= MAX_EXPLAINED


def test_a_large_model_is_judged_without_several_sessions_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights stay those of the habit that all sessions show, and what was taken out is put back."""
    runs = [session(f"s{i}", f"item k_{i}", ("find", {"key": f"k_{i}"}, {}), tenant=f"t{i}") for i in range(40)]
    alone = train(*runs)
    before = to_envelope(alone)
    monkeypatch.setattr(training, "APART", 8)
    together = training.calibrate(alone.counts, alone.vault, alone.part.names, alone.part.sample, alone.hidden)
    assert to_envelope(alone) == before
    assert [round(a - b, 1) for a, b in zip(together[0], alone._weights[0], strict=True)] == [0.0] * len(together[0])
    assert top(train(*runs), "item k_99").arguments == {"key": "k_99"}
