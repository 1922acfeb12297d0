"""The pattern predictor: which tool comes next, and where each of its arguments comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import is_ as _is
from typing import Any, ClassVar

from predictors.pattern.bounding import MAX_BYTES
from predictors.pattern.calibration import NEXT_START, USE_START, next_features, probability, score, use_features
from predictors.pattern.explaining import Rule, explain_rules, source_of
from predictors.pattern.guessing import Guesser, Value
from predictors.pattern.indexing import Indexer
from predictors.pattern.online import observe_call
from predictors.pattern.part import MIN_TENANTS, Part
from predictors.pattern.rules import OpenValues
from predictors.pattern.state import State
from predictors.pattern.sweeping import Sweep
from predictors.pattern.training import SAMPLE, calibrate
from speculate.calls import ToolCall
from speculate.history import Event, History
from speculate.prediction import ArgumentSource, Prediction
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession

MAX_PREDICTIONS = 32
MAX_SOURCES = 4_096  # kept, of arguments
MAX_REMEMBERED = 64  # states kept for histories that fork

Weights = tuple[Sequence[float], Sequence[float]]


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
        self._indexer = Indexer()
        self._guesser = Guesser(part.counts, OpenValues(part.vault), self.hidden, part.schema)
        self._weights = weights or calibrate(part.counts, part.vault, part.sample, self.hidden)
        self._year = self._usual_year()
        self._sweep = Sweep(part)
        self._learned = 0  # calls observed: what was answered before an observation is out of date
        self._sources: dict[tuple[str, int, str | None], ArgumentSource] = {}
        self._states: dict[int, tuple[Sequence[Event], State]] = {}

    @classmethod
    def from_part(cls, part: Part, weights: Weights | None = None) -> PatternPredictor:
        """The predictor of what was counted. Calibrates it, unless its weights are known."""
        made = cls.__new__(cls)
        made._set(part, weights)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied and pickled as what was learned, without what is derived from it or remembered of histories."""
        return (type(self).from_part, (self.part, self._weights))

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

    def merge(self, other: PatternPredictor) -> PatternPredictor:
        """A new model, equal to the one trained on the sessions of both. Raises ValueError if settings differ."""
        return self.from_part(self.part.merge(other.part))

    def _usual_year(self) -> str | None:
        """The year that dates among arguments mostly lay in, if enough tenants showed it."""
        years = self.counts.years.get("", {})
        for digest in sorted(years, key=lambda each: (-years[each], each)):
            year = self.vault.value(digest)
            if year is not None:
                return year
        return None

    def _state(self, history: History) -> State:
        events = history.events
        state: State | None = history.memo.get(self)
        if state is None:
            state = history.memo[self] = self._forked(events)
        if state.count < len(events):
            state.answer = None
            index = self._indexer.index
            while state.count < len(events):
                state.take(index(events[state.count], state.year))
            if len(self._states) >= MAX_REMEMBERED:
                del self._states[next(iter(self._states))]
            self._states[id(events[-1])] = (events, state)
        return state

    def _forked(self, events: Sequence[Event]) -> State:
        """A state to start from: a copy of that of a history with the same beginning, or an empty one."""
        for length in range(len(events), max(0, len(events) - 4), -1):
            found = self._states.get(id(events[length - 1]))
            if found is not None:
                others, state = found
                if state.count == length and all(map(_is, others[:length], events)):
                    return state.copy()
        return State(self._year)

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        """At most `limit` whole calls, best `p_next` first. The answer to an unchanged history is remembered."""
        state = self._state(history)
        answer = state.answer
        limit = max(0, min(limit, MAX_PREDICTIONS))
        if answer is None or answer[0] != self._learned or answer[1] < limit:
            answer = state.answer = (self._learned, limit, self._predict(state, limit))
        return list(answer[2][:limit])

    def _predict(self, state: State, limit: int) -> list[Prediction]:
        weights_next, weights_use = self._weights
        asked = state.asked
        scored = []
        for number, guess in enumerate(self._guesser.guesses(state)):
            p_next = probability(score(weights_next, next_features(guess, asked)))
            scored.append((-p_next, number, guess))
        scored.sort()
        out = []
        for negative, _, guess in scored[:limit]:
            p_next = -negative
            p_use = max(p_next, probability(score(weights_use, use_features(guess, p_next, asked))))
            sources = {name: self._source(value, state) for name, value in guess.origins.items()}
            out.append(Prediction(guess.tool, guess.arguments, p_next, p_use, sources, self.KIND))
        return out

    def _source(self, value: Value, state: State) -> ArgumentSource:
        """Where a value came from; said once for each source that does not depend on what is known of tenants."""
        _, _, rule, slot, event, _ = value
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
        state = self._state(history)
        observe_call(self.counts, self.vault, self.hidden, state, history, call)
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
            self._guesser = Guesser(self.counts, OpenValues(self.vault), self.hidden, self.part.schema)
            self._learned += 1
        weights = {"next": list(self._weights[0]), "use": list(self._weights[1])}
        return {**self.part.to_document(), "weights": weights}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> PatternPredictor:
        """The predictor a document describes. Raises KeyError, TypeError or ValueError if it is no such document."""
        part = Part.from_document(document)
        weights = (tuple(map(float, document["weights"]["next"])), tuple(map(float, document["weights"]["use"])))
        if (len(weights[0]), len(weights[1])) != (len(NEXT_START), len(USE_START)):
            raise ValueError("the weights are of another version")
        return cls.from_part(part, weights)

    def __repr__(self) -> str:
        return f"<PatternPredictor: {self.counts.sessions:g} sessions, {len(self.counts.forms)} tools>"
