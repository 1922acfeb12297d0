"""Declaring in code what a tool does: `@speculate.tool(effect="read", reads=["order/{order_id}"])`.

The function stays what it was, callable as is, synchronous or not; the declaration is remembered beside it. A
declaration says what a manifest entry says, field for field; a manifest file, where there is one, overrides it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

from speculate.errors import ManifestError
from speculate.resources import argument_names
from speculate.spec import ArgumentSpec, Effect, EffectRule, Egress, ToolSpec

Tool = TypeVar("Tool", bound=Callable[..., Any])
_ATTRIBUTE = "__speculate_spec__"  # the runtime reads it, too


def tool(
    *,
    effect: Literal["read", "write", "abortable"] | Effect,
    name: str | None = None,
    idempotent: bool | None = None,
    reads: Sequence[str] | None = None,
    writes: Sequence[str] | None = None,
    speculate: bool = True,
    untrusted: bool = False,
    ttl_s: float = 60.0,
    timeout_s: float | None = None,
    max_concurrency: int | None = None,
    cost: float = 1.0,
    egress: Egress = "internal",
    arguments: Mapping[str, ArgumentSpec | Mapping[str, Any]] | None = None,
    dedup_key: str | None = None,
    confirm: bool = False,
    compensate: str | None = None,
    when: Sequence[EffectRule] = (),
) -> Callable[[Tool], Tool]:
    """Declare what a tool does to the world; every parameter is the manifest's field of that name.

    `name` is the tool's name if it is not the function's. `timeout_s` (seconds) and `max_concurrency` limit launches
    and real calls alike, as in a tool's own manifest entry; left out, launches have the built-in limits and real calls
    none. `arguments` gives, per argument, an ArgumentSpec or its fields: {"order_id": {"normalize": "strip"}}.

        @speculate.tool(effect="read", reads=["order/{order_id}"])
        async def get_order(order_id: str) -> dict: ...

    Raises:
        ManifestError: a field is wrong, or a template names an argument the function does not have.
    """

    def declare(function: Tool) -> Tool:
        called = name if name is not None else _name_of(function)
        limits: dict[str, Any] = {}
        if timeout_s is not None:
            if not 0 < timeout_s < float("inf"):
                raise ManifestError(f"must be above 0, not {timeout_s!r}", tool=called, field="timeout_s")
            limits |= {"timeout_s": timeout_s, "real_timeout_s": timeout_s}
        if max_concurrency is not None:
            if max_concurrency < 1:
                raise ManifestError(
                    f"must be at least 1, not {max_concurrency!r}", tool=called, field="max_concurrency"
                )
            limits |= {"max_concurrency": max_concurrency, "real_max_concurrency": max_concurrency}
        spec = ToolSpec(
            name=called,
            effect=_effect(effect, called),
            idempotent=idempotent,
            reads=_templates(reads, called, "reads"),
            writes=_templates(writes, called, "writes"),
            speculate=speculate,
            untrusted=untrusted,
            ttl_s=ttl_s,
            cost=cost,
            egress=egress,
            arguments={argument: _argument(given, called, argument) for argument, given in (arguments or {}).items()},
            dedup_key=dedup_key,
            confirm=confirm,
            compensate=compensate,
            when=tuple(when),
            **limits,
        )
        _check_names(spec, function)
        setattr(function, _ATTRIBUTE, spec)
        return function

    return declare


def spec_of(function: object) -> ToolSpec | None:
    """What `@tool` declared of this function, or None. Looks through functools.wraps and bound methods."""
    seen: set[int] = set()
    while function is not None and id(function) not in seen:
        seen.add(id(function))
        spec = getattr(function, _ATTRIBUTE, None)
        if isinstance(spec, ToolSpec):
            return spec
        function = getattr(function, "__wrapped__", None)
    return None


def collect(tools: Iterable[Callable[..., Any]]) -> tuple[dict[str, Callable[..., Any]], dict[str, ToolSpec]]:
    """Functions by tool name, and the specs of those that are declared. An undeclared one goes by its own name.

    Raises:
        ManifestError: two of them have the same name.
    """
    callables: dict[str, Callable[..., Any]] = {}
    specs: dict[str, ToolSpec] = {}
    for function in tools:
        spec = spec_of(function)
        called = spec.name if spec is not None else _name_of(function)
        if called in callables:
            raise ManifestError("two tools have this name; give one another with @tool(name=…)", tool=called)
        callables[called] = function
        if spec is not None:
            specs[called] = spec
    return callables, specs


def _name_of(function: object) -> str:
    found = getattr(function, "__name__", None)
    if not isinstance(found, str) or found == "<lambda>":
        raise ManifestError(f"{function!r} has no name of its own; give one with @tool(name=…)", field="name")
    return found


def _effect(effect: str | Effect, called: str) -> Effect:
    try:
        return Effect(effect)
    except ValueError:
        raise ManifestError(
            f'must be "read", "write" or "abortable", not {effect!r}', tool=called, field="effect"
        ) from None


def _templates(given: Sequence[str] | None, called: str, field: str) -> tuple[str, ...] | None:
    if isinstance(given, str):
        raise ManifestError(f'must be a list, as in ["{given}"], not a string', tool=called, field=field)
    return None if given is None else tuple(given)


def _argument(given: ArgumentSpec | Mapping[str, Any], called: str, argument: str) -> ArgumentSpec:
    try:
        if isinstance(given, ArgumentSpec):
            return replace(given)
        fields = dict(given)
        if "default" in fields:
            fields["has_default"] = True
        return ArgumentSpec(**fields)
    except ManifestError as error:
        raise ManifestError(error.problem, tool=called, field=f"arguments.{argument}.{error.field}") from None
    except TypeError:
        known = "normalize, ignore, default, sensitive"
        raise ManifestError(
            f"has an unknown field; it may say {known}", tool=called, field=f"arguments.{argument}"
        ) from None


def _check_names(spec: ToolSpec, function: Callable[..., Any]) -> None:
    """Every argument the declaration names must be one the function takes."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # a C function without a signature: nothing to compare with
        return
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    named = [("reads", template) for template in spec.reads or ()]
    named += [("writes", template) for template in spec.writes or ()]
    named += [("dedup_key", spec.dedup_key)] if spec.dedup_key is not None else []
    for field, template in named:
        for argument in argument_names(template):
            if argument not in parameters:
                raise ManifestError(
                    f"{{{argument}}} is no parameter of the function; it has {', '.join(parameters) or 'none'}",
                    tool=spec.name,
                    field=field,
                )
    for argument in spec.arguments:
        if argument not in parameters:
            raise ManifestError(f"{argument!r} is no parameter of the function", tool=spec.name, field="arguments")
