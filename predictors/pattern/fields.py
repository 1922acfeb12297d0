"""The paths of one session by the words of their field, so that those called like an argument are found at once."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any

from predictors.pattern.names import FORMATTED, OWNED, field_of, fields_for, fit
from predictors.pattern.sealing import SEAL, revealed

MAX_NAMED = 64  # paths called like one argument, the latest to come
FEW_NAMED = 8  # of them, if the tool was learned

NO_KEYS: Mapping[str, str] = MappingProxyType({})

Words = tuple[str, ...]


class Fields:
    """Kept in step with the pools of a session when it is asked. keys: seal -> key, of what the session showed."""

    __slots__ = ("_count", "_keys", "_known", "_paths")

    def __init__(self, keys: Mapping[str, str] = NO_KEYS) -> None:
        self._keys = keys
        self._count = 0  # pools taken in
        self._paths: dict[Words, list[tuple[int, str]]] = {}  # field -> (number of the pool, path)
        self._known: dict[tuple[str, bool], tuple[int, list[tuple[int, str]]]] = {}  # see `fitting`

    def copy(self) -> Fields:
        """An independent copy."""
        new = Fields(self._keys)
        new._count = self._count
        new._paths = {field: list(paths) for field, paths in self._paths.items()}
        return new

    def revealed(self, path: str) -> str:
        """A path of this session with its names in clear."""
        return revealed(path, self._keys) if SEAL in path else path

    def catch_up(self, pools: Mapping[str, Any]) -> None:
        """Take in the pools that are new, if anybody ever asked."""
        if self._count:
            self._take_in(pools)

    def _take_in(self, pools: Mapping[str, Any]) -> None:
        paths_of = self._paths
        for number, path in enumerate(islice(pools, self._count, None), self._count):
            field = field_of(self.revealed(path))
            if field is not None:
                known = paths_of.get(field)
                if known is None:
                    paths_of[field] = [(number, path)]
                else:
                    known.append((number, path))
        self._count = len(pools)

    def count(self, pools: Mapping[str, Any], name: str, widely: bool) -> int:
        """How many paths are looked through for this argument: `fitting` gives the same until this grows."""
        if len(pools) > self._count:
            self._take_in(pools)
        get = self._paths.get
        return sum([len(get(field, ())) for field in fields_for(name) if widely or field is not FORMATTED])

    def fitting(self, pools: Mapping[str, Any], name: str, widely: bool) -> list[tuple[int, str]]:
        """(fit, path) of the paths called like the argument, the latest of them to come.

        widely: also what only stands within something of that name, or in a text in such a form.
        """
        count = self.count(pools, name, widely)
        if not count:
            return []
        known = self._known.get((name, widely))
        if known is not None and known[0] == count:
            return known[1]
        found = []
        for field in fields_for(name):
            if widely or field is not FORMATTED:
                for number, path in self._paths.get(field, ()):
                    place = fit(name, self.revealed(path))
                    if place is not None and (widely or place <= OWNED):
                        found.append((number, place, path))
        found.sort()
        latest = [(place, path) for _, place, path in found[-MAX_NAMED if widely else -FEW_NAMED :]]
        self._known[name, widely] = (count, latest)
        return latest
