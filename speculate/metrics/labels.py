"""Label values that cannot grow without bound, whatever a model asks for."""

from __future__ import annotations

from collections.abc import Iterable

OTHER = "other"


class BoundedLabel:
    """At most `limit` distinct values; everything beyond them counts as "other".

    With `known` values given, only those are ever shown: a name a model made up is "other". Without, the first
    `limit` that come are.
    """

    __slots__ = ("_limit", "_open", "_values")

    def __init__(self, limit: int, known: Iterable[str] = ()) -> None:
        self._values = set(sorted(known)[:limit])
        self._open = not self._values
        self._limit = limit

    def __call__(self, value: str) -> str:
        """The value to show for `value`."""
        if value in self._values:
            return value
        if self._open and len(self._values) < self._limit:
            self._values.add(value)
            return value
        return OTHER
