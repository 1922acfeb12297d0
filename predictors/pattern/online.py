"""Learning from single calls as they are made: the same counts, with old ones fading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from predictors.pattern.counts import ALL, Counts, Table
from predictors.pattern.learning import count_turn, form_features, later_keys, learnable, word_features
from predictors.pattern.state import State
from predictors.pattern.vault import Vault
from speculate.calls import ToolCall
from speculate.history import History

ASKED = "U"  # the context of the turns after the user spoke
HORIZON = 40.0  # turns that a count stands for at most, so that it fades to a third in as many more
MAX_KEYS = 200_000  # of contexts or words, learned online


def observe_call(
    counts: Counts, vault: Vault, hidden: Mapping[str, frozenset[str]], state: State, history: History, call: ToolCall
) -> None:
    """Count one real call in the state before it. Bounded work, off the hot path."""
    tenant = f"tenant {history.tenant}" if history.tenant is not None else f"session {history.session}"
    learned = learnable(state, call.tool, call.arguments, hidden.get(call.tool, frozenset()), vault, tenant)
    _fade_base(counts.contexts)
    for table, keys in (
        (counts.contexts, _apart(state.contexts())),
        (counts.words, [*word_features(state), *form_features(state)]),
        (counts.later, later_keys(state)),
    ):
        _fade(table, keys)
    _fade_tool(counts, call.tool)
    for silent in state.silent:
        _count_silent(counts, silent)
    state.silent.clear()
    if len(counts.contexts) + len(counts.words) < MAX_KEYS:
        count_turn(counts, state, [learned], [call.tool])


def _count_silent(counts: Counts, keys: tuple[list[str], list[str]]) -> None:
    """A turn of text alone, noticed when the user spoke again."""
    _fade_base(counts.contexts)
    _fade(counts.contexts, _apart(keys[0]))
    _fade(counts.words, keys[1])
    for table, names in ((counts.contexts, [ALL, *keys[0]]), (counts.words, keys[1])):
        for key in names:
            row = table.setdefault(key, {ALL: 0})
            row[ALL] += 1


def _apart(keys: Sequence[str]) -> list[str]:
    """The contexts that fade by themselves."""
    return [key for key in keys if key != ASKED]


def _fade_base(contexts: Table) -> None:
    """The root, and its part after the user spoke, fade as one: what lies between them is used as a count, too."""
    root = contexts.get(ALL)
    if root is None or root[ALL] <= HORIZON:
        return
    keep = HORIZON / (root[ALL] + 1)
    for row in (root, contexts.get(ASKED, {})):
        for name in row:
            row[name] *= keep


def _fade(table: Table, keys: Sequence[str]) -> None:
    for key in keys:
        row = table.get(key)
        if row is not None and row[ALL] > HORIZON:
            keep = HORIZON / (row[ALL] + 1)
            for name in row:
                row[name] *= keep


def _fade_tool(counts: Counts, tool: str) -> None:
    forms = counts.forms.get(tool)
    if forms is None or forms[ALL] <= HORIZON:
        return
    keep = HORIZON / (forms[ALL] + 1)
    for name in forms:
        forms[name] *= keep
    tables = [counts.offers.get(tool, {}), counts.joint.get(tool, {}), *counts.takes.get(tool, {}).values()]
    for rows in tables:
        for row in rows.values():
            row[:] = [each * keep for each in row]
