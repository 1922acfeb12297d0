"""Placeholders: how they are read, where they lead, and what they refuse to enter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from speculate.plan.placeholders import (
    PathMissing,
    Reference,
    Text,
    as_text,
    follow,
    read_reference,
    read_template,
    references_in,
    render,
    replace_references,
)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("$1", Reference("1")),
        ("$1.orders[0].id", Reference("1", ("orders", 0, "id"))),
        ('$a_b["odd key"][-1]', Reference("a_b", ("odd key", -1))),
        ("${call-7.x}", Reference("call-7", ("x",))),
        ("${1}st", Text((Reference("1"), "st"))),
        ("$1.", Text((Reference("1"), "."))),
        ("$$1", "$1"),
        ("a $ b", "a $ b"),
        ("$$", "$"),
    ],
)
def test_placeholders_are_read(text, tree):
    assert read_template(text).tree == tree


@given(st.text(alphabet='$1a.[]{}" ', max_size=30))
def test_any_text_is_read_and_escaping_makes_it_plain(text):
    read_template(text)
    escaped = read_template(text.replace("$", "$$"))
    assert escaped.is_static
    assert escaped.tree == text


@given(st.text(min_size=1, max_size=5).filter(lambda name: '"' not in name and "]" not in name), st.integers(-5, 5))
def test_a_reference_is_written_as_it_is_read(name, index):
    reference = Reference("task-1", (name, index))
    assert read_reference(str(reference)) == reference


@dataclass
class Row:
    name: str
    _secret: int = 0

    def method(self) -> None: ...


class Model(BaseModel):
    name: str


@pytest.mark.parametrize(
    ("value", "path", "found"),
    [
        ({"a": [1, 2]}, ("a", -1), 2),
        ('{"a": {"1": 5}}', ("a", 1), 5),
        (Row("x"), ("name",), "x"),
        (Model(name="y"), ("name",), "y"),
        ((1, 2), (0,), 1),
        (3, (), 3),
    ],
)
def test_a_path_leads_into_json_text_json_fields(value, path, found):
    assert follow(value, path) == found


@pytest.mark.parametrize(
    ("value", "path", "words"),
    [
        ({"a": 1}, ("b",), ".b is not there; the result has a"),
        ({}, ("b",), "the result has nothing"),
        ({str(n): n for n in range(20)}, ("b",), "…"),
        ([1], (3,), "[3]: the list there has 1 elements"),
        ([1], ("x",), "write an index"),
        ("text", ("x",), "is text, not JSON"),
        (5, ("x",), "a int is there, which has no parts"),
        (Row("x"), ("method",), "which has no parts"),
        (Model(name="y"), ("model_dump",), "which has no parts"),
        (b"bytes", (0,), "has no parts"),
    ],
)
def test_a_path_that_leads_nowhere_says_how_far_it_came(value, path, words):
    with pytest.raises(PathMissing) as caught:
        follow(value, path)
    assert words in str(caught.value)


def test_values_are_written_into_text_as_json():
    values: dict[str, Any] = {"1": {"a": True}, "2": 2, "3": "x", "4": None}
    tree = read_template({"t": ["$1 $2 $3 $4 $$"], "n": 5}).tree
    assert render(tree, lambda reference: values[reference.task]) == {"t": ['{"a": true} 2 x null $'], "n": 5}
    circular: list[Any] = []
    circular.append(circular)
    assert as_text(circular) == "[[...]]"


def test_references_are_found_and_replaced_wherever_they_stand():
    tree = read_template({"a": ["$1", "x $2"], "b": 3}).tree
    assert references_in(tree) == [Reference("1"), Reference("2")]
    replaced = replace_references(tree, lambda reference: Reference(f"in/{reference.task}"))
    assert references_in(replaced) == [Reference("in/1"), Reference("in/2")]
    assert read_template(replaced).references == (Reference("in/1"), Reference("in/2"))
    assert read_reference("x $1") is None
