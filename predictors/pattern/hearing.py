"""Counting what was heard: the phrases before calls, the values given after them, and what listings told of.

Counted are, for each tool, the phrases heard before its call, and for each of its arguments which values, found
nowhere in the session, were given while which phrases had been heard; and pairs that a listing told of (an object or
records of two fields). What phrases stand for is worked out from these counts (see `mappings`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from predictors.pattern.counts import Counts
from predictors.pattern.kinds import kind_of_value
from predictors.pattern.phrases import name_hash
from predictors.pattern.sealing import SEAL, SEPARATOR
from predictors.pattern.tallying import add_one
from predictors.pattern.vault import Vault
from speculate.identity import canonical_json

if TYPE_CHECKING:
    from predictors.pattern.flatten import Item
    from predictors.pattern.state import State

MAX_MAPPED = 34  # characters of a mapped value's JSON
MAX_TOLD = 64  # pairs of one listing
LEAST_ENTRIES = 4  # of an object that lists things
MAX_HEARD_AS = 64  # kept of a session


def heard_as(state: State, tool: str) -> Sequence[str]:
    """What the user said since the tool's last call, as it is counted: worked out once for the same texts."""
    texts = list(state.heard_since(tool))
    if not texts:
        return ()
    known = state.heard_as
    if len(known) > MAX_HEARD_AS:
        known.clear()
    for number, phrases in texts:
        if (number, 1) not in known:
            known[number, 1] = [f"{phrase}<{before}" for phrase, before in phrases]
    key = (texts[0][0], len(texts))
    found = known.get(key)
    if found is None:
        found = known[key] = list(dict.fromkeys(chain.from_iterable([known[number, 1] for number, _ in texts])))
    return found


def count_heard(counts: Counts, tool: str, heard: Sequence[str]) -> None:
    """Count the phrases that were heard before a call of this tool."""
    add_one(counts.heard.setdefault(tool, {}), heard)


def count_links(counts: Counts, tool: str, argument: str, digest: str, heard: Sequence[str]) -> None:
    """Count that this argument was the value of this digest after these phrases."""
    add_one(counts.links.setdefault(tool + SEPARATOR + argument, {}), [f"{each}={digest}" for each in heard])


@lru_cache(maxsize=8_192)
def _is_part(path: str) -> bool:
    """Whether a path is that of a part of a value, not of a value as it stands."""
    return ":" in path or "+" in path or "|" in path


@lru_cache(maxsize=8_192)
def _parent_of(path: str) -> tuple[str, str]:
    parent, _, name = path.rpartition(".")
    return parent, name


def told_by(items: Iterable[Item]) -> list[tuple[str, str]]:
    """(name, what stands beside it), both ways round: of every record of two fields in a list or in an object of
    entries, and of an object whose fields all hold values of one kind."""
    records: dict[int, list[str]] = {}
    entries: dict[str, list[tuple[str, str]]] = {}
    last = 0
    fields: list[str] | None = None
    for path, value, element in items:
        if element:
            if element != last:
                last = element
                fields = records.get(element)
            if type(value) is str:
                if fields is None:
                    if not _is_part(path):
                        fields = records[element] = [value]
                elif len(fields) < 3 and not _is_part(path):  # three are as good as more: no pair
                    fields.append(value)
        elif type(value) is str and not _is_part(path):
            parent, name = _parent_of(path)
            entries.setdefault(parent, []).append((name, value))
    pairs = [(fields[0], fields[1]) for fields in records.values() if len(fields) == 2]
    for listed in entries.values():
        if len(listed) >= LEAST_ENTRIES:
            kind = kind_of_value(listed[0][1])
            if all(kind_of_value(value) == kind for _, value in listed):
                pairs.extend([pair for pair in listed if pair[0][:1] != SEAL])
    return [pair for one, other in pairs[:MAX_TOLD] if one != other for pair in ((one, other), (other, one))]


def count_told(counts: Counts, vault: Vault, tenant: str, told: Iterable[tuple[str, str]]) -> None:
    """Count what a listing says that names stand for (see `told_by`)."""
    for name, value in told:
        if len(value) > MAX_MAPPED:
            continue
        number = name_hash(name)
        text = None if number is None else canonical_json(value)
        if text is None or len(text) > MAX_MAPPED:
            continue
        row = counts.told.setdefault(str(number), {})
        digest = vault.add(text, tenant)
        row[digest] = row.get(digest, 0) + 1
