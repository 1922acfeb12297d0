"""Values for one argument of a tool: what the rules give in this session, with raw chances, the best few."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from predictors.pattern.changes import ALL_OF
from predictors.pattern.counts import Counts
from predictors.pattern.doubting import Doubts
from predictors.pattern.mappings import MAPPED, Mappings
from predictors.pattern.nesting import field_of, owner_of
from predictors.pattern.phrases import Phrase
from predictors.pattern.pools import AGAIN, MAX_LOOK_BACK, MAX_SEGMENT, STALE, Pool, Segment, Slotted
from predictors.pattern.rules import LEAST_CONSTANT, LEAST_RULE, MAX_VALUES, ArgumentRules
from predictors.pattern.standing import Doubted, KeptValues, Standing, first_fresh
from predictors.pattern.state import MAX_HEARD, State
from predictors.pattern.text import is_spoken

MAX_POOLS_TRIED = 8
BY_NAME = 0.3  # chance of a value found by its name alone
LEAST_SHARE = 0.1  # of the best chance so far: rules that give less than this at best are not tried
SPOKEN = "um"  # how paths begin of what the user or the model said
SECOND = 0.15  # of what a second rule adds that gives the same value

# chance, value, rule, slot, event, element, event again if it was a record's field (-1: a text's part, a constant),
# what it says of a call (see `traits`), how many of the values that the rule's path offered were used later
Value = tuple[float, Any, str, int, int, int, int, int, float]
Found = dict[Any, list[Any]]
Read = tuple[Sequence[Segment], int]
Heeded = tuple[Segment, Sequence[int]]
NO_FITS: Doubted = {}

chance_of = itemgetter(0)
value_of = itemgetter(1)


def _add(found: Found, p: float, value: Any, rule: str, slot: int, event: int, element: int) -> None:
    entry = found.get(value)
    if entry is None:
        found[value] = [p, 0.0, value, rule, slot, event, element]
    elif p > entry[0]:
        entry[:] = [p, entry[0], value, rule, slot, event, element]
    elif p > entry[1]:
        entry[1] = p


class Filler:
    """Finds values for arguments, and keeps them while they stand."""

    __slots__ = ("_counts", "_doubts", "_hidden", "_values", "known_mappings")

    def __init__(self, counts: Counts, values: Any, hidden: Mapping[str, frozenset[str]]) -> None:
        self._counts = counts
        self._doubts = Doubts(counts)
        self._hidden = hidden
        self._values = values
        self.known_mappings: Mappings | None = None

    def mappings(self) -> Mappings:
        """What phrases stand for, worked out when first asked for."""
        if self.known_mappings is None:
            is_open = self._values.constant
            self.known_mappings = Mappings(self._counts, lambda digest: bool(is_open("=" + digest)[0]))
        return self.known_mappings

    def use(self, values: Any) -> None:
        """Take constants and changes from here."""
        self._values = values

    def forget(self) -> None:
        """The counts have changed."""
        self.known_mappings = None

    def values(self, state: State, standing: Standing, argument: ArgumentRules) -> list[Value]:
        """The values, best first: by learned rules, else from where this session took them, else by name."""
        kept = standing.values.get(argument)
        if (
            kept is not None
            and kept.stands(state, standing, argument)
            and (kept.times_asked == state.times_asked or self._as_heard(kept, state, standing, argument))
            and (not kept.doubted or self._doubts.stand(kept.doubted, state, argument))
        ):
            return kept.values
        present = standing.present(state, argument)
        tool, name = argument.tool, argument.name
        found: Found = {}
        read: list[Read] = []
        doubted: dict[tuple[Any, str], tuple[int, float]] = {}
        heeded: list[Heeded] = []
        fields: tuple[int, str, bool] | None = None
        mapped: Sequence[tuple[float, str]] | None = None
        hidden = self._hidden.get(tool)
        if not hidden or owner_of(name) not in hidden:
            if present:
                self._by_rules(found, state, argument, present, read, heeded)
            if argument.constants:
                self._constants(found, state, argument)
            if argument.kinds:
                fits_before = NO_FITS if kept is None else kept.doubted
                for entry in found.values():
                    if entry[3][0] in SPOKEN and is_spoken(entry[3]):
                        self._doubts.weigh(entry, state, argument, fits_before, doubted)
            if self.mappings().knows(tool, name):
                mapped = self._mapped(state, standing, argument)
                self._by_phrases(found, mapped)
            if not found:
                self._as_before(found, state, argument, read, heeded)
                if not found:
                    fields = self._by_name(found, state, argument, read, heeded)
        entries = list(found.values())
        for entry in entries:
            if entry[1]:
                entry[0] += SECOND * entry[1] * (1 - entry[0])
        if len(entries) > 1:
            entries.sort(key=chance_of, reverse=True)
            del entries[MAX_VALUES:]
        out: list[Value] = []
        about = argument.about
        for p, _, value, rule, slot, event, element in entries:
            known = about.get((rule, slot))
            if known is None:
                known = argument.learn_about(rule, slot)
            is_field, marks, reach = known
            out.append((p, value, rule, slot, event, element, event if is_field else -1, marks, reach))
        if kept is not None and kept.values == out:
            out = kept.values  # calls that were put together from them stand, too
        fresh = first_fresh([event for _, event in read], state.boundary)
        standing.values[argument] = KeptValues(
            out, read, doubted, heeded, mapped, state.latest.get(tool, -1), state.times_asked,
            state.stage(tool) if argument.constants else -1, len(present), fields, fresh, len(state.pools),
        )  # fmt: skip
        return out

    def _as_heard(self, kept: KeptValues, state: State, standing: Standing, argument: ArgumentRules) -> bool:
        """Whether what the user said since would change nothing."""
        for segment, mentioned in kept.heeded:
            now = segment.find_mentioned(state)
            if now != mentioned and (now or mentioned):
                return False
        if kept.mapped is not None and kept.mapped != self._mapped(state, standing, argument):
            return False
        kept.times_asked = state.times_asked
        return True

    def _by_rules(
        self, found: Found, state: State, argument: ArgumentRules, present: Sequence[int], read: list[Read],
        heeded: list[Heeded],
    ) -> None:  # fmt: skip
        """Add what the rules give."""
        pools = state.pools
        boundary = state.boundary
        used, at = state.used.get(argument.tool) or {}, state.latest.get(argument.tool, -1)
        rules = argument.rules
        top = 0.0
        for rank in present[:MAX_POOLS_TRIED]:
            best, path, change, chances, left = rules[rank]
            if best < LEAST_SHARE * top:
                break
            pool = pools[path]
            segments = pool.segments
            segment = segments[-1]
            latest = segment.event
            stale = STALE if latest < boundary else 0
            read.append((segments, latest))
            offered: Sequence[Slotted]
            if len(segment.values) == 1 and not (left and len(segments) > 1):
                value = segment.values[0]
                slot = AGAIN if value in used else 0
                if chances[slot + stale] < LEAST_RULE:
                    continue
                offered = ((slot, value, latest, segment.elements[0]),)
            else:
                offered = pool.held(used, state, left, at)
                if not segment.is_users:
                    _heed(segments, state, left, heeded)
            for slot, value, event, element in offered:
                slot += stale
                p = chances[slot]
                if p < LEAST_RULE:
                    continue
                if change:
                    if change in ALL_OF:
                        if event != latest or value != segment.values[0] or not 1 < len(segment.values) < MAX_SEGMENT:
                            continue
                        value = self._values.all_of(change, segment.values)
                    else:
                        value = self._values.changed(change, value)
                    if value is None:
                        continue
                if p > top:
                    top = p
                entry = found.get(value)
                if entry is None:
                    found[value] = [p, 0.0, value, f"{path}|{change}" if change else path, slot, event, element]
                elif p > entry[0]:
                    entry[:] = [p, entry[0], value, f"{path}|{change}" if change else path, slot, event, element]
                elif p > entry[1]:
                    entry[1] = p

    def _mapped(self, state: State, standing: Standing, argument: ArgumentRules) -> Sequence[tuple[float, str]]:
        """(chance, digest) of what phrases stand for."""
        mappings = self.mappings()
        known = standing.phrases
        meaning: dict[Phrase, None] = {}
        for number, phrases in state.heard_since(argument.tool):
            found = known.get(number)
            if found is None:
                if len(known) > MAX_HEARD:
                    known.clear()
                found = known[number] = dict.fromkeys(mappings.meaning(phrases))
            if found:
                meaning.update(found)
        return mappings.values(argument.tool, argument.name, list(meaning)) or () if meaning else ()

    def _by_phrases(self, found: Found, mapped: Sequence[tuple[float, str]]) -> None:
        for p, digest in mapped:
            usable, value = self._values.constant("=" + digest)
            if usable and type(value) is str:
                _add(found, p, value, MAPPED + digest, 0, -1, 0)

    @staticmethod
    def _constants(found: Found, state: State, argument: ArgumentRules) -> None:
        stage = state.stage(argument.tool)
        for _, value, rule, by_stage in argument.constants:
            p = by_stage[stage]
            if p < LEAST_CONSTANT:
                continue
            if type(value) in (list, dict):
                key = json.dumps(value, sort_keys=True)
                _add(found, p, key, rule, 0, -1, 0)
                found[key][2] = value
            else:
                _add(found, p, value, rule, 0, -1, 0)

    @staticmethod
    def _as_before(found: Found, state: State, argument: ArgumentRules, read: list[Read], heeded: list[Heeded]) -> None:
        """From where this session's earlier calls of the tool took it."""
        tool = argument.tool
        before = state.local.get(tool, {}).get(argument.name)
        if not before:
            return
        calls = state.tools.get(tool, 0)
        used, at = state.used.get(tool) or {}, state.latest.get(tool, -1)
        for (path, slot), count in before.items():
            pool = state.pools.get(path)
            if pool is None:
                continue
            _note(pool, state, read, heeded)
            for offered, value, event, element in pool.slots(used, state, True, at):
                if offered % STALE == slot % STALE:
                    _add(found, (count - 0.3) / (calls + 0.7), value, path, offered, event, element)

    def _by_name(
        self, found: Found, state: State, argument: ArgumentRules, read: list[Read], heeded: list[Heeded]
    ) -> tuple[int, str, bool]:
        """From fields that are called like the argument. How many were looked through, for which name, and whether
        widely."""
        widely = argument.tool not in self._counts.forms
        name = field_of(argument.name)
        named = state.named(name, widely)
        paths = named[:MAX_POOLS_TRIED]
        for path in named[MAX_POOLS_TRIED:]:  # what comes in there next makes them the first
            _note(state.pools[path], state, read, [])
        used = state.used.get(argument.tool) or {}
        for path in paths:
            pool = state.pools[path]
            _note(pool, state, read, heeded)
            for rank, (slot, value, event, element) in enumerate(pool.slots(used, state)):
                _add(found, BY_NAME / (1 + rank), value, path, slot, event, element)
        return state.fields.count(state.pools, name, widely), name, widely


def _note(pool: Pool, state: State, read: list[Read], heeded: list[Heeded]) -> None:
    segments = pool.segments
    read.append((segments, segments[-1].event))
    if not segments[-1].is_users:
        _heed(segments, state, True, heeded)


def _heed(segments: Sequence[Segment], state: State, left: bool, heeded: list[Heeded]) -> None:
    """Note of which of several values the user is taken to have spoken (see `Pool.slots`)."""
    times_asked = state.times_asked
    looked_at = segments[-1 : -2 - MAX_LOOK_BACK : -1] if left else segments[-1:]
    heeded += [
        (each, each.mentioned if each.asked == times_asked else each.find_mentioned(state))
        for each in looked_at
        if len(each.values) > 1
    ]
