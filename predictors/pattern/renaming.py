"""Counts and digests with their names put as a `Naming` has them: sealed or in clear."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import zip_longest
from operator import add
from typing import Any

from predictors.pattern.counts import Counts
from predictors.pattern.digest import Digest, DigestedTurn, keys_of
from predictors.pattern.indexing import Indexed
from predictors.pattern.learning import Learned
from predictors.pattern.naming import Naming

Change = Callable[[str], str]


def rename_counts(counts: Counts, naming: Naming) -> None:
    """Rename all that is counted by names. Rows that come to have one name are added up."""
    for table in (counts.offers, counts.reach):
        for tool, rows in table.items():
            table[tool] = _renamed(rows, naming.path)
    for tool, rows in counts.joint.items():
        counts.joint[tool] = _renamed(rows, naming.joint)
    for tool, arguments in counts.takes.items():
        for name, rows in arguments.items():
            arguments[name] = _renamed(rows, naming.path)
        counts.takes[tool] = _renamed(arguments, naming.argument)
    for tool, forms in counts.forms.items():
        counts.forms[tool] = _renamed(forms, naming.form)
    counts.kinds = _renamed(counts.kinds, naming.owner)
    counts.links = _renamed(counts.links, naming.owner)


def _renamed(table: dict[str, Any], change: Change) -> dict[str, Any]:
    names = list(map(change, table))
    if names == list(table):
        return table
    out: dict[str, Any] = {}
    for name, row in zip(names, table.values(), strict=True):
        out[name] = _added(out[name], row) if name in out else row
    return out


def _added(one: Any, other: Any) -> Any:
    """Two numbers, rows or tables together."""
    if isinstance(one, dict):
        out = dict(one)
        for key, row in other.items():
            out[key] = _added(out[key], row) if key in out else row
        return out
    if isinstance(one, list):
        return (
            list(map(add, one, other))
            if len(one) == len(other)
            else [a + b for a, b in zip_longest(one, other, fillvalue=0)]
        )
    return one + other


def renamed(digest: Digest, naming: Naming) -> Digest:
    """A digest with its names changed."""
    return Digest(
        [_event(event, naming) for event in digest.events], [_turn(turn, naming) for turn in digest.turns],
        digest.aliases,
    )  # fmt: skip


def _event(event: Indexed, naming: Naming) -> Indexed:
    path = naming.path
    return event._replace(
        items=[(path(each), value, element) for each, value, element in event.items],
        arguments=_named(event.arguments, naming.argument),
    )


def _named(table: Mapping[str, Any], change: Change) -> dict[str, Any]:
    return {change(name): value for name, value in table.items()}


def _turn(turn: DigestedTurn, naming: Naming) -> DigestedTurn:
    calls = [
        Learned(
            call.tool,
            tuple(map(naming.argument, call.names)),
            _named(call.values, naming.argument),
            {
                naming.argument(name): [(naming.path(rule), source) for rule, source in rules]
                for name, rules in call.rules.items()
            },
        )
        for call in turn.calls
    ]
    return replace(turn, calls=calls, keys=keys_of(calls))
