"""Which tool comes next, and which are still to come: chances in context, moved by what was said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from math import log
from typing import Any

from predictors.pattern.counts import ALL, Counts
from predictors.pattern.kinship import Kinship
from predictors.pattern.learning import FRESH, form_features, word_features
from predictors.pattern.state import State

BACK_OFF = 3.0  # turns a coarser context counts for
LOCAL_BACK_OFF = 4.0
UNSEEN_HERE = 0.05  # chance of a tool this session called and no trace did
WORD_WEIGHT = 0.3  # words are far from independent: their evidence is tempered
TELLING = 0.6  # log odds that one word must move to count by itself
WORD_PRIOR = 3.0
ASKED_FEATURES = "fum" + FRESH  # that are there only after the user spoke
MAX_SWING = 4.0
MAX_CANDIDATES = 24
LEAST_RATIO = 0.4
UNTRAINED = 0.1
NEVER_LATER = 0.02
NEVER_LATER_ODDS = log(NEVER_LATER / (1 - NEVER_LATER))
MIN_SCORE = -5.5  # log odds in context (weighed) below which a tool is not looked at
LEAST_TRUST = 0.3  # in the log odds in context when tools are left out: other evidence may move them by so much
MAX_KNOWN = 1_024  # contexts whose chances are kept
MAX_BESIDE = 8  # numbers of followers, of each of them
NO_EVIDENCE: Mapping[str, float] = {}
NOTHING_SAID: Mapping[str, tuple[float, float]] = {}
SILENT = (0.0, 0.0)
OUTCOMES = "1+0t!?"
STARTING = (1.0, 0.5, 0.2, 0.5)

Choice = tuple[float, str, float, float, float, float]  # log odds in all, tool, in context, by words, by one, by forms


def _odds(p: float) -> float:
    return -7.0 if p < 0.001 else 7.0 if p > 0.999 else log(p / (1 - p))


class Chances(dict[str, tuple[float, float]]):
    """The chance of each tool, and its log odds."""

    __slots__ = ("_beside",)

    def __init__(self, chances: Mapping[str, tuple[float, float]] | Iterable[tuple[str, tuple[float, float]]]) -> None:
        super().__init__(chances)
        self._beside: dict[int, Mapping[str, tuple[float, float]]] = {}

    def beside(self, times: int) -> Mapping[str, tuple[float, float]]:
        """What is left of them where the session has seen so many other tools follow."""
        found = self._beside.get(times)
        if found is None:
            if len(self._beside) >= MAX_BESIDE:
                self._beside.clear()
            share = LOCAL_BACK_OFF / (times + LOCAL_BACK_OFF)
            found = self._beside[times] = {tool: (p * share, _odds(p * share)) for tool, (p, _) in self.items()}
        return found


class Chooser:
    """Chances of tools from counts. What is derived is kept until `forget`."""

    __slots__ = (
        "_bases",
        "_chances",
        "_counts",
        "_forms",
        "_kinship",
        "_later_odds",
        "_laters",
        "_ratios",
        "_schema",
        "_usual",
        "version",
    )

    def __init__(self, counts: Counts, schema: Mapping[str, Sequence[str]]) -> None:
        self._counts = counts
        self._schema = schema
        self.version = 0  # of what words say
        self._kinship: Kinship | None = None
        self._bases: dict[str, list[tuple[str, float, float]]] = {}  # kind of turn -> (tool, chance, log odds)
        self._chances: dict[str, Chances] = {}  # by context
        self._laters: dict[str, dict[str, float]] = {}
        self._later_odds: dict[tuple[str, ...], dict[str, float]] = {}  # contexts -> tool -> log odds
        self._ratios: dict[str, list[tuple[str, float]]] = {}
        self._forms: dict[tuple[str, ...], dict[str, float]] = {}
        self._usual: dict[str, str] = {}  # tool -> what its results mostly are

    def forget(self) -> None:
        """The counts have changed."""
        self.version += 1
        self._chances.clear()
        self._laters.clear()
        self._later_odds.clear()
        self._ratios.clear()
        self._forms.clear()
        self._usual.clear()
        self._bases.clear()
        self._kinship = None

    def tools(
        self, state: State, keys: Sequence[str], weights: tuple[float, float, float, float] = STARTING
    ) -> list[Choice]:  # fmt: skip
        """The tools that the next turn may call in these contexts, best first: weights of the log odds in context, by
        words, by one word, by forms."""
        by_context, by_words, by_strongest, by_forms = weights
        least = MIN_SCORE * max(by_context, LEAST_TRUST)
        root = self._counts.contexts.get(ALL)
        words: Mapping[str, tuple[float, float]] = NOTHING_SAID
        forms: Mapping[str, float] = NO_EVIDENCE
        if root is None:
            found = Chances(dict.fromkeys(self._schema, (UNTRAINED, _odds(UNTRAINED))))
        else:
            found = self._in_context(root, keys)
            words = self.words(state)
            forms = self._by_forms(state)
        chances: Mapping[str, tuple[float, float]] = found
        followers: Mapping[str, int] = {}
        total = 0
        if state.tools:
            signatures = state.signatures
            followers = state.follow.get(signatures[-1] if signatures else "^", {})
            total = sum(followers.values())
            missing = [tool for tool in islice(reversed(state.tools), MAX_CANDIDATES) if tool not in chances]
            if total:
                chances = found.beside(total)
            if missing:
                p = UNSEEN_HERE * LOCAL_BACK_OFF / (total + LOCAL_BACK_OFF)
                chances = {**chances, **dict.fromkeys(missing, (p, _odds(p)))}
        out = []
        words_of, forms_of = words.get, forms.get
        for tool, (p, context) in chances.items():
            if tool in followers:
                context = _odds(p + followers[tool] / (total + LOCAL_BACK_OFF))
            word, strongest = words_of(tool, SILENT)
            form = forms_of(tool, 0.0)
            best = by_context * context + by_words * word + by_strongest * strongest + by_forms * form
            if best >= least:
                out.append((-best, tool, context, word, strongest, form))
        out.sort()
        return out

    def _in_context(self, root: Mapping[str, float], keys: Sequence[str]) -> Chances:
        """For each tool, the chance that the next turn calls it in these contexts, coarse first, and its log odds."""
        contexts = self._counts.contexts
        rows = []
        finest = ALL
        for key in keys:
            row = contexts.get(key)
            if row is None or row[ALL] <= 0:
                break
            rows.append(row)
            finest = key
        known = self._chances.get(finest)  # the finest context that was seen names all the coarser ones
        if known is not None:
            return known
        total = root[ALL] + 1
        chance = {tool: (count + 0.1) / total for tool, count in root.items() if tool}
        for tool in self._schema:
            if tool not in chance:
                chance[tool] = 0.1 / total
        last, after, _ = keys[0].rpartition(">")
        if after:
            chance = self._akin().leaning(chance, last)
        for depth, row in enumerate(rows):
            if depth == 1 and len(chance) > MAX_CANDIDATES:
                kept = sorted(chance, key=lambda tool: (-chance[tool], tool))[:MAX_CANDIDATES]
                chance = {tool: chance[tool] for tool in kept}
            total = row[ALL] + BACK_OFF
            get = row.get
            for tool, p in chance.items():
                chance[tool] = (get(tool, 0) + BACK_OFF * p) / total
        if len(self._chances) >= MAX_KNOWN:
            self._chances.clear()
        found = self._chances[finest] = Chances((tool, (p, _odds(p))) for tool, p in chance.items())
        return found

    def usual_signature(self, tool: str) -> str:
        """What the tool's results mostly are (see `outcomes.outcome`)."""
        found = self._usual.get(tool)
        if found is None:
            contexts = self._counts.contexts
            signatures = [f"{tool}>{outcome}" for outcome in OUTCOMES]
            found = max(signatures, key=lambda signature: contexts.get(signature, NO_EVIDENCE).get(ALL, 0.0))
            self._usual[tool] = found
        return found

    def warm(self) -> None:
        """Work out what does not depend on a session: tools akin, and chances in contexts where nothing happened."""
        self._akin()
        root = self._counts.contexts.get(ALL)
        if root is not None:
            self._in_context(root, ("^",))
            self.later(("",))

    def _akin(self) -> Kinship:
        if self._kinship is None:
            tools = {*self._schema, *self._counts.contexts.get(ALL, ())} - {ALL}
            self._kinship = Kinship(tools, self._counts.contexts, self._counts.words)
        return self._kinship

    def words(self, state: State) -> Mapping[str, tuple[float, float]]:
        """How what was said last moves the log odds of each tool, all of it and the one word that says most for it;
        worked out once for each thing said."""
        key = (self.version, state.times_asked, state.asked)
        kept = state.evidence
        if kept is not None and kept[0] is self and kept[1] == key:
            found: Mapping[str, tuple[float, float]] = kept[2]
            return found
        sums: dict[str, float] = {}
        strongest: dict[str, float] = {}
        get, most = sums.get, strongest.get
        for feature in word_features(state):
            for tool, ratio in self._ratio(feature):
                sums[tool] = get(tool, 0.0) + ratio
                if ratio > TELLING and ratio > most(tool, 0.0):
                    strongest[tool] = ratio
        for tool, swing in self._akin().mentioned(state.words).items():
            strongest[tool] = max(most(tool, 0.0), swing)
        out = {
            tool: (max(-MAX_SWING, min(MAX_SWING, get(tool, 0.0) * WORD_WEIGHT)), most(tool, 0.0))
            for tool in sums | strongest
        }
        state.evidence = (self, key, out)
        return out

    def expect_words(self, state: State) -> None:
        """Take it, for now, that the user has spoken and nothing is known of what they said."""
        state.evidence = (self, (self.version, state.times_asked, state.asked), NOTHING_SAID)

    def _by_forms(self, state: State) -> Mapping[str, float]:
        """How the identifiers that wait to be used move the log odds of each tool."""
        features = tuple(form_features(state))
        found = self._forms.get(features)
        if found is None:
            found = {}
            for feature in features:
                for tool, ratio in self._ratio(feature):
                    found[tool] = found.get(tool, 0.0) + ratio
            for tool, swing in found.items():
                found[tool] = max(-MAX_SWING, min(MAX_SWING, swing))
            if len(self._forms) >= MAX_KNOWN:
                self._forms.clear()
            self._forms[features] = found
        return found

    def _ratio(self, feature: str) -> list[tuple[str, float]]:
        """How the log odds of each tool move when this feature is there."""
        found = self._ratios.get(feature)
        if found is not None:
            return found
        out: list[tuple[str, float]] = []
        row = self._counts.words.get(feature)
        if row is None or row[ALL] <= 0:
            return out
        kind = "U" if feature[0] in ASKED_FEATURES else ""
        bases = self._bases.get(kind)
        if bases is None:
            bases = self._bases[kind] = self._base(kind)
        get = row.get
        total = row[ALL] + WORD_PRIOR
        for tool, q, odds in bases:
            p = (get(tool, 0) + WORD_PRIOR * q) / total
            if 0 < p < 1:
                ratio = log(p / (1 - p)) - odds
                if ratio > LEAST_RATIO or ratio < -LEAST_RATIO:
                    out.append((tool, ratio))
        self._ratios[feature] = out
        return out

    def _base(self, kind: str) -> list[tuple[str, float, float]]:
        """Chances and log odds of tools in turns after the user spoke ("U"), or in all others."""
        contexts = self._counts.contexts
        asked = contexts.get("U")
        base: Mapping[str, float] = asked or NO_EVIDENCE
        if not kind:
            base = contexts[ALL]
            if asked is not None:
                base = {tool: count - asked.get(tool, 0) for tool, count in base.items()}
        out = []
        for tool, count in base.items():
            q = (count + 0.2) / (base[ALL] + 1)
            if tool and 0 < q < 1:
                out.append((tool, q, log(q / (1 - q))))
        return out

    def later_odds(self, keys: tuple[str, ...]) -> Mapping[str, float]:
        """The log odds of `later`, kept within ±7."""
        found = self._later_odds.get(keys)
        if found is None:
            if len(self._later_odds) >= MAX_KNOWN:
                self._later_odds.clear()
            found = self._later_odds[keys] = {tool: _odds(p) for tool, p in self.later(keys).items()}
        return found

    def later(self, keys: Sequence[str]) -> Mapping[str, float]:
        """For each tool, the chance that the session calls it from now on, in these contexts, coarse first."""
        later = self._counts.later
        rows: list[Mapping[str, Any]] = []
        finest = ALL
        for key in keys:
            row = later.get(key)
            if row is None:
                break
            rows.append(row)
            finest = key
        known = self._laters.get(finest)
        if known is not None:
            return known
        chance: dict[str, float] = {}
        for counts in rows:
            if not chance:
                total = counts[ALL] + 1
                chance = {tool: (count + 0.1) / total for tool, count in counts.items() if tool}
                continue
            total = counts[ALL] + BACK_OFF
            for tool, p in chance.items():
                chance[tool] = (counts.get(tool, 0) + BACK_OFF * p) / total
        if len(self._laters) >= MAX_KNOWN:
            self._laters.clear()
        self._laters[finest] = chance
        return chance
