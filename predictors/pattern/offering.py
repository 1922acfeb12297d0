"""Which slots the pools of a session hold, kept from turn to turn: between two turns most pools stay as they are.

What is counted for a turn is, for each of the first pools of a session, which slots it held. A pool that got nothing
new since holds the same ones, unless the tool used something of it; so only pools that changed are looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from predictors.pattern.counts import WIDTH, Rows, wide
from predictors.pattern.pools import AGAIN, LEFT, MAX_LOOK_BACK, MAX_RANKED, STALE, UNUSED, Pool
from predictors.pattern.text import is_typed

if TYPE_CHECKING:
    from predictors.pattern.state import State

MAX_OFFERS = 400  # pools looked at for one turn
MAX_TRACED = 200  # used values whose pools are looked up; beyond, pools are asked one by one
NOTHING: dict[Any, int] = {}
NONE: list[float] = [0] * WIDTH
RANKS = [min(rank, UNUSED - 1) for rank in range(MAX_RANKED)]

Wanted = Mapping[Any, Sequence[str]]  # value -> arguments that were it
Changed = Mapping[str, Sequence[tuple[str, str, Any]]]  # path -> (argument, rule, the value it was made of)
Taken = list[tuple[str, str, int]]  # argument, rule, slot


def plain_slots(pool: Pool, state: State) -> Sequence[int]:
    """The slots a pool holds for a tool that used nothing of it, as if it got its values just now."""
    segments = pool.segments
    segment = segments[-1]
    values = segment.values
    may_be_mentioned = state.times_asked and not segment.is_users
    if may_be_mentioned and len(values) > 1 and segment.find_mentioned(state):
        return _asked_for(pool, state)
    held = RANKS[: len(values)]
    if len(segments) > 1:
        latest = set(values)
        for earlier in segments[-2 : -2 - MAX_LOOK_BACK : -1]:
            if may_be_mentioned and len(earlier.values) > 1 and earlier.find_mentioned(state):
                return _asked_for(pool, state)
            if held[-1] != LEFT:
                if not latest.issuperset(earlier.values):
                    held.append(LEFT)
            elif not may_be_mentioned:
                break
    return held


def _asked_for(pool: Pool, state: State) -> list[int]:
    return [slot % STALE for slot, _, _, _ in pool.slots(NOTHING, state)]


class Offering:
    """The slots of a session's first pools."""

    __slots__ = ("_asked", "_known", "_new", "_new_several", "_old", "_old_several", "_slots")

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._new: dict[str, Any] = {}  # path -> value, of pools that hold one, got since the model's last turn
        self._old: dict[str, Any] = {}  # got before
        self._new_several: dict[str, Pool] = {}  # others
        self._old_several: dict[str, Pool] = {}
        self._slots: dict[str, Sequence[int]] = {}  # of others, once asked for
        self._asked = 0

    def catch_up(self, state: State) -> None:
        """Take in what happened to the session since the last time."""
        pools, boundary, known, slots = state.pools, state.boundary, self._known, self._slots
        new, old, new_several, old_several = self._new, self._old, self._new_several, self._old_several
        for path in [path for path in new if pools[path].segments[-1].event < boundary]:
            old[path] = new.pop(path)
        for path in [path for path, pool in new_several.items() if pool.segments[-1].event < boundary]:
            old_several[path] = new_several.pop(path)
        for path in state.touched:
            if path in known:
                if old.pop(path, None) is None and new.pop(path, None) is None:
                    old_several.pop(path, None)
                    new_several.pop(path, None)
                    slots.pop(path, None)
            elif len(known) < MAX_OFFERS:
                known.add(path)
            else:
                continue
            pool = pools[path]
            segments = pool.segments
            segment = segments[-1]
            if len(segments) == 1 == len(segment.values):
                (old if segment.event < boundary else new)[path] = segment.values[0]
            else:
                (old_several if segment.event < boundary else new_several)[path] = pool
        state.touched.clear()
        if self._asked != state.times_asked:  # other values may be those the user speaks of
            self._asked = state.times_asked
            for path in [path for path in slots if not is_typed(path)]:
                del slots[path]

    def count(self, offers: Rows, state: State, tool: str, wanted: Wanted, changed: Changed) -> Taken:
        """Count the slots held in a turn that called the tool; those it took a value from, each with the argument."""
        used = state.used.get(tool) or NOTHING
        taken: Taken = []
        looked_at = dict.fromkeys(changed)
        for value in wanted:
            looked_at.update(dict.fromkeys(state.paths_of(value)))
        again = self._used(state, used)
        for single, stale in ((self._old, STALE), (self._new, 0)):
            _count_slot(offers, [path for path in single if path not in again] if again else single, stale)
            _count_slot(offers, [path for path in again if path in single], stale + AGAIN)
            for path in looked_at:
                if path in single:
                    slot = stale + AGAIN if path in again else stale
                    _take(taken, path, slot, single[path], wanted, changed)
        held = self._slots
        for several, stale in ((self._old_several, STALE), (self._new_several, 0)):
            for path, pool in several.items():
                row = offers.get(path)
                if row is None or len(row) < WIDTH:
                    row = offers[path] = NONE.copy() if row is None else wide(row)
                if path in again or path in looked_at:
                    for slot, value, _, _ in pool.slots(used, state):
                        row[slot] += 1
                        _take(taken, path, slot, value, wanted, changed)
                else:
                    slots = held.get(path)
                    if slots is None:
                        slots = held[path] = plain_slots(pool, state)
                    for slot in slots:
                        row[slot + stale] += 1
        return taken

    def _used(self, state: State, used: Mapping[Any, int]) -> dict[str, None]:
        """The paths of all pools that may hold a used value; of pools of one value, those that do."""
        found: dict[str, None] = {}
        if len(used) <= MAX_TRACED:
            for value in used:
                found.update(dict.fromkeys(state.paths_of(value)))
        else:
            for single in (self._old, self._new):
                found.update(dict.fromkeys(path for path, value in single.items() if value in used))
            for several in (self._old_several, self._new_several):
                found.update(dict.fromkeys(several))
        return found


def _count_slot(offers: Rows, paths: Iterable[str], slot: int) -> None:
    get = offers.get
    for path in paths:
        row = get(path)
        if row is None:
            row = offers[path] = NONE.copy()
        try:
            row[slot] += 1
        except IndexError:  # from a file: trailing zeros are left out
            row = offers[path] = wide(row)
            row[slot] += 1


def _take(taken: Taken, path: str, slot: int, value: Any, wanted: Wanted, changed: Changed) -> None:
    taken.extend((name, path, slot) for name in wanted.get(value, ()))
    taken.extend((name, rule, slot) for name, rule, source in changed.get(path, ()) if source == value)
