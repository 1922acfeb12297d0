"""What a `when` can ask about an argument. Pure, total: never raises for any JSON arguments.

A matcher that is not sure says False, and the entry's own effect (or a later `when`) decides. So a matcher
must be strict for the sake of reads, and an entry should be a write with `when`s that make it a read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from speculate.identity import canonical_json
from toolspecs.shell import is_read_only as is_shell_read_only
from toolspecs.sql import is_read_only as is_sql_read_only


class Matcher(Protocol):
    """Decides from a call's arguments whether a `when` applies."""

    @property
    def argument(self) -> str: ...

    def __call__(self, arguments: Mapping[str, Any]) -> bool: ...

    def fields(self) -> dict[str, Any]:
        """The matcher as it stands in a manifest file, without `argument`."""
        ...


@dataclass(frozen=True, slots=True)
class ShellReadonly:
    """The argument is a shell command that only reads (see `toolspecs.shell`)."""

    argument: str

    def __call__(self, arguments: Mapping[str, Any]) -> bool:
        return is_shell_read_only(arguments.get(self.argument))

    def fields(self) -> dict[str, Any]:
        return {"shell_readonly": True}


@dataclass(frozen=True, slots=True)
class SqlReadonly:
    """The argument is one SQL statement that only reads (see `toolspecs.sql`)."""

    argument: str

    def __call__(self, arguments: Mapping[str, Any]) -> bool:
        return is_sql_read_only(arguments.get(self.argument))

    def fields(self) -> dict[str, Any]:
        return {"sql_readonly": True}


@dataclass(frozen=True, slots=True)
class OneOf:
    """The argument equals one of these JSON values, type included (1, 1.0, true and "1" all differ)."""

    argument: str
    values: tuple[str, ...]  # canonical JSON
    given: Mapping[str, Any]  # as it stands in the file

    @classmethod
    def of(cls, argument: str, values: list[Any], given: Mapping[str, Any]) -> OneOf:
        return cls(argument, tuple([text for value in values if (text := canonical_json(value)) is not None]), given)

    def __call__(self, arguments: Mapping[str, Any]) -> bool:
        return self.argument in arguments and canonical_json(arguments[self.argument]) in self.values

    def fields(self) -> dict[str, Any]:
        return dict(self.given)
