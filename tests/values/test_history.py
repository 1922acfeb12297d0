"""What a history keeps: events, forks, forgetting, and bounded snapshots of results."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speculate.history import (
    CUT,
    MAX_EVENTS,
    MAX_NODES,
    MAX_SNAPSHOT_DEPTH,
    MAX_TEXT,
    CallMade,
    History,
    ModelText,
    ResultSeen,
    UserText,
    read_text,
    snapshot,
    take_snapshot,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


class Index:
    """A predictor's index that knows how to be copied."""

    def __init__(self, seen: int = 0) -> None:
        self.seen = seen

    def fork(self) -> Index:
        return Index(self.seen)


def test_a_history_is_read_as_it_was_written() -> None:
    """Events in order, calls by id, the turn last seen."""
    call = CallMade("c1", 3, "get", {"id": 1})
    history = History("s", "acme", [UserText("hi"), ModelText(2, "I look"), call, ResultSeen("c1", "get", True, 5)])
    assert (history.session, history.tenant, history.turn, len(history)) == ("s", "acme", 3, 4)
    assert history.call("c1") is call
    assert history.call("c2") is None
    assert [type(event).__name__ for event in history.events] == ["UserText", "ModelText", "CallMade", "ResultSeen"]
    assert repr(history) == "<History 's': 4 events, 1 calls, turn 3>"
    history.append(ModelText(4, "done"))
    assert history.turn == 4


def test_a_fork_goes_its_own_way() -> None:
    """Neither sees what the other appends; an index is copied if it knows how, else left out."""
    history = History("s", "acme", [CallMade("c1", 1, "get", {})])
    index = Index(7)
    history.memo["copied"], history.memo["dropped"] = index, [1]
    fork = history.fork()
    assert (fork.session, fork.tenant, fork.turn, list(fork.events)) == ("s", "acme", 1, list(history.events))
    assert list(fork.memo) == ["copied"]
    assert fork.memo["copied"] is not index
    assert fork.memo["copied"].seen == 7
    fork.append(CallMade("c2", 2, "get", {}))
    history.append(UserText("hello"))
    assert (history.call("c2"), history.turn, len(history)) == (None, 1, 2)
    assert (fork.turn, len(fork)) == (2, 2)


def test_a_very_long_session_forgets_its_oldest_half() -> None:
    """Up to the bound nothing is lost; past it the newer half stays, the memo goes, later calls are still found."""
    history = History("s", events=(CallMade(str(n), n, "get", {}) for n in range(MAX_EVENTS)))
    history.memo["index"] = Index()
    assert len(history) == MAX_EVENTS
    assert history.call("0") is not None
    history.append(UserText("one more"))
    half = MAX_EVENTS // 2
    assert len(history) == half + 1
    assert history.events[0] == CallMade(str(half), half, "get", {})
    assert history.events[-1] == UserText("one more")
    assert history.call(str(half - 1)) is None
    assert history.call(str(half)) is not None
    assert history.turn == MAX_EVENTS - 1
    assert history.memo == {}


@given(JSON)
def test_a_small_json_value_is_kept_whole_and_apart(value: Any) -> None:
    """The copy is equal and shares nothing that can be changed (law L7)."""
    copy, cut = take_snapshot(value)
    assert copy == value
    assert not cut
    if isinstance(value, (dict, list)):
        assert copy is not value


def count(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(count(item) for item in value.values())
    return 1 + sum(count(item) for item in value) if isinstance(value, list) else 1


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max((depth(item) for item in value.values()), default=0)
    return 1 + max((depth(item) for item in value), default=0) if isinstance(value, list) else 0


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


class Numbers(Mapping[str, int]):
    """A mapping without end."""

    def __getitem__(self, key: str) -> int:
        return int(key)

    def __iter__(self) -> Iterator[str]:
        number = 0
        while True:
            number += 1
            yield str(number)

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize(
    "value",
    [
        list(range(MAX_NODES + 1)),
        {str(n): n for n in range(MAX_NODES + 1)},
        [["x"] * 60] * 200,
        ["y" * 6400] * 100,
        endless(),
        Numbers(),
        {"k" * 64 + str(n): 1 for n in range(MAX_NODES)},
        {"k" * (MAX_TEXT * 3): 1},
        "x" * (MAX_TEXT * 3),
    ],
    ids=["list", "dict", "nested", "texts", "endless", "mapping", "keys", "key", "text"],
)
def test_a_snapshot_is_bounded_however_large_the_result(value: Any) -> None:
    """In values, in depth, in characters, keys included; and it says that it was cut."""
    copy, cut = take_snapshot(value)
    assert cut
    assert count(copy) <= MAX_NODES + 1
    assert depth(copy) <= MAX_SNAPSHOT_DEPTH
    assert len(json.dumps(copy)) <= 64 * MAX_NODES + MAX_TEXT + 16 * MAX_NODES


def test_the_bounds_are_reached_and_not_passed() -> None:
    """The longest text, the deepest nesting and the most values that fit are kept whole."""
    text = "x" * MAX_TEXT
    assert take_snapshot(text) == (text, False)
    assert take_snapshot(text + "y") == (text + CUT, True)
    assert take_snapshot({text + "y": 1}) == ({text + CUT: 1}, True)
    assert take_snapshot(list(range(MAX_NODES - 1))) == (list(range(MAX_NODES - 1)), False)
    value: Any = []
    for _ in range(MAX_SNAPSHOT_DEPTH - 1):
        value = [value]
    assert take_snapshot(value) == (value, False)
    deeper, cut = take_snapshot([value])
    assert cut
    assert CUT in json.dumps(deeper, ensure_ascii=False)


@dataclass
class Order:
    id: int
    items: list[str] = field(default_factory=list)


class Page(pydantic.BaseModel):
    title: str
    order: dict[str, int]


class Broken:
    def model_dump(self, mode: str) -> Any:
        raise RuntimeError("cannot be dumped")


class Mirror:
    def model_dump(self, mode: str) -> Any:
        return self


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "kept", "cut"),
    [
        (Order(1, ["a"]), {"id": 1, "items": ["a"]}, False),
        ([Order(1)], [{"id": 1, "items": []}], False),
        (Page(title="t", order={"a": 1}), {"title": "t", "order": {"a": 1}}, False),
        ((1, ("a",)), [1, ["a"]], False),
        ({1: "a", None: "b"}, {"1": "a", "None": "b"}, False),
        (Order, None, True),
        (Page, None, True),
        (Broken(), None, True),
        ({"fine": 1, "broken": Broken()}, None, True),
        (Mirror(), CUT, True),
        ({1, 2}, None, True),
        ([{1, 2}, 3], [None, 3], True),
        (b"bytes", None, True),
        (object(), None, True),
        (Colour.RED, None, True),
        (1 << 4095, None, True),
        (1 << 4094, 1 << 4094, False),
        ([1 << 100_000, 1], [None, 1], True),
        ({1 << 100_000: 1}, None, True),
        (None, None, False),
    ],
)
def test_what_becomes_of_other_objects(value: Any, kept: Any, cut: bool) -> None:
    """Data classes and pydantic models are read; what cannot be copied is None, and never an error."""
    assert take_snapshot(value) == (kept, cut)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}),
        ("  [1]", [1]),
        ("[]", []),
        ("{broken", "{broken"),
        ("[" * 50_000, "[" * 50_000),
        ('"quoted"', '"quoted"'),
        ("17", "17"),
        ("true", "true"),
        ("[", "["),
        ("", ""),
        ("plain", "plain"),
        ("[" + "9" * 10_000 + "]", "[" + "9" * 10_000 + "]"),
        ("[1]" + " " * MAX_TEXT, "[1]" + " " * MAX_TEXT),
    ],
)
def test_text_that_is_a_json_object_or_array_is_read(text: str, value: Any) -> None:
    """Other text stays text: a number or a word is what the tool said, not a value."""
    assert read_text(text) == value


def test_what_is_no_text_is_not_read() -> None:
    """Nor is text inside a value."""
    inside = ["[1]"]
    assert read_text(inside) is inside


def test_json_text_is_read_within_the_same_bounds() -> None:
    """A text with more values than a snapshot may hold is cut like any other result."""
    assert count(read_text("[" + "1," * (MAX_NODES * 2) + "1]")) <= MAX_NODES + 1


def test_a_snapshot_of_a_result_is_its_text_read() -> None:
    """Both steps in one."""
    assert snapshot('{"id": 1}') == {"id": 1}
    assert snapshot(Order(1)) == {"id": 1, "items": []}


class Follower:
    """An index that is told of events; it may fail on one."""

    def __init__(self, fails_on: str = "") -> None:
        self.seen: list[int] = []
        self.fails_on = fails_on

    def appended(self, history: History) -> None:
        if history.events[-1] == UserText(self.fails_on):
            raise ValueError("no")
        self.seen.append(len(history.events))


def test_an_index_is_told_of_every_event_as_it_comes() -> None:
    """And its time is added up; one that has no ear for it is left alone."""
    history = History("s", events=[UserText("a")])
    follower = Follower()
    history.memo["one"] = follower
    history.memo["two"] = object()
    history.append(UserText("b"))
    history.append(UserText("c"))
    assert follower.seen == [2, 3]
    assert history.indexing_s > 0


def test_an_index_that_raises_is_dropped_and_harms_nobody() -> None:
    """Its predictor will meet the event again when it is asked, where faults are counted."""
    history = History("s")
    failing, other = Follower("b"), Follower()
    history.memo["one"], history.memo["two"] = failing, other
    for text in "abc":
        history.append(UserText(text))
    assert failing.seen == [1]
    assert other.seen == [1, 2, 3]
    assert list(history.memo) == ["two"]


def test_an_index_that_leaves_and_raises_harms_nobody() -> None:
    """It took itself out of the memo before it failed."""

    class Leaving:
        def appended(self, history: History) -> None:
            history.memo.clear()
            raise ValueError("gone")

    history = History("s")
    history.memo["one"] = Leaving()
    history.append(UserText("a"))
    assert not history.memo
    assert len(history) == 1
