"""Reducers: one value out of the branches' values. Any function of the list will do, async ones too."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from speculate.identity import canonical_json

Reducer = Callable[[list[Any]], Any | Awaitable[Any]]


def concat(values: Sequence[Any]) -> list[Any]:
    """The lists one after another, in call order; what is no list counts as a list of one."""
    out: list[Any] = []
    for value in values:
        if isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)):
            out.extend(value)
        else:
            out.append(value)
    return out


def dedupe(key: Callable[[Any], Any] | None = None) -> Reducer:
    """Like `concat`, each thing once, the first seen. Same: an equal `key`; without one, identical JSON."""

    def identity(item: Any) -> Any:
        marker = key(item) if key is not None else item
        text = canonical_json(marker)
        return ("json", text) if text is not None else ("object", repr(marker))

    def reduce(values: list[Any]) -> list[Any]:
        return list({identity(item): item for item in reversed(concat(values))}.values())[::-1]

    return reduce


async def reduced(reducer: Reducer, values: list[Any]) -> Any:
    """What the reducer makes of the values, awaited if it is asynchronous. Raises what it raises."""
    value = reducer(values)
    return await value if inspect.isawaitable(value) else value
