"""Telling observers, and containing those that fail (law L9)."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from speculate.notices import Fault, Notice, Observer

_log = logging.getLogger(__name__)


class Observers:
    """Observers in order. One that raises `limit` times in a row is logged and dropped, never fatal."""

    __slots__ = ("_faults", "_limit", "_observers", "any", "faults")

    def __init__(self, observers: Iterable[Observer], limit: int) -> None:
        self._observers = list(observers)
        self.any = bool(self._observers)  # whether anybody listens
        self._faults: dict[int, int] = {}
        self._limit = limit
        self.faults = 0

    def __bool__(self) -> bool:
        return self.any

    def tell(self, notice: Notice) -> None:
        for observer in self._observers:
            try:
                observer.notice(notice)
            except Exception as error:  # an observer is foreign code: whatever it raises is counted and contained
                self._failed(observer, notice, error)
            else:
                if self._faults:
                    self._faults.pop(id(observer), None)

    def _failed(self, observer: Observer, notice: Notice, error: Exception) -> None:
        self.faults += 1
        count = self._faults[id(observer)] = self._faults.get(id(observer), 0) + 1
        name = type(observer).__name__
        _log.warning("observer %s raised %r", name, error)
        if count >= self._limit:
            self._observers = [item for item in self._observers if item is not observer]
            self.any = bool(self._observers)
            self._faults.pop(id(observer), None)
            _log.error("observer %s raised %d times in a row and is switched off", name, count)
            self.tell(Fault(notice.at, None, "observer", name, f"switched off after {error!r}"))
