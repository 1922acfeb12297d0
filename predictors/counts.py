"""Counts that add up: the additive part of a model, checked when it is read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def read_count(value: Any, name: str) -> int:
    """A count from a document. Raises ValueError."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{name} must be a whole number of at least 0, not {value!r}")
    return value


def read_counts(value: Any, name: str) -> dict[str, int]:
    """A table of counts from a document. Raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object of counts")
    return {key: read_count(item, f"{name}.{key}") for key, item in value.items()}


def read_list(value: Any, name: str, length: int) -> list[int]:
    """A list of `length` counts from a document. Raises ValueError."""
    if not isinstance(value, list) or len(value) != length:
        raise ValueError(f"{name} must be a list of {length} counts")
    return [read_count(item, f"{name}[{index}]") for index, item in enumerate(value)]


def bump(counts: dict[str, int], key: str, by: int = 1) -> None:
    """Add to one count."""
    counts[key] = counts.get(key, 0) + by


def added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """The sum of two tables, its keys sorted, so that equal sums are equal files."""
    return {key: one.get(key, 0) + other.get(key, 0) for key in sorted({*one, *other})}


def added_tables(
    one: Mapping[str, Mapping[str, int]], other: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """The sum of two tables of tables."""
    return {key: added(one.get(key, {}), other.get(key, {})) for key in sorted({*one, *other})}
