"""A model within its size: which entries stay is decided by hashes alone, so that bounding commutes with adding up.

Every entry of every table has a priority: a hash of its key, scaled by how much a model without it would miss. A model
keeps the entries below a threshold, the highest at which they fit. An entry that stays here has stayed in every part
it was counted in (a part holds less, so its threshold is no lower), and its counts are whole; the threshold is kept
with the model, so that what one part left out is not taken for whole elsewhere. This is how bottom-k sketches merge
(Cohen and Kaplan 2007, *Summarizing data using bottom-k sketches*), with the weights of the entries in place of k.

What refers to something else (a path to its names, a rule to its path and to a sealed value, a link to a phrase) goes
when that goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from predictors.pattern.counts import Counts
from predictors.pattern.document import dumps
from predictors.pattern.namevault import FieldNames
from predictors.pattern.vault import Vault
from predictors.pattern.weighing import Entries, Shared, entries_of, shared_weight

MAX_BYTES = 5_000_000
LEAST_BYTES = 5_000
SAMPLE_SHARE = 4  # the sample may take one part in so many
SETTINGS = 2_200  # characters of what is always there: settings and weights
_WEIGHT = 40  # bits of a weight beside its priority


@dataclass(frozen=True, slots=True)
class Bound:
    """At most `max_bytes` of JSON as written. `below`: entries of this priority and above were left out."""

    max_bytes: int = MAX_BYTES
    below: int | None = None

    def __post_init__(self) -> None:
        if self.max_bytes < LEAST_BYTES:
            raise ValueError(f"max_bytes must be at least {LEAST_BYTES}, not {self.max_bytes}")

    @property
    def sample_bytes(self) -> int:
        """What the sample may take of it."""
        return self.max_bytes // SAMPLE_SHARE

    def merged(self, other: Bound) -> Bound:
        """What holds of two models together."""
        found = [each.below for each in (self, other) if each.below is not None]
        return replace(self, below=min(found, default=None))

    def room(self, *fixed: Mapping[str, Any]) -> int:
        """What entries may weigh beside what is `fixed`. Raises ValueError if nothing is left."""
        room = self.max_bytes - self.sample_bytes - SETTINGS - sum(len(dumps(each)) * 2 for each in fixed)
        if room <= 0:
            raise ValueError(f"max_bytes={self.max_bytes} is too little for this manifest")
        return room

    def applied(self, counts: Counts, vault: Vault, names: FieldNames, *fixed: Mapping[str, Any]) -> Bound:
        """Drop what does not fit. `fixed`: what is always there. Raises ValueError if that alone does not fit."""
        room = self.room(*fixed)
        entries = list(entries_of(counts, vault, names))
        below = self.below
        if below is not None:
            kept = [_below(each, below) for each in entries]
            found = _threshold(kept, room)
        else:
            found = _threshold(entries, room)
        if found is not None:
            below = found
        if below is not None:
            for each in entries:
                _drop_from(each, below, vault, *names.vaults)
        for number in [number for number, row in counts.told.items() if not row]:
            del counts.told[number]
        return replace(self, below=below)


def drop(where: dict[str, Any], key: str, *vaults: Vault) -> None:
    """Take an entry out, if it is there still."""
    for vault in vaults:
        if where is vault.sealed:
            vault.drop(key)
            return
    where.pop(key, None)


def _drop_from(entries: Entries, below: int, *vaults: Vault) -> None:
    for key, priority in zip(entries.keys, entries.priorities, strict=True):
        if priority >= below:
            drop(entries.where, key, *vaults)


def _below(entries: Entries, below: int) -> Entries:
    """Those of them that stay."""
    kept = [place for place, priority in enumerate(entries.priorities) if priority < below]
    if len(kept) == len(entries.keys):
        return entries
    where, keys, priorities, weights, shared = entries
    return Entries(
        where,
        [keys[place] for place in kept],
        [priorities[place] for place in kept],
        [weights[place] for place in kept],
        [shared[place] for place in kept] if shared else (),
    )


def _threshold(entries: Sequence[Entries], room: int) -> int | None:
    """The priority from which on entries do not fit; None if all do."""
    names: set[Shared] = set()
    total = 0
    for each in entries:
        total += sum(each.weights)
        names.update(chain.from_iterable(each.shared))
    if total + sum(map(shared_weight, names)) <= room:
        return None
    weights = [
        priority << _WEIGHT | weight
        for each in entries
        for priority, weight in zip(each.priorities, each.weights, strict=True)
    ]
    weights += [priority << _WEIGHT | shared_weight(name) for name, priority in _first(entries).items()]
    weights.sort()
    total = 0
    for each_weight in weights:
        total += each_weight & ((1 << _WEIGHT) - 1)
        if total > room:
            return each_weight >> _WEIGHT
    return None


def _first(entries: Iterable[Entries]) -> dict[Shared, int]:
    """By what entries share: the lowest priority of those that do."""
    first: dict[Shared, int] = {}
    for each in entries:
        for priority, shared in zip(each.priorities, each.shared, strict=False):  # none may share anything
            for name in shared:
                if first.get(name, priority) >= priority:
                    first[name] = priority
    return first
