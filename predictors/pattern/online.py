"""Learning from single calls as they are made: the same counts, with old ones fading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from predictors.pattern.counts import ALL, Counts, Table
from predictors.pattern.learning import count_turn, form_features, later_keys, learnable, word_features
from predictors.pattern.namevault import FieldNames
from predictors.pattern.offering import MAX_OFFERS
from predictors.pattern.sealing import is_seal, names_in, names_of
from predictors.pattern.state import State
from predictors.pattern.tallying import Tally
from predictors.pattern.vault import Vault
from speculate.calls import ToolCall
from speculate.history import History

ASKED = "U"  # the context of the turns after the user spoke
HORIZON = 40.0  # turns that a count stands for, more or less, so that it fades to a third in as many more
FADE_ABOVE, FADE_TO = 1.5 * HORIZON, 0.6 * HORIZON  # in steps: at each call it would cost milliseconds
GRAIN = 64  # parts of a turn that faded counts are whole numbers of: their sums are exact, and short in a file


def observe_call(
    counts: Counts,
    vault: Vault,
    names: FieldNames,
    hidden: Mapping[str, frozenset[str]],
    state: State,
    history: History,
    call: ToolCall,
    is_gated: bool = False,
) -> None:
    """Count one real call in the state before it. Bounded work, off the hot path."""
    tenant = f"tenant {history.tenant}" if history.tenant is not None else f"session {history.session}"
    learned = learnable(state, call.tool, call.arguments, hidden.get(call.tool, frozenset()), vault, tenant, is_gated)
    names.show(_new_keys(state), [name for each in learned.names for name in names_of(each)], tenant)
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
    tally = Tally(counts)
    count_turn(tally, state, [learned], [call.tool])
    if state.offering is not None:
        state.offering.hand_over(tally)
    tally.pour()


def _new_keys(state: State) -> list[str]:
    """The keys in the paths that came since the last call."""
    found = dict.fromkeys(
        name for path in islice(state.pools, state.noted, MAX_OFFERS) for name in names_in(path)
    )  # fmt: skip
    state.noted = min(len(state.pools), MAX_OFFERS)
    return [key for each in found if not is_seal(key := state.fields.revealed(each))]


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
    if root is not None and root[ALL] > FADE_ABOVE:
        keep = FADE_TO / root[ALL]
        for key in (ALL, ASKED):
            if key in contexts:
                contexts[key] = _faded(contexts[key], keep)


def _fade(table: Table, keys: Sequence[str]) -> None:
    for key in keys:
        row = table.get(key)
        if row is not None and row[ALL] > FADE_ABOVE:
            table[key] = _faded(row, FADE_TO / row[ALL])


def _faded(row: dict[str, float], keep: float) -> dict[str, float]:
    return {name: left for name, count in row.items() if (left := int(count * keep * GRAIN + 0.5) / GRAIN) or not name}


def _fade_tool(counts: Counts, tool: str) -> None:
    """All that was counted of one tool's arguments fades at once; what has faded away is forgotten."""
    forms = counts.forms.get(tool)
    if forms is None or forms[ALL] <= FADE_ABOVE:
        return
    keep = FADE_TO / forms[ALL]
    counts.forms[tool] = _faded(forms, keep)
    for rows in (counts.offers.get(tool, {}), counts.joint.get(tool, {}), *counts.takes.get(tool, {}).values()):
        scale = keep * GRAIN
        for path, row in list(rows.items()):
            left = [int(count * scale + 0.5) / GRAIN if count else 0 for count in row]
            if any(left):
                rows[path] = left
            else:
                del rows[path]
