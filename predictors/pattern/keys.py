"""Whether the keys of an object are data (identifiers, a map from names to things of one kind) or names of fields.

The one place where that is decided, for results and for arguments. Fields are told apart; of data it is learned that it
is there, not what it is. Where this errs, a key that is data goes as a name, and names are sealed as values are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MAX_FIELDS = 40  # of one object
MAX_KNOWN = 4_000  # keys known to be like names of fields

_FIELD = re.compile(r"[A-Za-z_$@][A-Za-z_\-$@:. ]{0,30}[0-9]{0,2}[A-Za-z_]{0,12}\Z")


class Keys:
    """Decides; remembers nothing but keys that are like names of fields."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: set[str] = set()

    def are_data(self, value: Mapping[str, Any]) -> bool:
        """Whether this object is a map from identifiers or names to things of one kind."""
        size = len(value)
        if size > MAX_FIELDS:
            return True
        known = self._known
        if not known.issuperset(value):
            odd = 0
            for key in value:
                if type(key) is not str:
                    return True
                if not _FIELD.match(key):
                    odd += 1
                elif len(known) < MAX_KNOWN:
                    known.add(key)
            if odd:
                return odd * 2 >= size
        if size < 2:
            return False
        first = None
        for item in value.values():
            if type(item) is not dict or len(item) < 2:
                return False
            if first is None:
                first = item.keys()
            elif first != item.keys():
                return False
        return True
