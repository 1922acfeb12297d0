"""Counting sessions: which tools a turn called in which context, and which slots its arguments came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice
from typing import Any

from predictors.pattern.calling import SCALARS
from predictors.pattern.changes import ALL_OF, CHANGES, affix, pieces_of, shifts_of, sources_of
from predictors.pattern.counts import ALL, WIDTH, Counts, bump, form, wide
from predictors.pattern.hearing import MAX_MAPPED, count_heard, count_links, heard_as
from predictors.pattern.kinds import kind_of_value
from predictors.pattern.nesting import RAW, WHOLE, lists_of, packed, spread
from predictors.pattern.offering import MAX_OFFERS, Offering
from predictors.pattern.pools import STALE
from predictors.pattern.records import parse, ranked
from predictors.pattern.sealing import PLACE, SEPARATOR, is_countable
from predictors.pattern.state import State
from predictors.pattern.tallying import Tally
from predictors.pattern.text import BUCKETS
from predictors.pattern.vault import Vault
from speculate.identity import canonical_json

MAX_CONSTANT = 80  # characters of a constant's JSON
YEAR = "@"  # marks the sealed year of a date
MAX_PAIRED = 6  # texts of a call that are compared with each other
EQUAL, DIFFERENT = "=", "<>"
STAGES = "="  # the row of offers that counts turns by stage
FRESH = "n"  # marks the forms of identifiers that wait together with which of them have just come
MAX_CALLS = 32  # of one turn


@dataclass(frozen=True, slots=True)
class Learned:
    """One call as it is counted: `values` of arguments that may be learned from, and by argument the rules that
    gave it though no pool offers it as it stands (a constant, a change, a template), each with the value it used."""

    tool: str
    names: tuple[str, ...]
    values: Mapping[str, Any]
    rules: Mapping[str, Sequence[tuple[str, Any]]] = field(default_factory=dict)


def learnable(
    state: State,
    tool: str,
    arguments: Mapping[str, Any],
    hidden: frozenset[str],
    vault: Vault,
    tenant: str,
    is_gated: bool = False,
) -> Learned:
    """What there is to learn from a call made in this state. Arguments called sensitive are not looked at. is_gated:
    the tool is never launched, so that objects and lists need not be put together, which takes long."""
    if RAW in arguments or not all(map(is_countable, arguments)):
        return Learned(tool, (RAW,), {})
    values: dict[str, Any] = {}
    rules: dict[str, list[tuple[str, Any]]] = {}
    where = state.where
    if not is_gated:
        arguments = spread(arguments, hidden)
        if PLACE in "".join(arguments) or list in map(type, arguments.values()):
            arguments = _whole(state, arguments, hidden, rules)
    for name, value in arguments.items():
        if name in hidden:
            continue
        kind = type(value)
        if kind in SCALARS:
            values[name] = value
            if name in rules:
                continue
            if kind is str and len(value) == 10 and value[4] == "-" == value[7] and value[:4].isdigit():
                rules[name] = [(YEAR + vault.add(value[:4], tenant), None)]
            if value in where:
                continue
        text = canonical_json(value)
        if text is None:
            continue
        found: list[tuple[str, Any]] = []
        if len(text) <= MAX_CONSTANT:
            found.append(("=" + vault.add(text, tenant), None))
        if kind in SCALARS:
            found.extend(_changed(where, value))
            if kind is str and not found[1:]:
                found.extend(_templates(where, value, vault, tenant))
            elif kind is int and not found[1:]:
                for template, source in shifts_of(value, where):
                    digest = vault.add(template, tenant)
                    found.extend((f"{path}|={digest}", source) for path in where[source][:12])
        if found:
            rules[name] = [*rules.get(name, ()), *found]
    return Learned(tool, tuple(arguments), values, rules)


def _whole(
    state: State, arguments: Mapping[str, Any], hidden: frozenset[str], rules: dict[str, list[tuple[str, Any]]]
) -> Mapping[str, Any]:
    """The arguments, a list that is all that some path gave as one value; adds the rules that give it."""
    out = dict(arguments)
    for name, values in lists_of(arguments).items():
        found = [] if name in hidden else _all_of(state, values)
        if found:
            rules[name + WHOLE] = found
            out = {each: value for each, value in out.items() if each != name and each.rpartition(PLACE)[0] != name}
            out[name + WHOLE] = packed(values)
    return out


def _all_of(state: State, values: Sequence[Any]) -> list[tuple[str, Any]]:
    first = values[0]
    found = []
    for rule, change in ALL_OF.items():
        sources = [first] if rule == "[]" else sources_of(first)
        for source in sources:
            for path in state.where.get(source, ()):
                offered = state.pools[path].segments[-1].values
                if len(offered) == len(values) and offered[0] == source and [*map(change, offered)] == values:
                    found.append((f"{path}|{rule}", source))
    return found


def _changed(where: Mapping[Any, Sequence[str]], value: Any) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for source in sources_of(value):
        paths = where.get(source)
        if paths is None:
            continue
        for name, change in CHANGES.items():
            made = change(source)
            if made == value and type(made) is type(value):
                found.extend((f"{path}|{name}", source) for path in paths)
                break
    return found


def _templates(where: Mapping[Any, Sequence[str]], value: str, vault: Vault, tenant: str) -> list[tuple[str, Any]]:
    for piece in pieces_of(value)[:12]:
        paths = where.get(piece)
        if paths is None:
            continue
        template = affix(value, piece)
        if template is None:
            return []
        digest = vault.add(template, tenant)
        return [(f"{path}|={digest}", piece) for path in paths[:12]]
    return []


_FRESH = [f"u{number}" for number in range(BUCKETS)]  # features of words: what the user just said
_OLDER = [f"v{number}" for number in range(BUCKETS)]  # what the user said before the model's last turn
_MODEL = [f"m{number}" for number in range(BUCKETS)]  # what the model had said before


def word_features(state: State) -> list[str]:
    """What was said, as features: fresh words of the user and what the model had said before them."""
    if state.asked:
        return [*map(_FRESH.__getitem__, state.words), *map(_MODEL.__getitem__, state.said)]
    return list(map(_OLDER.__getitem__, state.words))


def form_features(state: State) -> list[str]:
    """Which identifiers wait to be used, as features; of several, also which of them the user typed just now."""
    forms = state.forms
    if not state.asked:
        return ["g" + path for path in forms]
    features = ["f" + path for path in forms]
    if len(forms) > 1:
        features.append(f"{FRESH}{','.join(state.fresh_forms)}|{forms[-1]}")
    return features


def later_keys(state: State) -> Sequence[str]:
    """Contexts, coarse first, in which it is counted whether a tool is called at any later time."""
    return state.later_contexts()


def _taken(rows: dict[str, list[float]], rule: str, slot: int) -> None:
    row = rows.get(rule)
    if row is None or len(row) < WIDTH:
        row = rows[rule] = [0] * WIDTH if row is None else wide(row)
    row[slot] += 1


def count_turn(tally: Tally, state: State, calls: Sequence[Learned], later: Iterable[str]) -> None:
    """Count the turn that followed this state; `calls` may be empty (a turn of text alone).

    later: the tools called from this turn on.
    """
    tools = tuple(dict.fromkeys([call.tool for call in calls]))
    tally.turn(tools, (ALL, *state.contexts()), word_features(state) + form_features(state))
    bump(tally.counts.later, later_keys(state), later)
    for tool in tools:
        _count_tool(tally, state, tool, [call for call in calls if call.tool == tool and RAW not in call.names])


def _count_tool(tally: Tally, state: State, tool: str, calls: Sequence[Learned]) -> None:
    if not calls:
        return
    counts = tally.counts
    calls = calls[:MAX_CALLS]
    offers = counts.offers.setdefault(tool, {})
    takes = counts.takes.setdefault(tool, {})
    forms = counts.forms.setdefault(tool, {ALL: 0})
    stage = state.stage(tool)
    _taken(offers, STAGES, stage)
    wanted: dict[Any, list[str]] = {}
    changed: dict[str, list[tuple[str, str, Any]]] = {}  # path -> (argument, rule, source)
    heard = heard_as(state, tool)
    if heard:
        count_heard(counts, tool, heard)
    for call in calls:
        forms[ALL] += 1
        key = form(call.names)
        forms[key] = forms.get(key, 0) + 1
        for name, value in call.values.items():
            kind = kind_of_value(value)
            if kind is not None:
                kinds = counts.kinds.setdefault(tool + SEPARATOR + name, {})
                kinds[kind] = kinds.get(kind, 0) + 1
            names = wanted.setdefault(value, [])
            if name not in names:
                names.append(name)
        if len(call.values) > 1:
            _count_equal(counts, call)
        for name, rules in call.rules.items():
            rows = takes.setdefault(name, {})
            for rule, source in rules:
                if rule[0] == YEAR:
                    years = counts.years.setdefault(ALL, {})
                    years[rule[1:]] = years.get(rule[1:], 0) + 1
                elif rule[0] == "=":
                    _taken(rows, rule, stage)
                    if heard and type(call.values.get(name)) is str and len(call.values[name]) <= MAX_MAPPED:
                        count_links(counts, tool, name, rule[1:], heard)
                else:
                    changed.setdefault(rule.rpartition("|")[0], []).append((name, rule, source))
    if any(len(call.values) > 1 for call in calls):
        _count_joint(counts, state, tool, calls)
    offering = state.offering
    if offering is None:
        offering = state.offering = Offering()
    offering.catch_up(state)
    for name, rule, slot in offering.count(state, tool, wanted, changed):
        _taken(takes.setdefault(name, {}), rule, slot)


def _count_equal(counts: Counts, call: Learned) -> None:
    """Count for every two of a call's texts whether they are the same."""
    texts = sorted(name for name, value in call.values.items() if type(value) is str)[:MAX_PAIRED]
    for one, other in combinations(texts, 2):
        row = counts.kinds.setdefault(SEPARATOR.join((call.tool, one, other)), {})
        key = EQUAL if call.values[one] == call.values[other] else DIFFERENT
        row[key] = row.get(key, 0) + 1


def _count_joint(counts: Counts, state: State, tool: str, calls: Sequence[Learned]) -> None:
    joint = counts.joint.setdefault(tool, {})
    groups = state.records.groups
    for group, rows in groups.items():
        _taken(joint, group, 0 if rows[-1][0] >= state.boundary else STALE)
    made = state.recent.get(tool, [])
    for call in calls:
        for rule, record in state.records.explain(call.values).items():
            group, paths = parse(rule)
            rows = groups[group]
            stale = 0 if rows[-1][0] >= state.boundary else STALE
            for slot, offered in ranked(rows, paths, made):
                if offered[2] is record[2] or all(offered[2].get(p) == record[2][p] for p in paths.values()):
                    _taken(joint, rule, slot + stale)
                    break


def count_session(tally: Tally, state: State) -> None:
    """Count a session that has ended: of the values each path offered, how many each tool was called with later."""
    if state.offering is not None:
        state.offering.hand_over(tally)
    counts = tally.counts
    counts.sessions += 1
    tally.session(islice(state.pools, MAX_OFFERS))
    everything = counts.reach.setdefault(ALL, {})
    for path, pool in islice(state.pools.items(), MAX_OFFERS):
        if pool.is_single and len(pool.segments) == 1:  # most of them
            continue
        more = pool.distinct() - 1
        if more:
            row = everything.get(path)
            if row is None:
                everything[path] = [more, 0]
            else:
                row[0] += more
    pools = state.pools
    for tool, used in state.used.items():
        reached: dict[str, int] = {}
        for value, event in used.items():
            for path in state.where.get(value, ()):
                if pools[path].first_event(value) < event:
                    reached[path] = reached.get(path, 0) + 1
        mine = counts.reach.setdefault(tool, {})
        for path, hits in reached.items():
            row = mine.get(path)
            if row is None:
                row = mine[path] = [0, 0]
            row[0] += hits
            row[1] += 1
