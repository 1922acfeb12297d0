"""Rows: values for all arguments of a call, put together argument by argument or taken from one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from predictors.pattern.counts import WIDTH
from predictors.pattern.entries import ENTRY
from predictors.pattern.filling import Value, chance_of
from predictors.pattern.pools import STALE
from predictors.pattern.records import PAIR, parse, ranked
from predictors.pattern.rules import MAX_VALUES, ToolRules
from predictors.pattern.standing import Group
from predictors.pattern.state import State

MAX_MADE = 24
LOCAL_TRUST = 1.0
LOCAL_DOUBT = 1.5
RECORD_USED = 5
LEAST_ARGUMENTS = 0.001
NO_CHANCES = [0.0] * WIDTH
MAX_JOINT_TRIED = 4
MIN_CHANCE = 0.01

Row = tuple[float, tuple[Value, ...]]  # chance, a value for each argument
Chosen = tuple[float, Sequence[str], tuple[Value, ...], float]  # chance, arguments, their values, whether of one record


def joined(
    apart: list[Chosen], state: State, share: float, names: Sequence[str], rules: ToolRules,
    cache: Mapping[str, list[Value]], seen: list[Group],
) -> list[Chosen]:  # fmt: skip
    """The calls, and those whose arguments come from one record, the rest of them as usual."""
    tool = rules.tool
    groups = state.records.groups
    boundary = state.boundary
    made = state.recent.get(tool, [])[-MAX_MADE:]
    local = state.joint.get(tool) or {}
    tried = 0
    found: dict[Any, Chosen] = {}
    for group, paths, chances, rule in _rules_to_try(rules, local):
        if not all(name in names for name in paths):
            continue
        records = groups.get(group)
        if records is None:
            seen.append((group, -1, False))
            continue
        tried += 1
        if tried > MAX_JOINT_TRIED + len(rules.sisters):
            break
        latest = records[-1][0]
        seen.append((group, latest, latest >= boundary))
        starts: list[Row] = []
        here = local.get(rule, 0)
        if here:  # what gave this session's calls so far is likely to give the next one too
            share_here = LOCAL_TRUST * here / (LOCAL_TRUST * here + LOCAL_DOUBT)
        rank_share = 0.8
        for slot, (event, element, fields) in ranked(records, paths, made, boundary):
            p = chances[slot]
            if here and slot % STALE != RECORD_USED:
                p += (1 - p) * share_here * rank_share
                rank_share *= 0.4
            if p < MIN_CHANCE:
                continue
            starts.append(
                (share * p, tuple([(p, fields[path], path, slot, event, element, event) for path in paths.values()]))
            )
        order: Sequence[str] = list(paths)
        if len(order) < len(names) and starts:
            rest = [name for name in names if name not in paths]
            order = [*order, *rest]
            starts = combined(starts, list(paths), rest, cache, rules) if all(map(cache.get, rest)) else []
        places = [order.index(name) for name in names] if starts else ()
        for p, chosen in starts:
            if p >= LEAST_ARGUMENTS:
                key = _key(places, chosen)
                if key not in found or found[key][0] < p:
                    found[key] = (p, order, chosen, 1.0)
    if not found:
        return apart
    out = {_key(range(len(names)), row[2]): row for row in apart}
    for key, row in found.items():
        other = out.get(key)
        out[key] = row if other is None else (max(other[0], row[0]), other[1], other[2], 1.0)
    return list(out.values())


def _rules_to_try(
    rules: ToolRules, local: Mapping[str, int]
) -> list[tuple[str, Mapping[str, str], Sequence[float], str]]:
    """Joint rules to try, those that gave calls of this session first."""
    learned: list[tuple[str, Mapping[str, str], Sequence[float], str]] = [
        (group, paths, chances, rule) for _, group, paths, chances, rule in rules.joint
    ]
    if rules.sisters:
        assumed = {each[3] for each in rules.sisters}
        learned = [*rules.sisters, *(each for each in learned if each[3] not in assumed)]
    if not local:
        return learned
    known = {each[3]: each for each in learned}
    recent = sorted(local, key=lambda rule: (-rule.count(PAIR), -local[rule], rule))[:4]
    first = [known[rule] if rule in known else (*parse(rule), NO_CHANCES, rule) for rule in recent]
    return first + [each for each in learned if each[3] not in local]


def combined(
    rows: list[Row], before: Sequence[str], names: Sequence[str], cache: Mapping[str, list[Value]], rules: ToolRules
) -> list[Row]:
    """Every row, which has values for the arguments before, with values for these added, the best few of them.

    Fields of one record go together: a value from another element of a record's list is unlikely beside it, one from
    the same element likelier than it is by itself. The same value once more is as likely as it was in other calls.
    """
    order = [*before]
    for name in names:
        values = cache[name]
        doubts = [(place, doubt) for place, other in enumerate(order) if (doubt := rules.same(other, name)) < 1]
        order.append(name)
        if len(rows) == 1 and not rows[0][1]:  # the first argument: values are in order
            p = rows[0][0]
            rows = [(p * value[0], (value,)) for value in values]
            continue
        joined = []
        for p, chosen in rows:
            records = {other[6]: other for other in reversed(chosen)}  # by event, the first of each
            for value in values:
                chance = value[0]
                event = value[4]
                if event >= 0 and event in records:
                    other = records[event]
                    if other[1] != value[1]:  # the same value once more is no other field of its record
                        if other[5] == value[5]:
                            chance **= 0.5
                        elif (other[5] - value[5]) % ENTRY:
                            chance *= 0.1
                for place, doubt in doubts:
                    if chosen[place][1] == value[1]:
                        chance *= doubt
                joined.append((p * chance, chosen, value))
        joined.sort(key=chance_of, reverse=True)
        rows = [(p, (*chosen, value)) for p, chosen, value in joined[:MAX_VALUES]]
    return rows


def _key(places: Sequence[int], chosen: Sequence[Value]) -> tuple[Any, ...]:
    """A key of one choice of values, taken from these places; containers go by the rule that gave them."""
    values = [chosen[place][1] for place in places]
    for index, value in enumerate(values):
        if type(value) is list or type(value) is dict:
            values[index] = chosen[places[index]][2]
    return tuple(values)
