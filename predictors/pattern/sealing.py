"""Names of fields in paths: in clear where enough tenants showed them or the manifest tells them, else by a seal.

A key of an object may be data: a map from first names to numbers looks like a record. So a name counts as a value does
until `min_tenants` distinct tenants showed it: a path has a seal in its place, a mark and a digest, "users.~Ab3…".
Equal names have equal seals, so counts add up, and what was learned of a path holds where the same key comes again.

Names with marks in them that paths are made of ("og:title", "a.b") stand in paths as seals always.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from predictors.pattern.vault import digest_of

SEAL = "~"
SEPARATOR = "\x1f"  # between names
KEY, PLACE = "\x1d", "\x1c"  # in names of values within arguments, before a key, before a place in a list
MAX_CACHED = 20_000
REFERENCES = "@"  # the places in files that a text names, below it

_PLAIN = re.compile(r"(?:[\w$@ -]|(?<=[\w$@ -])/(?=[^\W\d])){1,40}\Z")
_SEAL = re.compile(r"~[\w$]{11}\Z", re.ASCII)
_SEALS = re.compile(r"~[\w$]{11}", re.ASCII)
_DAY = "-1d"  # ends the path of the day before a date
_KEYS = re.compile(r"(?<=[.(?])(?:(?!-1d(?![\w$@ -]))[\w$@ ~-]|/(?=[^\W\d]))+")
_PLACES = re.compile(rf"(?:{PLACE}(?:[0-9]+|\*))+\Z", re.ASCII)


@lru_cache(maxsize=MAX_CACHED)
def seal_of(name: str) -> str:
    """What stands for a name that is not open."""
    return seal_of_digest(digest_of(name))


def seal_of_digest(digest: str) -> str:
    """The seal of the name that has this digest: without "-", which means something in paths."""
    return SEAL + digest.replace("-", "$")


def fits_paths(name: str) -> bool:
    """Whether a name can stand in a path as it is."""
    return _PLAIN.match(name) is not None and name != REFERENCES and not name.endswith(_DAY)


def is_sealed(argument: str) -> bool:
    """Whether an argument's name holds a seal: then nobody can call the tool with it."""
    return SEAL in argument and (argument[0] == SEAL or KEY + SEAL in argument)


def is_countable(argument: str) -> bool:
    """Whether calls with an argument of this name can be learned from: it looks like no seal, and not like several."""
    return argument[:1] != SEAL and SEPARATOR not in argument


@lru_cache(maxsize=MAX_CACHED)
def names_in(path: str) -> tuple[str, ...]:
    """The names and seals of a path, of a rule, or of a group of records."""
    return tuple([name for name in _KEYS.findall(path.partition(":")[0]) if name != REFERENCES])


def names_of(argument: str) -> list[str]:
    """The names of an argument, or of a value within one."""
    return [split_places(part)[0] for part in argument.split(KEY)]


def split_places(part: str) -> tuple[str, str]:
    """A name, and the places in lists behind it."""
    head, mark, _ = part.partition(PLACE)
    places = part[len(head) :]
    return (head, places) if mark and _PLACES.match(places) else (part, "")


def rewritten(path: str, change: Callable[[str], str]) -> str:
    """A path with its names and seals changed so."""
    base, mark, rest = path.partition(":")
    base = _KEYS.sub(lambda found: found[0] if found[0] == REFERENCES else change(found[0]), base)
    return base + mark + rest


def is_seal(name: str) -> bool:
    """Whether this stands for a name."""
    return name[:1] == SEAL and _SEAL.match(name) is not None


def sealed(name: str) -> str:
    """A name's seal, or the seal itself."""
    return name if is_seal(name) else seal_of(name)


class Segments(dict[str, str]):
    """key -> what stands for it in the paths of live sessions. `revealed`: seal -> key, of those that came along: it
    must be looked at only for paths of a session that showed the key."""

    __slots__ = ("_sealed", "revealed")

    def __init__(self, seals: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self._sealed = seals
        self.revealed: dict[str, str] = {}

    def __missing__(self, key: str) -> str:
        if len(self) > MAX_CACHED:
            self.clear()
        found = key
        if not fits_paths(key) or (self._sealed and seal_of(key) in self._sealed):
            found = seal_of(key)
            if len(self.revealed) < MAX_CACHED:
                self.revealed[found] = key
        self[key] = found
        return found


def revealed(path: str, keys: Mapping[str, str]) -> str:
    """A path with what is known of its seals."""
    return _SEALS.sub(lambda found: keys.get(found[0], found[0]), path) if SEAL in path else path
