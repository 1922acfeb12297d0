"""The pattern predictor: which tool comes next, and where each of its arguments comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from math import log
from typing import Any, ClassVar

from predictors.pattern.bounding import MAX_BYTES
from predictors.pattern.calibration import NEXT_START, USE_START, Weights, weigh
from predictors.pattern.choosing import NEVER_LATER_ODDS
from predictors.pattern.explaining import Rule, explain_rules, source_of
from predictors.pattern.filling import Value
from predictors.pattern.guessing import MAX_TOOLS, Call, Guesser
from predictors.pattern.indexing import Indexer
from predictors.pattern.naming import Naming
from predictors.pattern.nesting import gathered, is_plain, owner_of, shown
from predictors.pattern.online import observe_call
from predictors.pattern.part import MIN_TENANTS, Part
from predictors.pattern.reliability import KNOTS, chance_along
from predictors.pattern.renaming import rename_counts
from predictors.pattern.rivals import RIVALS_START, compete
from predictors.pattern.rules import OpenValues
from predictors.pattern.sealing import seal_of
from predictors.pattern.state import State
from predictors.pattern.sweeping import Sweep
from predictors.pattern.training import SAMPLE, calibrate
from predictors.pattern.vault import digest_of
from predictors.pattern.viewing import View
from speculate.calls import ToolCall
from speculate.history import History
from speculate.prediction import ArgumentSource, Prediction
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession

MAX_PREDICTIONS = 32
PREPARED = 10  # predictions whose sources are looked up ahead
LEAST_NEXT = -3.9  # log odds of a call with sure arguments, below which its tool is looked at only if its later use
LEAST_USE = -3.0  # is likelier than this
SURELY = 1  # guesses, before which no tool is passed over
LEAST_GATED = -2.5  # the same for tools that are never launched: only the next turn matters
MAX_BEHIND = 2.0  # log odds by which such a tool may be behind another one that has calls: it could hardly come first
MAX_SOURCES = 4_096  # kept, of arguments
NO_TOOLS: Mapping[str, Mapping[str, bool]] = {}
BEFORE = {(13, 12), (17, 13)}  # how many weights files of earlier versions have: of the first so many features
_WEIGHTS = ("next", "use", "next curve", "use curve", "rivals")  # as a file calls them


class PatternPredictor:
    """Predicts whole calls from counts over recorded runs; see the package's docstring.

    min_tenants: how many distinct tenants must have shown a constant before it is known (a session without a tenant
    counts as one of its own). sample: how many sessions are kept, without their values, to calibrate on. max_bytes:
    how large its file may be, as JSON and not compressed; what does not fit is left out by hashes, the least missed
    first, so that models still add up exactly.
    """

    KIND: ClassVar[str] = "pattern"

    def __init__(
        self, *, min_tenants: int = MIN_TENANTS, sample: int = SAMPLE, max_bytes: int = MAX_BYTES
    ) -> None:  # fmt: skip
        self._set(Part.empty(min_tenants, sample, max_bytes), None)

    def _set(self, part: Part, weights: Weights | None) -> None:
        self.part = part
        self.counts = part.counts
        self.vault = part.vault
        self.hidden = dict(part.hidden)
        self._schema = dict(part.schema)
        self._indexer = self._new_indexer()
        self._weights = weights or calibrate(part.counts, part.vault, part.names, part.sample, self.hidden)
        values = OpenValues(part.vault)
        self._guesser = Guesser(part.counts, values, self.hidden, self._schema, partial(weigh, self._weights))
        self._chances = tuple(map(chance_along, self._weights[2:4]))
        self._by_tool, self._by_moment = _taken_apart(self._weights)
        self._year = self._usual_year()
        self._sweep = Sweep(part)
        self._learned = 0  # calls observed: what was answered before an observation is out of date
        self._sources: dict[tuple[str, int, str | None], ArgumentSource] = {}
        self._tools: dict[str, Mapping[str, bool]] = {}  # that somebody told of in this process, see `introduce`
        self._lent: dict[str, str] = {}  # seals of names of their arguments -> the names

    @classmethod
    def from_part(
        cls, part: Part, weights: Weights | None = None, tools: Mapping[str, Mapping[str, bool]] = NO_TOOLS
    ) -> PatternPredictor:
        """The predictor of what was counted. Calibrates it, unless its weights are known. tools: see `introduce`."""
        made = cls.__new__(cls)
        made._set(part, weights)
        if tools:
            made.introduce(tools)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied and pickled as what was learned, without what is derived from it or remembered of histories."""
        return (type(self).from_part, (self.part, self._weights, self._tools))

    def introduce(self, tools: Mapping[str, Mapping[str, bool]]) -> None:
        """Tell what arguments tools take, by their schemas: tool -> argument -> whether every call has it.

        A model knows a name that few tenants showed by its seal alone, and nobody can make a call with that: calls with
        one of these names are predicted from now on. One that learned nothing yet predicts calls of all these tools.
        All that is of this process; no file gets it.
        """
        self._tools.update(tools)
        closed = frozenset(self.part.names.arguments.closed())
        lent = {seal_of(name): name for arguments in tools.values() for name in arguments if digest_of(name) in closed}
        if not self.counts.forms:
            for tool, arguments in tools.items():
                self._schema.setdefault(tool, sorted(name for name, is_required in arguments.items() if is_required))
            self._guesser.forget_all()
            self._learned += 1
        if not lent.keys() <= self._lent.keys():
            self._lent.update(lent)
            self._lend()

    def _lend(self) -> None:
        lent = self._lent
        rename_counts(self.counts, Naming(str, lambda name: lent.get(name, name)))
        self._guesser.forget_all()
        self._learned += 1

    @classmethod
    def train(
        cls, sessions: Iterable[RecordedSession], specs: Mapping[str, ToolSpec], *, min_tenants: int = MIN_TENANTS,
        sample: int = SAMPLE, max_bytes: int = MAX_BYTES,
    ) -> PatternPredictor:  # fmt: skip
        """Learn from recorded sessions, one pass. Arguments that the manifest calls sensitive are not looked at."""
        return cls.from_part(Part.count(sessions, specs, min_tenants, sample, max_bytes))

    @classmethod
    def train_part(cls, sessions: Iterable[RecordedSession], specs: Mapping[str, ToolSpec], **settings: int) -> Part:
        """Only count, as `train` does: parts merge, and `from_part` makes the predictor of them all."""
        return Part.count(sessions, specs, **settings)

    @property
    def min_tenants(self) -> int:
        """How many distinct tenants must have shown a constant, or a name, before it is known."""
        return self.vault.k

    def merge(self, other: PatternPredictor) -> PatternPredictor:
        """A new model, equal to the one trained on the sessions of both. Raises ValueError if settings differ."""
        return self.from_part(self.part.merge(other.part))

    def _new_indexer(self) -> Indexer:
        return Indexer(self.hidden, self.part.names.seals())

    def _usual_year(self) -> str | None:
        """The year that dates among arguments mostly lay in, if enough tenants showed it."""
        years = self.counts.years.get("", {})
        for digest in sorted(years, key=lambda each: (-years[each], each)):
            year = self.vault.value(digest)
            if year is not None:
                return year
        return None

    def _view(self, history: History) -> View:
        view: View | None = history.memo.get(self)
        if view is None:
            view = history.memo[self] = View(
                self._indexer, self._guesser, State(self._year, self._indexer.keys), self._prepare
            )
        view.catch_up(history)
        return view

    def warm(self) -> None:
        """Read all tables and work out all rules now: else the first predictions of a model just loaded do."""
        self._guesser.warm()

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        """At most `limit` whole calls, best `p_next` first. The answer to an unchanged history is remembered."""
        view = self._view(history)
        view.asked()
        answer = view.answer
        limit = max(0, min(limit, MAX_PREDICTIONS))
        if answer is None or answer[0] != self._learned or answer[1] < limit:
            answer = view.answer = (self._learned, limit, self._predict(view.state, limit))
        return list(answer[2][:limit])

    def _prepare(self, state: State, is_call: bool) -> None:
        """Work out what will still stand once a call just made has had its usual result, or the user has spoken."""
        chooser = self._guesser.chooser
        known, asked, evidence = state.known_contexts, state.asked, state.evidence
        state.known_contexts = None
        if is_call:
            state.signatures.append(chooser.usual_signature(state.calls[-1][0]))
        else:
            state.signatures.append("U")
            state.asked = True
            chooser.expect_words(state)
        try:
            self._predict(state, PREPARED)
        finally:
            state.signatures.pop()
            state.known_contexts, state.asked, state.evidence = known, asked, evidence

    def _predict(self, state: State, limit: int) -> list[Prediction]:
        bias, by_asked, by_failed, next_by_later, use_bias, by_next, by_later, use_by_asked, by_times, by_calls = (
            self._by_moment
        )
        use_bias += by_times * log(1 + state.times_asked)
        if state.asked:
            bias += by_asked
            use_bias += use_by_asked
        if state.failed:
            bias += by_failed
        guesser = self._guesser
        chooser = guesser.chooser
        standing = guesser.standing(state)
        later = chooser.later_odds(state.later_contexts())
        gated = self.part.gated
        called = state.tools
        scored = []
        number = 0
        top = LEAST_GATED
        for negative, tool, _, _, _, _ in chooser.tools(state, state.contexts(), self._by_tool)[:MAX_TOOLS]:
            later_odds = later.get(tool, NEVER_LATER_ODDS)
            base = bias - negative + next_by_later * later_odds
            tool_use = use_bias + by_later * later_odds
            if tool in called:
                tool_use += by_calls * log(1 + called[tool])
            if number < SURELY:
                pass
            elif tool in gated:
                if base < LEAST_GATED or base < top - MAX_BEHIND:
                    continue
            elif base < LEAST_NEXT and tool_use + by_next * base < LEAST_USE:
                continue
            calls = guesser.calls(state, standing, tool)
            if calls and base > top:
                top = base
            for call in calls:
                scored.append((-base - call.next_part, number, tool_use, tool, call))
                number += 1
        scored.sort()
        out = []
        kind = self.KIND
        chance_next, chance_use = self._chances
        scores = compete(self._weights[4], [-each[0] for each in scored], limit)
        for (_, _, use, tool, call), score in zip(scored, scores, strict=False):
            p_next = chance_next(score)
            p_use = chance_use(use + call.use_part + by_next * (7.0 if score > 7.0 else max(score, -7.0)))
            given, sources = call.given, call.sources
            if given is None or sources is None:
                given = call.given = gathered(call.arguments)
                sources = call.sources = self._sources_of(call, state)
            out.append(Prediction(tool, given, p_next, max(p_next, p_use), sources, kind))
        return out

    def _sources_of(self, call: Call, state: State) -> Mapping[str, ArgumentSource]:
        """Where the values came from, by argument; those within an argument under their own names, too."""
        out: dict[str, ArgumentSource] = {}
        source_of = self._source
        order = call.order
        if is_plain(order):
            for name, value in zip(order, call.chosen, strict=True):
                out[name] = source_of(value, state)
        else:
            for name, value in zip(order, call.chosen, strict=True):
                source = out[shown(name)] = source_of(value, state)
                out.setdefault(owner_of(name), source)
        return out

    def _source(self, value: Value, state: State) -> ArgumentSource:
        """Where a value came from; said once for each source that does not depend on what is known of tenants."""
        _, _, rule, slot, event, _, _, _, _ = value
        if "=" in rule:
            return source_of(value, state, self.vault)
        key = (rule, slot, state.sources[event])
        found = self._sources.get(key)
        if found is None:
            if len(self._sources) >= MAX_SOURCES:
                self._sources.clear()
            found = self._sources[key] = source_of(value, state, self.vault)
        return found

    def observe(self, history: History, call: ToolCall) -> None:
        """Learn from a real call, made in the state `history` is in just before it; old counts fade."""
        state = self._view(history).state
        is_gated = call.tool in self.part.gated
        observe_call(self.counts, self.vault, self.part.names, self.hidden, state, history, call, is_gated)
        self._sweep.step()
        self._guesser.forget(call.tool)
        self._learned += 1

    def explain(self) -> list[Rule]:
        """What was learned about arguments, the best rules of every tool and argument first."""
        return explain_rules(self._guesser, self.counts, self.vault)

    def to_document(self) -> dict[str, Any]:
        """Everything learned, and the settings, as JSON values."""
        if self._learned:  # what was dropped is not guessed from any longer
            self._sweep.finish()
            self.part.drop_entries()
            self._guesser.forget_all()
            self._indexer = self._new_indexer()  # for sessions to come: names may have been sealed, or opened
            self._learned += 1
        weights = dict(zip(_WEIGHTS, map(list, self._weights), strict=True))
        document = {**self.part.to_document(), "weights": weights}
        if self._lent:  # they were sealed for it
            self._lend()
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> PatternPredictor:
        """The predictor a document describes. Raises KeyError, TypeError or ValueError if it is no such document."""
        part = Part.from_document(document)
        found = document["weights"]
        to_next, to_use, curve_next, curve_use, rivals = (tuple(map(float, found.get(name, ()))) for name in _WEIGHTS)
        if not rivals and (len(to_next), len(to_use)) in BEFORE:
            to_next += (0.0,) * (len(NEXT_START) - len(to_next))
            to_use += (0.0,) * (len(USE_START) - len(to_use))
            rivals = RIVALS_START
        weights = (to_next, to_use, curve_next, curve_use, rivals)
        if tuple(map(len, weights)) != tuple(map(len, (NEXT_START, USE_START, KNOTS, KNOTS, RIVALS_START))):
            raise ValueError("the weights are of another version")
        return cls.from_part(part, weights)

    def __repr__(self) -> str:
        return f"<PatternPredictor: {self.counts.sessions:g} sessions, {len(self.counts.forms)} tools>"


def _taken_apart(weights: Weights) -> tuple[tuple[float, float, float, float], tuple[float, ...]]:
    """The weights of what depends on the tool and the moment: those that choose tools; then those of p_next (the bias,
    the user spoke last, an error, later use) and of p_use (the bias, p_next, later use, the user spoke last, how often
    they did, calls so far). What depends on the call is added up by `weigh`."""
    to_next, to_use, _, _, _ = weights
    bias, by_context, by_words, by_forms, _, by_asked, _, _, by_strongest = to_next[:9]
    by_later, _, by_failed = to_next[-3:]
    use_bias, use_by_next, use_by_later, _, _, use_by_asked, _, by_times = to_use[:8]
    return (by_context, by_words, by_strongest, by_forms), (
        bias, by_asked, by_failed, by_later, use_bias, use_by_next, use_by_later, use_by_asked, by_times, to_use[12],
    )  # fmt: skip
