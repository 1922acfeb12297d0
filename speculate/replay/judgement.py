"""What a call does to the replay's world, read from the manifest by this module alone.

The replay judges the runtime, so it may not ask the runtime's own code what conflicts with what: identity,
resource templates and overlap are written here a second time, from the manifest's reference. A defect in the
core then shows as a difference. Shared are only the declared values themselves and the argument conditions
(`when`), which have one meaning by definition.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from speculate.identity import NORMALIZERS
from speculate.spec import Effect, ToolSpec

# A claim is (name, is_prefix): ("order/17", False) is one resource, ("order/", True) all that begin so.
Claim = tuple[str, bool]
EVERYTHING: tuple[Claim, ...] = (("", True),)

_PIECES = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class JudgedCall:
    """A call as the world sees it. `key` is None where the arguments have no canonical text."""

    tool: str
    key: str | None
    is_declared: bool
    is_write: bool
    is_abortable: bool
    reads: tuple[Claim, ...]
    writes: tuple[Claim, ...]

    @property
    def rests_on(self) -> tuple[Claim, ...]:
        """What must not have changed for an early result to hold: what it read, or staged a change of."""
        return self.reads + self.writes if self.is_abortable else self.reads


def overlap(some: Iterable[Claim], others: Iterable[Claim]) -> bool:
    """Whether a claim of one side can name the same resource as one of the other."""
    others = tuple(others)
    for name, is_prefix in some:
        for other, other_is_prefix in others:
            if is_prefix and other_is_prefix:
                if name[: len(other)] == other[: len(name)]:
                    return True
            elif is_prefix:
                if other[: len(name)] == name:
                    return True
            elif other_is_prefix:
                if name[: len(other)] == other:
                    return True
            elif name == other:
                return True
    return False


@lru_cache(maxsize=4096)
def _split(template: str) -> tuple[str, ...]:
    """Text, argument, text … of a template, cut behind the first "*"."""
    return tuple(_PIECES.split(template))


def _written(value: Any) -> str | None:
    """An argument's value inside a resource name; None where it cannot be told which resource is meant."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value == int(value) else repr(value)
    if isinstance(value, str):
        return quote(value, safe="") or None
    if isinstance(value, (list, dict)):
        text = _text(value)
        return None if text is None else quote(text, safe="")
    return None


def _claim(template: str, arguments: Mapping[str, Any]) -> Claim:
    name = ""
    for position, piece in enumerate(_split(template)):
        if position % 2:
            written = _written(arguments.get(piece))
            if written is None:
                return name, True
            name += written
        elif "*" in piece:
            return name + piece[: piece.index("*")], True
        else:
            name += piece
    return name, False


def _text(value: Any) -> str | None:
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return None


class Judge:
    """Reads calls under one manifest. Undeclared tools write everything."""

    def __init__(self, specs: Mapping[str, ToolSpec]) -> None:
        self._specs = specs
        self._known: dict[str, JudgedCall] = {}

    def _canonical(self, spec: ToolSpec, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if not spec.arguments:
            return arguments
        out = dict(arguments)
        for name, declared in spec.arguments.items():
            if declared.ignore:
                out.pop(name, None)
                continue
            if declared.has_default:
                out.setdefault(name, declared.default)
            if declared.normalize is not None and name in out:
                out[name] = NORMALIZERS[declared.normalize](out[name])
        return out

    def judge(self, tool: str, arguments: Mapping[str, Any]) -> JudgedCall:
        """What this call is, by the manifest."""
        asked = self._key(tool, arguments)
        known = None if asked is None else self._known.get(asked)
        if known is None:
            known = self._read(tool, arguments)
            if asked is not None:
                self._known[asked] = known
        return known

    def _read(self, tool: str, arguments: Mapping[str, Any]) -> JudgedCall:
        spec = self._specs.get(tool)
        if spec is None or not spec.declared:
            return JudgedCall(tool, self._key(tool, arguments), False, True, False, EVERYTHING, EVERYTHING)
        canonical = self._canonical(spec, arguments)
        key = self._key(tool, canonical)
        effect, reads, writes = spec.effect, spec.reads, spec.writes
        if spec.when and key is not None:
            rule = next((rule for rule in spec.when if rule.matches(canonical)), None)
            if rule is not None:
                effect, reads, writes = rule.effect, rule.reads, rule.writes
        return JudgedCall(
            tool=tool,
            key=key,
            is_declared=True,
            is_write=effect is Effect.WRITE,
            is_abortable=effect is Effect.ABORTABLE,
            reads=self._claims(reads, canonical),
            writes=() if effect is Effect.READ else self._claims(writes, canonical),
        )

    @staticmethod
    def _key(tool: str, arguments: Mapping[str, Any]) -> str | None:
        text = _text(arguments)
        return None if text is None else f"{tool} {text}"

    @staticmethod
    def _claims(templates: tuple[str, ...] | None, arguments: Mapping[str, Any]) -> tuple[Claim, ...]:
        if templates is None:
            return EVERYTHING
        return tuple(_claim(template, arguments) for template in templates)
