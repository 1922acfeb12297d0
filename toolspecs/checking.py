"""A manifest held against recorded runs: what it misses, what looks wrong, and what would be started early."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from speculate.identity import canonical_json
from speculate.resources import argument_names
from speculate.spec import Effect, ResolvedCall, ToolSpec
from speculate.trace import CallIssued, RecordedSession, ResultArrived
from toolspecs.manifest import Manifest
from toolspecs.matchers import ShellReadonly, SqlReadonly
from toolspecs.shell import why_not_read_only as why_shell
from toolspecs.sql import why_not_read_only as why_sql

REASONS_SHOWN = 10


class Severity(Enum):
    """How much a finding matters: a PROBLEM makes the manifest wrong or useless somewhere, a NOTE is worth a look."""

    PROBLEM = "problem"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at. `kind` is stable, for programs; `says` is for people."""

    severity: Severity
    kind: str
    tool: str
    field: str | None
    says: str


@dataclass(slots=True)
class ToolUse:
    """How one tool was called, and what of it would be started early."""

    tool: str
    effect: str
    calls: int = 0
    speculable: int = 0
    why_not: Counter[str] = field(default_factory=Counter)
    details: Counter[str] = field(default_factory=Counter)  # what kept a `when` from matching

    def to_json(self) -> dict[str, Any]:
        return {
            "tool": self.tool,
            "effect": self.effect,
            "calls": self.calls,
            "speculable": self.speculable,
            "speculable_share": self.speculable / self.calls if self.calls else None,
            "why_not": dict(self.why_not.most_common()),
            "details": dict(self.details.most_common(REASONS_SHOWN)),
        }


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `check` found. Uses: declared tools in the manifest's order, then undeclared ones by number of calls."""

    uses: tuple[ToolUse, ...]
    findings: tuple[Finding, ...]
    sessions: int

    @property
    def problems(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.PROBLEM)

    def to_json(self) -> dict[str, Any]:
        return {
            "sessions": self.sessions,
            "calls": sum(use.calls for use in self.uses),
            "speculable_calls": sum(use.speculable for use in self.uses),
            "tools": [use.to_json() for use in self.uses],
            "findings": [
                {"severity": f.severity.value, "kind": f.kind, "tool": f.tool, "field": f.field, "says": f.says}
                for f in self.findings
            ],
        }


def check(manifest: Manifest, sessions: Iterable[RecordedSession] = ()) -> CheckReport:
    """Hold a manifest against recorded runs (with none: only what it would permit at all)."""
    evidence = _Evidence(manifest)
    count = 0
    for session in sessions:
        evidence.read(session)
        count += 1
    return CheckReport(tuple(evidence.uses.values()), tuple(evidence.findings(count)), count)


def describe_effect(spec: ToolSpec) -> str:
    """The effect in a few words: "read", "write, read if command is a shell command that only reads"."""
    if not spec.declared:
        return "undeclared: a write"
    name = spec.effect.value
    if spec.effect is Effect.READ and spec.idempotent is False:
        name += " (not repeatable)"
    return name + "".join(f"; {rule.effect.value} if {rule.description or 'its rule matches'}" for rule in spec.when)


class _Evidence:
    """What the runs say about each tool."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.uses = {name: ToolUse(name, describe_effect(spec)) for name, spec in manifest.items()}
        self.lacking: Counter[tuple[str, str, str]] = Counter()  # tool, field, argument a template wants
        self.given: set[tuple[str, str]] = set()
        self.matched: set[tuple[str, int]] = set()
        self.unstable: Counter[str] = Counter()
        self.repeated_writes: Counter[str] = Counter()

    def read(self, session: RecordedSession) -> None:
        last: dict[str, tuple[ResolvedCall, str]] = {}  # key of a read: its call and its result
        written: set[str] = set()
        for turn in session.turns:
            for call in turn.calls:
                resolved = self._count(call)
                if not resolved.claims.writes and resolved.effect is Effect.READ:
                    self._compare(resolved, turn.results.get(call.id), last)
                    continue
                for key in [key for key, (seen, _) in last.items() if seen.claims.is_changed_by(resolved.claims)]:
                    del last[key]
                if resolved.effect is Effect.READ or resolved.key is None or not resolved.spec.declared:
                    continue
                if not resolved.idempotent:
                    if resolved.key in written and resolved.spec.dedup_key is None:
                        self.repeated_writes[call.tool] += 1
                    written.add(resolved.key)

    def _count(self, call: CallIssued) -> ResolvedCall:
        spec = self.manifest.spec(call.tool)
        use = self.uses.setdefault(call.tool, ToolUse(call.tool, describe_effect(spec)))
        resolved = spec.resolve(call.args)
        use.calls += 1
        if call.is_raw:
            use.why_not["not-json"] += 1
            return resolved
        if resolved.speculable:
            use.speculable += 1
        else:
            use.why_not[str(resolved.why_not)] += 1
            for reason in _why_no_rule(spec, call.args):
                use.details[reason] += 1
        canonical = spec.canonical_arguments(call.args)
        for index, rule in enumerate(spec.when):
            if rule.matches(canonical):
                self.matched.add((call.tool, index))
                break
        self.given.update((call.tool, name) for name in call.args)
        for where, template in _templates(spec, resolved):
            for name in argument_names(template):
                if canonical.get(name) is None:
                    self.lacking[call.tool, where, name] += 1
        return resolved

    def _compare(
        self, resolved: ResolvedCall, result: ResultArrived | None, last: dict[str, tuple[ResolvedCall, str]]
    ) -> None:
        """An identical read with another answer, and nothing we know of has written in between."""
        if resolved.key is None or result is None or not result.known or result.cut or result.raised is not None:
            return
        text = canonical_json(result.result)
        if text is None or not resolved.speculable:
            return
        before = last.get(resolved.key)
        if before is not None and before[1] != text:
            self.unstable[resolved.tool] += 1
        last[resolved.key] = (resolved, text)

    def findings(self, sessions: int) -> Iterable[Finding]:
        for name, use in self.uses.items():
            if name not in self.manifest:
                says = f"called {use.calls} times and not declared, so it counts as a write of everything"
                yield Finding(Severity.PROBLEM, "undeclared", name, None, says)
        for name, count in self.unstable.items():
            says = (
                f"{count} identical calls had another answer than the one before, with no conflicting write between: "
                "its `reads` miss something, or it is not idempotent, or ttl_s must be shorter"
            )
            yield Finding(Severity.PROBLEM, "unstable-read", name, "reads", says)
        for name, spec in self.manifest.items():
            if name in self.manifest.without_effect:
                says = 'no effect is given, so it is a write; say effect = "write", or "read" if it only reads'
                yield Finding(Severity.NOTE, "no-effect", name, "effect", says)
            if sessions:
                yield from self._of_tool(name, spec, self.uses[name].calls)

    def _of_tool(self, name: str, spec: ToolSpec, calls: int) -> Iterable[Finding]:
        if not calls:
            yield Finding(Severity.NOTE, "unseen", name, None, "declared, and never called in these runs")
            return
        for argument, declared in spec.arguments.items():
            if (name, argument) not in self.given:
                severity = Severity.NOTE if declared.has_default else Severity.PROBLEM
                says = f"{argument!r} was in none of {calls} calls; is it the argument's name?"
                yield Finding(severity, "unseen-argument", name, f"arguments.{argument}", says)
        for (tool, where, argument), count in self.lacking.items():
            if tool == name:
                severity = Severity.PROBLEM if count == calls else Severity.NOTE
                says = f"{{{argument}}} is missing in {count} of {calls} calls, where it stands for everything (*)"
                yield Finding(severity, "template-argument", name, where, says)
        for index, rule in enumerate(spec.when):
            if (name, index) not in self.matched:
                says = f"no call matched: {rule.description or 'its rule'}"
                yield Finding(Severity.NOTE, "unmatched-when", name, f"when[{index}]", says)
        if self.repeated_writes[name] and not spec.when:  # where effects differ, a repeat (of a test run) is meant
            count = self.repeated_writes[name]
            says = (
                f"{count} identical calls were repeated in a session; if that is not meant, dedup_key holds them back"
            )
            yield Finding(Severity.NOTE, "repeated-write", name, "dedup_key", says)


def _templates(spec: ToolSpec, resolved: ResolvedCall) -> Iterable[tuple[str, str]]:
    """The templates that hold for this call, with where they stand. A rule's replace the entry's own."""
    reads, writes, prefix = spec.reads, spec.writes, ""
    canonical = spec.canonical_arguments(resolved.arguments)
    for index, rule in enumerate(spec.when):
        if rule.matches(canonical):
            reads, writes, prefix = rule.reads, rule.writes, f"when[{index}]."
            break
    yield from ((f"{prefix}reads", template) for template in reads or ())
    if resolved.effect is not Effect.READ:
        yield from ((f"{prefix}writes", template) for template in writes or ())
        if spec.dedup_key is not None:
            yield "dedup_key", spec.dedup_key


def _why_no_rule(spec: ToolSpec, arguments: Mapping[str, Any]) -> Iterable[str]:
    """What kept a shell or SQL rule from matching."""
    for rule in spec.when:
        matcher = rule.matches
        if isinstance(matcher, ShellReadonly | SqlReadonly):
            judge = why_shell if isinstance(matcher, ShellReadonly) else why_sql
            if (reason := judge(arguments.get(matcher.argument))) is not None:
                yield reason
