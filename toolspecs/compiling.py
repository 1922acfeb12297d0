"""From a manifest's entries to the specs the runtime asks, and back again for writing a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from speculate.errors import ManifestError
from speculate.spec import ArgumentSpec, Effect, EffectRule, ToolSpec
from toolspecs.matchers import Matcher, OneOf, ShellReadonly, SqlReadonly
from toolspecs.schema import ArgumentEntry, DefaultsEntry, ToolEntry, WhenEntry

BUILT_IN = ToolSpec("built-in")  # the values that hold where neither the tool nor [defaults] says anything
DEFAULTED = ("ttl_s", "timeout_s", "max_concurrency", "cost", "egress")


def compile_tool(name: str, entry: ToolEntry, defaults: DefaultsEntry) -> ToolSpec:
    """The spec of one entry, `[defaults]` and built-in values filled in.

    A launch is always limited; a real call only by what the tool's own entry sets.
    """
    filled: dict[str, Any] = {}
    for field in DEFAULTED:
        for value in (getattr(entry, field), getattr(defaults, field), getattr(BUILT_IN, field)):
            if value is not None:
                filled[field] = value
                break
    return ToolSpec(
        name=name,
        effect=Effect(entry.effect),
        idempotent=entry.idempotent,
        reads=_templates(entry.reads),
        writes=_templates(entry.writes),
        speculate=entry.speculate,
        untrusted=entry.untrusted,
        real_timeout_s=entry.timeout_s,
        real_max_concurrency=entry.max_concurrency,
        arguments={argument: _argument(given) for argument, given in entry.arguments.items()},
        dedup_key=entry.dedup_key,
        confirm=entry.confirm,
        compensate=entry.compensate,
        when=tuple([_rule(rule, entry) for rule in entry.when]),
        **filled,
    )


def _templates(given: list[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(given)


def _argument(entry: ArgumentEntry) -> ArgumentSpec:
    return ArgumentSpec(
        normalize=entry.normalize,
        ignore=entry.ignore,
        has_default=entry.given("default"),
        default=entry.default,
        sensitive=entry.sensitive,
    )


def _rule(rule: WhenEntry, entry: ToolEntry) -> EffectRule:
    """A rule stands for itself: what it leaves out is "*", and never narrower than that.

    Only `idempotent` follows the entry, and only where both have the same effect: an entry that says its reads
    are not repeatable means the reads a rule describes, too.
    """
    idempotent = rule.idempotent
    if idempotent is None and rule.effect == entry.effect:
        idempotent = entry.idempotent
    return EffectRule(
        matches=matcher_of(rule),
        effect=Effect(rule.effect),
        idempotent=idempotent,
        reads=_templates(rule.reads),
        writes=_templates(rule.writes),
        description=describe(rule),
    )


def matcher_of(rule: WhenEntry) -> Matcher:
    """The test a `when` stands for (the schema sees to it that there is exactly one)."""
    if rule.shell_readonly:
        return ShellReadonly(rule.argument)
    if rule.sql_readonly:
        return SqlReadonly(rule.argument)
    if rule.one_of is not None:
        return OneOf.of(rule.argument, rule.one_of, {"one_of": rule.one_of})
    return OneOf.of(rule.argument, [rule.equals], {"equals": rule.equals})


def describe(rule: WhenEntry) -> str:
    """The rule's condition in words."""
    if rule.shell_readonly:
        return f"{rule.argument} is a shell command that only reads"
    if rule.sql_readonly:
        return f"{rule.argument} is a SQL statement that only reads"
    if rule.one_of is not None:
        return f"{rule.argument} is one of {rule.one_of!r}"
    return f"{rule.argument} is {rule.equals!r}"


def entry_of(spec: ToolSpec) -> dict[str, Any]:
    """A spec as it would stand in a manifest file: only what differs from what a left-out field means.

    Raises:
        ManifestError: a `when` of the spec is a function of the program's own and cannot be written down.
    """
    out: dict[str, Any] = {"effect": spec.effect.value}
    for field in ("idempotent", "reads", "writes"):
        value = getattr(spec, field)
        if value is not None:
            out[field] = list(value) if isinstance(value, tuple) else value
    out.update({field: getattr(spec, field) for field in ("ttl_s", "cost", "egress")
                if getattr(spec, field) != getattr(BUILT_IN, field)})  # fmt: skip
    if spec.real_timeout_s is not None:
        out["timeout_s"] = spec.real_timeout_s
    if spec.real_max_concurrency is not None:
        out["max_concurrency"] = spec.real_max_concurrency
    for flag, usual in (("speculate", True), ("untrusted", False), ("confirm", False)):
        if getattr(spec, flag) is not usual:
            out[flag] = getattr(spec, flag)
    for field in ("dedup_key", "compensate"):
        if getattr(spec, field) is not None:
            out[field] = getattr(spec, field)
    if spec.when:
        out["when"] = [_rule_fields(rule, spec) for rule in spec.when]
    if spec.arguments:
        out["arguments"] = {name: _argument_fields(argument) for name, argument in spec.arguments.items()}
    return out


def _argument_fields(argument: ArgumentSpec) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if argument.normalize is not None:
        out["normalize"] = argument.normalize
    if argument.has_default:
        out["default"] = argument.default
    for flag in ("ignore", "sensitive"):
        if getattr(argument, flag):
            out[flag] = True
    return out


def _rule_fields(rule: EffectRule, spec: ToolSpec) -> dict[str, Any]:
    matcher = rule.matches
    if not isinstance(matcher, ShellReadonly | SqlReadonly | OneOf):
        raise ManifestError(
            "a condition written as a Python function cannot stand in a file; use shell_readonly, sql_readonly, "
            "equals or one_of",
            tool=spec.name,
            field="when",
        )
    out: dict[str, Any] = {"argument": matcher.argument, **matcher.fields(), "effect": rule.effect.value}
    for field in ("idempotent", "reads", "writes"):
        value = getattr(rule, field)
        if value is not None:
            out[field] = list(value) if isinstance(value, tuple) else value
    return out


def launch_limits(specs: Iterable[ToolSpec]) -> dict[str, Any]:
    """The `[defaults]` behind launch limits that are no tool's own.

    Raises:
        ManifestError: tools of manifests with different defaults came together; one file cannot say that.
    """
    out: dict[str, Any] = {}
    for field in ("timeout_s", "max_concurrency"):
        shared = {getattr(spec, field) for spec in specs if getattr(spec, f"real_{field}") is None}
        if len(shared) > 1:
            raise ManifestError(
                f"the tools have different default limits for launches ({', '.join(map(str, sorted(shared)))}), which "
                "one file cannot say; write the manifests apart",
                field=f"defaults.{field}",
            )
        limit = next(iter(shared), None)
        if limit is not None and limit != getattr(BUILT_IN, field):
            out[field] = limit
    return out
