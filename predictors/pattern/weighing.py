"""What every entry of a model weighs, and how soon it is missed: in many entries at once, for there are many.

A weight is how many characters a file takes for an entry at most. What many entries of a file refer to by number, or
share with each other, is charged once. For thresholds to agree between parts of a model, an entry must never weigh
less after something was added to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any, NamedTuple
from zlib import crc32

from predictors.pattern.changes import CHANGES
from predictors.pattern.counts import ALL, Counts
from predictors.pattern.document import MARGIN, name_weight, number_text, size
from predictors.pattern.identifying import ARGUMENT, IN_PATH, TOP, Identities, Identity, name_priority
from predictors.pattern.learning import STAGES
from predictors.pattern.namevault import FieldNames
from predictors.pattern.records import JOIN
from predictors.pattern.sealing import SEPARATOR, seal_of_digest
from predictors.pattern.vault import Vault

AT_ONCE = 4_096  # entries
NUMBER = 7  # characters of a name's number and what parts it from its neighbour

# How much more seldom than a phrase something is left out, as powers of two.
OWNER, COARSE, PATH, SHORT, WORD, FINE, SURROUNDED, PHRASE, VALUE = 6, 6, 3, 3, 2, 1, 1, 0, 0
SHORT_SIZE = 16  # characters in base 64 of a short value: more often one of few than a long one
_SMALL = frozenset(range(1, 9))

Shared = str | tuple[Any, ...]  # a name, or a row that many keys have: its weight, and what tells it from others
Weighed = tuple[int, Sequence[Shared]]


class Entries(NamedTuple):
    """Some entries of one table: for each key its priority, its weight, and what it shares (empty: none shares
    anything)."""

    where: dict[str, Any]
    keys: Sequence[str]
    priorities: Sequence[int]
    weights: Sequence[int]
    shared: Sequence[Sequence[Shared]] = ()


def shared_weight(shared: Shared) -> int:
    """Characters a file takes for what entries share."""
    return name_weight(shared) if isinstance(shared, str) else int(shared[0])


def entries_of(counts: Counts, vault: Vault, names: FieldNames, at_once: int = AT_ONCE) -> Iterator[Entries]:
    """All entries, at most so many `at_once`. Tables may change between one yield and the next."""
    identities = Identities()
    values: dict[str, int] = {}  # priorities of values, for what refers to them
    for digests, _ in _some(vault.sealed, at_once):
        digests = [digest for digest in digests if digest in vault.sealed]
        sizes = map(vault.size, digests)
        scales = [SHORT if size <= SHORT_SIZE else VALUE for size in sizes]
        priorities = list(map(_hash, digests, scales))
        values.update(zip(digests, priorities, strict=True))
        yield Entries(vault.sealed, digests, priorities, [vault.weight(each) + 12 + MARGIN for each in digests])
    for known_names, scale in ((names.keys, IN_PATH), (names.arguments, ARGUMENT)):
        for digests, _ in _some(known_names.sealed, at_once):
            digests = [digest for digest in digests if digest in known_names.sealed]
            priorities = [name_priority(seal_of_digest(digest), scale) for digest in digests]
            weights = [known_names.weight(each) + 12 + MARGIN for each in digests]
            yield Entries(known_names.sealed, digests, priorities, weights)
    for name, table in (("contexts", counts.contexts), ("later", counts.later)):
        yield from _of_contexts(name, table, at_once)
    for keys, rows in _some(counts.words, at_once):
        weighed = [_turns(row, "words") for row in rows]
        weights = [weight + size for (weight, _), size in zip(weighed, _sizes(keys), strict=True)]
        shared = [(*row, *found, *_odd(key)) for key, row, (_, found) in zip(keys, rows, weighed, strict=True)]
        yield Entries(counts.words, keys, _hashes(keys, WORD), weights, shared)
    for table in (counts.forms, counts.kinds):
        for owner, row in list(table.items()):
            known = identities.owner(owner)
            first = _priority(known, OWNER)
            yield Entries(table, [owner], [first], [size(known.text) + 2 * MARGIN])
            for keys, found in _some(row, at_once):
                found_of = identities.form if table is counts.forms else _nameless
                known_keys = list(map(found_of, keys))
                weights = [
                    size(each.text) + len(number_text(count)) + MARGIN
                    for each, count in zip(known_keys, found, strict=True)
                ]
                yield Entries(row, keys, [max(first, _priority(each, COARSE)) for each in known_keys], weights)
    for row in list(counts.years.values()):
        for keys, found in _some(row, at_once):
            weights = [20 + len(number_text(count)) + MARGIN for count in found]
            yield Entries(row, keys, [values.get(digest, 0) for digest in keys], weights)
    yield from _of_paths(counts, identities, at_once)
    yield from _of_rules(counts, values, identities, at_once)
    yield from _of_phrases(counts, values, identities, at_once)


def _some(table: Mapping[str, Any], at_once: int) -> Iterator[tuple[list[str], list[Any]]]:
    """Keys and rows as they are now, so many at once."""
    keys, rows = list(table), list(table.values())
    for start in range(0, len(keys), at_once):
        yield keys[start : start + at_once], rows[start : start + at_once]


def _crc(key: str) -> int:
    return crc32(key.encode("utf-8", "surrogatepass"))


def _hash(key: str, scale: int) -> int:
    return _crc(key) << (TOP - scale)


def _nameless(key: str) -> Identity:
    return Identity(_crc(key), 0, key)


def _priority(identity: Identity, scale: int) -> int:
    return max(identity.hash << (TOP - scale), identity.least)


def _hashes(keys: Iterable[str], scale: int) -> list[int]:
    shift = TOP - scale
    return [crc32(key.encode("utf-8", "surrogatepass")) << shift for key in keys]


def _at_least(first: int, priorities: Iterable[int]) -> list[int]:
    return [priority if priority > first else first for priority in priorities]  # noqa: FURB136  # a third of the time


def _path(path: str, identities: Identities) -> int:
    if path == STAGES:  # what constants are weighed against
        return 0
    return _priority(identities.path(path), SURROUNDED if "<" in path else PATH)


def _sizes(keys: Sequence[str]) -> list[int]:
    """The `size` of each."""
    together = "".join(keys)
    if together.isascii() and len(encode_basestring(together)) == len(together) + 2:  # nothing to escape
        return [len(key) + 2 for key in keys]
    return list(map(size, keys))


def _odd(key: str) -> tuple[str, ...]:
    """The key, if a file refers to it by number."""
    return (key,) if " " in key or key[:1] == "#" else ()


def _all_odd(keys: Sequence[str]) -> Sequence[tuple[str, ...]]:
    together = "".join(keys)
    return list(map(_odd, keys)) if " " in together or "#" in together else ()


# A row that many keys have stands in a file once. But rows may become equal as they grow, and an entry must not weigh
# less then: only rows that were counted once are charged together, and never more than any they can grow to.
def _turns(row: Mapping[str, float], table: str) -> Weighed:
    if row[ALL] == 1:
        return 0, ((NUMBER * len(row) + MARGIN, table, *sorted(row)),)
    return NUMBER * len(row) + sum([len(number_text(count)) for count in row.values()]) + MARGIN, ()


def _slots(row: Sequence[float], table: str, owner: str) -> Weighed:
    if sum(row) == 1 and 1 in row:
        return 0, ((4 + MARGIN, table, owner, row.index(1)),)
    return sum([4 + len(number_text(count)) for count in row if count]) + MARGIN, ()


def _pair(row: Sequence[float], _table: str, _owner: str) -> Weighed:
    return sum([1 + len(number_text(count)) for count in row]) + MARGIN, ()


def _weighed(
    rows: Iterable[list[float]], table: str, owner: str, weigh: Callable[[Sequence[float], str, str], Weighed] = _slots
) -> list[Weighed]:
    """Each row weighed; many are equal."""
    known: dict[tuple[float, ...], Weighed] = {}
    out = []
    for row in rows:
        key = tuple(row)
        found = known.get(key)
        if found is None:
            found = known[key] = weigh(row, table, owner)
        out.append(found)
    return out


def _times(counts: Iterable[float]) -> list[int]:
    """Beside the keys. Small numbers are charged with their owner."""
    return [0 if count in _SMALL else len(number_text(count)) + MARGIN for count in counts]


def _of_contexts(name: str, table: dict[str, dict[str, float]], at_once: int) -> Iterator[Entries]:
    for keys, rows in _some(table, at_once):
        priorities, weights, shared = [], [], []
        for key, row in zip(keys, rows, strict=True):
            parts = key.split("<")
            weight, found = _turns(row, name)
            priorities.append(_hash(key, FINE if len(parts) > 2 else COARSE))
            weights.append(weight + NUMBER * len(parts))
            shared.append((*parts, *row, *found))
        yield Entries(table, keys, priorities, weights, shared)


def _of_paths(counts: Counts, identities: Identities, at_once: int) -> Iterator[Entries]:
    for name, table in (("offers", counts.offers), ("reach", counts.reach), ("joint", counts.joint)):
        for owner, rows in list(table.items()):
            first = _hash(owner, OWNER)
            yield Entries(table, [owner], [first], [size(owner) + 2 * MARGIN])
            for keys, found in _some(rows, at_once):
                if table is counts.joint:
                    known = list(map(identities.joint, keys))
                    groups = [identities.path(key.partition(JOIN)[0]) for key in keys]
                    priorities = [
                        max(_priority(each, PATH), _priority(group, PATH))
                        for each, group in zip(known, groups, strict=True)
                    ]
                else:
                    known = list(map(identities.path, keys))
                    priorities = [_path(key, identities) for key in keys]
                weighed = _weighed(found, name, owner, _pair if table is counts.reach else _slots)
                weights = [weight + NUMBER for weight, _ in weighed]
                shared = [(each.text, *more) for each, (_, more) in zip(known, weighed, strict=True)]
                yield Entries(rows, keys, _at_least(first, priorities), weights, shared)


def _of_rules(counts: Counts, values: Mapping[str, int], identities: Identities, at_once: int) -> Iterator[Entries]:
    for tool, arguments in list(counts.takes.items()):
        owner = _hash(tool, OWNER)
        yield Entries(counts.takes, [tool], [owner], [size(tool) + 2 * MARGIN])
        for argument, rows in list(arguments.items()):
            first = max(owner, _priority(identities.owner(tool + SEPARATOR + argument), OWNER))
            yield Entries(arguments, [argument], [first], [size(identities.form(argument).text) + 2 * MARGIN])
            for keys, found in _some(rows, at_once):
                weighed = _weighed(found, tool, argument)
                read = [_rule(key, values, identities) for key in keys]
                priorities = _at_least(first, [priority for priority, _ in read])
                weights = [weight + 2 * NUMBER + 8 for weight, _ in weighed]
                shared = [(*used, *more) for (_, used), (_, more) in zip(read, weighed, strict=True)]
                yield Entries(rows, keys, priorities, weights, shared)


def _rule(rule: str, values: Mapping[str, int], identities: Identities) -> tuple[int, tuple[str, ...]]:
    """A rule's priority, and the names that a file writes it with."""
    path, bar, change = rule.rpartition("|")
    if change[:1] == "=":
        value = values.get(change[1:], 0)
        return (max(value, _path(path, identities)), (identities.path(path).text,)) if bar else (value, ())
    if bar:
        return _path(path, identities), (identities.path(path if change in CHANGES else rule).text,)
    return _path(rule, identities), (identities.path(rule).text,)


class _Phrases(dict[str, int]):
    """The priority of a phrase: it was heard before many tools and after many words."""

    __slots__ = ()

    def __missing__(self, phrase: str) -> int:
        priority = self[phrase] = _hash(phrase, PHRASE)
        return priority


def _of_phrases(counts: Counts, values: Mapping[str, int], identities: Identities, at_once: int) -> Iterator[Entries]:
    phrases = _Phrases()
    for table in (counts.heard, counts.links):
        for owner, row in list(table.items()):
            known = identities.owner(owner)
            first = _priority(known, OWNER)
            yield Entries(table, [owner], [first], [size(known.text) + (2 + len(_SMALL)) * MARGIN])
            for keys, found in _some(row, at_once):
                priorities = _at_least(first, [phrases[key.partition("<")[0]] for key in keys])
                if table is counts.links:
                    of_value = [values.get(key.rpartition("=")[2], 0) for key in keys]
                    priorities = list(map(max, priorities, of_value))
                weights = [size + times for size, times in zip(_sizes(keys), _times(found), strict=True)]
                yield Entries(row, keys, priorities, weights, _all_odd(keys))
    for phrase, row in list(counts.told.items()):
        first = _hash(phrase, PHRASE)
        for keys, found in _some(row, at_once):
            priorities = _at_least(first, [values.get(digest, 0) for digest in keys])
            yield Entries(row, keys, priorities, [len(phrase) + 2 + NUMBER + times for times in _times(found)])
