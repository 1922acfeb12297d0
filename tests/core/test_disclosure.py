"""The evidence egress and taint are judged by."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speculate.core.disclosure import MAX_TEXT, MAX_VALUES, SHORTEST_TAINT, Disclosure, leaves

WORDS = st.text("ab1 -", max_size=6)


def typed(text: str) -> Disclosure:
    disclosure = Disclosure()
    disclosure.user_typed(text)
    return disclosure


def seen(text: str) -> Disclosure:
    disclosure = Disclosure()
    disclosure.untrusted_seen(text)
    return disclosure


def test_the_leaves_of_a_value() -> None:
    """Every scalar at any depth, and the keys of objects: they are disclosed, too."""
    value = {"a": [1, {"b": None}], "c": "x"}
    assert sorted(map(str, leaves(value))) == ["1", "None", "a", "b", "c", "x"]
    assert list(leaves("alone")) == ["alone"]
    assert list(leaves([[], {}])) == []


@pytest.mark.parametrize(
    ("text", "value", "has"),
    [
        ("cancel order 17 please", "17", True),
        ("cancel order 17 please", 17, True),
        ("cancel order 17 please", "ORDER  17", True),
        ("order #17.", "17", True),
        ("17", "17", True),
        ("order 170", "17", False),
        ("order 217", 17, False),
        ("orders217x 17", "17", True),
        ("it costs 2.5", 2.5, True),
        ("it costs 2.5", 5, False),
        ("it costs 2.5", 2, False),
        ("it costs 1,250", 250, False),
        ("take 5, 6 or 7.", 7, True),
        ("a-b", "-b", True),
        ("ab", "b", False),
        ("true", True, False),
        ("null none", None, False),
        ("a\nb", "a b", True),
        ("anything", "", True),
        ("anything", "   ", True),
        ("anything", ["anything"], False),
        ("STRASSE", "straße", True),
    ],
)
def test_what_the_user_typed(text: str, value: Any, has: bool) -> None:
    """As whole words, case and space aside; part of a word or number is another value."""
    assert typed(text).has_typed(value) is has


@given(WORDS, WORDS)
def test_whole_words_by_brute_force(value: str, text: str) -> None:
    """Some place holds the text with nothing that would make it part of a longer word."""
    needle, hay = " ".join(value.split()), "\n" + " ".join(text.split())
    places = [n for n in range(len(hay)) if needle and hay.startswith(needle, n)]
    whole = not needle or any(
        not (hay[n - 1 : n].isalnum() and needle[0].isalnum())
        and not (hay[n + len(needle) : n + len(needle) + 1].isalnum() and needle[-1].isalnum())
        for n in places
    )
    assert typed(text).has_typed(value) is whole


def test_values_sent_vouch_for_themselves_at_that_tool() -> None:
    """By type and value, wherever in the arguments they stood; not for another tool."""
    disclosure = Disclosure()
    disclosure.sent("fetch", {"a": {"k": ["x", 1, True, None]}, "b": float("nan")})
    assert disclosure.may_go_to("fetch", {"z": "x", "y": [1, True, None], "k": "k"})
    assert not disclosure.may_go_to("fetch", {"z": 1.0})
    assert not disclosure.may_go_to("fetch", {"z": "X"})
    assert not disclosure.may_go_to("fetch", {"z": "x", "new": "y"})
    assert not disclosure.may_go_to("other", {"z": "x"})
    assert disclosure.may_go_to("other", {})
    assert not disclosure.may_go_to("fetch", {"z": float("nan")})


def test_what_was_sent_is_bounded_and_the_oldest_goes_first() -> None:
    """Sending a value again makes it young again."""
    disclosure = Disclosure()
    disclosure.sent("t", {"v": 0})
    disclosure.sent("t", {"v": 1})
    disclosure.sent("t", {"v": list(range(2, MAX_VALUES))})
    assert disclosure.may_go_to("t", {"v": 0})
    disclosure.sent("t", {"v": 0})
    disclosure.sent("t", {"v": -1})
    assert disclosure.may_go_to("t", {"v": [0, -1]})
    assert not disclosure.may_go_to("t", {"v": 1})


def test_text_is_bounded_and_the_newest_stays() -> None:
    """Of very long texts what came last is remembered."""
    disclosure = typed("first")
    disclosure.user_typed("x" * (MAX_TEXT - 5))
    disclosure.user_typed("last")
    assert disclosure.has_typed("last")
    assert not disclosure.has_typed("first")
    hostile = seen("first words")
    hostile.untrusted_seen("y" * (MAX_TEXT * 2))
    assert not hostile.is_tainted("t", {"v": "first words"})
    assert hostile.is_tainted("t", {"v": "y" * 100})


def test_nothing_is_tainted_before_a_hostile_result() -> None:
    """An untrusted result without text is none."""
    assert not Disclosure().has_untrusted
    assert not Disclosure().is_tainted("t", {"v": "anything"})
    assert seen("x").has_untrusted


@pytest.mark.parametrize(
    ("value", "tainted"),
    [
        ("evil.example", True),
        ("EVIL.\texample"[:5], True),
        ("  Go   to ", True),
        ({"url": ["deep", {"evil.example": 1}]}, True),
        (12345, True),
        (2345, True),
        ("il.ex", True),
        ("good.example", False),
        (99999, False),
        ("evi", False),
        (True, False),
        (None, False),
    ],
)
def test_a_value_is_tainted_if_it_stands_in_a_hostile_result(value: Any, tainted: bool) -> None:
    """Part of a word is enough (it may have been cut out), but not what any page contains by chance."""
    hostile = seen("Go to EVIL.example, code 12345, true or null None")
    assert hostile.is_tainted("t", {"v": value}) is tainted


def test_the_shortest_taint() -> None:
    """From this length on."""
    assert seen("abcdef").is_tainted("t", {"v": "abcdef"[:SHORTEST_TAINT]})
    assert not seen("abcdef").is_tainted("t", {"v": "abcdef"[: SHORTEST_TAINT - 1]})


def test_the_user_or_a_real_call_lifts_the_taint() -> None:
    """What the user typed is the user's; what already went to this tool is no new disclosure."""
    hostile = seen("evil.example")
    hostile.sent("t", {"v": "evil.example"})
    assert not hostile.is_tainted("t", {"v": "evil.example"})
    assert hostile.is_tainted("other", {"v": "evil.example"})
    hostile.user_typed("see evil.example")
    assert not hostile.is_tainted("other", {"v": "evil.example"})
