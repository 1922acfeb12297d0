"""Trees of folders: records within records of the same kind, and texts whose lines are drawn or indented below others.

What such a tree says of a file is its name; its path is the names on the way to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

MAX_CHARACTERS = 12_000  # of a text
MAX_LINES = 240
MAX_PATHS = 96  # of one result
MAX_PATH = 160  # characters
TREE = "|tree"  # ends the path of what was put together

Item = tuple[str, Any, int]  # as in `flatten`

_LINE = re.compile(r"((?:[├└+`|][─-]{1,8}|[ \t\xa0│|])*)(?:[-*•][ \t]+)?([^\s│├└─|*•]\S*)[ \t]*(.?)")
_BRANCHES = ("├─", "└─", "|-", "`-", "+-")
_BELOW = re.compile(r"/\n[ \t]++[-*•]?[ \t]*+\S")  # a folder, and a line that is indented; never twice over blanks


def paths_in(items: Sequence[Item], parents: Mapping[int, int]) -> list[Item]:
    """Paths of records that stand in a list of a record with the same fields. parents: the elements that elements of
    lists in them stand in."""
    fields: dict[int, dict[str, Any]] = {}
    family = {*parents, *parents.values()}
    for path, value, element in items:
        if element in family and ":" not in path and "|" not in path:
            fields.setdefault(element, {}).setdefault(path, value)
    whole: dict[int, tuple[str, str]] = {}  # element -> path of the outermost record's field, path of the file
    for element, parent in parents.items():
        above, mine = fields.get(parent), fields.get(element)
        if above is None or mine is None or len(above) != len(mine):
            continue
        base, name = next(iter(above.items()))
        field = base.rpartition(".")[2]
        if {each.rpartition(".")[2] for each in above} != {each.rpartition(".")[2] for each in mine}:
            continue
        own = next((value for path, value in mine.items() if path.rpartition(".")[2] == field), None)
        if not _is_name(own) or not (parent in whole or _is_name(name)):
            continue
        root, folder = whole.setdefault(parent, (base, name))
        whole[element] = (root, f"{folder}/{own}")
        if len(whole) >= MAX_PATHS:
            break
    return [(root + TREE, path, element) for element, (root, path) in sorted(whole.items()) if len(path) <= MAX_PATH]


def _is_name(value: Any) -> bool:
    return type(value) is str and 0 < len(value) <= MAX_PATH and "/" not in value and " " not in value


def paths_of(text: str) -> list[str]:
    """The paths that a tree in a text tells: whole where it begins with a whole path, else below where it begins."""
    text = text[:MAX_CHARACTERS]
    is_drawn = any(mark in text for mark in _BRANCHES)
    if not is_drawn and _BELOW.search(text) is None:
        return []
    found: list[str] = []
    above: list[tuple[int, str]] = []  # column and path of the folders that may be open
    for line in text.split("\n", MAX_LINES)[:MAX_LINES]:
        match = _LINE.match(line)
        if match is None:
            continue
        column, name = match.start(2), match[2].rstrip("/")
        while above and above[-1][0] >= column:
            del above[-1]
        if is_drawn and not any(mark in match[1] for mark in _BRANCHES):  # where it begins
            above = [(0, name)] if name[:1] in {"/", "~"} else []
            continue
        if not is_drawn and match[3]:  # words
            continue
        path = f"{above[-1][1]}/{name}" if above else name
        if (above or is_drawn) and 2 < len(path) <= MAX_PATH:
            found.append(path)
            if len(found) >= MAX_PATHS:
                break
        above.append((column, path))
    return found
