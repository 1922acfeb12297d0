"""What a session offers right now: pools of values by where they came from, and what was used already.

A pool holds the values one path gave, one segment for each event that gave any. A slot names a value by its rank:
next unused ones, one used last, leftovers of earlier segments. Everything is updated event by event, in bounded time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from predictors.pattern.indexing import Indexed
from predictors.pattern.records import Records
from speculate.identity import canonical_json

UNUSED = 3  # slots 0-2: unused values of the latest segment, the last of them standing for all further ones
MENTIONED, AGAIN, LEFT, LEFT_MENTIONED = 3, 5, 6, 7  # 3, 4: the first and the further ones the user spoke of
SLOTS = 8
STALE = 8  # added to a slot whose pool got nothing since the model's last turn
SLOT_NAMES = (
    "next unused",
    "2nd unused",
    "further unused",
    "mentioned, unused",
    "also mentioned",
    "used last",
    "left over",
    "left over, mentioned",
)
MAX_SEGMENT = 48
MAX_SEGMENTS = 24
MAX_RANKED = 5
MAX_OFFERED = 4
MAX_LOOK_BACK = 6
MAX_POOLS = 1_500
MAX_ARGUMENTS = 64
MAX_FORMS = 12
MAX_LOCAL = 256
MAX_PATHS = 24
RAW = "_raw"  # stands for arguments that were no JSON object
YEAR_WEIGHT = 3  # dates that the usual year counts for
MAX_USED = 4_000
SCALARS = (str, int, float)

Slotted = tuple[int, Any, int, int]  # slot, value, event number, element


class Segment:
    """What one event gave to one path. `labels` are the words of the records the values stand in."""

    __slots__ = ("asked", "elements", "event", "is_users", "labels", "mentioned", "values")

    def __init__(self, event: int, is_users: bool) -> None:
        self.event = event
        self.is_users = is_users
        self.values: list[Any] = []
        self.elements: list[int] = []
        self.labels: Mapping[int, Sequence[Sequence[int]]] = {}
        self.asked = -1  # how often the user had spoken when `mentioned` was found out
        self.mentioned: Sequence[int] = ()

    def find_mentioned(self, state: State) -> Sequence[int]:
        """The positions of values the user typed, or in whose record some field's words were all typed."""
        if self.asked != state.times_asked:
            self.asked = state.times_asked
            labels, spoken, typed = self.labels, state.spoken, state.typed
            found = []
            for index, element in enumerate(self.elements):
                if self.values[index] in typed:
                    found.append(index)
                    continue
                for phrase in labels.get(element, ()):
                    if spoken.issuperset(phrase):
                        found.append(index)
                        break
            self.mentioned = found if len(found) < len(self.values) else ()
        return self.mentioned


class Pool:
    """The values of one path, one segment for each event, latest last."""

    __slots__ = ("path", "segments")

    def __init__(self, path: str) -> None:
        self.path = path
        self.segments: list[Segment] = []

    def add(self, event: int, value: Any, element: int, labels: Mapping[int, Sequence[Sequence[int]]]) -> None:
        """Take in a value that an event gave."""
        segments = self.segments
        if segments and segments[-1].event == event:
            segment = segments[-1]
            if len(segment.values) >= MAX_SEGMENT or value in segment.values:
                return
        else:
            if len(segments) >= MAX_SEGMENTS:
                del segments[0]
            segment = Segment(event, self.path.startswith("user"))
            segment.labels = labels
            segments.append(segment)
        segment.values.append(value)
        segment.elements.append(element)

    def distinct(self) -> int:
        """How many distinct values it holds."""
        if len(self.segments) == 1:
            return len(self.segments[0].values)
        return len({value for segment in self.segments for value in segment.values})

    def first_event(self, value: Any) -> int:
        """The number of the first event that gave this value."""
        for segment in self.segments:
            if value in segment.values:
                return segment.event
        return self.segments[-1].event

    def slots(self, used: dict[Any, int], state: State, left: bool = True) -> list[Slotted]:
        """The values that have a slot, given what the tool was called with before."""
        segments = self.segments
        segment = segments[-1]
        values, event = segment.values, segment.event
        stale = 0 if event >= state.boundary else STALE
        if len(values) == 1:
            value = values[0]
            out = [((AGAIN if value in used else 0) + stale, value, event, segment.elements[0])]
        else:
            out = self._ranked(segment, used, state, stale)
        if left and len(segments) > 1:
            self._left(out, used, state, stale)
        return out

    @staticmethod
    def _ranked(segment: Segment, used: dict[Any, int], state: State, stale: int) -> list[Slotted]:
        out: list[Slotted] = []
        event, elements = segment.event, segment.elements
        mentioned: Sequence[int] = ()
        if state.times_asked and not segment.is_users:
            mentioned = segment.find_mentioned(state)
        spoken_of = MENTIONED
        rank = 0
        again = latest = -1
        for index, value in enumerate(segment.values):
            at = used.get(value)
            if at is not None:
                if at > latest:
                    latest, again = at, index
            elif index in mentioned:
                if len(out) < MAX_OFFERED:
                    out.append((spoken_of + stale, value, event, elements[index]))
                spoken_of = MENTIONED + 1
            elif rank < MAX_RANKED:
                slot = UNUSED - 1 if mentioned or rank >= UNUSED else rank
                out.append((slot + stale, value, event, elements[index]))
                rank += 1
        if again >= 0:
            out.append((AGAIN + stale, segment.values[again], event, elements[again]))
        return out

    def _left(self, out: list[Slotted], used: dict[Any, int], state: State, stale: int) -> None:
        """Unused values of earlier segments, the latest first: one that was spoken of, one that was not."""
        segments = self.segments
        latest = segments[-1].values
        plain = True
        for number in range(len(segments) - 2, max(-1, len(segments) - 2 - MAX_LOOK_BACK), -1):
            segment = segments[number]
            mentioned: Sequence[int] = ()
            if state.times_asked and not segment.is_users:
                mentioned = segment.find_mentioned(state)
            for index in mentioned:
                value = segment.values[index]
                if value not in used and value not in latest:
                    out.append((LEFT_MENTIONED + stale, value, segment.event, segment.elements[index]))
                    return
            if plain:
                for index, value in enumerate(segment.values):
                    if value not in used and value not in latest:
                        out.append((LEFT + stale, value, segment.event, segment.elements[index]))
                        plain = False
                        break


class State:
    """The index of one session, kept in step with its history."""

    __slots__ = (
        "answer",
        "asked",
        "boundary",
        "calls",
        "count",
        "evidence",
        "feed",
        "follow",
        "joint",
        "local",
        "made",
        "names",
        "pending",
        "pools",
        "records",
        "said",
        "signatures",
        "silent",
        "sources",
        "spent",
        "spoken",
        "times_asked",
        "tools",
        "turn",
        "typed",
        "used",
        "where",
        "words",
        "year",
        "years",
    )  # fmt: skip

    def __init__(self, year: str | None = None) -> None:
        self.count = 0  # events taken in
        self.evidence: Any = None  # what words say about tools, kept until the user says more
        self.answer: Any = None  # what was predicted for it, kept until it changes
        self.pools: dict[str, Pool] = {}
        self.names: dict[str, list[str]] = {}  # last field of a path -> paths
        self.where: dict[Any, list[str]] = {}  # value -> paths of the pools that hold it
        self.used: dict[str, dict[Any, int]] = {}  # tool -> value of any argument -> number of the call
        self.tools: dict[str, int] = {}  # tool -> calls made
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.signatures: list[str] = []
        self.sources: list[str | None] = []  # event number -> call id, where there is one
        self.feed: dict[str, str] = {}  # tool -> the list its last argument was taken from
        self.local: dict[str, dict[str, dict[tuple[str, int], int]]] = {}
        self.follow: dict[str, dict[str, int]] = {}  # signature -> {tool called next: times}, in this session
        self.made: set[Any] = set()  # keys of the calls made
        self.records = Records()
        self.joint: dict[str, dict[str, int]] = {}  # tool -> joint rule -> calls of this session it gave
        self.years: dict[str, int] = {} if year is None else {year: YEAR_WEIGHT}
        self.spoken: set[int] = set()  # all words of the user
        self.times_asked = 0
        self.typed: dict[Any, str] = {}  # identifier the user typed -> its form
        self.spent: set[Any] = set()  # values of arguments of any call
        self.words: Sequence[int] = ()  # of what the user said last
        self.said: Sequence[int] = ()  # of what the model said last
        self.asked = False  # whether the user spoke last
        self.boundary = 0  # the first event after the model's last turn
        self.turn = -1
        self.year = year
        self.pending: Any = None
        self.silent: list[Any] = []

    def take(self, event: Indexed) -> None:
        """Take in the next event of the session."""
        number = self.count
        self.count += 1
        self.sources.append(event.id)
        kind = event.kind
        if kind == "U":
            if self.pending is not None:
                if len(self.silent) < MAX_LOCAL:
                    self.silent.append(self.pending)
                self.pending = None
            self.words = event.words
            self.times_asked += 1
            if len(self.spoken) < MAX_USED:
                self.spoken.update(event.words)
            self._typed(event.items)
        elif kind == "M":
            if event.turn != self.turn:
                self.pending = (self.contexts(), [f"u{n}" for n in self.words] if self.asked else [])
            self._turn(event.turn, number)
            self.said = event.words
        elif kind == "C":
            self.pending = None
            self._turn(event.turn, number)
            self._call(event)
        self.asked = kind == "U"
        for year in event.years:
            count = self.years[year] = self.years.get(year, 0) + 1
            if self.year is None or count >= self.years[self.year]:
                self.year = year
        if event.signature:
            self.signatures.append(event.signature)
            if len(self.signatures) > 64:
                del self.signatures[:32]
        self._items(event.items, number, event.labels)
        if kind == "R" or kind == "C":
            self.records.add(event.items, number)

    def _typed(self, items: Sequence[tuple[str, Any, int]]) -> None:
        """Note the identifiers among what the user typed."""
        for path, value, _ in items:
            if is_identifier_path(path) and len(self.typed) < MAX_USED:
                self.typed.setdefault(value, path)

    @property
    def forms(self) -> list[str]:
        """The forms of identifiers that the user typed and no call used yet; and all of them as one."""
        spent = self.spent
        found = sorted({path for value, path in self.typed.items() if value not in spent})[:MAX_FORMS]
        return [*found, ",".join(found)] if len(found) > 1 else found

    def _turn(self, turn: int, number: int) -> None:
        if turn != self.turn:
            self.turn = turn
            self.boundary = number

    def _items(
        self, items: Sequence[tuple[str, Any, int]], number: int, labels: Mapping[int, Sequence[Sequence[int]]]
    ) -> None:
        pools, where = self.pools, self.where
        for path, value, element in items:
            pool = pools.get(path)
            if pool is None:
                if len(pools) >= MAX_POOLS:
                    continue
                pool = pools[path] = Pool(path)
                self.names.setdefault(_last_field(path), []).append(path)
                pool.add(number, value, element, labels)
            else:
                segment = pool.segments[-1]
                if segment.event != number:
                    pool.add(number, value, element, labels)
                elif value not in segment.values and len(segment.values) < MAX_SEGMENT:
                    segment.values.append(value)
                    segment.elements.append(element)
            found = where.get(value)
            if found is None:
                where[value] = [path]
            elif path not in found and len(found) < MAX_PATHS:
                found.append(path)

    def named(self, name: str) -> list[str]:
        """Paths of results and arguments that are called like an argument, latest pool first: `file_id` from a
        `file_id`, from the `id` of a `file` or of `files`, from `file_ids`."""
        names = self.names
        found = [*names.get(name, ()), *names.get(name + "s", ())]
        owner, _, field = name.rpartition("_")
        if owner:
            for path in names.get(field, ()):
                parent = path.rpartition(".")[0].rpartition(".")[2].rstrip("[]*.")
                if parent in (owner, owner + "s"):
                    found.append(path)
        pools = self.pools
        found.sort(key=lambda path: (-pools[path].segments[-1].event, path))
        return found

    def _call(self, event: Indexed) -> None:
        tool, arguments = event.tool, event.arguments
        if RAW in arguments:  # no arguments at all: nothing to learn from or to repeat
            self.calls.append((tool, {}))
            return
        local = self.local.setdefault(tool, {})
        used = self.used.setdefault(tool, {})
        for name, value in arguments.items():
            if len(local) >= MAX_ARGUMENTS and name not in local:
                continue
            counts = local.setdefault(name, {})
            for path, slot in self.explain(tool, value):
                counts[path, slot] = counts.get((path, slot), 0) + 1
        if len(arguments) > 1:
            scalars = {name: value for name, value in arguments.items() if type(value) in SCALARS}
            joint = self.joint.setdefault(tool, {})
            for rule in self.records.explain(scalars):
                if len(joint) < MAX_LOCAL or rule in joint:
                    joint[rule] = joint.get(rule, 0) + 1
        self._feeds(tool, arguments)
        for value in arguments.values():
            if type(value) in SCALARS and len(used) < MAX_USED:
                used[value] = self.count - 1
                self.spent.add(value)
        before = self.signatures[-1] if self.signatures else "^"
        followers = self.follow.setdefault(before, {})
        followers[tool] = followers.get(tool, 0) + 1
        self.calls.append((tool, arguments))
        if len(self.made) < MAX_USED:
            self.made.add(call_key(tool, arguments))
        self.tools[tool] = self.tools.get(tool, 0) + 1

    def _feeds(self, tool: str, arguments: Mapping[str, Any]) -> None:
        """Remember the longest list this call took an argument from."""
        best: tuple[int, str] = (1, "")
        for value in arguments.values():
            if type(value) is str or type(value) is int:
                for path in self.where.get(value, ()):
                    if path.startswith("model") or (path.startswith("user") and not is_identifier_path(path)):
                        continue
                    size = len(self.pools[path].segments[-1].values)
                    if size > best[0]:
                        best = (size, path)
        if best[1]:
            self.feed[tool] = best[1]
        else:
            self.feed.pop(tool, None)

    def explain(self, tool: str, value: Any) -> list[tuple[str, int]]:
        """(path, slot) of every pool that offers this value."""
        kind = type(value)
        if kind is not str and kind is not int and kind is not float:
            return []
        used = self.used.get(tool) or {}
        out: list[tuple[str, int]] = []
        for path in self.where.get(value, ()):
            for slot, offered, _, _ in self.pools[path].slots(used, self):
                if offered == value and type(offered) is kind:
                    out.append((path, slot))
                    break
        return out

    def remaining(self) -> str:
        """How many elements are left of the list the last call took its argument from."""
        if not self.calls:
            return ""
        tool = self.calls[-1][0]
        path = self.feed.get(tool)
        if path is None:
            return "-"
        used = self.used[tool]
        left = 0
        for value in self.pools[path].segments[-1].values:
            if value not in used:
                left += 1
                if left > 1:
                    return "2"
        return "1" if left else "0"

    def stage(self, tool: str) -> int:
        """Where the session stands for this tool, for what has no source in it: 0 before any call, 1 before the
        tool's first, 2 right after the tool, 3 right after it failed, 4 otherwise."""
        if not self.calls:
            return 0
        if tool not in self.tools:
            return 1
        if self.calls[-1][0] == tool and not self.asked:
            return 3 if self.signatures and self.signatures[-1][-1:] == "!" else 2
        return 4

    def contexts(self) -> list[str]:
        """Keys of ever more specific contexts, coarse first."""
        signatures = self.signatures
        rest = self.remaining()
        last = signatures[-1] if signatures else "^"
        before = signatures[-2] if len(signatures) > 1 else "^"
        earlier = signatures[-3] if len(signatures) > 2 else "^"
        done = ",".join(sorted(self.tools)[:12])
        one = last
        two = f"{last}<{rest}"
        three = f"{two}<{before}"
        return [one, two, f"{two}<{done}", f"{three}<{done}", f"{three}<{earlier}<{done}"]

    def copy(self) -> State:
        """An independent copy, for a history that forks."""
        new = State()
        for name in ("count", "asked", "boundary", "turn", "year", "words", "said", "pending", "times_asked"):
            setattr(new, name, getattr(self, name))
        for path, pool in self.pools.items():
            twin = new.pools[path] = Pool(path)
            twin.segments = list(pool.segments)  # a segment grows only while its event is taken in
        new.names = {name: list(paths) for name, paths in self.names.items()}
        new.where = {value: list(paths) for value, paths in self.where.items()}
        new.used = {tool: dict(values) for tool, values in self.used.items()}
        new.tools = dict(self.tools)
        new.calls = list(self.calls)
        new.signatures = list(self.signatures)
        new.sources = list(self.sources)
        new.feed = dict(self.feed)
        new.local = {tool: {name: dict(c) for name, c in names.items()} for tool, names in self.local.items()}
        new.follow = {key: dict(row) for key, row in self.follow.items()}
        new.records = self.records.copy()
        new.joint = {tool: dict(rules) for tool, rules in self.joint.items()}
        new.years = dict(self.years)
        new.typed = dict(self.typed)
        new.spent = set(self.spent)
        new.spoken = set(self.spoken)
        new.made = set(self.made)
        new.silent = list(self.silent)
        return new


def is_identifier_path(path: str) -> bool:
    """Whether a path holds identifiers that the user typed (not names, not words around them)."""
    return path.startswith("user:") and "<" not in path and path[5:6] not in ("N", "T", "W", "q", "d", "m")


def call_key(tool: str, arguments: Mapping[str, Any]) -> Any:
    """A key for comparing calls of one session; None if an argument is no JSON value."""
    for value in arguments.values():
        if type(value) not in SCALARS:
            text = canonical_json(dict(arguments))
            return None if text is None else (tool, text)
    return (tool, frozenset(arguments.items()))


def _last_field(path: str) -> str:
    return path.rstrip(")[]").rpartition(".")[2].rpartition("(")[2]
