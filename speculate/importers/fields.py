"""Single values out of other people's records, where any value may be missing or of another type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def text(value: Any) -> str | None:
    """The text, if it is one and not empty."""
    return value if type(value) is str and value else None


def count(value: Any) -> int | None:
    """The whole number, if it is one of at least 0."""
    return value if type(value) is int and value >= 0 else None


def seconds(value: Any) -> float | None:
    """The finite number, if it is one."""
    return float(value) if type(value) in (int, float) and abs(value) < 1e15 else None


def required_text(row: Mapping[str, Any], name: str) -> str:
    """The text under this name. Raises KeyError if it is missing, TypeError if it is no text or empty."""
    value = row[name]
    if type(value) is not str or not value:
        raise TypeError(f"{name!r} must be a text")
    return value
