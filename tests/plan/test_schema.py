"""The part of JSON Schema a plan is checked against."""

from __future__ import annotations

from typing import Any

import pytest

from speculate.plan.placeholders import Reference, read_template
from speculate.plan.schema import at, mismatch, of_callable, problems

ORDER = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}},
    "$defs": {"line": {"type": "object", "properties": {"sku": {"type": "integer"}}, "additionalProperties": False}},
}


class Odd:
    """No JSON type."""


def found(value: Any, schema: dict[str, Any], source: dict[str, Any] | None = None) -> list[str]:
    def look_up(reference: Reference) -> Any:
        return None if source is None else at(source, reference.path)[0]

    return [problem for _, problem in problems(read_template(value).tree, schema, look_up)]


@pytest.mark.parametrize(
    ("value", "schema", "words"),
    [
        (5, {"type": "string"}, "5 is passed where string is wanted"),
        (True, {"type": "integer"}, "True is passed where integer"),
        (None, {"type": ["string", "integer"]}, "integer or string"),
        ("x", {"enum": ["a", "b"]}, "'x' is none of 'a', 'b'"),
        ("x", {"const": "y"}, "'x' is not 'y'"),
        (1, {"enum": [True]}, "1 is passed where boolean"),
        (3, {"minimum": 4}, "3 must be at least 4"),
        (3, {"maximum": 2}, "at most 2"),
        (3, {"exclusiveMinimum": 3}, "above 3"),
        (3, {"exclusiveMaximum": 3}, "below 3"),
        ("abc", {"maxLength": 2}, "a length of 3"),
        ([1], {"minItems": 2}, "a length of 1"),
        ("abc", {"pattern": "^x"}, "does not match ^x"),
        ([1, "a"], {"items": {"type": "integer"}}, "'a' is passed"),
        ({"a": 1}, {"properties": {}, "additionalProperties": False}, "is not an argument of it; there are: none"),
        ({"a": 1}, {"additionalProperties": {"type": "string"}}, "1 is passed"),
        ({}, {"required": ["a"]}, "is required and missing"),
        (1, {"allOf": [{"type": "integer"}, {"minimum": 2}]}, "at least 2"),
        (1, {"anyOf": [{"type": "string"}, {"minimum": 2}]}, "string"),
        ({"x": 1}, {"properties": {"x": False}}, "nothing is allowed"),
        ({"lines": [{"sku": "a"}]}, ORDER, "'a' is passed where integer"),
        ("a $x b", {"type": "integer"}, "text is passed"),
    ],
)
def test_what_does_not_fit_is_said(value, schema, words):
    [problem] = found(value, schema)
    assert words in problem


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (5.0, {"type": "integer"}),
        (5, {"type": "number"}),
        (None, {"type": "string", "nullable": True}),
        ("x", {"pattern": "(?<bad"}),
        (1, {"oneOf": [{"type": "string"}, {"type": "integer"}]}),
        ({"a": 1}, {"patternProperties": {"a": {}}, "additionalProperties": False}),
        (1, {"$ref": "https://example.org/schema"}),
        (1, {"$ref": "#/$defs/missing"}),
        (1, {"type": "unheard-of"} | {"type": None}),
        ("$x", {"type": "integer"}),
        ("see $x", {"type": "string"}),
    ],
)
def test_what_fits_or_is_not_understood_is_let_through(value, schema):
    assert found(value, schema) == []


def test_a_schema_that_refers_to_itself_ends():
    schema = {"$ref": "#/a", "a": {"$ref": "#/a"}}
    assert found([1], schema) == []
    tree = {"properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    deep: dict[str, Any] = {}
    for _ in range(20):
        deep = {"next": deep}
    assert found(deep, tree) == ["is required and missing"]


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ({"type": "string"}, {"type": "integer"}, "string, and integer is wanted"),
        ({"type": "integer"}, {"type": "number"}, None),
        ({"enum": ["a"]}, {"enum": ["b"]}, "one of 'a', and one of 'b' is wanted"),
        ({"const": 1}, {"enum": [1, 2]}, None),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "integer"}, "string, and integer"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, {"type": "integer"}, None),
        ({"type": "string"}, {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "string"),
        (
            {"type": "object", "properties": {}, "additionalProperties": False},
            {"type": "object", "required": ["x"]},
            "without 'x'",
        ),
        (
            {"type": "object", "properties": {"x": {"type": "string"}}},
            {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
            "whose 'x' is string",
        ),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
            {"type": "array", "items": {"type": "integer"}},
            "a list of string",
        ),
        ({"type": "array", "items": {"type": "string"}}, {"type": "array", "items": {"type": "integer"}}, None),
        ({}, {"type": "integer"}, None),
        (True, {"type": "integer"}, None),
    ],
)
def test_only_what_can_never_fit_is_held_against_a_placeholder(source, target, why):
    said = mismatch(source, source if isinstance(source, dict) else {}, target, target)
    assert said is None if why is None else why in (said or "")


def test_a_path_is_followed_through_a_schema():
    assert at(ORDER, ("lines", 0, "sku"))[0] == {"type": "integer"}
    assert at(ORDER, ("nothing",))[1] == ".nothing is not declared; there are: id, lines"
    assert at({**ORDER, "additionalProperties": True}, ("nothing",)) == (None, None)
    assert at({"type": "integer"}, ("x",))[1] == ".x asks for a part of integer"
    assert at({"anyOf": []}, ("x",)) == (None, None)
    assert at({"type": "object"}, ("x",)) == (None, None)
    assert at({"properties": {"x": True}}, ("x",)) == (None, None)
    lines = at(ORDER, ("lines",))[0]
    assert lines is not None
    assert found([{"sku": "$x.id"}], {"items": {"properties": {"sku": {"type": "integer"}}}}, ORDER) != []
    assert mismatch(lines, lines, {"type": "array", "items": {"type": "string"}}, {}) is None


def test_schemas_are_read_from_signatures_and_what_cannot_be_read_is_open():
    def tool(a: int, b: list[str] = (), *args: int, c: object = None, d=1, **rest: Any) -> None: ...  # type: ignore[no-untyped-def, assignment]

    schema = of_callable(tool)
    assert schema.input is not None
    assert schema.parameters == ("a", "b", "c", "d")
    assert schema.input["required"] == ["a"]
    assert schema.input["properties"]["a"] == {"type": "integer"}
    assert "additionalProperties" not in schema.input
    assert schema.output is None

    def unknown(a: Missing) -> int: ...  # type: ignore[name-defined, empty-body]  # noqa: F821

    assert of_callable(unknown).input is None

    def odd(a: Odd) -> int: ...  # type: ignore[empty-body]

    assert of_callable(odd).input["properties"] == {"a": {}}  # type: ignore[index]
    assert of_callable(odd).output == {"type": "integer"}
    assert of_callable(print).parameters[:1] in ((), ("sep",))
