"""Counting one turn: which tools it called in which context, and which slots its arguments came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from predictors.pattern.counts import ALL, WIDTH, Counts, bump, form
from predictors.pattern.state import State

MAX_OFFERS = 400  # pools looked at for one turn


def word_features(state: State) -> list[str]:
    """What was said, as features: fresh words of the user and what the model had said before them."""
    if state.asked:
        return [f"u{number}" for number in state.words] + [f"m{number}" for number in state.said]
    return [f"v{number}" for number in state.words]


def count_turn(
    counts: Counts,
    state: State,
    calls: Sequence[tuple[str, Mapping[str, Any]]],
    sensitive: Mapping[str, frozenset[str]],
) -> None:
    """Count the turn that followed this state; `calls` may be empty (a turn of text alone)."""
    tools = {tool for tool, _ in calls}
    bump(counts.contexts, "", tools)
    for key in state.contexts():
        bump(counts.contexts, key, tools)
    for feature in word_features(state):
        bump(counts.words, feature, tools)
    if not calls:
        return
    for tool in tools:
        offers = counts.offers.setdefault(tool, {})
        takes = counts.takes.setdefault(tool, {})
        hidden = sensitive.get(tool, frozenset())
        forms = counts.forms.setdefault(tool, {ALL: 0})
        wanted: dict[Any, set[str]] = {}
        for other, arguments in calls:
            if other != tool:
                continue
            forms[ALL] += 1
            key = form(arguments)
            forms[key] = forms.get(key, 0) + 1
            for name, value in arguments.items():
                if name not in hidden and type(value) in (str, int, float):
                    wanted.setdefault(value, set()).add(name)
        used = state.used.get(tool) or {}
        boundary = state.boundary
        for path, pool in islice(state.pools.items(), MAX_OFFERS):
            row = offers.get(path)
            if row is None:
                row = offers[path] = [0] * WIDTH
            for slot, value, _, _ in pool.slots(used, boundary):
                row[slot] += 1
                if value in wanted:
                    for name in wanted[value]:
                        rows = takes.setdefault(name, {})
                        taken = rows.get(path)
                        if taken is None:
                            taken = rows[path] = [0] * WIDTH
                        taken[slot] += 1
