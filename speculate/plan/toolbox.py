"""What compiling a plan has to know about the tools, apart from any runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from speculate.plan.schema import ToolSchema, of_callable
from speculate.spec import ToolSpec

DEFAULT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools there are, what each does (`specs`), their schemas, and how long they take.

    names None: every tool in `specs` or `schemas`. seconds: typical duration by tool; `default_s` for the others.
    """

    specs: Mapping[str, ToolSpec] = field(default_factory=dict)
    names: frozenset[str] | None = None
    schemas: Mapping[str, ToolSchema] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    default_s: float = DEFAULT_SECONDS

    def known(self) -> frozenset[str]:
        """The names of all tools."""
        return self.names if self.names is not None else frozenset(self.specs) | frozenset(self.schemas)

    @classmethod
    def of_functions(
        cls, functions: Mapping[str, Callable[..., Any]], specs: Mapping[str, ToolSpec] | None = None
    ) -> Toolbox:
        """A toolbox of plain functions: schemas from their signatures, specs as given."""
        return cls(
            specs=dict(specs or {}),
            names=frozenset(functions),
            schemas={name: of_callable(function) for name, function in functions.items()},
        )
