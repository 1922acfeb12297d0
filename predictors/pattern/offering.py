"""Which slots the pools of a session hold, kept from turn to turn: between two turns most pools stay as they are.

What is counted for a turn is, for each of the first pools of a session, which slots it held. A pool that got nothing
new since holds the same ones, unless the tool used something of it; so only pools that changed are looked at again.
Pools that got their values together are counted together, and their paths are gone through when all is counted:
sessions have many of them in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from predictors.pattern.pools import LEFT, MAX_LOOK_BACK, MAX_RANKED, STALE, UNUSED, Labels, Pool, among

if TYPE_CHECKING:
    from predictors.pattern.state import State
    from predictors.pattern.tallying import Tally

MAX_OFFERS = 400  # pools looked at for one turn
MAX_TRACED = 200  # used values whose pools are looked up; beyond, pools are asked one by one
NOTHING: dict[Any, int] = {}
RANKS = [tuple(min(rank, UNUSED - 1) for rank in range(count)) for count in range(MAX_RANKED + 1)]
ONE = RANKS[1]
ONE_LEFT = (*ONE, LEFT)

Slots = tuple[int, ...]
Move = tuple[str, Slots, Slots]  # a path, the slots that it was counted with, those it held
Wanted = Mapping[Any, Sequence[str]]  # value -> arguments that were it
Changed = Mapping[str, Sequence[tuple[str, str, Any]]]  # path -> (argument, rule, the value it was made of)
Taken = list[tuple[str, str, int]]  # argument, rule, slot


def plain_slots(pool: Pool, state: State) -> Slots:
    """The slots a pool holds for a tool that used nothing of it, as if it got its values just now."""
    segments = pool.segments
    segment = segments[-1]
    values = segment.values
    if pool.is_single:  # the user speaks of one of several only
        value = values[0]
        for earlier in segments[-2 : -2 - MAX_LOOK_BACK : -1]:
            if earlier.values[0] != value:
                return ONE_LEFT
        return ONE
    may_be_mentioned = state.times_asked and not segment.is_users
    if may_be_mentioned and len(values) > 1 and segment.find_mentioned(state):
        return _asked_for(pool, state)
    ranks = RANKS[min(len(values), MAX_RANKED)]
    if len(segments) == 1:
        return ranks
    has_left = False
    latest = among(values)
    for earlier in segments[-2 : -2 - MAX_LOOK_BACK : -1]:
        if may_be_mentioned and len(earlier.values) > 1 and earlier.find_mentioned(state):
            return _asked_for(pool, state)
        if not has_left:
            for value in earlier.values:
                if value not in latest:
                    has_left = True
                    break
        elif not may_be_mentioned:
            break
    return (*ranks, LEFT) if has_left else ranks


def _asked_for(pool: Pool, state: State) -> Slots:
    return tuple([slot % STALE for slot, _, _, _ in pool.slots(NOTHING, state)])


@lru_cache(maxsize=1_024)
def stale_slots(slots: Slots) -> Slots:
    """The same, of a pool that got nothing since the model's last turn."""
    return tuple([slot + STALE for slot in slots])


class Cohort:
    """Pools that got their latest values from one event, and hold the same slots."""

    __slots__ = ("event", "paths", "slots", "stale", "turns")

    def __init__(self, event: int, slots: Slots) -> None:
        self.event = event
        self.slots = slots
        self.stale = stale_slots(slots)
        self.paths: dict[str, None] = {}
        self.turns: dict[tuple[str, Slots], float] = {}  # tool, the slots held then -> turns with these paths


class _Labelled:
    """Pools that hold values of the elements that are called so, and how many of these the user had spoken of."""

    __slots__ = ("heard", "labels", "paths")

    def __init__(self, labels: Labels, heard: int) -> None:
        self.labels = labels
        self.heard = heard
        self.paths: dict[str, None] = {}


class Offering:
    """The slots of a session's first pools."""

    __slots__ = ("_apart", "_asked", "_cohort_of", "_cohorts", "_counted", "_labelled", "_several", "_typed")

    def __init__(self) -> None:
        self._cohorts: dict[tuple[int, Slots], Cohort] = {}
        self._cohort_of: dict[str, Cohort] = {}
        self._several: dict[str, int] = {}  # pools of which the user may speak, and the event up to which that is known
        self._labelled: dict[int, _Labelled] = {}  # by the labels' identity
        self._asked = 0
        self._typed = 0  # identifiers that the user had typed when last looked at
        self._counted: list[tuple[tuple[str, ...], dict[tuple[str, Slots], float]]] = []  # not handed over yet
        self._apart: dict[str, list[Move]] = {}  # likewise, of single paths, by tool

    def _spoken_of(self, state: State) -> dict[str, None]:
        """The pools of which the user may have spoken since the last time."""
        found: dict[str, None] = {}
        for value in islice(state.typed, self._typed, None):
            found.update(dict.fromkeys(state.paths_of(value)))
        self._typed = len(state.typed)
        for each in self._labelled.values():
            heard = len(each.labels.heard(state))  # of elements once spoken of, that stays true
            if heard != each.heard:
                each.heard = heard
                found.update(each.paths)
        return found

    def _note_several(self, path: str, pool: Pool, state: State) -> None:
        """Note whether the user may speak of some of its values."""
        known = self._several.get(path, -1)
        for segment in pool.segments[-1 - MAX_LOOK_BACK :]:
            if segment.event > known and len(segment.values) > 1:
                self._several[path] = segment.event
                labels = segment.labels
                if labels:
                    labelled = self._labelled.get(id(labels))
                    if labelled is None:
                        heard = len(labels.heard(state)) if state.times_asked else 0
                        labelled = self._labelled[id(labels)] = _Labelled(labels, heard)
                    labelled.paths[path] = None

    def catch_up(self, state: State) -> None:
        """Take in what happened to the session since the last time."""
        pools, touched, cohort_of, several = state.pools, state.touched, self._cohort_of, self._several
        if self._asked != state.times_asked:  # other values may be those the user speaks of
            self._asked = state.times_asked
            for path in self._spoken_of(state):
                if path in several and path not in touched:
                    pool = pools[path]
                    slots = plain_slots(pool, state)
                    if slots != cohort_of[path].slots:
                        self._take_out(path, cohort_of[path])
                        self._put(path, pool.segments[-1].event, slots)
        room = MAX_OFFERS - len(cohort_of)
        event = -1
        for path in touched:
            former = cohort_of.get(path)
            if former is not None:
                self._take_out(path, former)
            elif room > 0:
                room -= 1
            else:
                continue
            pool = pools[path]
            segments = pool.segments
            segment = segments[-1]
            if len(segments) == 1 and pool.is_single:  # most of them
                if segment.event != event:
                    event = segment.event
                    cohort = self._open(event, ONE)
                cohort.paths[path] = None
                cohort_of[path] = cohort
                continue
            self._put(path, segment.event, plain_slots(pool, state))
            if not segment.is_users and not pool.is_single:
                self._note_several(path, pool, state)
        touched.clear()

    def _open(self, event: int, slots: Slots) -> Cohort:
        """The cohort, ready for more paths."""
        cohort = self._cohorts.get((event, slots))
        if cohort is None:
            cohort = self._cohorts[event, slots] = Cohort(event, slots)
        elif cohort.turns:
            self._end(cohort)
        return cohort

    def _put(self, path: str, event: int, slots: Slots) -> None:
        cohort = self._cohort_of[path] = self._open(event, slots)
        cohort.paths[path] = None

    def _take_out(self, path: str, cohort: Cohort) -> None:
        if cohort.turns:
            self._end(cohort)
        del cohort.paths[path]
        if not cohort.paths:
            del self._cohorts[cohort.event, cohort.slots]

    def _end(self, cohort: Cohort) -> None:
        """What was counted so far was counted of these paths."""
        self._counted.append((tuple(cohort.paths), cohort.turns))
        cohort.turns = {}

    def count(self, state: State, tool: str, wanted: Wanted, changed: Changed) -> Taken:
        """Count the slots held in a turn that called the tool; those it took a value from, each with the argument."""
        used, at = state.used.get(tool) or NOTHING, state.latest.get(tool, -1)
        boundary = state.boundary
        for cohort in self._cohorts.values():
            key = (tool, cohort.stale if cohort.event < boundary else cohort.slots)
            turns = cohort.turns
            turns[key] = turns.get(key, 0) + 1
        apart = self._apart.setdefault(tool, [])
        special = self._used(state, used)  # pools that are looked at one by one
        special.update(dict.fromkeys(changed))
        for value in wanted:
            special.update(dict.fromkeys(state.paths_of(value)))
        taken: Taken = []
        pools = state.pools
        for path in special:
            cohort_ = self._cohort_of.get(path)
            if cohort_ is None:
                continue
            offered = pools[path].slots(used, state, True, at)
            slots = tuple([slot for slot, _, _, _ in offered])
            plain = cohort_.stale if cohort_.event < boundary else cohort_.slots
            if slots != plain:
                apart.append((path, plain, slots))
            for slot, value, _, _ in offered:
                if value in wanted:
                    taken.extend([(name, path, slot) for name in wanted[value]])
                if path in changed:
                    taken.extend([(name, rule, slot) for name, rule, source in changed[path] if source == value])
        return taken

    def _used(self, state: State, used: Mapping[Any, int]) -> dict[str, None]:
        """The paths of all pools that may hold a used value."""
        if len(used) > MAX_TRACED:
            return dict.fromkeys(self._cohort_of)
        found: dict[str, None] = {}
        for value in used:
            found.update(dict.fromkeys(state.paths_of(value)))
        return found

    def hand_over(self, tally: Tally) -> None:
        """Count what was counted since the last time."""
        for cohort in self._cohorts.values():
            if cohort.turns:
                self._end(cohort)
        for paths, turns in self._counted:
            tally.held(paths, turns)
        for tool, moves in self._apart.items():
            tally.moved(tool, moves)
        self._counted.clear()
        self._apart.clear()
