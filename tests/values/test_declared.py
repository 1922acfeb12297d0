"""What a declaration in code refuses, beyond a single field: every name, every limit, every sort of callable."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from speculate.declare import collect, spec_of, tool
from speculate.errors import ManifestError
from speculate.spec import ArgumentSpec, Effect


def function(order_id: str, note: str = "") -> str:
    return order_id + note


@pytest.mark.parametrize(
    ("fields", "field", "problem"),
    [
        ({"effect": "reads"}, "effect", '"read", "write" or "abortable"'),
        ({"timeout_s": 0.0}, "timeout_s", "above 0"),
        ({"timeout_s": float("inf")}, "timeout_s", "above 0"),
        ({"timeout_s": float("nan")}, "timeout_s", "above 0"),
        ({"max_concurrency": 0}, "max_concurrency", "at least 1"),
        ({"reads": "order"}, "reads", '["order"]'),
        ({"effect": "write", "writes": "order"}, "writes", '["order"]'),
        ({"reads": ["order/{id}"]}, "reads", "order_id, note"),
        ({"effect": "write", "writes": ["order/{id}"]}, "writes", "no parameter"),
        ({"effect": "write", "dedup_key": "{id}"}, "dedup_key", "no parameter"),
        ({"arguments": {"id": {}}}, "arguments", "'id' is no parameter"),
        ({"arguments": {"order_id": {"normalise": "strip"}}}, "arguments.order_id", "unknown field"),
        ({"arguments": {"order_id": {"normalize": "upper"}}}, "arguments.order_id.normalize", "unknown normalisation"),
        ({"arguments": {"order_id": {"default": b""}}}, "arguments.order_id.default", "not a JSON value"),
        ({"ttl_s": -1.0}, "ttl_s", "at least 0"),
    ],
)
def test_what_is_wrong_names_the_tool_and_the_field(fields: dict[str, Any], field: str, problem: str) -> None:
    """And leaves the function undeclared."""
    with pytest.raises(ManifestError) as caught:
        tool(**{"effect": "read", **fields})(function)
    assert (caught.value.tool, caught.value.field) == ("function", field)
    assert problem in caught.value.problem
    assert spec_of(function) is None


def test_a_function_without_parameters_says_so() -> None:
    """The message lists what there is: none."""
    with pytest.raises(ManifestError, match="it has none"):
        tool(effect="read", name="nothing", reads=["a/{id}"])(lambda: None)


def test_a_function_that_takes_anything_may_name_anything() -> None:
    """Its arguments are known only when it is called."""

    @tool(effect=Effect.READ, reads=["order/{id}"], arguments={"other": {"ignore": True}})
    def anything(**arguments: Any) -> None:
        """Takes what it gets."""

    spec = spec_of(anything)
    assert spec is not None
    assert spec.reads == ("order/{id}",)


class Opaque:
    """A callable that does not tell its parameters, as some written in C do not."""

    __name__ = "opaque"
    __signature__ = "unknown"

    def __call__(self, id: str) -> str:
        return id


def test_where_a_function_does_not_tell_its_parameters_nothing_is_compared() -> None:
    """The declaration is believed."""
    opaque = tool(effect="read", reads=["order/{id}"])(Opaque())
    spec = spec_of(opaque)
    assert spec is not None
    assert spec.name == "opaque"


def test_a_tool_needs_a_name() -> None:
    """A lambda or a partial has none of its own; one can be given."""
    for nameless in (lambda: None, functools.partial(function, "1")):
        with pytest.raises(ManifestError, match="no name of its own"):
            tool(effect="read")(nameless)
        with pytest.raises(ManifestError, match="no name of its own"):
            collect([nameless])
        assert spec_of(tool(effect="read", name="given")(nameless)).name == "given"  # type: ignore[union-attr]  # declared on this line


def test_two_tools_of_one_name_are_refused() -> None:
    """Declared or not: nobody could say which is meant."""
    named = tool(effect="read", name="function")(lambda: None)
    with pytest.raises(ManifestError, match="two tools have this name") as caught:
        collect([function, named])
    assert caught.value.tool == "function"
    callables, specs = collect([named])
    assert callables == {"function": named}
    assert list(specs) == ["function"]


def test_a_wrapper_around_itself_is_no_endless_search() -> None:
    """`__wrapped__` may point anywhere."""

    def around() -> None:
        """Wraps itself."""

    around.__wrapped__ = around  # type: ignore[attr-defined]  # what functools.wraps sets
    assert spec_of(around) is None


def test_what_is_left_out_has_the_manifests_defaults() -> None:
    """Limits that are given bind launches and real calls alike; an argument's default is a default, be it null."""

    @tool(effect="abortable", timeout_s=2.0, max_concurrency=3, arguments={"note": {"default": None}})
    def staged(order_id: str, note: str | None = None) -> None:
        """Stages."""

    spec = spec_of(staged)
    assert spec is not None
    assert (spec.timeout_s, spec.real_timeout_s, spec.max_concurrency, spec.real_max_concurrency) == (2.0, 2.0, 3, 3)
    assert (spec.ttl_s, spec.cost, spec.egress, spec.speculate, spec.reads) == (60.0, 1.0, "internal", True, None)
    assert spec.key({"order_id": "1"}) == spec.key({"order_id": "1", "note": None})


def test_every_template_of_a_declaration_is_compared() -> None:
    """The wrong one is found behind right ones."""
    for field in ("reads", "writes"):
        with pytest.raises(ManifestError, match="no parameter") as caught:
            tool(effect="write", **{field: ["a/{order_id}", "b", "c/{note}/{id}"]})(function)  # type: ignore[arg-type]  # one field at a time
        assert caught.value.field == field
    declared = tool(effect="write", name="copy", arguments={"order_id": ArgumentSpec("strip"), "note": {}})
    assert spec_of(declared(functools.partial(function))) is not None
