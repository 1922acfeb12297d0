"""What the counts say about one tool's arguments, ready to be applied."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from predictors.pattern.changes import ALL_OF, CHANGES, fill
from predictors.pattern.counts import ALL, Counts, wide
from predictors.pattern.learning import DIFFERENT, EQUAL, STAGES
from predictors.pattern.nesting import packed
from predictors.pattern.pools import FOLLOWING, LEFT, LEFT_MENTIONED, STALE
from predictors.pattern.records import JOIN, parse
from predictors.pattern.sealing import SEPARATOR, is_sealed
from predictors.pattern.sisters import Joint, sister_rules
from predictors.pattern.text import is_spoken
from predictors.pattern.traits import marks_of
from predictors.pattern.vault import Vault

MAX_VALUES = 6
SAME = 0.5  # calls with two arguments that are the same, and with two that differ, before any was seen
MAX_RULES = 40
MAX_FREQUENT = 24  # kept besides: of the others, those that gave most values
MAX_JOINT = 16
MAX_CONSTANTS = 12
MAX_PAIRS = 1_024  # of arguments, of which it is kept how often they are the same
MAX_ORDERS = 64
MAX_ABOUT = 1_024
LEAST_CONSTANT = 0.004
LEAST_RULE = 0.006
NOTHING: Mapping[str, Sequence[str]] = {}
AS_NEXT = 1.0  # turns in which what follows the last one used was as likely as the next, assumed before any was seen
AHEAD = 0.04  # of the chance of the next one of a list: at least that of those after it


class Try(NamedTuple):
    """A joint rule as it gives some of the arguments of a call. order: these, and then the rest. places: where each of
    the call's arguments stands among them."""

    group: str
    paths: Mapping[str, str]
    chances: Sequence[float]
    rule: str
    order: Sequence[str]
    rest: Sequence[str]
    places: Sequence[int]


def tries_of(rules: Iterable[Joint], names: Sequence[str]) -> list[Try]:
    """Those of these joint rules that give only arguments of these names."""
    out = []
    for group, paths, chances, rule in rules:
        if all(name in names for name in paths):
            rest = [name for name in names if name not in paths]
            order = [*paths, *rest]
            out.append(Try(group, paths, chances, rule, order, rest, [order.index(name) for name in names]))
    return out


class OpenValues:
    """Constants and changes as they are: for predicting."""

    __slots__ = ("_templates", "vault")

    def __init__(self, vault: Vault) -> None:
        self.vault = vault

    def constant(self, rule: str) -> tuple[bool, Any]:
        """(whether it may be used, the value) of "=digest"."""
        text = self.vault.value(rule[1:])
        return (False, None) if text is None else (True, json.loads(text))

    def changed(self, change: str, value: Any) -> Any:
        """The value after "lower", "=template's digest" …; None if it does not apply."""
        if change[0] == "=":
            template = self.vault.value(change[1:])
            return None if template is None else fill(template, value)
        return CHANGES[change](value)

    def all_of(self, change: str, values: Sequence[Any]) -> Any:
        """All of these values, changed so, as one; None if it does not apply."""
        changed = list(map(ALL_OF[change], values))
        return None if None in changed else packed(changed)


class ArgumentRules:
    """What the counts say about one argument: rules (best chance, path, change, chance by slot, whether leftovers
    count) and constants (best chance, value, rule, chance by stage), best first; the kinds its values were of."""

    __slots__ = (
        "_reached",
        "about",
        "after",
        "constants",
        "fit_of",
        "kinds",
        "name",
        "never",
        "paths",
        "rules",
        "tool",
    )

    def __init__(self, tool: str, name: str, reached: Mapping[str, float]) -> None:
        """reached: see `_Reached`."""
        self.tool = tool
        self.name = name
        self._reached = reached
        self.about: dict[tuple[str, int], tuple[bool, int, float]] = {}  # rule and slot -> see `learn_about`
        self.rules: list[tuple[float, str, str, list[float], bool]] = []
        self.paths: Sequence[str] = ()  # of the rules
        self.constants: list[tuple[float, Any, str, list[float]]] = []
        self.kinds: Mapping[str, float] = {}
        self.after: dict[str, float] = {}  # path of a form after a word -> how much less likely the form is there
        self.fit_of: dict[str | None, float] = {}  # kind -> what `kinds.fits` said
        self.never: dict[str, float] = {}  # a result's path -> turns in which it gave something else, -1 if it was it

    def learn(
        self, rows: Mapping[str, list[float]], offers: Mapping[str, list[float]], stages: Sequence[float], values: Any
    ) -> None:
        """Work the rules out from counts."""
        for rule, row in rows.items():
            taken = wide(row)
            if rule[0] == "=":
                chances = [(t - 0.4) / (n + 0.6) if t > 0.4 else 0.0 for t, n in zip(taken, stages, strict=True)]
                best = max(chances)
                if best > LEAST_CONSTANT:
                    usable, value = values.constant(rule)
                    if usable:
                        self.constants.append((best, value, rule, chances))
                continue
            path, _, change = (
                rule.rpartition("|")
                if (last := rule.rpartition("|")[2]) in CHANGES or last in ALL_OF or "|=" in rule
                else (rule, "", "")
            )
            offered = offers.get(path)
            if offered is None or min(offered) < 0:  # below 0: bounded away, while a digest is taken out
                continue
            there = wide(offered)
            chances = [(t - 0.4) / (max(t, o) + 0.6) if t > 0.4 else 0.0 for t, o in zip(taken, there, strict=True)]
            for first in (0, STALE):  # what comes after the next may be fetched ahead
                for slot in (first + 1, first + 2, first + LEFT):
                    chances[slot] = max(chances[slot], AHEAD * chances[first])
                t, o = taken[first + FOLLOWING], there[first + FOLLOWING]
                chances[first + FOLLOWING] = (t + AS_NEXT * chances[first]) / (max(t, o) + AS_NEXT)
            best = max(chances)
            if best > LEAST_RULE:
                left = max(
                    chances[LEFT], chances[LEFT_MENTIONED], chances[LEFT + STALE], chances[LEFT_MENTIONED + STALE]
                )
                self.rules.append((best, path, change, chances, left > LEAST_RULE))
        self.rules.sort(key=lambda each: (-each[0], each[1], each[2]))
        if len(self.rules) > MAX_RULES:  # a text's many odd forms, sure by luck, leave room for its usual ones

            def given(rule: tuple[float, str, str, list[float], bool]) -> float:
                _, path, change, _, _ = rule
                return sum(rows[f"{path}|{change}" if change else path])

            others = sorted(self.rules[MAX_RULES:], key=given, reverse=True)
            self.rules[MAX_RULES:] = others[:MAX_FREQUENT]
            self.rules.sort(key=lambda each: (-each[0], each[1], each[2]))
        self.constants.sort(key=lambda each: (-each[0], each[2]))
        del self.constants[MAX_CONSTANTS:]
        self.paths = [path for _, path, _, _, _ in self.rules]

    def learn_about(self, rule: str, slot: int) -> tuple[bool, int, float]:
        """What values of this rule and slot say of a call: whether they may be a record's field, their marks (see
        `traits`), how many of those that the rule's path offered were used later."""
        if len(self.about) >= MAX_ABOUT:
            self.about.clear()
        found = not is_spoken(rule), marks_of(rule, slot), self._reached[rule]
        self.about[rule, slot] = found
        return found

    def __len__(self) -> int:
        return len(self.rules) + len(self.constants)


class ToolRules:
    """What the counts say about one tool's arguments, ready to be applied."""

    __slots__ = ("_arguments", "_kinds", "_orders", "_same", "_tries", "forms", "joint", "reached", "sisters", "tool")

    def __init__(self, counts: Counts, tool: str, values: Any, takes: Mapping[str, Sequence[str]] = NOTHING) -> None:
        """takes: the arguments that every tool usually takes."""
        self.tool = tool
        self._kinds = counts.kinds
        self._same: dict[tuple[str, str], float] = {}
        self._orders: dict[tuple[str, ...], Sequence[ArgumentRules]] = {}
        self._tries: dict[tuple[str, ...], Sequence[Try]] = {}
        self.reached = _Reached(counts.reach.get(tool, {}), counts.reach.get(ALL, {}))
        forms = counts.forms.get(tool, {})
        total = forms.get(ALL, 0)
        self.forms = [
            (count / total, key.split(SEPARATOR) if key else [])
            for key, count in sorted(forms.items(), key=lambda each: (-each[1], each[0]))
            if (key or len(forms) == 1) and count > 0
        ]
        if total and not self.forms:
            self.forms = [(1.0, [])]
        self.forms = [form for form in self.forms if not any(map(is_sealed, form[1]))][:3]
        offers = counts.offers.get(tool, {})
        stages = wide(offers.get(STAGES) or [])
        joint = counts.joint.get(tool, {})
        found = []
        for rule, taken in joint.items():
            if JOIN not in rule:
                continue
            group, paths = parse(rule)
            there = joint.get(group)
            if there is None:
                continue
            there = wide(there)
            fresh, stale = there[0], there[STALE]
            chances = [
                (t - 0.4) / ((fresh if slot < STALE else stale) + 0.6) if t > 0.4 else 0.0
                for slot, t in enumerate(wide(taken))
            ]
            if max(chances) > 0.02:
                found.append((max(chances), group, paths, chances, rule))
        found.sort(key=lambda each: (-each[0], each[4]))
        self.joint = found[:MAX_JOINT]
        self.sisters = sister_rules(tool, takes.get(tool, ()), takes, joint)
        self._arguments: dict[str, ArgumentRules] = {}
        for name, rows in counts.takes.get(tool, {}).items():
            argument = self._arguments[name] = ArgumentRules(tool, name, self.reached)
            argument.learn(rows, offers, stages, values)
            argument.kinds = counts.kinds.get(tool + SEPARATOR + name) or {}

    def use(self, values: Any) -> None:
        """Take constants from here, where the same ones are open."""
        for argument in self._arguments.values():
            argument.constants = [
                (best, values.constant(rule)[1], rule, chances) for best, _, rule, chances in argument.constants
            ]

    def same(self, one: str, other: str) -> float:
        """How much less likely a value is for one of these arguments if the other has it already."""
        found = self._same.get((one, other))
        if found is None:
            found = 1.0
            row = self._kinds.get(SEPARATOR.join((self.tool, *sorted((one, other)))))
            if row is not None:
                equal = max(0.0, row.get(EQUAL, 0))
                found = min(1.0, 2 * (equal + SAME) / (equal + max(0.0, row.get(DIFFERENT, 0)) + 2 * SAME))
            if len(self._same) < MAX_PAIRS:
                self._same[one, other] = found
        return found

    def joint_rules(self) -> list[Joint]:
        """The joint rules, best first, those of sisters before others."""
        learned: list[Joint] = [(group, paths, chances, rule) for _, group, paths, chances, rule in self.joint]
        if self.sisters:
            assumed = {each[3] for each in self.sisters}
            learned = [*self.sisters, *(each for each in learned if each[3] not in assumed)]
        return learned

    def tries(self, names: Sequence[str]) -> Sequence[Try]:
        """Those of them that give some of these arguments and no other."""
        key = tuple(names)
        found = self._tries.get(key)
        if found is None:
            found = tries_of(self.joint_rules(), names)
            if len(self._tries) < MAX_ORDERS:
                self._tries[key] = found
        return found

    def unlearned_first(self, names: Sequence[str]) -> Sequence[ArgumentRules]:
        """The rules of these arguments, those of which nothing is known first."""
        key = tuple(names)
        found = self._orders.get(key)
        if found is None:
            found = sorted(map(self.argument, names), key=lambda argument: bool(len(argument)))
            if len(self._orders) < MAX_ORDERS:
                self._orders[key] = found
        return found

    def argument(self, name: str) -> ArgumentRules:
        """The rules of one argument; none, if nothing was learned of it."""
        found = self._arguments.get(name)
        if found is None:
            found = self._arguments[name] = ArgumentRules(self.tool, name, self.reached)
        return found

    def arguments(self) -> Sequence[ArgumentRules]:
        """All that are known."""
        return list(self._arguments.values())


class _Reached(dict[str, float]):
    """By rule: the share of the values its path offered that the tool was called with later; 1.0 if not known."""

    __slots__ = ("_all", "_rows")

    def __init__(self, rows: Mapping[str, Sequence[float]], everything: Mapping[str, Sequence[float]]) -> None:
        self._rows, self._all = rows, everything

    def __missing__(self, rule: str) -> float:
        row, whole = self._rows.get(rule), self._all.get(rule)
        share = 1.0 if row is None or whole is None else max(0.1, row[0] + 0.1) / (max(0.0, whole[0]) + 1)
        self[rule] = share
        return share
