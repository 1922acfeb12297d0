"""What has happened in a session so far: what a predictor may look at.

Events are frozen and in order. Results are bounded snapshots taken before the original was handed to the
caller (law L7), so a caller who changes its result changes nothing here. JSON text is read once, here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, is_dataclass
from time import perf_counter
from typing import Any

from speculate.resources import MAX_INT_BITS
from speculate.values import quick

MAX_TEXT = 65_536
MAX_NODES = 4_096
MAX_SNAPSHOT_DEPTH = 32
CUT = "…"
LINE = 64  # characters that count as much as a value
_AS_THEY_STAND = frozenset({bool, float, type(None)})
MAX_EVENTS = 20_000


@dataclass(frozen=True, slots=True)
class UserText:
    """What the user typed."""

    text: str


@dataclass(frozen=True, slots=True)
class ModelText:
    """What the model said in a turn; visible only once the turn's calls are."""

    turn: int
    text: str


@quick
@dataclass(frozen=True, slots=True)
class CallMade:
    """A real call, issued in `turn`. `id` is unique within the session."""

    id: str
    turn: int
    tool: str
    arguments: Mapping[str, Any]


@quick
@dataclass(frozen=True, slots=True)
class ResultSeen:
    """A real call's result, as the agent saw it.

    ok False with a value: the tool returned an error. `raised` "Type: message": it raised. known False: the
    value was not recorded. untrusted: the manifest says that its content may be hostile.
    """

    id: str
    tool: str
    ok: bool
    value: Any = None
    raised: str | None = None
    known: bool = True
    untrusted: bool = False


Event = UserText | ModelText | CallMade | ResultSeen


class History:
    """The events of one session, append-only. Only the runtime appends; predictors read.

    `memo` is scratch space for predictors' incremental indexes, keyed by the predictor object; it may be
    dropped at any time. An index with a method `appended(history)` is told of every event as it is appended, so that
    it takes events in when they happen and not when somebody waits for a prediction; one that raises is dropped, and
    its predictor, asked again, will raise where faults are counted. `indexing_s` sums what indexes took, in seconds.
    `fork()` gives an independent copy for what-if chains; an index in the memo is copied by its own `fork()` if it
    has one, else left out. A very long session forgets its oldest half, and the memo with it.
    """

    __slots__ = ("_by_id", "_events", "_turn", "indexing_s", "memo", "session", "tenant")

    def __init__(self, session: str = "", tenant: str | None = None, events: Iterable[Event] = ()) -> None:
        self.session = session
        self.tenant = tenant
        self.memo: dict[Any, Any] = {}
        self.indexing_s = 0.0
        self._events: list[Event] = []
        self._by_id: dict[str, CallMade] = {}
        self._turn = 0
        for event in events:
            self.append(event)

    @property
    def events(self) -> Sequence[Event]:
        """All events, oldest first. Do not change it."""
        return self._events

    @property
    def turn(self) -> int:
        """The number of the turn last seen."""
        return self._turn

    def call(self, id: str) -> CallMade | None:
        """The call with this id, or None."""
        return self._by_id.get(id)

    def append(self, event: Event) -> None:
        self._events.append(event)
        if type(event) is CallMade:
            self._by_id[event.id] = event
            self._turn = event.turn
        elif type(event) is ModelText:
            self._turn = event.turn
        if len(self._events) > MAX_EVENTS:
            self._forget()
        if self.memo:
            self._tell()

    def _tell(self) -> None:
        """Tell the indexes that there is a new event."""
        started = perf_counter()
        for key, index in list(self.memo.items()):
            if (appended := getattr(index, "appended", None)) is not None:
                try:
                    appended(self)
                except Exception:  # foreign code: what it could not take in is met again, and counted, by `predict`
                    self.memo.pop(key, None)  # it may have left by itself
        self.indexing_s += perf_counter() - started

    def _forget(self) -> None:
        del self._events[: MAX_EVENTS // 2]
        self._by_id = {event.id: event for event in self._events if type(event) is CallMade}
        self.memo.clear()

    def fork(self) -> History:
        """An independent history with the same events so far."""
        copy = History(self.session, self.tenant)
        copy._events = list(self._events)
        copy._by_id = dict(self._by_id)
        copy._turn = self._turn
        for key, index in self.memo.items():
            if (fork := getattr(index, "fork", None)) is not None:
                copy.memo[key] = fork()
        return copy

    def __len__(self) -> int:
        return len(self._events)

    def __repr__(self) -> str:
        calls = sum(type(event) is CallMade for event in self._events)
        return f"<History {self.session!r}: {len(self._events)} events, {calls} calls, turn {self._turn}>"


@dataclass(slots=True)
class _Budget:
    """How many more values a snapshot may hold, and whether anything was left out."""

    nodes: int
    cut: bool = False


def _text(value: str, budget: _Budget) -> str:
    if len(value) > MAX_TEXT:
        budget.cut = True
        value = value[:MAX_TEXT] + CUT
    budget.nodes -= len(value) // LINE
    return value


def _copy(value: Any, budget: _Budget, depth: int) -> Any:
    budget.nodes -= 1
    kind = type(value)
    if kind is str:
        return _text(value, budget)
    if kind is bool or kind is float or value is None:
        return value
    if kind is int and value.bit_length() < MAX_INT_BITS:
        return value
    if depth <= 0 or budget.nodes <= 0:
        budget.cut = True
        return CUT
    if kind is dict or isinstance(value, Mapping):
        out: dict[str, Any] = {}
        for key, item in value.items():
            if budget.nodes <= 0:
                budget.cut = True
                break
            if type(item) in _AS_THEY_STAND or (type(item) is str and len(item) < LINE):  # most of what there is
                budget.nodes -= 1
            else:
                item = _copy(item, budget, depth - 1)
            if type(key) is not str or len(key) >= LINE:
                key = _text(key if type(key) is str else str(key), budget)
            out[key] = item
        return out
    if kind is list or isinstance(value, (list, tuple)):
        items: list[Any] = []
        for item in value:
            if budget.nodes <= 0:
                budget.cut = True
                break
            if type(item) in _AS_THEY_STAND or (type(item) is str and len(item) < LINE):
                budget.nodes -= 1
                items.append(item)
            else:
                items.append(_copy(item, budget, depth - 1))
        return items
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return _copy(dump(mode="json"), budget, depth - 1)
    if is_dataclass(value) and not isinstance(value, type):
        return _copy(asdict(value), budget, depth - 1)
    budget.cut = True
    return None


def take_snapshot(value: Any) -> tuple[Any, bool]:
    """A bounded, independent JSON-like copy of a result, and whether it was cut.

    Never raises: what cannot be copied is None. At most MAX_NODES values, MAX_TEXT characters a string.
    """
    budget = _Budget(MAX_NODES)
    try:
        return _copy(value, budget, MAX_SNAPSHOT_DEPTH), budget.cut
    except Exception:  # a foreign object's own dump may raise anything; a snapshot is optional
        return None, True


def read_text(value: Any) -> Any:
    """A snapshot whose text is a JSON object or array, read; anything else as it stands."""
    if type(value) is str and 1 < len(value) <= MAX_TEXT and value.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            return _copy(json.loads(value), _Budget(MAX_NODES), MAX_SNAPSHOT_DEPTH)
    return value


def snapshot(value: Any) -> Any:
    """What a history keeps of a result: a bounded copy, JSON text read."""
    return read_text(take_snapshot(value)[0])
