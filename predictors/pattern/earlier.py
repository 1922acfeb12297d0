"""Models of the format before: all names of fields stood in clear there, and do still.

Names that an older file holds in clear are taken for public, and paths that are written otherwise now are changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from predictors.pattern.flatten import root_of
from predictors.pattern.records import JOIN, parse
from predictors.pattern.sealing import SEPARATOR, names_in, names_of, seal_of

BEFORE = 2  # format
NONE: Mapping[str, Any] = {"open": [], "sealed": {}}
_IN_TEXTS = re.compile(r"(?<=:url\?)[^|<]+|(?<=:\[)[A-Za-z]+(?=\])")  # what was taken out of texts


def upgraded(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document of the format before as one of this. Raises KeyError or TypeError if it is no such document.

    Which entries it left out was told by hashes of names in clear: it adds up with others as if it had left out none.
    """
    counts = document["counts"]
    odd = [tool for tool in counts["forms"] if root_of(tool) != tool]
    names = [_IN_TEXTS.sub(lambda found: seal_of(found[0]), _below(name, odd)) for name in document["names"]]
    return {
        **document,
        "names": names,
        "kept_below": None,
        "fields": {"public": sorted({*_held(names), *_arguments(counts)}), "keys": NONE, "arguments": NONE},
    }


def _below(name: str, tools: Sequence[str]) -> str:
    """A path below one of these tools as it is written now."""
    for tool in tools:
        if name.startswith(tool) and name[len(tool) : len(tool) + 1] in set(".[({!:|"):
            return root_of(tool) + name[len(tool) :]
    return name


def _held(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if JOIN in name:
            group, paths = parse(name)
            yield from names_in(group)
            for argument, path in paths.items():
                yield from names_of(argument)
                yield from names_in(path)
        else:
            yield from names_in(name)


def _arguments(counts: Mapping[str, Any]) -> Iterator[str]:
    for forms in counts["forms"].values():
        for form in forms:
            for argument in form.split(SEPARATOR):
                yield from names_of(argument)
    for takes in counts["takes"].values():
        for argument in takes:
            yield from names_of(argument)
    for table in (counts["kinds"], counts["links"]):
        for owner in table:
            for argument in owner.split(SEPARATOR)[1:]:
                yield from names_of(argument)
