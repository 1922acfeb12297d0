"""What a call claims: templates, escaping, prefixes, conflicts."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speculate.resources import MAX_INT_BITS, Claims, any_overlap, argument_names, fill, overlaps, template_problem

CLAIMS = st.from_regex(r"[ab]{0,2}(/[ab]{0,2}){0,2}\*?", fullmatch=True).filter(bool)
VALUES = st.text(max_size=8) | st.integers() | st.floats() | st.booleans() | st.none() | st.lists(st.integers())


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("order", None),
        ("order/{order_id}", None),
        ("order/{id}/items/*", None),
        ("order/{id}*", None),
        ("*", None),
        ("", "must not be empty"),
        ("order/{}", "is not an argument name"),
        ("order/{a b}", "is not an argument name"),
        ("order/{1}", "is not an argument name"),
        ("order/{id", "unbalanced"),
        ("order/id}", "unbalanced"),
        ("order/{a{b}}", "unbalanced"),
        ("order/*/items", "only at the end"),
        ("**", "only at the end"),
    ],
)
def test_a_template_is_checked(template: str, problem: str | None) -> None:
    """What is wrong is said; what is right is None."""
    found = template_problem(template)
    assert found is None if problem is None else found is not None and problem in found


def test_the_arguments_a_template_names() -> None:
    """In order, with repeats."""
    assert argument_names("a/{x}/{y}/{x}") == ("x", "y", "x")
    assert argument_names("a/*") == ()


class Text(str):
    """A text of a class of its own, whose meaning nobody knows."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "claim"),
    [
        ("17", "order/17"),
        (17, "order/17"),
        (17.0, "order/17"),
        (-0.0, "order/0"),
        (1.5, "order/1.5"),
        (True, "order/true"),
        (False, "order/false"),
        ("a/b", "order/a%2Fb"),
        ("*", "order/%2A"),
        ("%2F", "order/%252F"),
        ("é", "order/%C3%A9"),
        ("\ud800", "order/%ED%A0%80"),
        ([1, "a"], "order/%5B1%2C%20%22a%22%5D"),
        ({"b": 1, "a": 2}, "order/%7B%22a%22%3A%202%2C%20%22b%22%3A%201%7D"),
        ("", "order/*"),
        (None, "order/*"),
        (float("nan"), "order/*"),
        (float("inf"), "order/*"),
        (b"17", "order/*"),
        (Text("17"), "order/*"),
        ({1: 2, "a": 3}, "order/*"),
        ([object()], "order/*"),
        (1 << MAX_INT_BITS, "order/*"),
        ([1 << 100_000], "order/*"),
    ],
)
def test_a_value_becomes_one_step_of_a_name_or_everything(value: Any, claim: str) -> None:
    """What cannot be written as a name claims everything from there on."""
    assert fill("order/{id}", {"id": value}) == claim


def test_a_value_without_end_claims_everything() -> None:
    """It contains itself, or is deeper than can be written."""
    endless: list[Any] = []
    endless.append(endless)
    assert fill("order/{id}", {"id": endless}) == "order/*"


def test_a_missing_argument_is_a_prefix() -> None:
    """Whatever stands behind the first unknown is dropped: wider is always safe."""
    assert fill("a/{x}/b/{y}/c", {"x": 1}) == "a/1/b/*"
    assert fill("a/{x}/b/{y}/c", {"y": 1}) == "a/*"
    assert fill("{x}", {}) == "*"
    assert fill("a/{x}/*", {"x": "1"}) == "a/1/*"
    assert fill("plain", {"x": 1}) == "plain"


@given(VALUES, VALUES)
def test_no_value_reaches_into_another_resource(one: Any, other: Any) -> None:
    """A filled value adds no step and no wildcard; two different texts are two resources."""
    claim = fill("a/{x}/b", {"x": one})
    if claim != "a/*":
        assert claim.count("/") == 2
        assert "*" not in claim
        assert not overlaps(claim, "a/c/d")
    if isinstance(one, str) and isinstance(other, str) and one and other:
        assert overlaps(claim, fill("a/{x}/b", {"x": other})) == (one == other)


@given(VALUES, VALUES)
def test_a_filled_claim_is_never_narrower_than_its_value(one: Any, other: Any) -> None:
    """Equal values claim the same, and the unfilled prefix covers whatever the value was."""
    claim = fill("a/{x}/b/{y}", {"x": one, "y": other})
    assert overlaps(claim, fill("a/{x}/b/{y}", {"x": one, "y": other}))
    for wider in ({}, {"x": one}, {"y": other}, {"x": one, "y": None}):
        assert overlaps(claim, fill("a/{x}/b/{y}", wider))


def names(claim: str) -> set[str]:
    """Every resource of at most six letters over a small alphabet that a claim names, by enumeration."""
    universe = ("".join(letters) for size in range(7) for letters in itertools.product("a/", repeat=size))
    if claim.endswith("*"):
        return {name for name in universe if name.startswith(claim[:-1])}
    return {name for name in universe if name == claim}


SMALL_CLAIMS = st.from_regex(r"[a/]{0,4}\*?", fullmatch=True).filter(bool)


@given(SMALL_CLAIMS, SMALL_CLAIMS)
def test_overlap_is_naming_a_common_resource(one: str, other: str) -> None:
    """By enumeration; and so it is symmetric."""
    assert overlaps(one, other) == bool(names(one) & names(other))
    assert overlaps(one, other) == overlaps(other, one)


@given(st.lists(CLAIMS, max_size=3), st.lists(CLAIMS, max_size=3))
def test_any_overlap_asks_every_pair(some: list[str], others: list[str]) -> None:
    """An empty side overlaps nothing."""
    assert any_overlap(some, others) == any(overlaps(one, other) for one in some for other in others)
    assert not any_overlap([], others)


@pytest.mark.parametrize(
    ("one", "other", "conflict", "changed"),
    [
        (Claims(("a",)), Claims(("a",)), False, False),
        (Claims(("a",)), Claims((), ("a",)), True, True),
        (Claims((), ("a",)), Claims(("a",)), True, False),
        (Claims((), ("a",)), Claims((), ("a",)), True, True),
        (Claims(("a",), ("b",)), Claims(("c",), ("d",)), False, False),
        (Claims(("*",)), Claims((), ("d",)), True, True),
        (Claims(), Claims(("*",), ("*",)), False, False),
    ],
)
def test_two_calls_conflict_if_one_writes_what_the_other_touches(
    one: Claims, other: Claims, conflict: bool, changed: bool
) -> None:
    """Reads never conflict; the order of the two has no bearing on a conflict, but on who changes whom."""
    assert one.conflicts_with(other) is conflict
    assert other.conflicts_with(one) is conflict
    assert one.is_changed_by(other) is changed
