"""What a session offers right now: pools of values by where they came from, and what was used already.

A pool holds the values one path gave, one segment for each event that gave any. A slot names a value by its rank:
next unused ones, one used last, leftovers of earlier segments. Everything is updated event by event, in bounded time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from predictors.pattern.calling import MAX_LOCAL, MAX_USED, note_call, remaining
from predictors.pattern.dates import day_of
from predictors.pattern.fields import NO_KEYS, Fields
from predictors.pattern.folders import MAX_FOLDERS, ROOT, is_file, is_folder
from predictors.pattern.indexing import UNLABELLED, Indexed
from predictors.pattern.phrases import Phrase
from predictors.pattern.pools import MAX_SEGMENT, MAX_SEGMENTS, Labels, Pool, Segment
from predictors.pattern.records import Records
from predictors.pattern.text import BUCKETS, is_identifier_path, is_typed

MAX_POOLS = 1_500
MAX_FORMS = 12
MAX_HEARD = 4  # texts of the user whose phrases may still stand for something
MAX_PATHS = 24
MAX_CLOCK = 8  # values that the result of asking for the time has at most
YEAR_WEIGHT = 3  # dates that the usual year counts for
HEARD = "+"  # in a context: the user spoke of something that the last result shows


class State:
    """The index of one session, kept in step with its history."""

    __slots__ = (
        "asked", "beyond", "boundary", "calls", "count", "done", "evidence", "feed", "fields", "folders",
        "follow", "fresh", "heard", "heard_as", "heard_words", "is_counted", "joint", "known_contexts", "known_forms",
        "latest", "local", "made", "noted", "offering", "pending", "pools", "recent", "records", "said", "shown",
        "signatures", "silent", "sources", "spent", "spoken", "standing", "times_asked", "today", "tools",
        "touched", "turn", "typed", "used", "where", "words", "year", "years",
    )  # fmt: skip

    def __init__(
        self, year: str | None = None, keys: Mapping[str, str] = NO_KEYS, is_counted: bool = False
    ) -> None:  # fmt: skip
        self.is_counted = is_counted  # and nothing is guessed from it: what only guesses rest on is left out
        self.count = 0  # events taken in
        self.evidence: Any = None  # what words say about tools, kept until the user says more
        self.standing: Any = None  # what was worked out from it and still stands
        self.pools: dict[str, Pool] = {}
        self.fields = Fields(keys)  # the pools by what their paths are called
        self.where: dict[Any, list[str]] = {}  # value -> paths of the pools that hold it
        self.beyond: dict[Any, dict[str, None]] = {}  # those of them that are too many for `where`
        self.touched: dict[str, None] = {}  # pools that got a value since `offering` looked, in order
        self.offering: Any = None  # the slots of pools as they were last counted
        self.used: dict[str, dict[Any, int]] = {}  # tool -> value of any argument -> number of the call
        self.tools: dict[str, int] = {}  # tool -> calls made
        self.done = ""  # their names
        self.shown: Labels = UNLABELLED  # what the elements of the last result are called
        self.known_contexts: Sequence[str] | None = None  # until something happens
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.recent: dict[str, list[Mapping[str, Any]]] = {}  # tool -> the arguments of its last calls
        self.signatures: list[str] = []
        self.sources: list[str | None] = []  # event number -> call id, where there is one
        self.feed: dict[str, str] = {}  # tool -> the list its last argument was taken from
        self.local: dict[str, dict[str, dict[tuple[str, int], int]]] = {}
        self.folders: dict[str, str] = {}  # call id -> the folder it was asked about; the first one named, under ROOT
        self.follow: dict[str, dict[str, int]] = {}  # signature -> {tool called next: times}, in this session
        self.heard: list[tuple[int, Sequence[Phrase]]] = []  # number of the event, what the user said in it
        self.heard_as: dict[tuple[int, int], Sequence[str]] = {}  # latest event, texts -> what is counted of them
        self.latest: dict[str, int] = {}  # tool -> number of its last call
        self.made: set[Any] = set()  # keys of the calls made
        self.records = Records()
        self.joint: dict[str, dict[str, int]] = {}  # tool -> joint rule -> calls of this session it gave
        self.years: dict[str, int] = {} if year is None else {year: YEAR_WEIGHT}
        self.spoken: set[int] = set()  # all words of the user
        self.times_asked = 0
        self.typed: dict[Any, str] = {}  # identifier the user typed -> its form
        self.fresh: list[Any] = []  # those of them that stood in no message but the last
        self.spent: set[Any] = set()  # values of arguments of any call
        self.known_forms: tuple[tuple[int, int], Sequence[str]] = ((0, 0), ())  # for so many typed and spent
        self.heard_words: Sequence[int] = ()  # of what the user said last, those in names of files among them
        self.words: Sequence[int] = ()  # of what the user said last
        self.said: Sequence[int] = ()  # of what the model said last
        self.asked = False  # whether the user spoke last
        self.boundary = 0  # the first event after the model's last turn
        self.noted = 0  # pools of which it was counted who showed their names
        self.turn = -1
        self.year = year
        self.today: str | None = None  # as it was stated last
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
            self.words = [word for word in event.words if word < BUCKETS]  # those beyond: see `Indexer`
            self.heard_words = [word % BUCKETS for word in event.words]
            self.times_asked += 1
            if len(self.spoken) < MAX_USED:
                self.spoken.update(self.heard_words)
            self._typed(event.items)
            self._folder(ROOT, (value for path, value, _ in event.items if path == "user:path"))
            if event.phrases:
                self.heard = [*self.heard[1 - MAX_HEARD :], (number, event.phrases)]
        elif kind == "M":
            if event.turn != self.turn and not self.is_counted:
                self.pending = (self.contexts(), [f"u{n}" for n in self.words] if self.asked else [])
            self._turn(event.turn, number)
            self.said = event.words
        elif kind == "C":
            self.pending = None
            self._turn(event.turn, number)
            note_call(self, event)
            if event.id is not None:
                self._folder(event.id, event.arguments.values())
            self.latest[event.tool] = number
        self.asked = kind == "U"
        if kind == "R" and len(event.items) <= MAX_CLOCK and self.calls and not self.calls[-1][1]:
            self._clock(event)
        for year in event.years:
            if len(year) > 4:
                self.today, year = year, year[:4]
            count = self.years[year] = self.years.get(year, 0) + 1
            if self.year is None or count >= self.years[self.year]:
                self.year = year
        if event.signature:
            self.signatures.append(event.signature)
            if len(self.signatures) > 64:
                del self.signatures[:32]
        if kind == "R":
            self.shown = event.labels
        self._items(event.items, number, event.labels)
        if kind == "R" or kind == "C":
            self.records.add(event.items, number)
        self.known_contexts = None

    def _folder(self, id: str, values: Iterable[Any]) -> None:
        """Note the first folder among these, or else the first file."""
        if len(self.folders) >= MAX_FOLDERS:
            return
        file: Any = None
        for value in values:
            if is_folder(value):
                self.folders.setdefault(id, value)
                self.folders.setdefault(ROOT, value)
                return
            if file is None and is_file(value):
                file = value
        if file is not None and id != ROOT:
            self.folders.setdefault(id, file)

    @property
    def when(self) -> str | None:
        """The date that was stated as today, or the year most dates lie in."""
        return self.today or self.year

    def _clock(self, event: Indexed) -> None:
        """What a call without arguments gave, if it is a date and hardly anything else: today."""
        if self.calls[-1][0] == event.tool:
            for _, value, element in event.items:
                day = day_of(value) if type(value) is str and not element else None
                if day is not None:
                    self.today = day
                    break

    def _typed(self, items: Sequence[tuple[str, Any, int]]) -> None:
        """Note the identifiers among what the user typed, and which of them are new."""
        typed = self.typed
        self.fresh = []
        for path, value, _ in items:
            if is_identifier_path(path) and len(typed) < MAX_USED and value not in typed:
                typed[value] = path
                self.fresh.append(value)

    @property
    def forms(self) -> Sequence[str]:
        """The forms of identifiers that the user typed and no call used yet; and all of them as one."""
        version = (len(self.typed), len(self.spent))  # both only grow
        if self.known_forms[0] != version:
            spent = self.spent
            found = sorted({path for value, path in self.typed.items() if value not in spent})[:MAX_FORMS]
            self.known_forms = (version, [*found, ",".join(found)] if len(found) > 1 else found)
        return self.known_forms[1]

    @property
    def fresh_forms(self) -> Sequence[str]:
        """The forms of identifiers that came with the last message."""
        return sorted({self.typed[value] for value in self.fresh if value not in self.spent})[:MAX_FORMS]

    @property
    def failed(self) -> bool:
        """Whether the last thing that happened was an error."""
        return bool(self.signatures) and self.signatures[-1][-1:] == "!"

    def heard_since(self, tool: str) -> Iterator[tuple[int, Sequence[Phrase]]]:
        """(number of the event, what the user said in it) since the tool's last call, the latest text first."""
        since = self.latest.get(tool, -1)
        for number, phrases in reversed(self.heard):
            if number < since:
                break
            yield number, phrases

    def _turn(self, turn: int, number: int) -> None:
        if turn != self.turn:
            self.turn = turn
            self.boundary = number

    def _items(self, items: Sequence[tuple[str, Any, int]], number: int, labels: Labels) -> None:
        pools, where, touched = self.pools, self.where, self.touched
        get, whereabouts = pools.get, where.get
        for path, value, element in items:
            pool = get(path)
            found = whereabouts(value)
            is_known = found is not None and path in found
            segment: Segment | None = None
            if pool is not None:
                segments = pool.segments
                latest = segments[-1]
                if latest.event == number:
                    values = latest.values
                    # only what stood under this path before is looked for among its values, which may be many
                    if (is_known or (found is not None and len(found) >= MAX_PATHS)) and value in values:
                        continue
                    if len(values) == 1:
                        latest.values, latest.elements = [*values, value], [*latest.elements, element]
                        pool.is_single = False
                    elif len(values) < MAX_SEGMENT:
                        values.append(value)  # type: ignore[attr-defined]  # a list, since there are several
                        latest.elements.append(element)  # type: ignore[attr-defined]  # likewise
                else:
                    if len(segments) >= MAX_SEGMENTS:
                        del segments[0]
                    segment = Segment()
                    segment.is_users = latest.is_users
                    segments.append(segment)
            elif len(pools) >= MAX_POOLS:
                continue
            else:
                pool = pools[path] = Pool()
                segment = Segment()
                segment.is_users = path[:1] == "u" and is_typed(path)  # most are not, without a call
                pool.is_single = True
                pool.segments = [segment]
            if segment is not None:
                segment.event = number
                segment.values = (value,)
                segment.elements = (element,)
                segment.labels = labels
                segment.asked = -1
                segment.mentioned = ()
                touched[path] = None
            if found is None:
                where[value] = [path]
            elif not is_known:
                if len(found) < MAX_PATHS:
                    found.append(path)
                else:
                    self.beyond.setdefault(value, {})[path] = None

    def paths_of(self, value: Any) -> Sequence[str]:
        """The paths of all pools that hold the value, or held it."""
        found = self.where.get(value, ())
        return [*found, *self.beyond[value]] if value in self.beyond else found

    def named(self, name: str, widely: bool = False) -> list[str]:
        """Paths of results and arguments that are called like an argument, the best fit and latest first.

        widely: also what only stands within something of that name, or in a text in such a form; for tools of which
        nothing was learned, since it is wrong more often than not.
        """
        pools = self.pools
        ranked = [
            (place, -pools[path].segments[-1].event, path) for place, path in self.fields.fitting(pools, name, widely)
        ]
        ranked.sort()
        return [path for _, _, path in ranked]

    def stage(self, tool: str) -> int:
        """Where the session stands for this tool, for what has no source in it: 0 before any call, 1 before the
        tool's first, 2 right after the tool, 3 right after it failed, 4 otherwise."""
        if not self.calls:
            return 0
        if tool not in self.tools:
            return 1
        if self.calls[-1][0] == tool and not self.asked:
            return 3 if self.failed else 2
        return 4

    def contexts(self) -> Sequence[str]:
        """Keys of ever more specific contexts, coarse first."""
        known = self.known_contexts
        if known is None:
            signatures = self.signatures
            last = signatures[-1] if signatures else "^"
            before = signatures[-2] if len(signatures) > 1 else "^"
            earlier = signatures[-3] if len(signatures) > 2 else "^"
            done = self.done
            two = f"{last}<{remaining(self)}"
            if not self.asked and self.shown and self.shown.heard(self):
                two += HEARD
            three = f"{two}<{before}"
            known = (last, two, f"{two}<{done}", f"{three}<{done}", f"{three}<{earlier}<{done}")
            self.known_contexts = known
        return known

    def later_contexts(self) -> tuple[str, str, str]:
        """Those of them, coarse first, in which it is counted whether a tool is called at any later time."""
        known = self.contexts()
        return ("", known[0], known[2])

    def copy(self) -> State:
        """An independent copy, for a history that forks."""
        new = State()
        for name in (
            "count", "asked", "boundary", "turn", "year", "words", "said", "pending", "times_asked", "today",
            "done", "noted", "heard_words",
        ):  # fmt: skip
            setattr(new, name, getattr(self, name))
        for path, pool in self.pools.items():
            copied = new.pools[path] = Pool()
            copied.is_single = pool.is_single
            copied.segments = list(pool.segments)  # a segment grows only while its event is taken in
        new.fields = self.fields.copy()
        new.where = {value: list(paths) for value, paths in self.where.items()}
        new.beyond = {value: dict(paths) for value, paths in self.beyond.items()}
        new.used = {tool: dict(values) for tool, values in self.used.items()}
        new.tools = dict(self.tools)
        new.calls = list(self.calls)
        new.recent = {tool: list(calls) for tool, calls in self.recent.items()}
        new.signatures = list(self.signatures)
        new.sources = list(self.sources)
        new.feed = dict(self.feed)
        new.local = {tool: {name: dict(c) for name, c in names.items()} for tool, names in self.local.items()}
        new.folders = dict(self.folders)
        new.follow = {key: dict(row) for key, row in self.follow.items()}
        new.records = self.records.copy()
        new.joint = {tool: dict(rules) for tool, rules in self.joint.items()}
        new.years = dict(self.years)
        new.typed = dict(self.typed)
        new.spent = set(self.spent)
        new.spoken = set(self.spoken)
        new.made = set(self.made)
        new.shown = self.shown
        new.fresh = self.fresh  # replaced, as what was heard
        new.heard = self.heard  # replaced, never changed
        new.latest = dict(self.latest)
        new.silent = list(self.silent)
        return new
