"""From counts and a session's state to whole calls with raw chances: which tool, which values for its arguments."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from operator import itemgetter
from typing import Any

from predictors.pattern.counts import ALL, SEPARATOR, WIDTH, Counts
from predictors.pattern.kinds import fits
from predictors.pattern.learning import form_features, later_keys, word_features
from predictors.pattern.mappings import MAPPED, Mappings
from predictors.pattern.pools import STALE
from predictors.pattern.records import PAIR, parse, ranked
from predictors.pattern.rules import LEAST_CONSTANT, LEAST_RULE, MAX_VALUES, ToolRules
from predictors.pattern.state import State

BACK_OFF = 3.0  # turns a coarser context counts for
LOCAL_BACK_OFF = 4.0
WORD_WEIGHT = 0.3  # words are far from independent: their evidence is tempered
WORD_PRIOR = 3.0
MAX_SWING = 4.0
MAX_TOOLS = 6
MAX_POOLS_TRIED = 8
MAX_MADE = 24
LOCAL_TRUST = 1.0
LOCAL_DOUBT = 1.5
RECORD_USED = 5
MAX_CANDIDATES = 24
LEAST_ARGUMENTS = 0.001
LEAST_RATIO = 0.4
UNTRAINED = 0.1
BY_NAME = 0.3  # chance of a value found by its name alone
NEVER_TAKEN = 2.0  # turns in which a path gave nothing that halve the chance of what it gives
REMAP = 32  # calls learned from, after which mappings are made afresh
NO_EVIDENCE: Mapping[str, float] = {}
NO_SCHEMA: Mapping[str, Sequence[str]] = {}
NO_CHANCES = [0.0] * WIDTH
MAX_JOINT_TRIED = 6
MIN_CHANCE = 0.01
MIN_SCORE = -6.5  # log odds below which a tool is not looked at
MAX_KNOWN = 1_024  # contexts whose chances are kept

Value = tuple[float, Any, str, int, int, int]  # chance, value, rule, slot, event, element
Row = tuple[float, dict[str, Any], dict[str, Value]]  # chance, arguments, their origins


@dataclass(slots=True)
class Guess:
    """One whole call, before calibration."""

    tool: str
    arguments: dict[str, Any]
    origins: dict[str, Value]
    context: float
    words: float
    forms: float
    p_arguments: float
    together: float  # 1.0 if several arguments come from one record
    p_later: float
    reach: float
    repeated: bool


class Guesser:
    """Raw guesses from counts. Derived tables are made when first asked for, and dropped by `forget`."""

    __slots__ = (
        "_bases",
        "_chances",
        "_laters",
        "_mappings",
        "_ratios",
        "_rules",
        "_stale",
        "_version",
        "counts",
        "hidden",
        "schema",
        "values",
    )

    def __init__(
        self,
        counts: Counts,
        values: Any,
        hidden: Mapping[str, frozenset[str]],
        schema: Mapping[str, Sequence[str]] = NO_SCHEMA,
    ) -> None:
        self.schema = schema
        self._version = 0
        self.hidden = hidden
        self.counts = counts
        self.values = values
        self._rules: dict[str, ToolRules] = {}
        self._bases: dict[str, list[tuple[str, float, float]]] = {}  # kind of turn -> (tool, chance, log odds)
        self._chances: dict[str, dict[str, float]] = {}  # what `tools` and `later` found for a context
        self._laters: dict[str, dict[str, float]] = {}
        self._mappings: Mappings | None = None
        self._stale = 0  # calls learned from since the mappings were made
        self._ratios: dict[str, list[tuple[str, float]]] = {}

    def forget(self, tool: str) -> None:
        """The counts have changed: those of this tool, and words."""
        self._rules.pop(tool, None)
        self._ratios.clear()
        self._bases.clear()
        self._chances.clear()
        self._laters.clear()
        self._version += 1
        self._stale += 1
        if self._stale >= REMAP:
            self._mappings = None

    def lend(self, mappings: Mappings) -> None:
        """Use these, made from nearly the same counts."""
        self._mappings = mappings

    def mappings(self) -> Mappings:
        """What phrases stand for; worked out afresh every few calls that are learned."""
        if self._mappings is None:
            self._mappings = Mappings(self.counts, lambda digest: bool(self.values.constant("=" + digest)[0]))
            self._stale = 0
        return self._mappings

    def rules(self, tool: str) -> ToolRules:
        """The rules of one tool."""
        found = self._rules.get(tool)
        if found is None:
            found = self._rules[tool] = ToolRules(self.counts, tool, self.values)
        return found

    def tools(self, state: State) -> list[tuple[float, str, float, float, float]]:
        """(chance that the next turn calls it, tool, log odds in context, words' and forms' evidence), best first."""
        contexts = self.counts.contexts
        root = contexts.get(ALL)
        chance: dict[str, float] = {}
        words: Mapping[str, float] = NO_EVIDENCE
        forms: Mapping[str, float] = NO_EVIDENCE
        if root is None:
            chance = dict.fromkeys(self.schema, UNTRAINED)
        else:
            keys = state.contexts()
            finest = keys[-1] if keys else ""
            known = self._chances.get(finest)
            if known is None:
                if len(self._chances) >= MAX_KNOWN:
                    self._chances.clear()
                known = self._chances[finest] = self._in_context(root, keys)
            chance = known
            words, forms = self._evidence(state)
        if state.tools:
            chance = chance.copy()
            followers = state.follow.get(state.signatures[-1] if state.signatures else "^", {})
            total = sum(followers.values())
            for tool in state.tools:
                if tool not in chance:
                    chance[tool] = 0.05
            if total:
                for tool, p in chance.items():
                    chance[tool] = (followers.get(tool, 0) + LOCAL_BACK_OFF * p) / (total + LOCAL_BACK_OFF)
        out = []
        words_of, forms_of = words.get, forms.get
        for tool, p in chance.items():
            context = -7.0 if p < 0.001 else 7.0 if p > 0.999 else log(p / (1 - p))
            word = words_of(tool, 0.0) * WORD_WEIGHT
            if not -MAX_SWING < word < MAX_SWING:
                word = MAX_SWING if word > 0 else -MAX_SWING
            form = forms_of(tool, 0.0)
            if not -MAX_SWING < form < MAX_SWING:
                form = MAX_SWING if form > 0 else -MAX_SWING
            best = context + 0.5 * word + 0.5 * form
            if best >= MIN_SCORE:
                out.append((best, tool, context, word, form))
        out.sort(key=_best_first)
        return out

    def _in_context(self, root: Mapping[str, float], keys: Sequence[str]) -> dict[str, float]:
        """For each tool, the chance that the next turn calls it in these contexts, coarse first."""
        chance: dict[str, float] = {}
        total = root[ALL] + 1
        for tool, count in root.items():
            if tool:
                chance[tool] = (count + 0.1) / total
        for tool in self.schema:
            if tool not in chance:
                chance[tool] = 0.1 / total
        for depth, key in enumerate(keys):
            row = self.counts.contexts.get(key)
            if row is None or row[ALL] <= 0:
                break
            if depth == 1 and len(chance) > MAX_CANDIDATES:
                kept = sorted(chance, key=lambda tool: (-chance[tool], tool))[:MAX_CANDIDATES]
                chance = {tool: chance[tool] for tool in kept}
            total = row[ALL] + BACK_OFF
            get = row.get
            for tool, p in chance.items():
                chance[tool] = (get(tool, 0) + BACK_OFF * p) / total
        return chance

    def _evidence(self, state: State) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """What words and forms say about each tool; computed once for each thing the user says."""
        ratios = self._ratios
        key = (self._version, state.times_asked, state.asked)
        kept = state.evidence
        if kept is not None and kept[0] is self and kept[1] == key:
            words = kept[2]
        else:
            words = defaultdict(float)
            for feature in word_features(state):
                found = ratios.get(feature)
                if found is None:
                    found = ratios[feature] = self._ratio(feature)
                for tool, ratio in found:
                    words[tool] += ratio
            state.evidence = (self, key, words)
        forms: dict[str, float] = {}
        for feature in form_features(state):
            found = ratios.get(feature)
            if found is None:
                found = ratios[feature] = self._ratio(feature)
            for tool, ratio in found:
                forms[tool] = forms.get(tool, 0.0) + ratio
        return words, forms

    def _ratio(self, feature: str) -> list[tuple[str, float]]:
        """How the log odds of each tool move when this feature is there."""
        row = self.counts.words.get(feature)
        if row is None or row[ALL] <= 0:
            return []
        kind = "U" if feature[0] in "fum" else ""
        bases = self._bases.get(kind)
        if bases is None:
            base = self._base(kind) or {}
            bases = self._bases[kind] = []
            for tool, count in base.items():
                q = (count + 0.2) / (base[ALL] + 1)
                if tool and 0 < q < 1:
                    bases.append((tool, q, log(q / (1 - q))))
        out = []
        get = row.get
        total = row[ALL] + WORD_PRIOR
        for tool, q, odds in bases:
            p = (get(tool, 0) + WORD_PRIOR * q) / total
            if 0 < p < 1:
                ratio = log(p / (1 - p)) - odds
                if ratio > LEAST_RATIO or ratio < -LEAST_RATIO:
                    out.append((tool, ratio))
        return out

    def _base(self, kind: str) -> Mapping[str, float] | None:
        """Turns after the user spoke ("U"), or all others."""
        contexts = self.counts.contexts
        asked = contexts.get("U")
        if kind:
            return asked
        total = contexts[ALL]
        if asked is None:
            return total
        return {tool: count - asked.get(tool, 0) for tool, count in total.items()}

    def later(self, state: State) -> dict[str, float]:
        """For each tool, the chance that the session calls it from now on."""
        keys = later_keys(state)
        known = self._laters.get(keys[-1])
        if known is not None:
            return known
        chance: dict[str, float] = {}
        for key in keys:
            row = self.counts.later.get(key)
            if row is None:
                break
            total = row[ALL] + BACK_OFF
            if not chance:
                chance = {tool: (count + 0.1) / (row[ALL] + 1) for tool, count in row.items() if tool}
            else:
                for tool, p in chance.items():
                    chance[tool] = (row.get(tool, 0) + BACK_OFF * p) / total
        if len(self._laters) >= MAX_KNOWN:
            self._laters.clear()
        self._laters[keys[-1]] = chance
        return chance

    def _values(self, state: State, tool: str, name: str, rules: ToolRules) -> list[Value]:
        if name in self.hidden.get(tool, ()):
            return []
        pools = state.pools
        used = state.used.get(tool) or {}
        found: dict[Any, list[Any]] = {}
        tried = 0
        for _, path, change, chances, left in rules.arguments.get(name, ()):
            pool = pools.get(path)
            if pool is None:
                continue
            tried += 1
            if tried > MAX_POOLS_TRIED:
                break
            for slot, value, event, element in pool.slots(used, state, left):
                p = chances[slot]
                if p < LEAST_RULE:
                    continue
                if change:
                    value = self.values.changed(change, value)
                    if value is None:
                        continue
                entry = found.get(value)
                if entry is None:
                    found[value] = [p, 0.0, value, path + "|" + change if change else path, slot, event, element]
                elif p > entry[0]:
                    entry[:] = [p, entry[0], value, path + "|" + change if change else path, slot, event, element]
                elif p > entry[1]:
                    entry[1] = p
        stage = state.stage(tool) if rules.constants.get(name) else 0
        for _, value, rule, by_stage in rules.constants.get(name, ()):
            p = by_stage[stage]
            if p < LEAST_CONSTANT:
                continue
            if type(value) in (list, dict):
                key = json.dumps(value, sort_keys=True)
                _add(found, p, key, rule, 0, -1, 0)
                found[key][2] = value
            else:
                _add(found, p, value, rule, 0, -1, 0)
        kinds = self.counts.kinds.get(tool + SEPARATOR + name)
        if kinds:
            for row in found.values():
                if row[5] >= 0:  # what an event gave
                    fit = fits(kinds, row[2])
                    if row[3].startswith(("user", "model")):
                        fit *= self._known_for(state, tool, name, row[2])
                    row[0] *= fit
                    row[1] *= fit
        if state.heard:
            for p, digest in self.mappings().values(tool, name, state.phrases(tool)):
                usable, value = self.values.constant("=" + digest)
                if usable and type(value) is str:
                    _add(found, p, value, MAPPED + digest, 0, -1, 0)
        if not found:
            calls = state.tools.get(tool, 0)
            for (path, slot), count in (state.local.get(tool, {}).get(name) or {}).items():
                pool = pools.get(path)
                if pool is None:
                    continue
                for offered, value, event, element in pool.slots(used, state):
                    if offered % STALE == slot % STALE:
                        _add(found, (count - 0.3) / (calls + 0.7), value, path, offered, event, element)
        if not found:
            for path in state.named(name)[:MAX_POOLS_TRIED]:
                for rank, (slot, value, event, element) in enumerate(pools[path].slots(used, state)):
                    _add(found, BY_NAME / (1 + rank), value, path, slot, event, element)
        out = [
            (p + 0.15 * second * (1 - p), value, rule, slot, event, element)
            for p, second, value, rule, slot, event, element in found.values()
        ]
        out.sort(key=_chance, reverse=True)
        return out[:MAX_VALUES]

    def _known_for(self, state: State, tool: str, name: str, value: Any) -> float:
        """How much less likely a value in a text is if results gave it only as what this argument never was."""
        taken = self.counts.takes.get(tool, {}).get(name, {})
        offers = self.counts.offers.get(tool, {})
        turns = 0.0
        for path in state.where.get(value, ()):
            if path.startswith(("user", "model")) or "(" in path or ":" in path:
                continue
            row = taken.get(path)
            if row is not None and sum(row) > 0:
                return 1.0
            turns = max(turns, sum(offers.get(path, ())))
        return NEVER_TAKEN / (turns + NEVER_TAKEN)

    def guesses(self, state: State) -> list[Guess]:
        """Whole calls, in no particular order, no call twice."""
        later = self.later(state)
        out: dict[Any, Guess] = {}
        for total, tool, context, word, spoken in self.tools(state)[:MAX_TOOLS]:
            if total < MIN_SCORE:
                break
            rules = self.rules(tool)
            forms: Sequence[tuple[float, Sequence[str]]] = rules.forms
            if not forms and tool in state.local:
                forms = [(0.9, list(state.local[tool]))]
            elif not forms and self.schema.get(tool):
                forms = [(0.5, self.schema[tool])]
            reach = self.counts.reach.get(tool, {})
            everything = self.counts.reach.get(ALL, {})
            cache: dict[str, list[Value]] = {}
            for share, names in forms:
                rows = self._combined(state, tool, [(share, {}, {})], names, rules, cache)
                apart = len(rows)
                if len(names) > 1 and (rules.joint or tool in state.joint):
                    rows.extend(self._joint(state, tool, share, names, rules, cache))
                for number, (p, arguments, origins) in enumerate(rows):
                    if p < LEAST_ARGUMENTS and number:
                        continue
                    key = _guess_key(tool, arguments, origins)
                    earlier = out.get(key)
                    if earlier is not None:
                        earlier.p_arguments = max(p, earlier.p_arguments)
                        if number >= apart:
                            earlier.together = 1.0
                        continue
                    reached = 1.0
                    for _, _, rule, _, _, _ in origins.values():
                        row, whole = reach.get(rule), everything.get(rule)
                        if row is not None and whole is not None:
                            reached = min(reached, max(0.1, row[0] + 0.1) / (max(0.0, whole[0]) + 1))
                    out[key] = Guess(
                        tool, arguments, origins, context, word, spoken, p, 1.0 if number >= apart else 0.0,
                        later.get(tool, 0.02), reached, key in state.made,
                    )  # fmt: skip
        return list(out.values())

    @staticmethod
    def _joint_rules(rules: ToolRules, local: Mapping[str, int]) -> list[tuple[str, dict[str, str], list[float], str]]:
        """Joint rules to try, those that gave calls of this session first."""
        learned = [(group, paths, chances, rule) for _, group, paths, chances, rule in rules.joint]
        if not local:
            return learned
        known = {each[3]: each for each in learned}
        recent = sorted(local, key=lambda rule: (-rule.count(PAIR), -local[rule], rule))[:4]
        first = [known[rule] if rule in known else (*parse(rule), NO_CHANCES, rule) for rule in recent]
        return first + [each for each in learned if each[3] not in local]

    def _joint(
        self,
        state: State,
        tool: str,
        share: float,
        names: Sequence[str],
        rules: ToolRules,
        cache: dict[str, list[Value]],
    ) -> list[Row]:
        """Calls whose arguments come from one record, the rest of them as usual."""
        groups = state.records.groups
        out: dict[Any, Row] = {}
        made = [arguments for other, arguments in state.calls if other == tool][-MAX_MADE:]
        local = state.joint.get(tool) or {}
        tried = 0
        for group, paths, chances, rule in self._joint_rules(rules, local):
            rows = groups.get(group)
            if rows is None or not all(name in names for name in paths):
                continue
            tried += 1
            if tried > MAX_JOINT_TRIED:
                break
            rest = [name for name in names if name not in paths]
            starts: list[Row] = []
            here = local.get(rule, 0)
            if here:  # what gave this session's calls so far is likely to give the next one too
                share_here = LOCAL_TRUST * here / (LOCAL_TRUST * here + LOCAL_DOUBT)
            rank_share = 0.8
            for slot, (event, element, fields) in ranked(rows, paths, made, state.boundary):
                p = chances[slot]
                if here and slot % STALE != RECORD_USED:
                    p += (1 - p) * share_here * rank_share
                    rank_share *= 0.4
                if p < MIN_CHANCE:
                    continue
                given = {name: fields[path] for name, path in paths.items()}
                origins: dict[str, Value] = {
                    name: (p, fields[path], path, slot, event, element) for name, path in paths.items()
                }
                starts.append((share * p, given, origins))
            if rest and starts:
                starts = self._combined(state, tool, starts, rest, rules, cache)
            for row in starts:
                key = _guess_key(tool, row[1], row[2])
                if key not in out or out[key][0] < row[0]:
                    out[key] = row
        return list(out.values())

    def _combined(
        self, state: State, tool: str, rows: list[Row], names: Sequence[str], rules: ToolRules,
        cache: dict[str, list[Value]],
    ) -> list[Row]:  # fmt: skip
        """Every row with values for these arguments added, the best few of them."""
        for name in names:
            values = cache.get(name)
            if values is None:
                values = cache[name] = self._values(state, tool, name, rules)
            if not values:
                return []
            if len(rows) == 1 and not rows[0][1]:  # the first argument: values are in order
                p = rows[0][0]
                rows = [(p * value[0], {name: value[1]}, {name: value}) for value in values]
                continue
            joined = [
                (p * _together(value, origins), arguments, origins, value)
                for p, arguments, origins in rows
                for value in values
            ]
            joined.sort(key=_chance, reverse=True)
            rows = [
                (p, {**arguments, name: value[1]}, {**origins, name: value})
                for p, arguments, origins, value in joined[:MAX_VALUES]
            ]
        return rows


def _together(value: Value, origins: Mapping[str, Value]) -> float:
    """The chance of a value beside those chosen already: fields of one record go together."""
    chance, _, _, _, event, element = value
    if event >= 0:
        for _, _, rule, _, other_event, other_element in origins.values():
            if other_event == event and not rule.startswith(("user", "model")):
                return float(chance**0.5) if other_element == element else chance * 0.1
    return chance


def _add(found: dict[Any, list[Any]], p: float, value: Any, rule: str, slot: int, event: int, element: int) -> None:
    entry = found.get(value)
    if entry is None:
        found[value] = [p, 0.0, value, rule, slot, event, element]
    elif p > entry[0]:
        entry[:] = [p, entry[0], value, rule, slot, event, element]
    elif p > entry[1]:
        entry[1] = p


_chance = itemgetter(0)


def _best_first(row: tuple[float, str, float, float, float]) -> tuple[float, str]:
    return -row[0], row[1]


def _guess_key(tool: str, arguments: Mapping[str, Any], origins: Mapping[str, Value]) -> Any:
    """A key of one guess; containers go by the rule that gave them."""
    for value in arguments.values():
        if type(value) is list or type(value) is dict:
            return (tool, frozenset((n, origins[n][2] if type(v) in (list, dict) else v) for n, v in arguments.items()))
    return (tool, frozenset(arguments.items()))
