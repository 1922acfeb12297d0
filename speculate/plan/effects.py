"""What a task will do to the world, as far as it can be known before its placeholders are filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from speculate.plan.placeholders import Reference, Text, references_in
from speculate.resources import EVERYTHING, Claims
from speculate.spec import Effect, ToolSpec

SERIAL_WRITES = "\x00writes that may not be repeated"


@dataclass(frozen=True, slots=True)
class TaskEffect:
    """One task seen through its tool's spec.

    certain: what it claims for sure; an unknown value stands under its placeholder's own name, so that two tasks
    fed by the same placeholder are known to meet. possible: the same with unknown values widened to "*".
    is_repeatable: an idempotent call, or one with a dedup key.
    """

    effect: Effect
    certain: Claims
    possible: Claims
    idempotent: bool
    has_dedup_key: bool

    @property
    def is_write(self) -> bool:
        return self.effect is not Effect.READ

    @property
    def is_repeatable(self) -> bool:
        return self.idempotent or self.has_dedup_key


NO_EFFECT = TaskEffect(Effect.READ, Claims(), Claims(), idempotent=True, has_dedup_key=False)
_UNKNOWABLE = TaskEffect(Effect.WRITE, Claims(), Claims(EVERYTHING, EVERYTHING), idempotent=False, has_dedup_key=False)


class Effects:
    """Resolves tasks; remembers which placeholder got which name."""

    def __init__(self, specs: Mapping[str, ToolSpec]) -> None:
        self._specs = specs
        self._names: dict[str, str] = {}

    def spec(self, tool: str) -> ToolSpec:
        """The tool's spec; a tool nobody declared is a write of everything (law L2)."""
        return self._specs[tool] if tool in self._specs else ToolSpec.undeclared(tool)

    def of(self, tool: str | None, tree: Any, is_static: bool) -> TaskEffect:
        """What a task with these arguments, placeholders in them, does."""
        if tool is None:
            return NO_EFFECT
        spec = self.spec(tool)
        if is_static:
            resolved = spec.resolve(tree)
            possible = resolved.claims
        else:
            if spec.when:  # which rule decides depends on a value nobody knows yet: take the worst
                return _UNKNOWABLE
            resolved = spec.resolve({name: self._named(value) for name, value in tree.items()})
            widened = {name: None if references_in(value) else value for name, value in tree.items()}
            possible = spec.resolve(widened).claims
        certain = resolved.claims
        repeatable = resolved.idempotent or resolved.dedup_key is not None
        if resolved.effect is not Effect.READ and not repeatable:
            certain = Claims(certain.reads, (*certain.writes, SERIAL_WRITES))
            possible = Claims(possible.reads, (*possible.writes, SERIAL_WRITES))
        return TaskEffect(resolved.effect, certain, possible, resolved.idempotent, resolved.dedup_key is not None)

    def _named(self, tree: Any) -> Any:
        """The same placeholder gets the same name; names survive every normalisation."""
        kind = type(tree)
        if kind is Reference or kind is Text:
            return self._names.setdefault(repr(tree), f"\x7fvalue{len(self._names)}")
        if kind is dict:
            return {key: self._named(item) for key, item in tree.items()}
        if kind is list:
            return [self._named(item) for item in tree]
        return tree
