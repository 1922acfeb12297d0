"""From counts and a session's state to whole calls with raw chances.

The calls of one tool are worked out together and kept for the session until something they rest on changes: an event
that touches a path the tool's rules read, a turn that makes such a path old, a call of the tool, a new message.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from predictors.pattern.calling import made_key
from predictors.pattern.choosing import NEVER_LATER, Chooser
from predictors.pattern.counts import WIDTH, Counts
from predictors.pattern.entries import ENTRY
from predictors.pattern.filling import Filler, Value, chance_of, value_of
from predictors.pattern.nesting import WHOLE, gathered
from predictors.pattern.pools import STALE
from predictors.pattern.records import PAIR, parse, ranked
from predictors.pattern.rules import MAX_VALUES, ToolRules
from predictors.pattern.sisters import usual_names
from predictors.pattern.standing import Group, KeptCalls, Standing, Watchers
from predictors.pattern.state import State
from predictors.pattern.traits import UNREMARKABLE, Traits, note_traits

MAX_TOOLS = 6
OUTDATED = 32  # calls learned from, after which all rules, and mappings, are worked out afresh
MAX_MADE = 24
LEAST_SHARE = 0.005  # of the chance of a tool's best arguments, below which others are left out
MAX_ROWS = 16  # of one tool
LOCAL_TRUST = 1.0
LOCAL_DOUBT = 1.5
RECORD_USED = 5
LEAST_ARGUMENTS = 0.001
NO_SCHEMA: Mapping[str, Sequence[str]] = {}
NO_CHANCES = [0.0] * WIDTH
MAX_JOINT_TRIED = 4
MIN_CHANCE = 0.01

Row = tuple[float, tuple[Value, ...]]  # chance, a value for each argument
Chosen = tuple[float, Sequence[str], tuple[Value, ...], float]  # chance, arguments, their values, whether of one record


@dataclass(slots=True)
class Call:
    """One call that may be made, with what its chance depends on besides its tool's; arguments within arguments apart.

    together: 1.0 if several arguments come from one record. repeated: 1.0 if this session made it. p_next_part and
    p_use_part: what these add to the scores, once somebody has weighed them. given: the arguments as a call has them,
    and sources: where they came from, once somebody has asked.
    """

    arguments: dict[str, Any]
    order: Sequence[str]
    chosen: Sequence[Value]
    p_arguments: float
    log_arguments: float
    together: float
    reach: float
    repeated: float
    traits: Traits = UNREMARKABLE
    next_part: float = 0.0
    use_part: float = 0.0
    sources: Mapping[str, Any] | None = None
    given: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Guess:
    """One whole call, before calibration. calls_made: how often the session called its tool."""

    tool: str
    call: Call
    context: float
    words: float
    strongest: float
    forms: float
    p_later: float
    calls_made: int = 0

    @property
    def arguments(self) -> dict[str, Any]:
        return self.call.arguments


class Guesser:
    """Raw guesses from counts. Derived tables are made when first asked for, and dropped by `forget`.

    weigh: called with every list of calls that was worked out anew.
    """

    __slots__ = (
        "_era",
        "_outdated",
        "_rules",
        "_takes",
        "chooser",
        "counts",
        "filler",
        "schema",
        "values",
        "watchers",
        "weigh",
    )

    def __init__(
        self,
        counts: Counts,
        values: Any,
        hidden: Mapping[str, frozenset[str]],
        schema: Mapping[str, Sequence[str]] = NO_SCHEMA,
        weigh: Callable[[Sequence[Call]], None] | None = None,
    ) -> None:
        self.schema = schema
        self.counts = counts
        self.values = values
        self.weigh = weigh
        self.chooser = Chooser(counts, schema)
        self.filler = Filler(counts, values, hidden)
        self._rules: dict[str, ToolRules] = {}
        self._takes: dict[str, Sequence[str]] = {}  # tool -> the arguments it usually takes, once somebody asked
        self.watchers: Watchers = {}
        self._outdated = 0  # calls learned from since everything was worked out afresh
        self._era = object()  # what was worked out for sessions in an earlier one stands no longer

    def forget(self, tool: str) -> None:
        """The counts have changed: those of this tool, and words."""
        self._rules.pop(tool, None)
        self.chooser.forget()
        self._outdated += 1
        if self._outdated >= OUTDATED:
            self.forget_all()

    def forget_all(self) -> None:
        """Everything is worked out afresh when it is next asked for."""
        self._outdated = 0
        self.chooser.forget()
        self.filler.forget()
        self._rules.clear()
        self._takes.clear()
        self.watchers.clear()
        self._era = object()

    def use(self, values: Any) -> None:
        """Take constants and changes from here, where the same ones are open."""
        self.values = values
        self.filler.use(values)
        for rules in self._rules.values():
            rules.use(values)

    def warm(self) -> None:
        """Work everything out that does not depend on a session."""
        self.chooser.warm()
        self.filler.mappings()
        for tool in sorted(self.counts.forms):
            self.rules(tool)

    def rules(self, tool: str) -> ToolRules:
        """The rules of one tool."""
        found = self._rules.get(tool)
        if found is None:
            if not self._takes:
                self._takes = dict(self.schema)
                self._takes.update((tool, usual_names(forms)) for tool, forms in self.counts.forms.items())
            found = self._rules[tool] = ToolRules(self.counts, tool, self.values, self._takes)
            for argument in found.arguments():
                for rank, (_, path, _, _, _) in enumerate(argument.rules):
                    self.watchers.setdefault(path, []).append((argument, rank))
        return found

    def standing(self, state: State) -> Standing:
        """What stands of what was worked out in this session, brought up to date."""
        standing: Standing | None = state.standing
        if standing is None or standing.era is not self._era:
            standing = state.standing = Standing(self._era)
        standing.catch_up(state, self.watchers)
        return standing

    def guesses(self, state: State) -> list[Guess]:
        """Whole calls, in no particular order, no call twice."""
        keys = state.contexts()
        later = self.chooser.later(state.later_contexts())
        standing = self.standing(state)
        return [
            Guess(tool, call, context, words, strongest, forms, later.get(tool, NEVER_LATER), state.tools.get(tool, 0))
            for _, tool, context, words, strongest, forms in self.chooser.tools(state, keys)[:MAX_TOOLS]
            for call in self.calls(state, standing, tool)
        ]

    def calls(self, state: State, standing: Standing, tool: str) -> list[Call]:
        """The likeliest calls of one tool, best first."""
        rules = self.rules(tool)
        values_of = self.filler.values
        kept = standing.calls.get(tool)
        if kept is not None and kept.stands(state, rules):
            for argument, values in zip(kept.arguments, kept.values, strict=True):
                if values_of(state, standing, argument) is not values:
                    break
            else:
                return kept.calls
        forms: Sequence[tuple[float, Sequence[str]]] = rules.forms
        if not forms and tool in state.local:
            forms = [(0.9, list(state.local[tool]))]
        elif not forms and self.schema.get(tool):
            forms = [(0.5, self.schema[tool])]
        has_records = bool(rules.joint) or bool(rules.sisters) or tool in state.joint
        found: dict[str, list[Value]] = {}
        groups: list[Group] = []
        likely: list[Chosen] = []
        for share, names in forms:
            rows: list[Chosen] = []
            if self._filled(state, standing, rules, names, found, has_records):
                rows = [(p, names, chosen, 0.0) for p, chosen in _combined([(share, ())], (), names, found, rules)]
            if has_records and len(names) > 1:
                rows = _joint(rows, state, share, names, rules, found, groups)
            if rows:
                least = max(LEAST_ARGUMENTS, LEAST_SHARE * max(map(chance_of, rows)))
                likely += [row for number, row in enumerate(rows) if not number or row[0] >= least]
        likely.sort(key=chance_of, reverse=True)
        out = _calls(likely[:MAX_ROWS], rules, state)
        if WHOLE in "".join(found):
            out = _distinct(out)
        note_traits(out, state.feed.get(tool))
        if self.weigh is not None:
            self.weigh(out)
        standing.calls[tool] = KeptCalls(
            out, rules, [rules.argument(name) for name in found], list(found.values()), groups,
            state.latest.get(tool, -1),
        )  # fmt: skip
        return out

    def _filled(
        self, state: State, standing: Standing, rules: ToolRules, names: Sequence[str], found: dict[str, list[Value]],
        has_records: bool,
    ) -> bool:  # fmt: skip
        """Find values for these arguments, those without rules first: where one has none there is no call, unless
        records give it. Whether all have some."""
        filled = True
        for argument in rules.unlearned_first(names):
            values = found.get(argument.name)
            if values is None:
                values = found[argument.name] = self.filler.values(state, standing, argument)
            if not values:
                filled = False
                if not has_records:
                    break
        return filled


def _calls(rows: Sequence[Chosen], rules: ToolRules, state: State) -> list[Call]:
    """Whole calls of these values."""
    tool = rules.tool
    made = state.made if tool in state.tools else ()
    reached = rules.reached
    out = []
    for p, order, chosen, together in rows:
        arguments = dict(zip(order, map(value_of, chosen), strict=True))
        reach = 1.0
        for value in chosen:
            share = reached[value[2]]
            if share < reach:
                reach = share
        repeated = 1.0 if made and made_key(tool, arguments) in made else 0.0
        out.append(Call(arguments, order, chosen, p, log(p) if p > 0.001 else -7.0, together, reach, repeated))
    return out


def _joint(
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
    for group, paths, chances, rule in _joint_rules(rules, local):
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
            starts = _combined(starts, list(paths), rest, cache, rules) if all(map(cache.get, rest)) else []
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


def _joint_rules(
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


def _combined(
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


def _distinct(calls: Sequence[Call]) -> list[Call]:
    """The calls without those that only put together otherwise what another one has as a whole list."""
    out: dict[str, Call] = {}
    for call in calls:
        out.setdefault(json.dumps(gathered(call.arguments), sort_keys=True, default=repr), call)
    return list(out.values())


def _key(places: Sequence[int], chosen: Sequence[Value]) -> tuple[Any, ...]:
    """A key of one choice of values, taken from these places; containers go by the rule that gave them."""
    values = [chosen[place][1] for place in places]
    for index, value in enumerate(values):
        if type(value) is list or type(value) is dict:
            values[index] = chosen[places[index]][2]
    return tuple(values)
