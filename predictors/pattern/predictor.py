"""The pattern predictor: which tool comes next, and where each of its arguments comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from predictors.pattern.counts import Counts
from predictors.pattern.guessing import Guesser, OpenValues
from predictors.pattern.indexing import Indexer
from predictors.pattern.training import Trainer, calibrate
from predictors.pattern.calibration import next_features, probability, score, use_features
from predictors.pattern.digest import Sample
from predictors.pattern.state import State
from predictors.pattern.vault import Vault
from speculate.calls import ToolCall
from speculate.history import History
from speculate.prediction import Prediction
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession

MIN_TENANTS = 3
SAMPLE = 64


class PatternPredictor:
    """Predicts whole calls from counts over recorded runs. See the package's docstring."""

    KIND: ClassVar[str] = "pattern"

    def __init__(
        self, counts: Counts | None = None, vault: Vault | None = None, sample: Sample | None = None,
        weights: tuple[Sequence[float], Sequence[float]] | None = None,
    ) -> None:  # fmt: skip
        self.counts = counts or Counts()
        self.vault = vault or Vault(MIN_TENANTS)
        self.sample = sample or Sample(SAMPLE)
        self._indexer = Indexer()
        self._guesser = Guesser(self.counts, OpenValues(self.vault))
        self._weights = weights or calibrate(self.counts, self.vault, self.sample)

    @classmethod
    def train(
        cls, sessions: Iterable[RecordedSession], specs: Mapping[str, ToolSpec], *, min_tenants: int = MIN_TENANTS,
        sample: int = SAMPLE,
    ) -> PatternPredictor:  # fmt: skip
        """Learn from these sessions."""
        trainer = Trainer(specs, min_tenants, sample)
        for session in sessions:
            trainer.add(session)
        return cls(trainer.counts, trainer.vault, trainer.sample)

    def _state(self, history: History) -> State:
        state: State | None = history.memo.get(self)
        if state is None:
            state = history.memo[self] = State()
        events = history.events
        while state.count < len(events):
            state.take(self._indexer.index(events[state.count], state.year))
        return state

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        """At most `limit` whole calls, best `p_next` first."""
        state = self._state(history)
        weights_next, weights_use = self._weights
        out = []
        asked = state.asked
        for guess in self._guesser.guesses(state):
            p = probability(score(weights_next, next_features(guess, asked)))
            use = probability(score(weights_use, use_features(guess, p, asked)))
            out.append(Prediction(guess.tool, guess.arguments, p, max(p, use), {}, self.KIND))
        out.sort(key=lambda each: -each.p_next)
        return out[:limit]

    def observe(self, history: History, call: ToolCall) -> None:
        """Learn from a real call, made in the state `history` is in just before it."""
        self._state(history)

    def merge(self, other: PatternPredictor) -> PatternPredictor:
        """A new model, equal to the one trained on the sessions of both."""
        counts = Counts()
        counts.add(self.counts)
        counts.add(other.counts)
        return PatternPredictor(counts)

    def to_document(self) -> dict[str, Any]:
        """The model as JSON values."""
        return {"counts": self.counts.to_document()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> PatternPredictor:
        """The predictor a document describes."""
        return cls(Counts.from_document(document["counts"]))
