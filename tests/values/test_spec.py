"""What one tool's entry says, and what a call of it therefore is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speculate.errors import ManifestError
from speculate.identity import canonical_json
from speculate.resources import Claims
from speculate.spec import REMEMBERED_CALLS, ArgumentSpec, Effect, EffectRule, ToolSpec

READ = Effect.READ
WRITE = Effect.WRITE


def starts_with(prefix: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda arguments: str(arguments.get("command", "")).startswith(prefix)


RULE = EffectRule(starts_with("cat"), READ, reads=("files/*",))


@pytest.mark.parametrize(
    ("fields", "field", "problem"),
    [
        ({"name": ""}, "name", "needs a name"),
        ({"ttl_s": -1.0}, "ttl_s", "at least 0"),
        ({"ttl_s": float("nan")}, "ttl_s", "finite"),
        ({"timeout_s": float("inf")}, "timeout_s", "finite"),
        ({"cost": -0.5}, "cost", "at least 0"),
        ({"max_concurrency": -1}, "max_concurrency", "at least 0"),
        ({"egress": "abroad"}, "egress", '"none", "internal" or "external"'),
        ({"reads": ("ok", "a/*/b")}, "reads", "'a/*/b'"),
        ({"writes": ("{",)}, "writes", "unbalanced"),
        ({"effect": READ, "writes": ("a",)}, "writes", "a read writes nothing"),
        ({"effect": READ, "confirm": True}, "confirm", "confirmation"),
        ({"effect": READ, "dedup_key": "{id}"}, "dedup_key", "only writes"),
        ({"dedup_key": "constant"}, "dedup_key", "at least one argument"),
    ],
)
def test_every_wrong_field_is_named(fields: dict[str, Any], field: str, problem: str) -> None:
    """The error names the tool, the field, and what would be right."""
    with pytest.raises(ManifestError) as caught:
        ToolSpec(**{"name": "shop", **fields})
    assert caught.value.field == field
    assert caught.value.tool == fields.get("name", "shop")
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    "fields",
    [
        {"ttl_s": 0, "timeout_s": 0, "cost": 0, "max_concurrency": 0},
        {"effect": READ, "reads": (), "writes": ()},
        {"effect": READ, "confirm": True, "dedup_key": "{id}", "when": (EffectRule(starts_with("rm"), WRITE),)},
        {"effect": Effect.ABORTABLE, "confirm": True, "dedup_key": "{id}", "writes": ("a/{id}",)},
    ],
)
def test_what_is_right_is_accepted(fields: dict[str, Any]) -> None:
    """Zeros are limits like any other; a read that a rule makes a write may be confirmed and de-duplicated."""
    assert ToolSpec(name="shop", **fields).name == "shop"


def test_argument_specs_are_checked() -> None:
    """An unknown normalisation and a default that is no JSON value are named."""
    with pytest.raises(ManifestError, match=r"'upper'.*strip, casefold, path, url, number") as caught:
        ArgumentSpec(normalize="upper")
    assert caught.value.field == "normalize"
    with pytest.raises(ManifestError, match="not a JSON value") as caught:
        ArgumentSpec(has_default=True, default=b"")
    assert caught.value.field == "default"
    assert ArgumentSpec(default=b"").default == b""  # not a default until it says so


def test_canonical_arguments() -> None:
    """Defaults filled in and normalised, ignored ones left out, the rest as given."""
    spec = ToolSpec(
        "find",
        READ,
        arguments={
            "city": ArgumentSpec("casefold"),
            "limit": ArgumentSpec("number", has_default=True, default="10"),
            "plain": ArgumentSpec(has_default=True, default=None),
            "reason": ArgumentSpec(ignore=True, has_default=True, default="x"),
            "noted": ArgumentSpec(sensitive=True),
        },
    )
    assert spec.canonical_arguments({"city": " ROMA "}) == {"city": "roma", "limit": 10, "plain": None}
    assert spec.canonical_arguments({"limit": "5.0", "reason": "y", "noted": "N", "other": 1, "plain": 2}) == {
        "limit": 5,
        "noted": "N",
        "other": 1,
        "plain": 2,
    }
    assert spec.key({"city": "Roma", "reason": "why"}) == spec.key({"city": "roma", "limit": 10.0, "plain": None})
    assert spec.key({"city": "Roma", "limit": 11}) != spec.key({"city": "Roma"})
    assert spec.key({"city": b"Roma"}) is None
    assert spec.sensitive_arguments() == {"noted"}


def test_plain_arguments_are_copied() -> None:
    """The canonical arguments are the spec's own, not the caller's object."""
    given = {"a": 1}
    spec = ToolSpec("t", READ)
    assert spec.canonical_arguments(given) == given
    assert spec.canonical_arguments(given) is not given
    assert spec.key(given) == 't {"a":1}'


@pytest.mark.parametrize(
    ("spec", "arguments", "why_not"),
    [
        (ToolSpec("t", READ), {}, None),
        (ToolSpec("t", Effect.ABORTABLE), {}, None),
        (ToolSpec("t", Effect.ABORTABLE, idempotent=False), {}, None),
        (ToolSpec.undeclared("t"), {}, "undeclared"),
        (ToolSpec("t", READ, declared=False), {}, "undeclared"),
        (ToolSpec("t"), {}, "write"),
        (ToolSpec("t", WRITE, idempotent=True), {}, "write"),
        (ToolSpec("t", READ, idempotent=False), {}, "not-idempotent"),
        (ToolSpec("t", READ, speculate=False), {}, "veto"),
        (ToolSpec("t", Effect.ABORTABLE, confirm=True), {}, "confirm"),
        (ToolSpec("t", READ), {"a": b""}, "not-json"),
        # What comes first is told: the gravest reason, whatever else holds.
        (ToolSpec("t", WRITE, speculate=False, declared=False), {"a": b""}, "undeclared"),
        (ToolSpec("t", WRITE, speculate=False), {"a": b""}, "write"),
        (ToolSpec("t", READ, idempotent=False, speculate=False), {"a": b""}, "not-idempotent"),
        (ToolSpec("t", Effect.ABORTABLE, confirm=True, speculate=False), {"a": b""}, "veto"),
        (ToolSpec("t", Effect.ABORTABLE, confirm=True), {"a": b""}, "confirm"),
    ],
)
def test_whether_a_call_may_be_launched(spec: ToolSpec, arguments: dict[str, Any], why_not: str | None) -> None:
    """Law L2: reads that are idempotent and abortables, unless the operator vetoes; never a write."""
    call = spec.resolve(arguments)
    assert (call.speculable, call.why_not) == (why_not is None, why_not)
    assert (call.key is None) == ("a" in arguments)
    assert call.spec is spec
    assert call.tool == "t"


def test_an_undeclared_tool_is_a_write_of_everything() -> None:
    """Nobody said what it does, so it may do anything."""
    call = ToolSpec.undeclared("t").resolve({"id": 1})
    assert call.effect is WRITE
    assert not call.idempotent
    assert call.claims == Claims(("*",), ("*",))


@pytest.mark.parametrize(
    ("spec", "claims"),
    [
        (ToolSpec("t", READ), Claims(("*",), ())),
        (ToolSpec("t", READ, reads=()), Claims((), ())),
        (ToolSpec("t", READ, reads=("a/{id}", "b")), Claims(("a/7", "b"), ())),
        (ToolSpec("t", READ, idempotent=False, reads=("q/{id}",)), Claims(("q/7",), ("q/7",))),
        (ToolSpec("t", READ, idempotent=False), Claims(("*",), ("*",))),
        (ToolSpec("t", WRITE, reads=(), writes=("a/{id}",)), Claims((), ("a/7",))),
        (ToolSpec("t", WRITE, writes=()), Claims(("*",), ())),
        (ToolSpec("t", Effect.ABORTABLE, reads=("a",)), Claims(("a",), ("*",))),
    ],
)
def test_what_a_call_claims(spec: ToolSpec, claims: Claims) -> None:
    """Left out is everything, [] is nothing; a read that moves something on changes what it reads."""
    assert spec.resolve({"id": 7}).claims == claims


def test_claims_use_the_normalised_value() -> None:
    """Two calls that are the same call claim the same."""
    spec = ToolSpec("t", READ, reads=("a/{p}",), arguments={"p": ArgumentSpec("path", has_default=True, default="x/")})
    assert spec.resolve({"p": "b//c/"}).claims == spec.resolve({"p": "b/c"}).claims == Claims(("a/b%2Fc",))
    assert spec.resolve({}).claims == Claims(("a/x",))


def test_the_first_rule_that_matches_decides() -> None:
    """Effect, idempotence and resources are the rule's; left out they are the effect's defaults, not the entry's."""
    spec = ToolSpec(
        "bash",
        WRITE,
        idempotent=False,
        reads=("entry",),
        writes=("entry",),
        when=(
            RULE,
            EffectRule(starts_with("c"), WRITE, idempotent=True, writes=("c",)),
            EffectRule(starts_with("pop"), READ, idempotent=False, reads=("queue",)),
        ),
    )
    read = spec.resolve({"command": "cat x"})
    assert (read.effect, read.idempotent, read.speculable) == (READ, True, True)
    assert read.claims == Claims(("files/*",))
    copy = spec.resolve({"command": "cp x y"})
    assert (copy.effect, copy.idempotent, copy.why_not) == (WRITE, True, "write")
    assert copy.claims == Claims(("*",), ("c",))
    pop = spec.resolve({"command": "pop"})
    assert (pop.why_not, pop.claims) == ("not-idempotent", Claims(("queue",), ("queue",)))
    other = spec.resolve({"command": "rm x"})
    assert (other.effect, other.idempotent) == (WRITE, False)
    assert other.claims == Claims(("entry",), ("entry",))


def test_a_rule_is_never_asked_about_what_is_no_json() -> None:
    """The worst is assumed: a write of everything."""
    spec = ToolSpec("bash", READ, reads=(), when=(RULE,))
    call = spec.resolve({"command": "cat x", "data": b""})
    assert (call.effect, call.idempotent, call.why_not) == (WRITE, False, "write")
    assert call.claims == Claims(("*",), ("*",))


def test_confirmation_follows_the_effect_of_the_call() -> None:
    """A read by rule needs nobody's word, a staged change does."""
    spec = ToolSpec("t", Effect.ABORTABLE, confirm=True, when=(RULE,))
    assert spec.resolve({"command": "cat x"}).why_not is None
    assert spec.resolve({"command": "rm x"}).why_not == "confirm"


def test_the_key_of_de_duplication() -> None:
    """Typed, of the named arguments alone, and none where one is missing, null or no JSON value."""
    spec = ToolSpec("pay", WRITE, dedup_key="{order}/{n}")
    key = spec.resolve({"order": "1", "n": 2, "note": "x"}).dedup_key
    assert key is not None
    assert key == spec.resolve({"order": "1", "n": 2, "note": "y"}).dedup_key
    assert len({key, *(spec.resolve({"order": o, "n": 2}).dedup_key for o in (1, "1/2", 1.0, True))}) == 5
    for arguments in ({"order": "1"}, {"order": None, "n": 2}, {"order": b"1", "n": 2}):
        assert spec.resolve(arguments).dedup_key is None
    assert ToolSpec("pay", WRITE).resolve({"order": "1"}).dedup_key is None
    assert (
        ToolSpec("t", READ, dedup_key="{command}", when=(EffectRule(starts_with("rm"), WRITE),))
        .resolve({"command": "ls"})
        .dedup_key
        is None
    )


class Contrary:
    """An argument that cannot be compared (as an array of numpy's cannot)."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise ValueError("the truth value is ambiguous")


def test_an_argument_that_cannot_be_compared_does_no_harm() -> None:
    """The call has no identity, and no error comes of it."""
    call = ToolSpec("pay", WRITE, dedup_key="{order}").resolve({"order": Contrary()})
    assert (call.key, call.dedup_key) == (None, None)


def test_a_call_seen_before_is_remembered_only_if_nobody_can_change_it() -> None:
    """Scalars are; a list or an object could be changed by who holds it."""
    spec = ToolSpec("t", READ, reads=("a/{id}",))
    assert spec.resolve({"id": 1}) is spec.resolve({"id": 1})
    assert spec.resolve({"id": 1}) is not spec.resolve({"id": 1.0})
    assert spec.resolve({"id": 1}).arguments == {"id": 1}
    for value in ([1], {"a": 1}):
        assert spec.resolve({"id": value}) is not spec.resolve({"id": value})
    normalised = ToolSpec("t", READ, arguments={"id": ArgumentSpec("strip")})
    assert normalised.resolve({"id": " 1"}).arguments == {"id": " 1"}


def test_the_caller_cannot_change_what_is_remembered() -> None:
    """A changed arguments object is another call; the first stays what it was."""
    spec = ToolSpec("t", READ)
    arguments = {"id": 1}
    first = spec.resolve(arguments)
    arguments["id"] = 2
    assert first.arguments == {"id": 1}
    assert spec.resolve({"id": 1}).arguments == {"id": 1}


def test_what_is_remembered_is_bounded() -> None:
    """Past the bound everything is forgotten, and answers stay right."""
    spec = ToolSpec("t", READ)
    first = spec.resolve({"id": 0})
    for number in range(1, REMEMBERED_CALLS):
        spec.resolve({"id": number})
    assert spec.resolve({"id": 0}) is first
    spec.resolve({"id": REMEMBERED_CALLS})
    again = spec.resolve({"id": 0})
    assert again is not first
    assert again == first


EQUAL = [0, 0.0, -0.0, False, 1, 1.0, True, "1", "", None]
ALIKE = st.sampled_from([*EQUAL, [], {}, [1], 10**5000, "\ud800", float("nan")])


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b"]), ALIKE), max_size=12))
def test_what_was_resolved_before_changes_nothing(calls: list[dict[str, Any]]) -> None:
    """Values that are equal and yet not the same JSON are never taken for one another."""
    spec = ToolSpec("get", Effect.READ, reads=("item/{a}",))
    for arguments in calls:
        for written in (arguments, dict(reversed(arguments.items()))):
            fresh = ToolSpec("get", Effect.READ, reads=("item/{a}",)).resolve(written)
            known = spec.resolve(written)
            assert (known.key, known.claims, known.why_not) == (fresh.key, fresh.claims, fresh.why_not)
            if fresh.key is not None:
                assert canonical_json(dict(known.arguments)) == canonical_json(written)
