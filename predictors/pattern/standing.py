"""What was worked out in one session and still stands: values for arguments, calls of tools, and what each rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from predictors.pattern.filling import Value
    from predictors.pattern.guessing import Call
    from predictors.pattern.phrases import Phrase
    from predictors.pattern.pools import Segment
    from predictors.pattern.rows import Chosen, Row
    from predictors.pattern.rules import ArgumentRules, ToolRules, Try
    from predictors.pattern.state import State

MAX_KEPT = 1_024
NEVER = 1 << 60  # later than any event

Doubted = Mapping[tuple[Any, str], tuple[int, float]]  # value and rule -> pools that hold it, how much less likely that
# makes it
Watchers = dict[str, list[tuple["ArgumentRules", int]]]  # path -> arguments whose rule of this rank reads it


def first_fresh(events: Iterable[int], boundary: int) -> int:
    """The first of these events that was since the model's last turn; `NEVER` if none was."""
    found = NEVER
    for event in events:
        if boundary <= event < found:
            found = event
    return found


@dataclass(slots=True)
class KeptValues:
    """Values for one argument. `read`: the segments of every pool looked at, and its latest event. `fresh`: the first
    of these events that was since the model's last turn. `pools`: how many the session had. `doubted`: a text's value,
    its rule, in how many pools it was, how likely that made it. `heeded`: of which values of a segment the user had
    spoken. `mapped`: what phrases stood for, if any may. `fields`: how many pools were looked through for such that are
    called like the argument, what that is, and whether widely, if any were.
    """

    values: list[Value]
    read: Sequence[tuple[Sequence[Segment], int]]
    doubted: Doubted
    heeded: Sequence[tuple[Segment, Sequence[int]]]
    mapped: Sequence[tuple[float, str]] | None
    latest: int
    times_asked: int
    stage: int
    present: int
    fields: tuple[int, str, bool] | None
    fresh: int
    pools: int

    def stands(self, state: State, standing: Standing, argument: ArgumentRules) -> bool:
        """Whether working them out again would give the same, if nothing was said since and texts hold no value that
        results gave since: what comes of these is for `Filler` to say."""
        if (
            state.boundary > self.fresh
            or self.latest != state.latest.get(argument.tool, -1)
            or (self.stage >= 0 and self.stage != state.stage(argument.tool))
        ):
            return False
        for segments, event in self.read:
            if segments[-1].event != event:
                return False
        pools = state.pools
        if self.pools != len(pools):
            if self.present != len(standing.present(state, argument)):
                return False
            if self.fields is not None:
                count, name, widely = self.fields
                if count != state.fields.count(pools, name, widely):
                    return False
            self.pools = len(pools)
        return True


@dataclass(slots=True)
class KeptCalls:
    """The calls of one tool, and the values they were put together from. `groups`: those of records that were looked
    for, with their latest events (-1: there were none); `fresh`: the first of these that was since the model's last
    turn."""

    calls: list[Call]
    rules: ToolRules
    arguments: Sequence[ArgumentRules]
    values: Sequence[list[Value]]
    groups: Mapping[str, int]
    fresh: int
    latest: int

    def stands(self, state: State, rules: ToolRules) -> bool:
        """Whether putting them together again from the same values would give the same."""
        if self.rules is not rules or self.latest != state.latest.get(rules.tool, -1) or state.boundary > self.fresh:
            return False
        if self.groups:
            groups = state.records.groups
            for group, event in self.groups.items():
                rows = groups.get(group)
                if (rows[-1][0] if rows else -1) != event:
                    return False
        return True


@dataclass(slots=True)
class MadeOf:
    """What a joint rule gave. `latest`: the latest event of its records, and whether that was since the model's last
    turn. `starts`: the arguments from each record that may be next. `rows`: these with the other arguments, for which
    there were the values in `rest`, if that was worked out.
    """

    latest: int
    is_fresh: bool
    starts: list[Row]
    rest: Sequence[list[Value]] = ()
    rows: list[tuple[Any, Chosen]] | None = None


@dataclass(slots=True)
class Together:
    """What joint rules gave for some arguments of a tool since its last call, by rule."""

    latest: int
    rules: ToolRules
    tries: Sequence[Try]
    rows: dict[str, MadeOf]


class Standing:
    """Of one session and one guesser, in one era of it."""

    __slots__ = ("_pool_count", "_present", "calls", "era", "missing", "phrases", "together", "values")

    def __init__(self, era: object) -> None:
        self.era = era
        self.values: dict[ArgumentRules, KeptValues] = {}
        self.calls: dict[str, KeptCalls] = {}
        self.missing: dict[str, str] = {}  # tool -> the argument that last had no value
        self.together: dict[tuple[str, ...], Together] = {}  # tool and arguments -> what records gave
        self.phrases: dict[int, dict[Phrase, None]] = {}  # number of an event -> what it said that stands for something
        self._present: dict[ArgumentRules, list[int]] = {}  # ranks of rules whose path has a pool
        self._pool_count = 0

    def catch_up(self, state: State, watchers: Watchers) -> None:
        """Note which rules' paths have a pool since the last time."""
        pools = state.pools
        if len(pools) == self._pool_count:
            return
        present = self._present
        if present:
            for path in islice(pools, self._pool_count, None):
                for argument, rank in watchers.get(path, ()):
                    ranks = present.get(argument)
                    if ranks is not None:
                        ranks.append(rank)
                        ranks.sort()
        self._pool_count = len(pools)

    def present(self, state: State, argument: ArgumentRules) -> list[int]:
        """The ranks of the rules whose path has a pool, best first."""
        found = self._present.get(argument)
        if found is None:
            if len(self._present) >= MAX_KEPT:
                self._present.clear()
                self.values.clear()
            pools = state.pools
            found = [rank for rank, path in enumerate(argument.paths) if path in pools]
            self._present[argument] = found
        return found
