"""Learned mappings: a phrase the user says, the argument value it stands for.

From what was counted (see `hearing`) `Mappings` finds out which phrase stands for which value, and the words
before a phrase ("from", "to") that tell which argument it fills, by a few rounds of expectation maximisation, as
word alignment does (Brown et al., 1993, IBM Model 1). Values go by their digests and stay sealed as constants do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from predictors.pattern.counts import Counts, wide
from predictors.pattern.phrases import Phrase
from predictors.pattern.sealing import SEPARATOR

MAPPED = "?="  # marks what a phrase stands for, before the value's digest
LEAST_COUNT = 2  # times a phrase and a value must have met
ROUNDS = 4
TOLD_WEIGHT = 3.0  # a listing says more than a coincidence
UNHEARD = 1.0  # turns without the value, before any was seen
AROUND_PRIOR = 0.15
AROUND_TURNS = 1.5  # turns the prior counts for
LEAST_MAPPED = 0.05


def alone(counts: Counts, is_open: Callable[[str], bool]) -> Counts:
    """The counts without what no `Mappings` would look at, now or after some of them were taken out again. Everything
    else is shared."""
    out = Counts()
    for name in Counts.__slots__:
        setattr(out, name, getattr(counts, name))
    opened = {digest for digest in {key.rpartition("=")[2] for row in counts.links.values() for key in row}
              if is_open(digest)}  # fmt: skip
    out.told = {}
    told: set[str] = set()  # "phrase=digest"
    for number, row in counts.told.items():
        kept = {digest: count for digest, count in row.items() if is_open(digest)}
        if kept:
            out.told[number] = kept
            told.update(f"{number}={digest}" for digest in kept)
    pairs: dict[str, float] = {}
    links = []
    for owner, row in counts.links.items():
        for key, count in row.items():
            occurrence, _, digest = key.partition("=")
            if digest in opened:
                pair = f"{occurrence.partition('<')[0]}={digest}"
                pairs[pair] = pairs.get(pair, 0) + count
                links.append((owner, key, pair, count))
    out.links = {owner: {} for owner in counts.links}
    wanted = set(out.told)
    for owner, key, pair, count in sorted(links):  # in order, as they are looked at
        if pairs[pair] >= LEAST_COUNT or pair in told:
            out.links[owner][key] = count
            wanted.add(pair.partition("=")[0])
    out.heard = {
        tool: dict(sorted([each for each in row.items() if each[0].partition("<")[0] in wanted]))
        for tool, row in counts.heard.items()
    }
    return out


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
        wanted = {str(number) for _, _, number, _, _ in links} | {str(number) for number, _ in told}
        heard_at: list[tuple[tuple[str, str], int, float]] = []  # (tool, word before), phrase, turns
        heard: dict[int, float] = {}
        for tool, row in sorted(counts.heard.items()):
            for key, count in sorted([each for each in row.items() if each[0].partition("<")[0] in wanted]):
                text, _, around = key.partition("<")
                number = int(text)
                heard_at.append(((tool, around), number, count))
                heard[number] = heard.get(number, 0) + count
        verbatim = _verbatim(counts, {owner for owner, _, _, _, _ in links} | set(counts.links))
        told_all: dict[int, float] = {}
        for (number, _), weight in told.items():
            told_all[number] = told_all.get(number, 0) + weight

        # Everything by number from here on: pairs of a phrase and a value, what was given, words before an argument
        pairs: dict[tuple[int, str], int] = {}
        given: dict[tuple[str, str], int] = {}
        places: dict[tuple[str, str], int] = {}
        pair_of, given_of, place_of, count_of = [], [], [], []
        most: list[float] = []  # how often that value was given, at least
        sums: list[float] = []  # how often a pair met
        for owner, around, number, digest, count in links:
            pair = pairs.setdefault((number, digest), len(pairs))
            if pair == len(sums):
                sums.append(0)
            sums[pair] += count
            value = given.setdefault((owner, digest), len(given))
            if value == len(most):
                most.append(0)
            most[value] = max(most[value], count)
            pair_of.append(pair)
            given_of.append(value)
            place_of.append(places.setdefault((owner, around), len(places)))
            count_of.append(count)
        for pair_told, weight in told.items():
            pair = pairs.setdefault(pair_told, len(pairs))
            if pair == len(sums):
                sums.append(0)
            sums[pair] += weight
        said = [heard.get(number, 0) + told_all.get(number, 0) + UNHEARD for number, _ in pairs]
        meanings = [min(1.0, each / turns) for each, turns in zip(sums, said, strict=True)]
        told_mass: list[float] = [told.get(pair_told, 0) for pair_told in pairs]
        told_meaning = [
            (pair, min(1.0, mass / (told_all[number] + 0.2)))
            for pair, ((number, _), mass) in enumerate(zip(pairs, told_mass, strict=True))
            if (number, _) in told
        ]
        chances = []
        for key_ in places:
            hits_, turns_ = verbatim.get(key_, (0.0, 0.0))
            prior = key_ in verbatim
            chances.append((hits_ + AROUND_TURNS * AROUND_PRIOR) / (turns_ + AROUND_TURNS) if prior else AROUND_PRIOR)
        hits: list[float] = []
        known: dict[tuple[str, str], float] = {}  # tool, word before -> known phrases heard there
        for _ in range(ROUNDS):
            shares = [
                count * meanings[pair] * chances[place]
                for count, pair, place in zip(count_of, pair_of, place_of, strict=True)
            ]
            totals: list[float] = [0] * len(most)  # of one argument's value, over what may have given it
            for value, share in zip(given_of, shares, strict=True):
                totals[value] += share
            fresh = told_mass.copy()
            hits = [0] * len(places)
            for value, pair, place, count, share in zip(given_of, pair_of, place_of, count_of, shares, strict=True):
                total = totals[value]
                if total > 0:
                    part = most[value] * share / total
                    if part > count:
                        part = count
                    fresh[pair] += part
                    hits[place] += part
            meanings = [min(1.0, mass / turns) for mass, turns in zip(fresh, said, strict=True)]
            for pair, chance in told_meaning:
                meanings[pair] = chance
            best: dict[int, float] = {}
            for (number, _), chance in zip(pairs, meanings, strict=True):
                if chance > best.get(number, 0):
                    best[number] = chance
            known = {}
            for where, number, count in heard_at:
                known[where] = known.get(where, 0) + count * best.get(number, 0)
            chances = [_around_chance(key_, hit, verbatim, known) for key_, hit in zip(places, hits, strict=True)]
        meaning = dict(zip(pairs, meanings, strict=True))
        around_chance = dict(zip(places, chances, strict=True))
        for key_ in verbatim:
            if key_ not in around_chance:
                around_chance[key_] = _around_chance(key_, 0, verbatim, known)
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

    def knows(self, tool: str, argument: str) -> bool:
        """Whether any phrase may stand for a value of this argument."""
        return tool + SEPARATOR + argument in self._around or argument in self._by_name

    def meaning(self, phrases: Iterable[Phrase]) -> list[Phrase]:
        """Those of the phrases that may stand for anything."""
        meanings = self._meanings
        return [phrase for phrase in phrases if phrase[0] in meanings]

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


def _around_chance(
    key: tuple[str, str],
    hits: float,
    verbatim: Mapping[tuple[str, str], tuple[float, float]],
    known: Mapping[tuple[str, str], float],
) -> float:
    """How often what stands after this word was meant for this argument."""
    owner, around = key
    own_hits, own_turns = verbatim.get(key, (0.0, 0.0))
    tool = owner.partition(SEPARATOR)[0]
    return min(
        0.97,
        (hits + own_hits + AROUND_TURNS * AROUND_PRIOR) / (known.get((tool, around), 0) + own_turns + AROUND_TURNS),
    )


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
