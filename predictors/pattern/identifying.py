"""What tells a key from others whether the names in it stand in clear or not, and how much room it takes at most.

Which entries a model keeps must not depend on which names are open in which part of it. So an entry goes by its key
with all names sealed, weighs as much as it does with that or in clear, and goes when one of its names does.
"""

from __future__ import annotations

from collections.abc import Sequence
from json.encoder import encode_basestring
from typing import NamedTuple
from zlib import crc32

from predictors.pattern.naming import Naming
from predictors.pattern.records import JOIN, PAIR
from predictors.pattern.sealing import SEPARATOR, is_seal, names_in, names_of, seal_of, sealed

TOP = 6
IN_PATH, ARGUMENT = 3, 6  # how soon a name is missed: as a path, as a tool


class Identity(NamedTuple):
    """hash: of the key with all names sealed. least: no lower than the priority of any of its names. text: as long as
    the key ever is in a file."""

    hash: int
    least: int
    text: str


def name_priority(seal: str, scale: int) -> int:
    """The priority of a name, told by its seal."""
    return crc32(seal.encode()) << (TOP - scale)


def longer(name: str) -> str:
    """A name or its seal, whichever takes more room."""
    if is_seal(name):
        return name
    seal = seal_of(name)
    return name if len(encode_basestring(name)) - 2 > len(seal) else seal


class Identities:
    """The identities of keys. Those of paths are found once."""

    __slots__ = ("_long", "_paths", "_sealed")

    def __init__(self) -> None:
        self._sealed = Naming(sealed, sealed)
        self._long = Naming(longer, longer)
        self._paths: dict[str, Identity] = {}

    @staticmethod
    def _found(fixed: str, keys: Sequence[str], arguments: Sequence[str], text: str) -> Identity:
        least = max([name_priority(sealed(name), IN_PATH) for name in keys], default=0)
        for name in arguments:
            least = max(least, name_priority(sealed(name), ARGUMENT))
        return Identity(crc32(fixed.encode("utf-8", "surrogatepass")), least, text)

    def path(self, path: str) -> Identity:
        """Of a path, a rule or a group of records."""
        found = self._paths.get(path)
        if found is None:
            names = names_in(path)
            if names:
                found = self._found(self._sealed.path(path), names, (), self._long.path(path))
            else:
                found = self._found(path, (), (), path)
            self._paths[path] = found
        return found

    def form(self, form: str) -> Identity:
        """Of the argument names of a call."""
        names = [name for each in form.split(SEPARATOR) for name in names_of(each)] if form else ()
        return self._found(self._sealed.form(form), (), names, self._long.form(form))

    def owner(self, owner: str) -> Identity:
        """Of a tool, and arguments of it or none."""
        names = [name for each in owner.split(SEPARATOR)[1:] for name in names_of(each)]
        return self._found(self._sealed.owner(owner), (), names, self._long.owner(owner))

    def joint(self, rule: str) -> Identity:
        """Of a joint rule or a group of records."""
        group, mark, pairs = rule.partition(JOIN)
        if not mark:
            return self.path(group)
        keys, arguments = [*names_in(group)], []
        for pair in pairs.split(PAIR):
            name, _, path = pair.partition("=")
            keys += names_in(path)
            arguments += names_of(name)
        return self._found(self._sealed.joint(rule), keys, arguments, self._long.joint(rule))
