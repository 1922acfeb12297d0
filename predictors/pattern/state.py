"""What a session offers right now: pools of values by where they came from, and what was used already.

A pool holds the values one path gave, one segment for each event that gave any. A slot names a value by its rank:
next unused ones, one used last, leftovers of earlier segments. Everything is updated event by event, in bounded time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from predictors.pattern.flatten import MAX_VALUE, Flattener, outcome
from predictors.pattern.text import bucket, read
from speculate.history import CallMade, Event, ModelText, UserText

UNUSED = 4  # slots 0-3: the first unused values of the latest segment
LAST, AGAIN, LEFT, OLDEST = 4, 5, 6, 7
SLOTS = 8
STALE = 8  # added to a slot whose pool got nothing since the model's last turn
SLOT_NAMES = ("next unused", "2nd unused", "3rd unused", "4th unused", "last", "used last", "left over", "oldest left")
MAX_SEGMENT = 48
MAX_SEGMENTS = 24
MAX_POOLS = 1_500
MAX_WORDS = 60

Slotted = tuple[int, Any, int, int]  # slot, value, event number, element


class Pool:
    """The values of one path: segments of (event number, values, elements), latest last."""

    __slots__ = ("path", "segments")

    def __init__(self, path: str) -> None:
        self.path = path
        self.segments: list[tuple[int, list[Any], list[int]]] = []

    def add(self, event: int, value: Any, element: int) -> None:
        segments = self.segments
        if not segments or segments[-1][0] != event:
            if len(segments) >= MAX_SEGMENTS:
                del segments[0]
            segments.append((event, [value], [element]))
            return
        values = segments[-1][1]
        if len(values) < MAX_SEGMENT and value not in values:
            values.append(value)
            segments[-1][2].append(element)

    def slots(self, used: dict[Any, int], boundary: int) -> list[Slotted]:
        """The values that have a slot, given what the tool was called with before."""
        segments = self.segments
        event, values, elements = segments[-1]
        stale = 0 if event >= boundary else STALE
        out: list[Slotted] = []
        if len(values) == 1:
            value = values[0]
            out.append(((AGAIN if value in used else 0) + stale, value, event, elements[0]))
        else:
            rank = 0
            again = -1
            latest = -1
            final = -1
            for index, value in enumerate(values):
                at = used.get(value)
                if at is None:
                    if rank < UNUSED:
                        out.append((rank + stale, value, event, elements[index]))
                    else:
                        final = index
                    rank += 1
                elif at > latest:
                    latest, again = at, index
            if final >= 0:
                out.append((LAST + stale, values[final], event, elements[final]))
            if again >= 0:
                out.append((AGAIN + stale, values[again], event, elements[again]))
        if len(segments) > 1:
            for slot, order in ((LEFT, range(len(segments) - 2, -1, -1)), (OLDEST, range(len(segments) - 1))):
                taken = False
                for number in order:
                    event, earlier, marks = segments[number]
                    for index, value in enumerate(earlier):
                        if value not in used and value not in values:
                            out.append((slot + stale, value, event, marks[index]))
                            taken = True
                            break
                    if taken:
                        break
                if not taken:
                    break
        return out


class State:
    """The index of one session, kept in step with its history."""

    __slots__ = (
        "asked",
        "boundary",
        "calls",
        "count",
        "feed",
        "local",
        "names",
        "pending",
        "pools",
        "said",
        "signatures",
        "silent",
        "sources",
        "tools",
        "turn",
        "used",
        "version",
        "where",
        "words",
        "year",
    )  # fmt: skip

    def __init__(self) -> None:
        self.count = 0  # events taken in
        self.version = 0
        self.pools: dict[str, Pool] = {}
        self.names: dict[str, list[str]] = {}  # last field of a path -> paths
        self.where: dict[Any, list[str]] = {}  # value -> paths of the pools that hold it
        self.used: dict[str, dict[Any, int]] = {}  # tool -> value of any argument -> number of the call
        self.tools: dict[str, int] = {}  # tool -> calls made
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.signatures: list[str] = []
        self.sources: list[str | None] = []  # event number -> call id, where there is one
        self.feed: dict[str, str] = {}  # tool -> the list its last argument was taken from
        self.local: dict[str, dict[str, dict[tuple[str, int], int]]] = {}
        self.words: list[int] = []  # of what the user said last
        self.said: list[int] = []  # of what the model said last
        self.asked = False  # whether the user spoke last
        self.boundary = 0  # the first event after the model's last turn
        self.turn = -1
        self.year: str | None = None
        self.pending: Any = None
        self.silent: list[Any] = []

    def take(self, event: Event, flattener: Flattener) -> None:
        """Take in the next event of the session."""
        number = self.count
        self.count += 1
        if isinstance(event, UserText):
            self.sources.append(None)
            self._text("user", event.text, number)
            self.signatures.append("U")
            self.asked = True
        elif isinstance(event, ModelText):
            self.sources.append(None)
            self._turn(event.turn, number)
            self._text("model", event.text, number)
            self.asked = False
        elif isinstance(event, CallMade):
            self.sources.append(event.id)
            self._turn(event.turn, number)
            self._call(event, number, flattener)
            self.asked = False
        else:
            self.sources.append(event.id)
            self.asked = False
            self.signatures.append(event.tool + outcome(event.ok, event.known, event.value))
            value = event.value
            if value is None and event.raised:
                value = event.raised
            if value is not None:
                items, _ = flattener.items(event.tool if event.ok else event.tool + "!", value, self.year)
                self._items(items, number)
        if len(self.signatures) > 64:
            del self.signatures[:32]

    def _turn(self, turn: int, number: int) -> None:
        if turn != self.turn:
            self.turn = turn
            self.boundary = number

    def _text(self, source: str, text: str, number: int) -> None:
        spans, words = read(text, self.year)
        base = source + ":"
        items = [(base + form, value, 0) for form, value in spans if len(value) <= MAX_VALUE]
        if 0 < len(text) <= MAX_VALUE:
            items.append((source, text.strip(), 0))
        self._items(items, number)
        seen = dict.fromkeys(words[-MAX_WORDS:] if source == "model" else words[:MAX_WORDS])
        numbers = [bucket(word) for word in seen]
        if source == "user":
            self.words = numbers
        else:
            self.said = numbers

    def _items(self, items: Sequence[tuple[str, Any, int]], number: int) -> None:
        pools, where = self.pools, self.where
        for path, value, element in items:
            pool = pools.get(path)
            if pool is None:
                if len(pools) >= MAX_POOLS:
                    continue
                pool = pools[path] = Pool(path)
                self.names.setdefault(_last_field(path), []).append(path)
            pool.add(number, value, element)
            found = where.get(value)
            if found is None:
                where[value] = [path]
                if type(value) is str and len(value) == 10 and value[4] == "-" and value[:4].isdigit():
                    self.year = value[:4]
            elif path not in found and len(found) < 24:
                found.append(path)

    def _call(self, event: CallMade, number: int, flattener: Flattener) -> None:
        tool = event.tool
        arguments = dict(event.arguments)
        local = self.local.setdefault(tool, {})
        used = self.used.setdefault(tool, {})
        if len(local) < 64:
            for name, value in arguments.items():
                counts = local.setdefault(name, {})
                for path, slot in self.explain(tool, value):
                    counts[path, slot] = counts.get((path, slot), 0) + 1
        self._feeds(tool, arguments)
        order = len(self.calls)
        for value in arguments.values():
            if type(value) in (str, int, float) and len(used) < 4_000:
                used[value] = order
        self.calls.append((tool, arguments))
        self.tools[tool] = self.tools.get(tool, 0) + 1
        items, _ = flattener.items(tool + "(", arguments, self.year)
        extra = [
            (path + "+1", value + 1, element)
            for path, value, element in items
            if type(value) is int and abs(value) < 1 << 53
        ]
        self._items(items + extra, number)

    def _feeds(self, tool: str, arguments: dict[str, Any]) -> None:
        """Remember the longest list this call took an argument from."""
        best: tuple[int, str] = (1, "")
        for value in arguments.values():
            if type(value) is str or type(value) is int:
                for path in self.where.get(value, ()):
                    if path.startswith(("user", "model")):
                        continue
                    size = len(self.pools[path].segments[-1][1])
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
            for slot, offered, _, _ in self.pools[path].slots(used, self.boundary):
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
        for value in self.pools[path].segments[-1][1]:
            if value not in used:
                left += 1
                if left > 1:
                    return "2"
        return "1" if left else "0"

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
        for name in ("count", "version", "asked", "boundary", "turn", "year", "words", "said", "pending"):
            setattr(new, name, getattr(self, name))
        for path, pool in self.pools.items():
            twin = new.pools[path] = Pool(path)
            twin.segments = pool.segments[:-1] + [
                (event, list(values), list(elements)) for event, values, elements in pool.segments[-1:]
            ]
        new.names = {name: list(paths) for name, paths in self.names.items()}
        new.where = {value: list(paths) for value, paths in self.where.items()}
        new.used = {tool: dict(values) for tool, values in self.used.items()}
        new.tools = dict(self.tools)
        new.calls = list(self.calls)
        new.signatures = list(self.signatures)
        new.sources = list(self.sources)
        new.feed = dict(self.feed)
        new.local = {tool: {name: dict(c) for name, c in names.items()} for tool, names in self.local.items()}
        new.silent = list(self.silent)
        return new


def _last_field(path: str) -> str:
    return path.rstrip(")[]").rpartition(".")[2].rpartition("(")[2]
