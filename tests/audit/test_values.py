"""Which values mean something, and where they were first seen."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speculate.audit.values import (
    MAX_DEPTH,
    MAX_LEAVES,
    Seen,
    comparable,
    contains_word,
    decoded,
    is_telling,
    leaves,
    tokens,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [("  #W12 ", "w12"), (17, "17"), (17.0, "17"), (2.5, "2.5"), (True, None), (None, None), ("", None), ([], None)],
)
def test_values_are_compared_as_text(value: object, text: str | None) -> None:
    assert comparable(value) == text


@pytest.mark.parametrize(
    ("text", "telling"), [("ok", False), ("true", False), ("7", False), ("104", True), ("w12", True)]
)
def test_common_values_tell_nothing(text: str, telling: bool) -> None:
    assert is_telling(text) is telling


def test_words_are_found_whole() -> None:
    assert contains_word("order w1234 is late", "w1234")
    assert not contains_word("order w12345 is late", "w1234")
    assert contains_word("w12345, w1234", "w1234")
    assert tokens("grep -n 'class foo' lib/core.py lib/core.py", 8) == ["grep", "class", "lib/core.py"]
    assert tokens("alpha beta gamma", 2) == ["alpha", "beta"]


def test_leaves_name_their_places_and_take_data_keys_for_values() -> None:
    found = list(leaves({"cards": {"card_17": {"kind": "visa"}}, "ids": ["a", {"b": 1}], "none": None}))
    assert found == [(".cards.{}", "card_17"), (".cards.{}.kind", "visa"), (".ids[]", "a"), (".ids[].b", 1)]


def test_leaves_are_bounded() -> None:
    assert len(list(leaves(list(range(10 * MAX_LEAVES))))) == MAX_LEAVES
    assert len(list(leaves({f"name{'x' * (n % 7)}_{n}": n for n in range(MAX_LEAVES)}))) <= MAX_LEAVES + 1
    deep: object = "bottom"
    for _ in range(2 * MAX_DEPTH):
        deep = [deep]
    assert list(leaves(deep)) == []
    for _ in range(2 * MAX_DEPTH):
        deep = {"a": deep}
    assert list(leaves(deep)) == []


@settings(max_examples=100)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=30,
    )
)
def test_any_json_can_be_shown(value: object) -> None:
    """Nothing a tool can return raises, and every telling scalar is found again."""
    seen = Seen()
    seen.add(value, 1, "result", 0, "tool")
    for _, leaf in leaves(value):
        text = comparable(leaf)
        if text is not None and len(text) <= 256:
            assert seen.find(text) is not None


def test_text_that_is_json_is_read() -> None:
    assert decoded('{"a": 1}') == {"a": 1}
    assert decoded("[1") == "[1"
    assert decoded("{x}") == "{x}"
    assert decoded("plain") == "plain"


def test_the_first_place_counts() -> None:
    """A value is known from when it was first shown; a word of a text counts like a value."""
    seen = Seen()
    seen.add("I am Ann, order W123 please", 0, "user", None, "what the user typed")
    seen.add({"order": "#W123", "sibling": ["x1", "x2"]}, 3, "result", 0, "tool")
    origin = seen.find("w123")
    assert origin is not None
    assert (origin.since, origin.kind) == (0, "user")
    assert seen.find("x1") is not None
    assert seen.siblings(0, "tool.sibling[]") == 2
    assert seen.siblings(0, "tool.order") == 1
    assert seen.find("nowhere") is None


def test_what_the_model_wrote_is_searched_last() -> None:
    seen = Seen()
    seen.add_text("I will look at alpha-77 now", 2, "model", None, "what the model said")
    first = seen.find("alpha-77")
    assert first is not None
    assert first.kind == "model"
    seen.add({"note": "alpha-77 was found in the attic"}, 4, "result", 1, "tool")
    later = seen.find("alpha-77")
    assert later is not None
    assert later.kind == "result"


def test_new_texts_are_searched_for_words_not_found_before() -> None:
    seen = Seen()
    assert seen.find("beta-99") is None
    seen.add({"note": "the part beta-99 is out of stock today"}, 2, "result", 0, "tool")
    found = seen.find("beta-99")
    assert found is not None
    assert found.since == 2


def test_a_long_text_is_looked_for_in_what_the_user_typed() -> None:
    seen = Seen()
    long = "the quick brown fox jumps over the lazy dog twice"
    seen.add({"note": f"so {long} it says"}, 2, "result", 0, "tool")
    assert seen.find(long) is None
    seen.add(f"please write {long}!", 3, "user", None, "what the user typed")
    found = seen.find(long)
    assert found is not None
    assert found.kind == "user"


def test_searched_text_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speculate.audit.values.MAX_SESSION_TEXT", 20)
    seen = Seen()
    seen.add_text("first words are kept here", 0, "user", None, "u")
    seen.add_text("second words are not kept", 1, "user", None, "u")
    assert seen.find("first") is not None
    assert seen.find("second") is None
    assert seen.weight == 50
