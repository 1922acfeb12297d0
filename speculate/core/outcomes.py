"""What the write gate answers repeats with: per session, the first successful call of each de-duplication key.

Bounded per session (cachetools' LRUCache: the key asked for longest ago makes room), and indexed by what the calls
wrote, so that a write looks only at what it may have undone. The store holds calls, not results: those stay with
the shell, which is told the numbers it may forget.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cachetools import LRUCache

from speculate.core.index import ResourceIndex
from speculate.core.state import RealCall, SessionState
from speculate.resources import Claims, any_overlap


class Outcomes:
    """First successful calls, over all sessions of one runtime.

    What forgets some yields each number as it goes, so that none is forgotten without a word: run it to its end.
    """

    __slots__ = ("_calls", "_index", "_size")

    def __init__(self, size: int) -> None:
        self._size = size  # of each session
        self._calls: dict[int, RealCall] = {}
        self._index: ResourceIndex[int, RealCall] | None = ResourceIndex()

    def first(self, session: SessionState, key: str) -> RealCall | None:
        """The call of this key that succeeded first, if nothing has undone it since."""
        return None if session.outcomes is None else session.outcomes.get(key)

    def keep(self, real: RealCall, key: str) -> Iterator[int]:
        """`real` succeeded: it answers repeats of its key from now on."""
        session = real.owner
        if session.outcomes is None:
            session.outcomes = LRUCache(self._size)
        kept = session.outcomes
        if key in kept:
            yield self._forget(kept[key])
        elif len(kept) >= self._size:
            oldest = kept.popitem()[1]
            yield oldest.number
            self._forget(oldest)
        kept[key] = real
        self._calls[real.number] = real
        if self._index is not None:
            self._index.add(real.number, real, Claims(writes=real.call.claims.writes))

    def undone_by(self, write: Claims, *, but: int) -> Iterator[int]:
        """A conflicting write began or ended (call `but`): what it may have undone is no longer handed out."""
        if not self._calls:
            return
        found: Iterable[RealCall]
        if self._index is not None:
            found = self._index.changed_by(write)
        else:
            found = [real for real in self._calls.values() if any_overlap(write.writes, real.call.claims.writes)]
        for real in found:
            if real.number != but:
                yield self._forget(real)

    def close(self, session: SessionState) -> Iterator[int]:
        """The session is over: nothing will be repeated."""
        for real in [] if session.outcomes is None else list(session.outcomes.values()):
            yield self._forget(real)

    def look_at_all(self) -> None:
        """Do without the index from now on: it may not be sound."""
        self._index = None

    def _forget(self, real: RealCall) -> int:
        if self._index is not None:
            self._index.remove(real.number)
        kept, key = real.owner.outcomes, real.call.dedup_key or ""
        if kept is not None and kept.get(key) is real:
            del kept[key]
        self._calls.pop(real.number, None)
        return real.number

    def __len__(self) -> int:
        return len(self._calls)
