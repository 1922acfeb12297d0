"""What one tool does to the world, and what one call of it therefore is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from speculate.errors import ManifestError
from speculate.identity import NORMALIZERS, canonical_json, is_json
from speculate.resources import EVERYTHING, Claims, argument_names, fill, template_problem
from speculate.values import quick


class Effect(Enum):
    """What a call does to the world."""

    READ = "read"
    WRITE = "write"
    ABORTABLE = "abortable"  # staged early, applied only for the real call


Egress = Literal["none", "internal", "external"]

REMEMBERED_CALLS = 1024  # per tool
_REMEMBERED = frozenset({str, int, bool, type(None)})


@dataclass(frozen=True, slots=True)
class ArgumentSpec:
    """How one argument counts towards a call's identity.

    normalize: "strip" | "casefold" | "path" | "url" | "number", or None for exactly as given.
    ignore: has no bearing on the result. has_default/default: filled in before comparing.
    sensitive: never learned, never recorded, never a label.
    """

    normalize: str | None = None
    ignore: bool = False
    has_default: bool = False
    default: Any = None
    sensitive: bool = False

    def __post_init__(self) -> None:
        if self.normalize is not None and self.normalize not in NORMALIZERS:
            raise ManifestError(
                f"unknown normalisation {self.normalize!r}; one of {', '.join(NORMALIZERS)}", field="normalize"
            )
        if self.has_default and not is_json(self.default):
            raise ManifestError("the default is not a JSON value", field="default")


@dataclass(frozen=True, slots=True)
class EffectRule:
    """One `when`: if `matches(arguments)`, the call has this effect instead of the entry's own.

    `idempotent` None is its effect's default (true for a read); `reads`/`writes` None mean "*".
    `matches` must be pure and must not raise for any JSON arguments.
    """

    matches: Callable[[Mapping[str, Any]], bool]
    effect: Effect
    idempotent: bool | None = None
    reads: tuple[str, ...] | None = None
    writes: tuple[str, ...] | None = None
    description: str = ""


@quick
@dataclass(frozen=True, slots=True)
class ResolvedCall:
    """One call seen through its tool's spec. `key` is None if the call has no identity (not JSON)."""

    tool: str
    arguments: Mapping[str, Any]
    key: str | None
    effect: Effect
    idempotent: bool
    claims: Claims
    speculable: bool
    why_not: str | None  # None if speculable: "undeclared", "write", "not-idempotent", "veto", "confirm", "not-json"
    spec: ToolSpec
    dedup_key: str | None = None

    def says_the_same_as(self, other: ResolvedCall) -> bool:
        """Whether two calls of one key agree also in what the key leaves out: ignored and normalised arguments."""
        names = [name for name, spec in self.spec.arguments.items() if spec.ignore or spec.normalize is not None]
        mine, theirs = ({n: call.arguments[n] for n in names if n in call.arguments} for call in (self, other))
        text = canonical_json(mine)
        return text is not None and text == canonical_json(theirs)


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One manifest entry, with every default filled in.

    Times in seconds. `reads`/`writes` None mean "left out": "*" (a read writes nothing all the
    same). `timeout_s` and `max_concurrency` limit launches; real calls are
    limited only by `real_timeout_s` and `real_max_concurrency` (what the tool's own entry sets).
    """

    name: str
    effect: Effect = Effect.WRITE
    idempotent: bool | None = None
    reads: tuple[str, ...] | None = None
    writes: tuple[str, ...] | None = None
    speculate: bool = True
    untrusted: bool = False
    ttl_s: float = 60.0
    timeout_s: float = 30.0
    max_concurrency: int = 8
    real_timeout_s: float | None = None
    real_max_concurrency: int | None = None
    cost: float = 1.0
    egress: Egress = "internal"
    arguments: Mapping[str, ArgumentSpec] = field(default_factory=dict)
    dedup_key: str | None = None
    confirm: bool = False
    compensate: str | None = None
    when: tuple[EffectRule, ...] = ()
    declared: bool = True
    _plain: bool = field(init=False, default=False, repr=False, compare=False)
    _seen: dict[Any, ResolvedCall] = field(init=False, default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check()
        object.__setattr__(self, "_plain", not self.arguments)

    def _check(self) -> None:
        def wrong(name: str, problem: str) -> ManifestError:
            return ManifestError(problem, tool=self.name, field=name)

        if not self.name:
            raise wrong("name", "a tool needs a name")
        for name in ("ttl_s", "timeout_s", "cost"):
            value = getattr(self, name)
            if not (value >= 0 and value != float("inf")):
                raise wrong(name, f"must be a finite number of at least 0, not {value!r}")
        if self.max_concurrency < 0:
            raise wrong("max_concurrency", "must be at least 0")
        if self.egress not in ("none", "internal", "external"):
            raise wrong("egress", f'must be "none", "internal" or "external", not {self.egress!r}')
        for name in ("reads", "writes"):
            for template in getattr(self, name) or ():
                if (problem := template_problem(template)) is not None:
                    raise wrong(name, f"{template!r}: {problem}")
        if self.effect is Effect.READ and self.writes:
            raise wrong("writes", 'a read writes nothing; declare effect = "write" or "abortable"')
        if self.confirm and self.effect is Effect.READ and not self.when:
            raise wrong("confirm", "only a write or an abortable tool can ask for confirmation")
        if self.dedup_key is not None:
            if self.effect is Effect.READ and not self.when:
                raise wrong("dedup_key", "only writes are de-duplicated")
            if not argument_names(self.dedup_key):
                raise wrong("dedup_key", "name at least one argument, as in '{order_id}'")

    @classmethod
    def undeclared(cls, name: str) -> ToolSpec:
        """The spec of a tool nobody declared: a write of everything, never speculated (law L2)."""
        return cls(name=name, effect=Effect.WRITE, declared=False, speculate=False)

    def canonical_arguments(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Defaults filled in, ignored arguments left out, values normalised as declared."""
        if self._plain:
            return dict(arguments)
        out: dict[str, Any] = {}
        for name, value in arguments.items():
            spec = self.arguments.get(name)
            if spec is None:
                out[name] = value
            elif not spec.ignore:
                out[name] = value if spec.normalize is None else NORMALIZERS[spec.normalize](value)
        for name, spec in self.arguments.items():
            if spec.has_default and not spec.ignore and name not in arguments:
                out[name] = spec.default if spec.normalize is None else NORMALIZERS[spec.normalize](spec.default)
        return out

    def key(self, arguments: Mapping[str, Any]) -> str | None:
        """The call's identity: "tool canonical-json", or None if the arguments are not JSON values."""
        text = canonical_json(self.canonical_arguments(arguments))
        return None if text is None else f"{self.name} {text}"

    def resolve(self, arguments: Mapping[str, Any]) -> ResolvedCall:
        """What this call is: identity, effect, resources, and whether it may be launched early."""
        if not self._plain:
            canonical = self.canonical_arguments(arguments)
            return self._resolve(arguments, canonical, canonical_json(canonical))
        # The same calls are predicted and made again and again. Remembered are those of which nobody can change a
        # value later, and whose values are the same JSON wherever they are equal and of one type: no 0.0 and -0.0.
        if type(arguments) is not dict:
            arguments = dict(arguments)
        kinds = tuple(map(type, arguments.values()))
        remembers = _REMEMBERED.issuperset(kinds)
        if remembers:
            seen = (kinds, tuple(arguments.items()))
            known = self._seen.get(seen)
            if known is not None:
                return known
        canonical = dict(arguments)
        text = canonical_json(canonical)
        if text is None:
            return self._resolve(arguments, canonical, None)
        call = self._resolve(canonical, canonical, text)
        if remembers:
            if len(self._seen) >= REMEMBERED_CALLS:
                self._seen.clear()
            self._seen[seen] = call
        return call

    def _resolve(self, arguments: Mapping[str, Any], canonical: Mapping[str, Any], text: str | None) -> ResolvedCall:
        effect, idempotent, reads, writes = self.effect, self.idempotent, self.reads, self.writes
        if self.when and text is None:  # no rule can be asked, so the worst is assumed
            effect, idempotent, reads, writes = Effect.WRITE, False, None, None
        elif self.when:
            for rule in self.when:
                try:
                    matches = rule.matches(canonical)
                except Exception:  # an application's own rule; a call must not fail for it, nor pass for harmless
                    effect, idempotent, reads, writes = Effect.WRITE, False, None, None
                    break
                if matches:
                    effect, reads, writes = rule.effect, rule.reads, rule.writes
                    idempotent = rule.idempotent
                    break
        if idempotent is None:
            idempotent = effect is Effect.READ
        filled = self._fill(reads, canonical)
        if effect is not Effect.READ:
            claims = Claims(filled, self._fill(writes, canonical))
        else:  # a read that is not idempotent (pops a queue, moves a cursor) changes what it reads
            claims = Claims(filled, () if idempotent else filled)
        why_not: str | None = None
        if not self.declared:
            why_not = "undeclared"
        elif effect is Effect.WRITE:
            why_not = "write"
        elif effect is Effect.READ and not idempotent:
            why_not = "not-idempotent"
        elif not self.speculate:
            why_not = "veto"
        elif self.confirm and effect is not Effect.READ:
            why_not = "confirm"
        elif text is None:
            why_not = "not-json"
        return ResolvedCall(
            tool=self.name,
            arguments=arguments,
            key=None if text is None else f"{self.name} {text}",
            effect=effect,
            idempotent=idempotent,
            claims=claims,
            speculable=why_not is None,
            why_not=why_not,
            spec=self,
            dedup_key=self._dedup(canonical) if effect is not Effect.READ else None,
        )

    @staticmethod
    def _fill(templates: tuple[str, ...] | None, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        if templates is None:
            return EVERYTHING
        return tuple([fill(template, arguments) for template in templates])

    def _dedup(self, arguments: Mapping[str, Any]) -> str | None:
        """The filled dedup key; None (no de-duplication) if an argument it names is missing or not JSON."""
        if self.dedup_key is None:
            return None
        values: list[Any] = []
        for name in argument_names(self.dedup_key):
            value = arguments.get(name)
            if value is None:
                return None
            values.append(value)
        text = canonical_json(values)
        return None if text is None else f"{self.name} {self.dedup_key} {text}"

    @property
    def is_never_launched(self) -> bool:
        """Whether no call of the tool, whatever its arguments, may be launched early."""
        if not self.declared or not self.speculate:
            return True
        if self.when:
            return False
        if self.effect is Effect.READ:
            return self.idempotent is False
        return self.effect is Effect.WRITE or self.confirm

    def sensitive_arguments(self) -> frozenset[str]:
        """Names of arguments never learned, recorded or used as a label."""
        return frozenset(name for name, spec in self.arguments.items() if spec.sensitive)


def without_sensitive(
    tools: Mapping[str, Mapping[str, bool]], specs: Mapping[str, ToolSpec]
) -> dict[str, dict[str, bool]]:
    """What a predictor may be told of the arguments that tools take, and whether they must be given: none called
    sensitive, and no tool that cannot be called without one, since nobody is to guess its value."""
    found: dict[str, dict[str, bool]] = {}
    for tool, arguments in tools.items():
        sensitive = specs[tool].sensitive_arguments() if tool in specs else frozenset()
        if not any(is_required and name in sensitive for name, is_required in arguments.items()):
            found[tool] = {name: required for name, required in arguments.items() if name not in sensitive}
    return found
