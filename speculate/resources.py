"""Resources: what a call reads and writes, and when two calls are in conflict.

A claim is a resource name ("order/17") or a prefix, written with a trailing "*" ("order/*", "*"). Templates
name arguments in braces; values are percent-escaped, so no value can reach into another resource, and a
missing argument is "*". What stands behind the first "*" is dropped: a wider claim is always safe.
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

_FIELD = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
EVERYTHING = ("*",)
MAX_INT_BITS = 4096  # beyond some 14,000 bits Python refuses to write a number down


def template_problem(template: str) -> str | None:
    """Why `template` is no resource template, or None if it is one."""
    if not template:
        return "a resource must not be empty; write [] for a tool that touches nothing"
    for name in _FIELD.findall(template):
        if not _NAME.match(name):
            return f"{{{name}}} is not an argument name"
    if "{" in _FIELD.sub("", template) or "}" in _FIELD.sub("", template):
        return "unbalanced braces"
    star = template.find("*")
    if star != -1 and star != len(template) - 1:
        return 'a "*" may stand only at the end'
    return None


@lru_cache(maxsize=4096)
def _parts(template: str) -> tuple[str, ...]:
    """Literal, argument, literal, argument … literal."""
    return tuple(_FIELD.split(template))


def argument_names(template: str) -> tuple[str, ...]:
    """The arguments a template names, in order."""
    return _parts(template)[1::2]


def _text(value: Any) -> str | None:
    """A value as part of a resource name; None stands for "unknown", which claims everything."""
    kind = type(value)
    if kind is str:
        # a surrogate on its own is no text, yet a tool may be called with it
        return quote(value, safe="", errors="surrogatepass") if value else None
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value) if value.bit_length() < MAX_INT_BITS else None
    if kind is float and math.isfinite(value):
        return str(int(value)) if value.is_integer() else repr(value)
    if kind in (list, dict):
        try:
            return quote(json.dumps(value, sort_keys=True), safe="")
        except (TypeError, ValueError, RecursionError):
            return None
    return None


def fill(template: str, arguments: Mapping[str, Any]) -> str:
    """The claim a template makes for these arguments."""
    parts = _parts(template)
    if len(parts) == 1:
        return template
    out: list[str] = []
    for index, part in enumerate(parts):
        if index % 2 == 0:
            out.append(part)
            continue
        text = _text(arguments.get(part))
        if text is None:
            return "".join(out) + "*"
        out.append(text)
    return "".join(out)


def overlaps(one: str, other: str) -> bool:
    """Whether two claims can name the same resource."""
    if one.endswith("*"):
        prefix = one[:-1]
        if other.endswith("*"):
            rest = other[:-1]
            return rest.startswith(prefix) or prefix.startswith(rest)
        return other.startswith(prefix)
    if other.endswith("*"):
        return one.startswith(other[:-1])
    return one == other


def any_overlap(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether any claim of one side overlaps any of the other."""
    return any(overlaps(one, other) for one in some for other in others)


@dataclass(frozen=True, slots=True)
class Claims:
    """What one call reads and writes."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()

    def conflicts_with(self, other: Claims) -> bool:
        """Whether the two may not overlap in time: one writes what the other reads or writes."""
        return (
            any_overlap(self.writes, other.writes)
            or any_overlap(self.writes, other.reads)
            or any_overlap(self.reads, other.writes)
        )

    def is_changed_by(self, other: Claims) -> bool:
        """Whether `other` writes what this call read or staged."""
        return any_overlap(other.writes, self.reads) or any_overlap(other.writes, self.writes)
