"""`@speculate.tool`: declaring in code, field for field what a manifest entry says."""

from __future__ import annotations

import functools
import inspect
import math

import pytest

from speculate.declare import collect, spec_of, tool
from speculate.errors import ManifestError
from speculate.spec import ArgumentSpec, Effect, EffectRule


@tool(effect="read", reads=["order/{order_id}"], ttl_s=5.0, arguments={"order_id": {"normalize": "strip"}})
async def get_order(order_id: str) -> str:
    return f"order {order_id}"


@tool(
    effect="write", name="cancel", idempotent=True, writes=["order/{order_id}"], dedup_key="{order_id}", confirm=True,
    compensate="reopen", timeout_s=3.0, max_concurrency=2, cost=4.0, egress="external", speculate=False, untrusted=True,
)  # fmt: skip
def cancel_order(order_id: str, reason: str = "") -> str:
    return f"cancelled {order_id}"


async def test_the_function_stays_what_it_was():
    """A declared tool is called, awaited and inspected as before."""
    assert await get_order("7") == "order 7"
    assert cancel_order("7") == "cancelled 7"
    assert inspect.iscoroutinefunction(get_order)
    assert list(inspect.signature(cancel_order).parameters) == ["order_id", "reason"]


def test_every_field_arrives():
    """The declaration says what a manifest entry says."""
    spec = spec_of(cancel_order)
    assert spec is not None
    assert (spec.name, spec.effect, spec.idempotent) == ("cancel", Effect.WRITE, True)
    assert (spec.writes, spec.reads, spec.dedup_key) == (("order/{order_id}",), None, "{order_id}")
    assert (spec.confirm, spec.compensate, spec.cost, spec.egress) == (True, "reopen", 4.0, "external")
    assert (spec.timeout_s, spec.real_timeout_s) == (3.0, 3.0)
    assert (spec.max_concurrency, spec.real_max_concurrency) == (2, 2)
    assert (spec.speculate, spec.untrusted) == (False, True)


def test_left_out_limits_bind_launches_only():
    """A real call has no limit that nobody asked for."""
    spec = spec_of(get_order)
    assert spec is not None
    assert (spec.timeout_s, spec.real_timeout_s, spec.real_max_concurrency) == (30.0, None, None)
    assert spec.key({"order_id": " 7 "}) == spec.key({"order_id": "7"})
    assert spec.resolve({"order_id": "7"}).speculable


def test_a_rule_in_code_decides_by_the_arguments():
    """`when` takes rules with a function of one's own."""
    rule = EffectRule(matches=lambda arguments: arguments.get("method") == "GET", effect=Effect.READ, reads=("web",))

    @tool(effect="write", when=[rule])
    def request(method: str, url: str) -> None: ...

    spec = spec_of(request)
    assert spec is not None
    assert spec.resolve({"method": "GET", "url": "x"}).speculable
    assert not spec.resolve({"method": "POST", "url": "x"}).speculable


def test_a_declaration_is_found_through_wrappers_and_methods():
    """functools.wraps and bound methods keep the declaration."""

    @functools.wraps(get_order)
    async def wrapped(order_id: str) -> str:
        return await get_order(order_id)

    class Shop:
        @tool(effect="read", reads=[])
        def hours(self) -> str:
            return "9-5"

    assert spec_of(wrapped) is spec_of(get_order)
    found = spec_of(Shop().hours)
    assert found is not None
    assert found.name == "hours"
    assert spec_of(len) is None
    assert spec_of(3) is None


def test_collecting_names_every_tool_once():
    """Declared tools go by their declared name, others by their own."""

    def plain() -> None: ...

    callables, specs = collect([get_order, cancel_order, plain])
    assert list(callables) == ["get_order", "cancel", "plain"]
    assert list(specs) == ["get_order", "cancel"]
    with pytest.raises(ManifestError, match="two tools have this name"):
        collect([get_order, get_order])
    with pytest.raises(ManifestError, match="no name of its own"):
        collect([lambda: None])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"effect": "raed"}, "effect"),
        ({"effect": "read", "reads": "x"}, "reads"),
        ({"effect": "read", "reads": ["x/{nothing}"]}, "reads"),
        ({"effect": "read", "reads": ["x/{order"]}, "reads"),
        ({"effect": "read", "writes": ["x"]}, "writes"),
        ({"effect": "write", "writes": ["x/{nothing}"]}, "writes"),
        ({"effect": "write", "dedup_key": "{nothing}"}, "dedup_key"),
        ({"effect": "read", "timeout_s": 0.0}, "timeout_s"),
        ({"effect": "read", "timeout_s": math.inf}, "timeout_s"),
        ({"effect": "read", "max_concurrency": 0}, "max_concurrency"),
        ({"effect": "read", "ttl_s": -1.0}, "ttl_s"),
        ({"effect": "read", "egress": "everyone"}, "egress"),
        ({"effect": "read", "arguments": {"nothing": {}}}, "arguments"),
        ({"effect": "read", "arguments": {"order_id": {"normalise": "strip"}}}, "arguments.order_id"),
        ({"effect": "read", "arguments": {"order_id": {"normalize": "strp"}}}, "arguments.order_id.normalize"),
    ],
)
def test_what_is_wrong_is_named(fields, field):
    """Errors name the tool and the field."""
    with pytest.raises(ManifestError) as caught:

        @tool(**fields)
        def get(order_id: str) -> None: ...

    assert (caught.value.tool, caught.value.field) == ("get", field)


def test_argument_specs_may_be_given_whole():
    """An ArgumentSpec is taken as it is; a default in a mapping counts as given, null too."""

    @tool(effect="read", arguments={"page": {"default": None}, "size": ArgumentSpec(ignore=True)})
    def listing(**kwargs: object) -> None: ...

    spec = spec_of(listing)
    assert spec is not None
    assert spec.key({}) == spec.key({"page": None, "size": 5})
