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

from predictors.pattern.calling import SCALARS, made_key
from predictors.pattern.choosing import NEVER_LATER, Chooser
from predictors.pattern.counts import Counts
from predictors.pattern.filling import Filler, Value, chance_of, value_of
from predictors.pattern.nesting import WHOLE, gathered
from predictors.pattern.rows import LEAST_ARGUMENTS, Chosen, combined, joined, together
from predictors.pattern.rules import ToolRules
from predictors.pattern.sisters import usual_names
from predictors.pattern.standing import KeptCalls, Standing, Watchers, first_fresh
from predictors.pattern.state import State
from predictors.pattern.traits import UNREMARKABLE, Traits, note_traits

MAX_TOOLS = 6
OUTDATED = 32  # calls learned from, after which all rules, and mappings, are worked out afresh
LEAST_SHARE = 0.005  # of the chance of a tool's best arguments, below which others are left out
MAX_ROWS = 16  # of one tool
NO_SCHEMA: Mapping[str, Sequence[str]] = {}


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
        groups: dict[str, int] = {}
        likely: list[Chosen] = []
        for share, names in forms:
            if not self._filled(state, standing, rules, names, found):
                continue
            rows: list[Chosen] = [
                (p, names, chosen, 0.0) for p, chosen in combined([(share, ())], (), names, found, rules)
            ]
            if has_records and len(names) > 1:
                rows = joined(rows, state, share, names, rules, found, together(state, standing, names, rules), groups)
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
            first_fresh(groups.values(), state.boundary), state.latest.get(tool, -1),
        )  # fmt: skip
        return out

    def _filled(
        self, state: State, standing: Standing, rules: ToolRules, names: Sequence[str], found: dict[str, list[Value]]
    ) -> bool:  # fmt: skip
        """Find values for these arguments. Whether all have some: else there is no call, since what records give
        together they give one by one, too.

        What had no value the last time is looked at first, then what has no rules: the rest may not matter.
        """
        order = rules.unlearned_first(names)
        missing = standing.missing.get(rules.tool)
        if missing is not None and missing in names and order[0].name != missing:
            order = sorted(order, key=lambda argument: argument.name != missing)
        for argument in order:
            name = argument.name
            values = found.get(name)
            if values is None:
                values = found[name] = self.filler.values(state, standing, argument)
            if not values:
                standing.missing[rules.tool] = name
                return False
        return True


def _calls(rows: Sequence[Chosen], rules: ToolRules, state: State) -> list[Call]:
    """Whole calls of these values."""
    tool = rules.tool
    made = state.made if tool in state.tools else ()
    used = state.used.get(tool, ())
    out = []
    for p, order, chosen, of_one_record in rows:
        arguments = dict(zip(order, map(value_of, chosen), strict=True))
        repeated = 0.0
        if made:
            for given in arguments.values():
                if type(given) in SCALARS and given not in used:
                    break
            else:
                repeated = 1.0 if made_key(tool, arguments) in made else 0.0
        reach = 1.0
        for value in chosen:
            if value[8] < reach:
                reach = value[8]
        out.append(Call(arguments, order, chosen, p, log(p) if p > 0.001 else -7.0, of_one_record, reach, repeated))
    return out


def _distinct(calls: Sequence[Call]) -> list[Call]:
    """The calls without those that only put together otherwise what another one has as a whole list."""
    out: dict[str, Call] = {}
    for call in calls:
        out.setdefault(json.dumps(gathered(call.arguments), sort_keys=True, default=repr), call)
    return list(out.values())
