"""Tools that are akin by their names: `issues_list` and `issues_get`, `listFiles` and `getFile`.

A tool seen a handful of times has been seen after hardly any other. How much likelier the next call is for a tool
akin to the last one is learned from all tools at once, and stands in for what each of them has not shown yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import fsum, log

from predictors.pattern.counts import ALL
from predictors.pattern.names import words_of
from predictors.pattern.text import bucket

SEEN = 6.0  # turns after which half of what a name says is left to what was seen of the tool
COMMON = 0.25  # share of the tools beyond which a word they share (get, list, search) says nothing
MENTIONED = 3.0  # how much likelier a tool is taken to be that is called like something the user said, until seen
DOUBT = 2.0  # calls that "no likelier than any other" counts for


class Kinship:
    """Which tools are akin, and how much likelier that makes them after one another."""

    __slots__ = ("_akin", "_mention", "_named", "_odds")

    def __init__(
        self,
        tools: Iterable[str],
        contexts: Mapping[str, Mapping[str, float]],
        words: Mapping[str, Mapping[str, float]],
    ) -> None:
        by_word: dict[str, list[str]] = {}
        known = sorted(tools)
        for tool in known:
            for word in set(words_of(tool)):
                by_word.setdefault(word, []).append(tool)
        self._akin: dict[str, frozenset[str]] = {}
        most = max(2.0, COMMON * len(known))
        for tool in known:
            akin: set[str] = set()
            for word in words_of(tool):
                if len(by_word[word]) <= most:
                    akin.update(by_word[word])
            akin.discard(tool)
            if akin:
                self._akin[tool] = frozenset(akin)
        self._odds = self._learned(contexts)
        self._named: dict[
            int, list[tuple[str, float]]
        ] = {}  # a word's bucket -> tools called so, and a weight for each
        self._mention = 0.0
        asked = contexts.get("U", contexts.get(ALL, {}))
        for word, called in by_word.items():
            if len(called) <= most:
                number = bucket(word)
                for tool in called:
                    weight = SEEN / (SEEN + max(0.0, asked.get(tool, 0.0)))
                    self._named.setdefault(number, []).append((tool, weight))
        self._mention = self._learned_mention(asked, words)

    def _learned(self, contexts: Mapping[str, Mapping[str, float]]) -> tuple[float, float]:
        """How much likelier a tool akin to the last one is, and how much likelier any other."""
        root = contexts.get(ALL, {})
        calls = _calls(root)
        if calls <= 0:
            return 1.0, 1.0
        totals, hits, chances = [], [], []
        for key, row in contexts.items():
            tool, after, _ = key.rpartition(">")
            if not after or "<" in key or tool not in self._akin:
                continue
            akin = self._akin[tool]
            here = _calls(row)
            totals.append(here)
            hits.append(fsum([count for name, count in row.items() if name in akin]))
            chances.append(here * fsum([root.get(name, 0.0) for name in akin]) / calls)
        total, seen, expected = fsum(totals), max(0.0, fsum(hits)), fsum(chances)
        return (seen + DOUBT) / (expected + DOUBT), (max(0.0, total - seen) + DOUBT) / (
            max(0.0, total - expected) + DOUBT
        )

    def _learned_mention(self, asked: Mapping[str, float], words: Mapping[str, Mapping[str, float]]) -> float:
        """How the log odds of a tool move when the user says a word of its name."""
        calls = _calls(asked) or 1.0
        hits, chances = [], []
        for number, called in self._named.items():
            row = words.get(f"u{number}")
            if row is not None:
                hits.append(fsum([row.get(tool, 0.0) for tool, _ in called]))
                chances.append(_calls(row) * fsum([asked.get(tool, 0.0) for tool, _ in called]) / calls)
        return log((max(0.0, fsum(hits)) + MENTIONED * DOUBT) / (max(0.0, fsum(chances)) + DOUBT))

    def mentioned(self, said: Iterable[int]) -> dict[str, float]:
        """By tool: how its log odds move because words of its name are among these."""
        out: dict[str, float] = {}
        for number in said:
            for tool, weight in self._named.get(number, ()):
                out[tool] = max(out.get(tool, 0.0), self._mention * weight)
        return out

    def leaning(self, chance: Mapping[str, float], last: str) -> dict[str, float]:
        """The chances after a call of `last`: as much in all, more of it for tools akin to it."""
        akin = self._akin.get(last)
        if akin is None:
            return dict(chance)
        more, less = self._odds
        leaning = {tool: p * (more if tool in akin else less) for tool, p in chance.items()}
        scale = fsum(chance.values()) / (fsum(leaning.values()) or 1.0)
        return {tool: p * scale for tool, p in leaning.items()}


def _calls(row: Mapping[str, float]) -> float:
    """How many calls a row counted: the same sum in whatever order they stand."""
    return fsum([count for tool, count in row.items() if tool])
