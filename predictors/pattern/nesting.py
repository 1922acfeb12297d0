"""Arguments that are objects and lists, as one argument for each value in them, and put together again.

`{"filter": {"status": "open"}, "ids": ["a"]}` is counted and guessed as the arguments `filter.status` and `ids[0]`: so
whatever gives an argument its value gives it to a field of an object, too, and fields of one record go together.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from predictors.pattern.keys import Keys
from predictors.pattern.sealing import KEY, PLACE, fits_paths

RAW = "_raw"  # stands for arguments that were no JSON object
WHOLE = PLACE + "*"  # instead of a place: all of a list
PACKED = "\x1a"  # starts a list as one value
MAX_DEPTH = 4
MAX_PLACES = 6  # of one list
MAX_VALUES = 8  # of one argument; what holds more goes as a whole
MAX_SPREAD = 8  # arguments of a call taken apart; with more all go as a whole: putting many together takes long
_keys = Keys()


def spread(arguments: Mapping[str, Any], whole: Container[str] = ()) -> Mapping[str, Any]:
    """The arguments with one for each value in objects and lists. Those that are empty or large stay as they are, and
    those whose keys are data, and those called in `whole`."""
    for value in arguments.values():
        if value and (type(value) is dict or type(value) is list):
            break
    else:
        return arguments
    if RAW in arguments:
        return arguments
    out: dict[str, Any] = {}
    for name, value in arguments.items():
        found: list[tuple[str, Any]] = []
        if name not in whole and KEY not in name and PLACE not in name and _walk(name, value, MAX_DEPTH, found):
            out.update(found)
        else:
            out[name] = value
    return out if len(out) <= MAX_SPREAD else arguments


def _walk(name: str, value: Any, depth: int, out: list[tuple[str, Any]]) -> bool:
    """Add the values below this one. Whether all of them could be."""
    inner: Iterable[tuple[str, Any]]
    if not value or (type(value) is not dict and type(value) is not list):
        out.append((name, value))
        return len(out) <= MAX_VALUES
    if depth == 0:
        return False
    if type(value) is dict:
        if len(value) > MAX_VALUES or _keys.are_data(value) or not all(map(fits_paths, value)):
            return False
        inner = [(f"{name}{KEY}{key}", item) for key, item in value.items()]
    else:
        if len(value) > MAX_PLACES:
            return False
        inner = [(f"{name}{PLACE}{place}", item) for place, item in enumerate(value)]
    return all(_walk(each, item, depth - 1, out) for each, item in inner)


def is_plain(names: Iterable[str]) -> bool:
    """Whether none of these names is that of a value within an argument."""
    together = "".join(names)
    return KEY not in together and PLACE not in together


def gathered(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments as a call has them: the opposite of `spread`."""
    if is_plain(arguments):
        return arguments
    out: dict[str, Any] = {}
    made: dict[str, dict[str, Any]] = {"": out}  # name -> the object put there; one that is a value is never added to
    lists: list[tuple[dict[str, Any], str, dict[str, Any]]] = []  # where an object stands for a list
    for name, value in sorted(arguments.items(), key=_in_order):
        if name.endswith(WHOLE) and type(value) is str and value[:1] == PACKED:
            name, value = name.removesuffix(WHOLE), json.loads(value[1:])
        at, so_far = out, ""
        parts = _parts(name)
        for (_, part), (mark, _) in pairwise(parts):
            so_far += KEY + part
            inner = made.get(so_far)
            if inner is None:
                inner = made[so_far] = at[part] = {}
                if mark == PLACE:
                    lists.append((at, part, inner))
            at = inner
        at.setdefault(parts[-1][1], value)
    for at, part, inner in reversed(lists):
        at[part] = list(inner.values())
    return out


def lists_of(arguments: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The lists of several texts or numbers among arguments that were spread, by name."""
    out: dict[str, list[Any]] = {}
    for name, value in arguments.items():
        if type(value) is list:
            out[name] = value
            continue
        owner, mark, place = name.rpartition(PLACE)
        if mark and place.isdecimal():
            out.setdefault(owner, []).append(value)
    return {name: values for name, values in out.items() if len(values) > 1 and {*map(type, values)} <= {str, int}}


def packed(values: Sequence[Any]) -> str:
    """A list as one value: what an argument whose name ends in `WHOLE` has."""
    return PACKED + json.dumps(list(values))


def _parts(name: str) -> list[tuple[str, str]]:
    """(mark, key or place) of each step."""
    steps = name.replace(PLACE, KEY + PLACE).split(KEY)
    return [(PLACE, step[1:]) if step[:1] == PLACE and step[1:].isdecimal() else (KEY, step) for step in steps]


def _in_order(item: tuple[str, Any]) -> list[int]:
    """Places in their order, whatever order the arguments are in."""
    return [int(part) for mark, part in _parts(item[0]) if mark == PLACE]


def owner_of(name: str) -> str:
    """The argument that a value stands in."""
    return name.partition(KEY)[0].partition(PLACE)[0]


def field_of(name: str) -> str:
    """What a value is called: the last key, or the name of its list."""
    return name.rpartition(KEY)[2].partition(PLACE)[0]


def shown(name: str) -> str:
    """The name for people: "filter.status", "ids[0]"."""
    if KEY not in name and PLACE not in name:
        return name
    first, *rest = _parts(name.replace(WHOLE, f"{KEY}*"))
    return first[1] + "".join(f"[{part}]" if mark == PLACE else f".{part}" for mark, part in rest)
