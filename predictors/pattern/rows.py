"""Rows: values for all arguments of a call, put together argument by argument or taken from one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import is_
from typing import Any

from predictors.pattern.counts import WIDTH
from predictors.pattern.entries import ENTRY
from predictors.pattern.filling import Value, chance_of
from predictors.pattern.pools import STALE
from predictors.pattern.records import PAIR, Record, parse, ranked
from predictors.pattern.rules import MAX_VALUES, ToolRules, Try, tries_of
from predictors.pattern.sisters import Joint
from predictors.pattern.standing import MAX_KEPT, MadeOf, Standing, Together
from predictors.pattern.state import State
from predictors.pattern.traits import marks_of

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
    cache: Mapping[str, list[Value]], kept: Together, seen: dict[str, int],
) -> list[Chosen]:  # fmt: skip
    """The calls, and those whose arguments come from one record, the rest of them as usual.

    kept: what was made of records for these arguments; is brought up to date. seen: is told of every group that was
    looked for, with its latest event, -1 if there is none.
    """
    groups = state.records.groups
    boundary = state.boundary
    made_of = kept.rows
    tried = 0
    most = MAX_JOINT_TRIED + len(rules.sisters)
    found: dict[Any, Chosen] = {}
    for each in kept.tries:
        records = groups.get(each.group)
        if records is None:
            seen[each.group] = -1
            continue
        tried += 1
        if tried > most:
            break
        latest = seen[each.group] = records[-1][0]
        made = made_of.get(each.rule)
        if made is None or made.latest != latest or made.is_fresh != (latest >= boundary):
            made = made_of[each.rule] = MadeOf(latest, latest >= boundary, _starts(each, share, records, state, rules))
        if not made.starts:
            continue
        rest = [cache[name] for name in each.rest]
        if made.rows is None or not all(map(is_, rest, made.rest)):
            made.rest = rest
            made.rows = _completed(made.starts, each, cache, rules)
        for key, row in made.rows:
            if key not in found or found[key][0] < row[0]:
                found[key] = row
    if not found:
        return apart
    out = {_key(range(len(names)), row[2]): row for row in apart}
    for key, row in found.items():
        other = out.get(key)
        out[key] = row if other is None else (max(other[0], row[0]), other[1], other[2], 1.0)
    return list(out.values())


def together(state: State, standing: Standing, names: Sequence[str], rules: ToolRules) -> Together:
    """What was made of records for these arguments since the tool's last call."""
    tool = rules.tool
    key = (tool, *names)
    found = standing.together.get(key)
    latest = state.latest.get(tool, -1)
    if found is None or found.latest != latest or found.rules is not rules:
        local = state.joint.get(tool)
        tries = tries_of(_rules_to_try(rules, local), names) if local else rules.tries(names)
        if len(standing.together) >= MAX_KEPT:
            standing.together.clear()
        found = standing.together[key] = Together(latest, rules, tries, {})
    return found


def _starts(each: Try, share: float, records: Sequence[Record], state: State, rules: ToolRules) -> list[Row]:
    """The arguments that come from one record, for every record that may be next."""
    tool, paths, chances = rules.tool, each.paths, each.chances
    made = state.recent.get(tool, [])[-MAX_MADE:]
    stale = 0 if records[-1][0] >= state.boundary else STALE
    here = (state.joint.get(tool) or {}).get(each.rule, 0)
    if here:  # what gave this session's calls so far is likely to give the next one too
        share_here = LOCAL_TRUST * here / (LOCAL_TRUST * here + LOCAL_DOUBT)
    rank_share = 0.8
    out: list[Row] = []
    for slot, (event, element, fields) in ranked(records, paths, made):
        is_used = slot == RECORD_USED
        slot += stale
        p = chances[slot]
        if here and not is_used:
            p += (1 - p) * share_here * rank_share
            rank_share *= 0.4
        if p >= MIN_CHANCE:
            values = [
                (p, fields[path], path, slot, event, element, event, marks_of(path, slot), rules.reached[path])
                for path in paths.values()
            ]
            out.append((share * p, tuple(values)))
    return out


def _completed(
    starts: list[Row], each: Try, cache: Mapping[str, list[Value]], rules: ToolRules
) -> list[tuple[Any, Chosen]]:
    """These rows with values for the other arguments, and what tells one from the other."""
    if each.rest:
        starts = combined(starts, each.order[: -len(each.rest)], each.rest, cache, rules)
    return [(_key(each.places, chosen), (p, each.order, chosen, 1.0)) for p, chosen in starts if p >= LEAST_ARGUMENTS]


def _rules_to_try(rules: ToolRules, local: Mapping[str, int]) -> list[Joint]:
    """Joint rules to try, those that gave calls of this session first."""
    learned = rules.joint_rules()
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
        if len(rows) == 1 and not rows[0][1]:  # the first argument: values are in order
            p = rows[0][0]
            rows = [(p * value[0], (value,)) for value in values]
            order.append(name)
            continue
        doubts = [(place, doubt) for place, other in enumerate(order) if (doubt := rules.same(other, name)) < 1]
        order.append(name)
        events = {value[4] for value in values}
        events.discard(-1)
        best = values[0][0]
        least = 0.0  # the chance that is needed to be among the best few
        found: list[tuple[float, tuple[Value, ...], Value]] = []
        for p, chosen in rows:
            records = {other[6]: other for other in reversed(chosen) if other[6] in events}  # the first of each
            if p * (best**0.5 if records else best) <= least:
                continue
            given = [chosen[place][1] for place, _ in doubts]
            for value in values:
                chance = value[0]
                if records and value[4] in records:
                    other = records[value[4]]
                    if other[1] != value[1]:  # the same value once more is no other field of its record
                        if other[5] == value[5]:
                            chance **= 0.5
                        elif (other[5] - value[5]) % ENTRY:
                            chance *= 0.1
                chance *= p
                if chance <= least:
                    if records:
                        continue
                    break
                if given and value[1] in given:
                    for held, (_, doubt) in zip(given, doubts, strict=True):
                        if held == value[1]:
                            chance *= doubt
                found.append((chance, chosen, value))
            if len(found) >= MAX_VALUES:
                found.sort(key=chance_of, reverse=True)
                del found[MAX_VALUES:]
                least = found[-1][0]
        found.sort(key=chance_of, reverse=True)
        rows = [(p, (*chosen, value)) for p, chosen, value in found]
    return rows


def _key(places: Sequence[int], chosen: Sequence[Value]) -> tuple[Any, ...]:
    """A key of one choice of values, taken from these places; containers go by the rule that gave them."""
    values = [chosen[place][1] for place in places]
    for index, value in enumerate(values):
        if type(value) is list or type(value) is dict:
            values[index] = chosen[places[index]][2]
    return tuple(values)
