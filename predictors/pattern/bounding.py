"""A model within its size: which entries stay is decided by hashes alone, so that bounding commutes with adding up.

Every entry of every table has a priority: a hash of its key, scaled by how much a model without it would miss. A model
keeps the entries below a threshold, the highest at which they fit. An entry that stays here has stayed in every part
it was counted in (a part holds less, so its threshold is no lower), and its counts are whole; the threshold is kept
with the model, so that what one part left out is not taken for whole elsewhere. This is how bottom-k sketches merge
(Cohen and Kaplan 2007, *Summarizing data using bottom-k sketches*), with the weights of the entries in place of k. For
the thresholds to agree, an entry must never weigh less after something was added to it.

What refers to something else (a rule to its path and to a sealed value, a link to a phrase) goes when that goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

from predictors.pattern.changes import CHANGES
from predictors.pattern.counts import ALL, SEPARATOR, Counts
from predictors.pattern.document import MARGIN, dumps, name_weight, number_text, size
from predictors.pattern.learning import STAGES
from predictors.pattern.records import JOIN
from predictors.pattern.vault import Vault

MAX_BYTES = 5_000_000
LEAST_BYTES = 5_000
SAMPLE_SHARE = 4  # the sample may take one part in so many
NUMBER = 7  # characters of a name's number and what parts it from its neighbour
SETTINGS = 2_200  # characters of what is always there: settings and weights

# How much more seldom than a phrase something is left out, as powers of two.
OWNER, COARSE, PATH, SHORT, WORD, FINE, SURROUNDED, PHRASE, VALUE = 6, 6, 3, 3, 2, 1, 1, 0, 0
SHORT_SIZE = 16  # characters in base 64 of a short value: more often one of few than a long one
_TOP = 6
_SMALL = frozenset(range(1, 9))

Shared = str | tuple[Any, ...]  # a name, or a row that many keys have: its weight, and what tells it from others
Entry = tuple[int, int, tuple[Shared, ...], dict[str, Any], str]  # priority, weight, what it shares, where, key


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

    def applied(self, counts: Counts, vault: Vault, *fixed: Mapping[str, Any]) -> Bound:
        """Drop what does not fit. `fixed`: what is always there. Raises ValueError if that alone does not fit."""
        room = self.room(*fixed)
        entries = entries_of(counts, vault)
        below = self.below
        kept = list(entries) if below is None else []
        dropped: list[Entry] = []
        if below is not None:
            for entry in entries:
                (kept if entry[0] < below else dropped).append(entry)
        found = _threshold(kept, room)
        if found is not None:
            below = found
            dropped.extend(entry for entry in kept if entry[0] >= found)
        for entry in dropped:
            drop(entry, vault)
        for number in [number for number, row in counts.told.items() if not row]:
            del counts.told[number]
        return replace(self, below=below)


def shared_weight(shared: Shared) -> int:
    """Characters a file takes for what entries share."""
    return name_weight(shared) if isinstance(shared, str) else int(shared[0])


def drop(entry: Entry, vault: Vault) -> None:
    """Take an entry out, if it is there still."""
    _, _, _, where, key = entry
    if where is vault.sealed:
        vault.drop(key)
    else:
        where.pop(key, None)


def _threshold(entries: list[Entry], room: int) -> int | None:
    """The priority from which on entries do not fit; None if all do."""
    names: set[Shared] = set()
    total = 0
    for _, weight, used, _, _ in entries:
        total += weight
        names.update(used)
    if total + sum(map(shared_weight, names)) <= room:
        return None
    entries.sort(key=_priority)
    names.clear()
    total = 0
    for priority, weight, used, _, _ in entries:
        total += weight
        for name in used:
            if name not in names:
                names.add(name)
                total += shared_weight(name)
        if total > room:
            return priority
    return None


def _priority(entry: Entry) -> int:
    return entry[0]


def _hash(key: str, scale: int) -> int:
    return crc32(key.encode("utf-8", "surrogatepass")) << (_TOP - scale)


def _path(path: str) -> int:
    if path == STAGES:  # what constants are weighed against
        return 0
    return _hash(path, SURROUNDED if "<" in path else PATH)


def _odd(key: str) -> tuple[str, ...]:
    """The key, if a file refers to it by number."""
    return (key,) if " " in key or key[:1] == "#" else ()


# A row that many keys have stands in a file once. But rows may become equal as they grow, and an entry must not weigh
# less then: only rows that were counted once are charged together, and never more than any they can grow to.
def _turns(row: Mapping[str, float], table: str) -> tuple[int, tuple[Shared, ...]]:
    if row[ALL] == 1:
        return 0, ((NUMBER * len(row) + MARGIN, table, *sorted(row)),)
    return NUMBER * len(row) + sum([len(number_text(count)) for count in row.values()]) + MARGIN, ()


def _slots(row: list[float], table: str, owner: str) -> tuple[int, tuple[Shared, ...]]:
    if sum(row) == 1 and 1 in row:
        return 0, ((4 + MARGIN, table, owner, row.index(1)),)
    return sum([4 + len(number_text(count)) for count in row if count]) + MARGIN, ()


def _times(count: float) -> int:
    """Beside the key. Small numbers are charged with their owner."""
    return 0 if count in _SMALL else len(number_text(count)) + MARGIN


def entries_of(counts: Counts, vault: Vault) -> Iterator[Entry]:
    """All entries. Tables may change between one and the next."""
    values: dict[str, int] = {}  # priorities of values, for what refers to them
    for digest in list(vault.sealed):
        if digest in vault.sealed:
            priority = values[digest] = _hash(digest, SHORT if vault.size(digest) <= SHORT_SIZE else VALUE)
            yield priority, vault.weight(digest) + 12 + MARGIN, (), vault.sealed, digest
    for name, table in (("contexts", counts.contexts), ("later", counts.later)):
        for key, row in list(table.items()):
            parts = key.split("<")
            scale = FINE if len(parts) > 2 else COARSE
            weight, shared = _turns(row, name)
            yield _hash(key, scale), weight + NUMBER * len(parts), (*parts, *row, *shared), table, key
    for key, row in list(counts.words.items()):
        weight, shared = _turns(row, "words")
        yield _hash(key, WORD), weight + size(key), (*row, *shared, *_odd(key)), counts.words, key
    for table in (counts.forms, counts.kinds):
        for owner, row in list(table.items()):
            first = _hash(owner, OWNER)
            yield first, size(owner) + 2 * MARGIN, (), table, owner
            for key, count in list(row.items()):
                yield max(first, _hash(key, COARSE)), size(key) + len(number_text(count)) + MARGIN, (), row, key
    for row in list(counts.years.values()):
        for digest, count in list(row.items()):
            yield values.get(digest, 0), 20 + len(number_text(count)) + MARGIN, (), row, digest
    yield from _of_paths(counts)
    yield from _of_rules(counts, values)
    yield from _of_phrases(counts, values)


def _of_paths(counts: Counts) -> Iterator[Entry]:
    for name, table in (("offers", counts.offers), ("reach", counts.reach), ("joint", counts.joint)):
        for owner, rows in list(table.items()):
            first = _hash(owner, OWNER)
            yield first, size(owner) + 2 * MARGIN, (), table, owner
            for path, row in list(rows.items()):
                if table is counts.joint:
                    priority = max(_hash(path.partition(JOIN)[0], PATH), _hash(path, PATH))
                else:
                    priority = _path(path)
                weight, shared = _slots(row, name, owner)
                if table is counts.reach:  # two numbers
                    weight, shared = sum([1 + len(number_text(count)) for count in row]) + MARGIN, ()
                yield max(first, priority), weight + NUMBER, (path, *shared), rows, path


def _of_rules(counts: Counts, values: Mapping[str, int]) -> Iterator[Entry]:
    for tool, arguments in list(counts.takes.items()):
        owner = _hash(tool, OWNER)
        yield owner, size(tool) + 2 * MARGIN, (), counts.takes, tool
        for argument, rows in list(arguments.items()):
            first = max(owner, _hash(tool + SEPARATOR + argument, OWNER))
            yield first, size(argument) + 2 * MARGIN, (), arguments, argument
            for rule, row in list(rows.items()):
                path, bar, change = rule.rpartition("|")
                used: tuple[str, ...] = (path,) if bar else ()
                if change[:1] == "=":
                    priority = values.get(change[1:], 0)
                    if bar:
                        priority = max(priority, _path(path))
                elif bar:
                    priority, used = _path(path), (path if change in CHANGES else rule,)
                else:
                    priority, used = _path(rule), (rule,)
                weight, shared = _slots(row, tool, argument)
                yield max(first, priority), weight + 2 * NUMBER + 8, (*used, *shared), rows, rule


def _of_phrases(counts: Counts, values: Mapping[str, int]) -> Iterator[Entry]:
    for table in (counts.heard, counts.links):
        for owner, row in list(table.items()):
            first = _hash(owner, OWNER)
            yield first, size(owner) + (2 + len(_SMALL)) * MARGIN, (), table, owner
            for key, count in list(row.items()):
                phrase, _, rest = key.partition("<")
                priority = max(first, _hash(phrase, PHRASE))
                if table is counts.links:
                    priority = max(priority, values.get(rest.rpartition("=")[2], 0))
                yield priority, size(key) + _times(count), _odd(key), row, key
    for phrase, row in list(counts.told.items()):
        first = _hash(phrase, PHRASE)
        for digest, count in list(row.items()):
            priority = max(first, values.get(digest, 0))
            yield priority, len(phrase) + 2 + NUMBER + _times(count), (), row, digest
