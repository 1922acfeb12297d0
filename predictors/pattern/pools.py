"""Pools of values by the path that gave them, and the slots that name a value by its rank."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from predictors.pattern.state import State

UNUSED = 3  # slots 0-2: unused values of the latest segment, the last of them standing for all further ones
MENTIONED, AGAIN, LEFT, LEFT_MENTIONED = 3, 5, 6, 7  # 3, 4: the first and the further ones the user spoke of
FOLLOWING = 8  # the first unused one after what the tool's last call took of an earlier event
SLOTS = 9
STALE = SLOTS  # added to a slot whose pool got nothing since the model's last turn
SLOT_NAMES = (
    "next unused",
    "2nd unused",
    "further unused",
    "mentioned, unused",
    "also mentioned",
    "used last",
    "left over",
    "left over, mentioned",
    "after the one used last",
)
MAX_SEGMENT = 48
MAX_SEGMENTS = 24
MAX_RANKED = 5
MAX_OFFERED = 4
MAX_LOOK_BACK = 6
FEW = 8  # values that are looked through faster than put into a set

NO_ONE: Mapping[int, int] = {}
NO_LABELS: Mapping[int, Sequence[Sequence[int]]] = {}

Slotted = tuple[int, Any, int, int]  # slot, value, event number, element


def among(values: Sequence[Any]) -> Container[Any]:
    """The same values, quick to look among."""
    return values if len(values) < FEW else set(values)


class Labels(dict[int, Sequence[Sequence[int]]]):
    """For each element of an event, the words of its short fields: what a person would call it."""

    __slots__ = ("_asked", "_heard", "_spoken", "_words", "changed")

    def __init__(self, labels: Mapping[int, Sequence[Sequence[int]]] = NO_LABELS) -> None:
        super().__init__(labels)
        self._asked = 0  # how often the user had spoken when `_heard` was found out
        self._spoken: AbstractSet[int] = frozenset()
        self._heard: Mapping[int, int] = {}
        self._words: AbstractSet[int] | None = None  # all of them
        self.changed = 0  # how often the user had spoken when `_heard` became what it is

    def heard(self, state: State) -> Mapping[int, int]:
        """The elements of which some field's words were all typed, and how many fields each."""
        times_asked, spoken = state.times_asked, state.spoken
        if self._asked != times_asked or self._spoken is not spoken:
            is_next = self._asked == times_asked - 1 and self._spoken is spoken
            self._asked, self._spoken = times_asked, spoken
            if self._words is None:
                self._words = {word for phrases in self.values() for phrase in phrases for word in phrase}
            if is_next and self._words.isdisjoint(state.heard_words):  # nothing that was said last is any field's
                return self._heard
            all_spoken = spoken.issuperset
            heard: dict[int, int] = {}
            for element, phrases in self.items():
                for phrase in phrases:
                    if all_spoken(phrase):
                        heard[element] = heard.get(element, 0) + 1
            if heard != self._heard or not is_next:
                self._heard = heard
                self.changed = times_asked
        return self._heard


class Segment:
    """What one event gave to one path. `labels` are the words of the records the values stand in. A single value, as
    most are, stands in a tuple, which is made faster than a list.

    Sessions hold hundreds: who makes one sets what is below, which takes a third of the time of a constructor.
    """

    __slots__ = ("asked", "elements", "event", "is_users", "labels", "mentioned", "values")

    event: int
    is_users: bool
    values: Sequence[Any]
    elements: Sequence[int]
    labels: Labels
    asked: int  # how often the user had spoken when `mentioned` was found out; -1 before
    mentioned: Sequence[int]

    def find_mentioned(self, state: State) -> Sequence[int]:
        """The positions of values the user typed, or in whose record some field's words were all typed."""
        times_asked = state.times_asked
        if self.asked != times_asked:
            heard = self.labels.heard(state) if self.labels else NO_ONE
            values = self.values
            if self.asked == times_asked - 1 and (not heard or self.labels.changed != times_asked):
                self.asked = times_asked
                for value in state.fresh:
                    if value in values:
                        break
                else:
                    return self.mentioned
            self.asked = times_asked
            found: Sequence[int] = ()
            if heard:
                typed = state.typed
                found = [
                    index for index, element in enumerate(self.elements) if element in heard or values[index] in typed
                ]
            elif not state.typed.keys().isdisjoint(values):
                found = sorted(map(values.index, state.typed.keys() & values))
            if heard and len(found) == len(values) > 1:
                counts = [heard.get(element, 0) for element in self.elements]
                most = max(counts)
                found = [index for index, count in enumerate(counts) if count == most]
            self.mentioned = found if len(found) < len(values) else ()
        return self.mentioned


class Pool:
    """The values of one path, one segment for each event, latest last: set by who makes it, as a segment's are."""

    __slots__ = ("is_single", "segments")

    is_single: bool  # no event ever gave several values
    segments: list[Segment]

    def distinct(self) -> int:
        """How many distinct values it holds."""
        segments = self.segments
        if self.is_single:
            return len({segment.values[0] for segment in segments})
        if len(segments) == 1:
            return len(segments[0].values)
        return len({value for segment in segments for value in segment.values})

    def first_event(self, value: Any) -> int:
        """The number of the first event that gave this value."""
        for segment in self.segments:
            if value in segment.values:
                return segment.event
        return self.segments[-1].event

    def slots(self, used: Mapping[Any, int], state: State, left: bool = True, at: int = -1) -> list[Slotted]:
        """The values that have a slot, given what the tool was called with before, and the number of its last call."""
        held = self.held(used, state, left, at)
        if self.segments[-1].event >= state.boundary:
            return held
        return [(slot + STALE, value, event, element) for slot, value, event, element in held]

    def held(self, used: Mapping[Any, int], state: State, left: bool, at: int) -> list[Slotted]:
        """The same, as if the latest of them came just now. left: whether those of earlier events count, and what
        follows the one used last."""
        segments = self.segments
        segment = segments[-1]
        values = segment.values
        if len(values) == 1:
            value = values[0]
            out = [(AGAIN if value in used else 0, value, segment.event, segment.elements[0])]
        else:
            out = self._ranked(segment, used, state)
        if left and len(segments) > 1:
            self._left(out, used, state)
            following = self._following(used, at) if used else None
            if following is not None and following[1] != out[0][1]:
                out.append(following)
        return out

    def _following(self, used: Mapping[Any, int], at: int) -> Slotted | None:
        """The first unused value after one of an earlier event that the tool's last call took: of that event, or else
        of one after it."""
        segments = self.segments[-1 - MAX_LOOK_BACK :]
        for number, segment in enumerate(segments[:-1]):
            calls = list(map(used.get, segment.values))
            if at in calls:
                start = calls.index(at) + 1
                for later in segments[number:]:
                    for index in range(start, len(later.values)):
                        if later.values[index] not in used:
                            return FOLLOWING, later.values[index], later.event, later.elements[index]
                    start = 0
                return None
        return None

    @staticmethod
    def _ranked(segment: Segment, used: Mapping[Any, int], state: State) -> list[Slotted]:
        out: list[Slotted] = []
        event, elements = segment.event, segment.elements
        found: Sequence[int] = ()
        if not segment.is_users and state.times_asked:
            found = segment.mentioned if segment.asked == state.times_asked else segment.find_mentioned(state)
        if not found and not used:  # in order
            for index, value in enumerate(segment.values[:MAX_RANKED]):
                out.append((index if index < UNUSED else UNUSED - 1, value, event, elements[index]))
            return out
        mentioned = among(found)
        spoken_of = MENTIONED
        rank = named = 0
        again = latest = -1
        for index, value in enumerate(segment.values):
            at = used.get(value)
            if at is not None:
                if at > latest:
                    latest, again = at, index
            elif index in mentioned:
                if named < MAX_OFFERED:
                    out.append((spoken_of, value, event, elements[index]))
                    named += 1
                spoken_of = MENTIONED + 1
            elif rank < MAX_RANKED:
                slot = UNUSED - 1 if mentioned or rank >= UNUSED else rank
                out.append((slot, value, event, elements[index]))
                rank += 1
        if again >= 0:
            out.append((AGAIN, segment.values[again], event, elements[again]))
        return out

    def _left(self, out: list[Slotted], used: Mapping[Any, int], state: State) -> None:
        """Unused values of earlier segments, the latest first: one that was spoken of, one that was not."""
        segments = self.segments
        latest = among(segments[-1].values)
        times_asked = state.times_asked
        plain = True
        for segment in segments[-2 : -2 - MAX_LOOK_BACK : -1]:
            values = segment.values
            if times_asked and not segment.is_users:
                mentioned = segment.mentioned if segment.asked == times_asked else segment.find_mentioned(state)
                for index in mentioned:
                    value = values[index]
                    if value not in used and value not in latest:
                        out.append((LEFT_MENTIONED, value, segment.event, segment.elements[index]))
                        return
            if plain:
                for index, value in enumerate(values):
                    if value not in used and value not in latest:
                        out.append((LEFT, value, segment.event, segment.elements[index]))
                        plain = False
                        break
