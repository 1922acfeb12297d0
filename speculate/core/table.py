"""The table of speculations: who is in it, what can be matched or made stale, and the one way out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from speculate.core.index import ResourceIndex
from speculate.core.ledger import Ledger
from speculate.core.machine import Speculation, State
from speculate.core.store import ReadyStore
from speculate.notices import LaunchRetired
from speculate.resources import Claims


class SpeculationTable:
    """Every launch that has not retired, and the ledger of all (law L4)."""

    __slots__ = ("_abandoned", "_available", "_index", "_is_closed", "_ready", "entries", "in_flight", "ledger")

    def __init__(self, store_size: int) -> None:
        self.ledger = Ledger()
        self.entries: dict[int, Speculation] = {}
        self.in_flight = 0  # launches that run, aborting and abandoned ones included
        self._available: dict[tuple[str, str], Speculation] = {}  # running or ready, by session and key
        self._ready = ReadyStore(store_size)
        self._index: ResourceIndex[int, Speculation] = ResourceIndex()
        self._abandoned: dict[int, Speculation] = {}  # retired, yet still running: the slot stays taken
        self._is_closed = False

    def enter(self, speculation: Speculation) -> None:
        """A launch begins. Raises with no launch entered."""
        self._available[speculation.session, speculation.call.key or ""] = speculation
        self._index.add(speculation.id, speculation, speculation.call.claims)
        self.ledger.launch(speculation.call.spec.cost)
        self.entries[speculation.id] = speculation
        self.in_flight += 1

    def match(self, session: str, key: str | None) -> Speculation | None:
        """The running or ready launch for exactly this call, in exactly this session."""
        return None if key is None else self._available.get((session, key))

    def join(self, speculation: Speculation) -> None:
        """A real call waits for it: no other call can be matched with it."""
        del self._available[speculation.session, speculation.call.key or ""]

    def keep(self, speculation: Speculation, at: float) -> list[Speculation]:
        """Its result is ready. Returns what had to make room."""
        return self._ready.put(speculation, at)

    def expired(self, at: float) -> list[Speculation]:
        """Ready results that have grown too old by `at`."""
        return self._ready.expired(at)

    def changed_by(self, write: Claims) -> Iterator[Speculation]:
        """Launches whose resources this write changes."""
        return self._index.changed_by(write)

    def of_session(self, session: str) -> list[Speculation]:
        return [item for item in self.entries.values() if item.session == session]

    def in_flight_of(self, session: str) -> int:
        """Launches of a closed session that still run."""
        squashed = sum(item.session == session and item.state is State.SQUASHED for item in self.entries.values())
        return squashed + sum(item.session == session for item in self._abandoned.values())

    def cheapest_running(self, tool: str) -> Speculation | None:
        """The launch of this tool, not joined, that is worth least; of equals the youngest."""
        running = [item for item in self.entries.values() if item.call.tool == tool and item.state is State.RUNNING]
        return min(running, key=lambda item: (item.value_s, -item.id)) if running else None

    def take_out(self, speculation: Speculation) -> None:
        """No call can be matched with it, and no write can make it stale, from here on."""
        if self._is_closed:
            return
        key = (speculation.session, speculation.call.key or "")
        if self._available.get(key) is speculation:
            del self._available[key]
        self._ready.remove(speculation)
        self._index.remove(speculation.id)

    def retire(self, speculation: Speculation, at: float, outcome: str, reason: str) -> LaunchRetired:
        """Out of the table, with its one ledger record. Raises with nothing retired."""
        self.take_out(speculation)
        cost, hidden_s = speculation.call.spec.cost, 0.0
        ran_s = None if speculation.finished_at is None else speculation.finished_at - speculation.launched_at
        if outcome == "committed":
            ran_s, hidden_s = speculation.times(at)
        id = speculation.id
        if id not in self.entries:
            raise KeyError(f"launch {id} has retired already")
        if outcome == "committed":
            self.ledger.commit(cost, hidden_s)
        else:
            self.ledger.waste(cost, ran_s)
        del self.entries[id]
        if reason == "abandoned":
            self._abandoned[id] = speculation
        return LaunchRetired(
            at=at,
            session=speculation.session,
            id=speculation.id,
            tool=speculation.call.tool,
            source=speculation.source,
            outcome=outcome,
            reason=reason,
            launched_at=speculation.launched_at,
            ran_s=ran_s,
            hidden_s=hidden_s,
            cost=cost,
            p_use=speculation.p_use,
        )

    def forget_abandoned(self, id: int) -> Speculation | None:
        """An abandoned launch has stopped after all."""
        return self._abandoned.pop(id, None)

    @property
    def abandoned(self) -> Iterable[Speculation]:
        """Launches that are retired, yet still run."""
        return self._abandoned.values()

    def close(self) -> None:
        """Nothing can be matched any more; the store and the index, which may not be sound, are not asked again."""
        self._is_closed = True
        self._available.clear()

    @property
    def ready(self) -> int:
        """Results waiting to be asked for."""
        return len(self._ready)
