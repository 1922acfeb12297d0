"""Records told by what they are: the identifier of those in a list whose status is open, whose kind is file.

For every list of records there is a column that tells them apart, and there are columns whose values recur. An item of
the first is offered once more under each value of the second: `t[].id%17`, by a hash: no value stands in a path. Where
the first record of all is the first that is so, that is said, since it is likely to be taken anyway. Records of a map
are left out: they are told by their keys, and people choose among them by several fields at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

from predictors.pattern.flatten import FIRST, Item

MAX_RECURRING = 2  # columns of one list
MAX_DIFFERENT = 4  # values of one
MAX_WORD = 24  # characters of a value
MAX_CONDITIONS = 48  # items of one event
HASHES = 1 << 12

Column = Mapping[int, Any]  # element -> value


def conditions_of(items: Sequence[Item], flags: Sequence[Item]) -> list[Item]:
    """Items once more, under what else their records say. flags: what is true or false in a record."""
    columns: dict[str, dict[int, Any]] = {}
    for path, value, element in items:
        if not element or "*" in path or "{" in path:  # of a map
            continue
        if "|" not in path and (":" not in path or path[-2:] == FIRST):
            known = columns.get(path)
            if known is None:
                columns[path] = {element: value}
            else:
                known.setdefault(element, value)
    if not columns:
        return []
    for path, value, element in flags:
        if "*" not in path:
            columns.setdefault(path, {}).setdefault(element, value)
    telling: dict[str, tuple[str, Column]] = {}  # by list, the column that tells most records apart
    recurring: dict[str, list[tuple[str, Column]]] = {}
    for path, column in columns.items():
        size = len(column)
        if size < 2:
            continue
        different = len(set(column.values()))
        group = path.rpartition("[]")[0]
        if different == size:
            if group not in telling or size > len(telling[group][1]):
                telling[group] = (path, column)
        elif 1 < different <= MAX_DIFFERENT and all(map(_is_word, column.values())):
            recurring.setdefault(group, []).append((path, column))
    out: list[Item] = []
    for group, found in recurring.items():
        if group in telling:
            for name, each in found[:MAX_RECURRING]:
                _add(out, *telling[group], name, each)
    return out[:MAX_CONDITIONS]


def _is_word(value: Any) -> bool:
    return type(value) is bool or (type(value) is str and len(value) <= MAX_WORD)


def _add(out: list[Item], path: str, values: Column, name: str, column: Column) -> None:
    first = next(iter(values))
    paths: dict[Any, str] = {}
    for element, value in column.items():
        if element in values:
            found = paths.get(value)
            if found is None:
                number = crc32(f"{name}={value}".encode("utf-8", "surrogatepass")) % HASHES
                found = paths[value] = f"{path}%{number}{'^' if element == first else ''}"
            out.append((found, values[element], element))
