"""Learned mappings: a phrase the user says, the argument value it stands for.

Counted are, for each tool, the phrases heard before its call, and for each of its arguments which values, found
nowhere in the session, were given while which phrases had been heard; and pairs that a listing told of (an object or
records of two fields). From these counts `Mappings` finds out which phrase stands for which value, and the words
before a phrase ("from", "to") that tell which argument it fills, by a few rounds of expectation maximisation, as
word alignment does (Brown et al., 1993, IBM Model 1). Values go by their digests and stay sealed as constants do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from predictors.pattern.counts import Counts, wide
from predictors.pattern.kinds import kind_of_value
from predictors.pattern.phrases import Phrase, name_hash
from predictors.pattern.vault import Vault
from speculate.identity import canonical_json

if TYPE_CHECKING:
    from predictors.pattern.flatten import Item

MAPPED = "?="  # marks what a phrase stands for, before the value's digest
LEAST_COUNT = 2  # times a phrase and a value must have met
MAX_MAPPED = 34  # characters of a mapped value's JSON
MAX_TOLD = 64  # pairs of one listing
LEAST_ENTRIES = 4  # of an object that lists things
ROUNDS = 4
TOLD_WEIGHT = 3.0  # a listing says more than a coincidence
UNHEARD = 1.0  # turns without the value, before any was seen
AROUND_PRIOR = 0.15
AROUND_TURNS = 1.5  # turns the prior counts for
LEAST_MAPPED = 0.05
SEPARATOR = "\x1f"


def count_heard(counts: Counts, tool: str, phrases: Sequence[Phrase], weight: float) -> None:
    """Count the phrases that were heard before a call of this tool."""
    row = counts.heard.setdefault(tool, {})
    for number, around in phrases:
        key = f"{number}<{around}"
        row[key] = row.get(key, 0) + weight


def count_links(
    counts: Counts, tool: str, argument: str, digest: str, phrases: Sequence[Phrase], weight: float
) -> None:
    """Count that this argument was the value of this digest after these phrases."""
    row = counts.links.setdefault(tool + SEPARATOR + argument, {})
    for number, around in phrases:
        key = f"{number}<{around}={digest}"
        row[key] = row.get(key, 0) + weight


def told_by(items: Iterable[Item]) -> list[tuple[str, Any]]:
    """(name, what stands beside it), both ways round: of every record of two fields in a list or in an object of
    entries, and of an object whose fields all hold values of one kind."""
    records: dict[int, list[Any]] = {}
    entries: dict[str, list[tuple[str, Any]]] = {}
    for path, value, element in items:
        if type(value) is str and ":" not in path and "+" not in path and "|" not in path:
            if element:
                records.setdefault(element, []).append(value)
            else:
                parent, _, name = path.rpartition(".")
                entries.setdefault(parent, []).append((name, value))
    pairs = [(fields[0], fields[1]) for fields in records.values() if len(fields) == 2]
    for fields in entries.values():
        if len(fields) >= LEAST_ENTRIES and len({kind_of_value(value) for _, value in fields}) == 1:
            pairs.extend(fields)
    return [pair for one, other in pairs[:MAX_TOLD] if one != other for pair in ((one, other), (other, one))]


def count_told(counts: Counts, vault: Vault, tenant: str, items: Iterable[Item]) -> None:
    """Count what a listing says that names stand for."""
    for name, value in told_by(items):
        number = name_hash(name)
        text = canonical_json(value)
        if number is None or text is None or len(text) > MAX_MAPPED:
            continue
        row = counts.told.setdefault(str(number), {})
        digest = vault.add(text, tenant)
        row[digest] = row.get(digest, 0) + 1


class Mappings:
    """What the counts say about phrases: made once from the counts, then asked."""

    __slots__ = ("_around", "_by_name", "_meanings")

    def __init__(self, counts: Counts, is_open: Callable[[str], bool]) -> None:
        self._meanings: dict[int, list[tuple[float, str]]] = {}
        self._around: dict[str, dict[str, float]] = {}  # tool and argument -> word before -> chance
        self._by_name: dict[str, dict[str, float]] = {}  # argument -> word before -> chance, over all tools
        links: list[tuple[str, str, int, str, float]] = []  # argument of a tool, word before, phrase, digest, count
        pairs: dict[tuple[int, str], float] = {}
        opened: dict[str, bool] = {}
        for owner, row in sorted(counts.links.items()):  # in order: sums then do not depend on who counted first
            for key, count in sorted(row.items()):
                if count <= 0:
                    continue
                occurrence, _, digest = key.partition("=")
                if digest not in opened:
                    opened[digest] = is_open(digest)
                if opened[digest]:
                    number, _, around = occurrence.partition("<")
                    links.append((owner, around, int(number), digest, count))
                    pairs[int(number), digest] = pairs.get((int(number), digest), 0) + count
        told = {
            (int(number), digest): TOLD_WEIGHT * count
            for number, row in sorted(counts.told.items())
            for digest, count in sorted(row.items())
            if count > 0 and is_open(digest)
        }
        links = [link for link in links if pairs[link[2], link[3]] >= LEAST_COUNT or (link[2], link[3]) in told]
        if links or told:
            self._align(counts, links, told)

    def _align(
        self, counts: Counts, links: Sequence[tuple[str, str, int, str, float]], told: Mapping[tuple[int, str], float]
    ) -> None:
        heard_at: dict[tuple[str, int, str], float] = {}  # tool, phrase, word before -> turns
        wanted = {number for _, _, number, _, _ in links} | {number for number, _ in told}
        heard: dict[int, float] = {}
        for tool, row in sorted(counts.heard.items()):
            for key, count in sorted(row.items()):
                text, _, around = key.partition("<")
                number = int(text)
                if number in wanted:
                    heard_at[tool, number, around] = count
                    heard[number] = heard.get(number, 0) + count
        verbatim = _verbatim(counts, {owner for owner, _, _, _, _ in links} | set(counts.links))
        around_chance = {key: (hits + AROUND_TURNS * AROUND_PRIOR) / (n + AROUND_TURNS)
                         for key, (hits, n) in verbatim.items()}  # fmt: skip
        told_all: dict[int, float] = {}
        for (number, _), weight in told.items():
            told_all[number] = told_all.get(number, 0) + weight
        meaning: dict[tuple[int, str], float] = {}
        for _, _, number, digest, count in links:
            meaning[number, digest] = meaning.get((number, digest), 0) + count
        for pair, weight in told.items():
            meaning[pair] = meaning.get(pair, 0) + weight
        for pair in meaning:
            meaning[pair] = min(1.0, meaning[pair] / (heard.get(pair[0], 0) + told_all.get(pair[0], 0) + UNHEARD))
        for _ in range(ROUNDS):
            totals: dict[tuple[str, str], float] = {}  # of one argument's value, over what may have given it
            most: dict[tuple[str, str], float] = {}  # how often that value was given, at least
            shares = []
            for owner, around, number, digest, count in links:
                share = count * meaning[number, digest] * around_chance.get((owner, around), AROUND_PRIOR)
                shares.append(share)
                given = (owner, digest)
                totals[given] = totals.get(given, 0) + share
                most[given] = max(most.get(given, 0), count)
            fresh = dict(told)
            hits: dict[tuple[str, str], float] = {}
            for (owner, around, number, digest, count), share in zip(links, shares, strict=True):
                given = (owner, digest)
                part = min(count, most[given] * share / totals[given]) if totals[given] > 0 else 0.0
                fresh[number, digest] = fresh.get((number, digest), 0) + part
                hits[owner, around] = hits.get((owner, around), 0) + part
            meaning = {
                pair: min(1.0, mass / (heard.get(pair[0], 0) + told_all.get(pair[0], 0) + UNHEARD))
                if pair not in told else min(1.0, told[pair] / (told_all[pair[0]] + 0.2))
                for pair, mass in fresh.items()
            }  # fmt: skip
            for link in links:
                meaning.setdefault((link[2], link[3]), 0.0)
            known: dict[tuple[str, str], float] = {}  # tool, word before -> known phrases heard there
            best: dict[int, float] = {}
            for (number, _), chance in meaning.items():
                best[number] = max(best.get(number, 0), chance)
            for (tool, number, around), count in heard_at.items():
                known[tool, around] = known.get((tool, around), 0) + count * best.get(number, 0)
            around_chance = {}
            for owner, around in {*hits, *verbatim}:
                own_hits, own_turns = verbatim.get((owner, around), (0.0, 0.0))
                tool = owner.partition(SEPARATOR)[0]
                around_chance[owner, around] = min(
                    0.97,
                    (hits.get((owner, around), 0) + own_hits + AROUND_TURNS * AROUND_PRIOR)
                    / (known.get((tool, around), 0) + own_turns + AROUND_TURNS),
                )
        for (number, digest), chance in meaning.items():
            if chance >= LEAST_MAPPED:
                self._meanings.setdefault(number, []).append((chance, digest))
        for row_ in self._meanings.values():
            row_.sort(key=lambda each: (-each[0], each[1]))
            del row_[3:]
        for (owner, around), chance in around_chance.items():
            if chance >= LEAST_MAPPED:
                self._around.setdefault(owner, {})[around] = chance
                name = owner.partition(SEPARATOR)[2]
                other = self._by_name.setdefault(name, {})
                other[around] = max(other.get(around, 0), chance / 2)

    def values(self, tool: str, argument: str, phrases: Sequence[Phrase]) -> list[tuple[float, str]]:
        """(chance, digest) of what an argument may be after these phrases; nothing where nothing is known."""
        around_chance = self._around.get(tool + SEPARATOR + argument) or self._by_name.get(argument)
        if around_chance is None:
            return []
        found: dict[str, float] = {}
        meanings = self._meanings
        for number, around in phrases:
            known = meanings.get(number)
            if known is None:
                continue
            fits = around_chance.get(around, 0.0)
            if fits:
                for chance, digest in known:
                    p = fits * chance
                    if p >= LEAST_MAPPED and p > found.get(digest, 0):
                        found[digest] = p
        return sorted(((p, digest) for digest, p in found.items()), key=lambda each: (-each[0], each[1]))


def _verbatim(counts: Counts, owners: Iterable[str]) -> dict[tuple[str, str], tuple[float, float]]:
    """(tool and argument, word before) -> (turns in which the argument was what the user typed there, turns)."""
    out: dict[tuple[str, str], tuple[float, float]] = {}
    for owner in owners:
        tool, _, argument = owner.partition(SEPARATOR)
        offers = counts.offers.get(tool, {})
        for path, row in counts.takes.get(tool, {}).get(argument, {}).items():
            if not path.startswith("user:") or "<" not in path or "|" in path:
                continue
            around = path.rpartition("<")[2]
            around = "~" if around.startswith("~") else around
            taken = sum(wide(row))
            if taken <= 0:
                continue
            hits, turns = out.get((owner, around), (0.0, 0.0))
            out[owner, around] = (hits + taken, turns + max(taken, sum(wide(offers.get(path, [])))))
    return out
