"""The pattern predictor: which tool comes next, and where each of its arguments comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from math import exp
from typing import Any, ClassVar

from predictors.pattern.calibration import NEXT_START, USE_START, Weights, logit, weigh
from predictors.pattern.choosing import NEVER_LATER
from predictors.pattern.counts import Counts
from predictors.pattern.digest import Sample
from predictors.pattern.explaining import Rule, explain_rules, source_of
from predictors.pattern.filling import Value
from predictors.pattern.guessing import MAX_TOOLS, Guesser
from predictors.pattern.indexing import Indexer
from predictors.pattern.online import observe_call
from predictors.pattern.rules import OpenValues
from predictors.pattern.state import State
from predictors.pattern.training import SAMPLE, Trainer, calibrate, without_collection
from predictors.pattern.vault import Vault
from predictors.pattern.viewing import View
from speculate.calls import ToolCall
from speculate.history import History
from speculate.prediction import ArgumentSource, Prediction
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession

MIN_TENANTS = 3
MAX_KEYS = 4_000
MAX_PREDICTIONS = 32
LEAST_NEXT = -3.9  # log odds of a call with sure arguments, below which its tool is looked at only if its later use
LEAST_USE = -3.0  # is likelier than this
LEAST_GATED = -2.5  # the same for tools that are never launched: only the next turn matters
MAX_SOURCES = 4_096  # kept, of arguments


class PatternPredictor:
    """Predicts whole calls from counts over recorded runs; see the package's docstring.

    min_tenants: how many distinct tenants must have shown a constant before it is known (a session without a tenant
    counts as one of its own). sample: how many sessions are kept, without their values, to calibrate on. max_keys
    bounds the model: how many fine contexts, how many values still sealed (twice), how many paths a tool (a quarter).
    """

    KIND: ClassVar[str] = "pattern"

    def __init__(self, *, min_tenants: int = MIN_TENANTS, sample: int = SAMPLE, max_keys: int = MAX_KEYS) -> None:
        self._set(Counts(), Vault(min_tenants), Sample(sample), {}, {}, frozenset(), max_keys, None)

    def _set(
        self,
        counts: Counts,
        vault: Vault,
        sample: Sample,
        hidden: Mapping[str, frozenset[str]],
        schema: Mapping[str, Sequence[str]],
        gated: frozenset[str],
        max_keys: int,
        weights: Weights | None,
    ) -> None:
        if max_keys < 8:
            raise ValueError(f"max_keys must be at least 8, not {max_keys}")
        self.max_keys = max_keys
        if weights is None:
            vault.bound(2 * max_keys)
            counts.bound(max_keys, vault.sealed)
        self.counts = counts
        self.vault = vault
        self.sample = sample
        self.hidden = dict(hidden)
        self.schema = dict(schema)
        self.gated = gated
        self._indexer = Indexer()
        self._weights = weights or calibrate(counts, vault, sample, self.hidden)
        self._guesser = Guesser(counts, OpenValues(vault), self.hidden, self.schema, partial(weigh, self._weights))
        self._year = self._usual_year()
        self._learned = 0  # calls observed: what was answered before an observation is out of date
        self._sources: dict[tuple[str, int, str | None], ArgumentSource] = {}

    @classmethod
    def _of(cls, *parts: Any) -> PatternPredictor:
        made = cls.__new__(cls)
        made._set(*parts)
        return made

    @classmethod
    def train(
        cls, sessions: Iterable[RecordedSession], specs: Mapping[str, ToolSpec], *, min_tenants: int = MIN_TENANTS,
        sample: int = SAMPLE, max_keys: int = MAX_KEYS,
    ) -> PatternPredictor:  # fmt: skip
        """Learn from recorded sessions, one pass. Arguments that the manifest calls sensitive are not looked at."""
        trainer = Trainer(specs, min_tenants, sample)
        with without_collection():
            for session in sessions:
                trainer.add(session)
        return cls._of(
            trainer.counts, trainer.vault, trainer.sample, trainer.hidden, trainer.schema, trainer.gated, max_keys, None
        )  # fmt: skip

    def merge(self, other: PatternPredictor) -> PatternPredictor:
        """A new model, equal to the one trained on the sessions of both. Raises ValueError if settings differ."""
        if (self.sample.size, self.max_keys) != (other.sample.size, other.max_keys):
            raise ValueError("models with different settings (sample, max_keys) cannot be merged")
        counts, vault, sample = Counts(), Vault(self.vault.k), Sample(self.sample.size)
        hidden: dict[str, frozenset[str]] = {}
        schema: dict[str, Sequence[str]] = {}
        for each in (self, other):
            counts.add(each.counts)
            vault.merge(each.vault)
            sample.merge(each.sample)
            for tool, names in each.hidden.items():
                hidden[tool] = hidden.get(tool, frozenset()) | names
            for tool, arguments in each.schema.items():
                schema[tool] = sorted({*schema.get(tool, ()), *arguments})
        gated = frozenset(
            tool
            for tool in self.gated | other.gated
            if all(tool in each.gated or tool not in each.counts.forms for each in (self, other))
        )
        return self._of(counts, vault, sample, hidden, schema, gated, self.max_keys, None)

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
            view = history.memo[self] = View(self._indexer, self._guesser, State(self._year))
        view.appended(history)
        return view

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        """At most `limit` whole calls, best `p_next` first. The answer to an unchanged history is remembered."""
        view = self._view(history)
        answer = view.answer
        limit = max(0, min(limit, MAX_PREDICTIONS))
        if answer is None or answer[0] != self._learned or answer[1] < limit:
            answer = view.answer = (self._learned, limit, self._predict(view, limit))
        return list(answer[2][:limit])

    def _predict(self, view: View, limit: int) -> list[Prediction]:
        weights_next, weights_use = self._weights
        state = view.state
        bias, by_context, by_words, by_forms, _, by_asked, _, _ = weights_next
        use_bias, by_next, by_later, _, _, use_by_asked, _ = weights_use
        if state.asked:
            bias += by_asked
            use_bias += use_by_asked
        guesser = self._guesser
        chooser = guesser.chooser
        standing = guesser.standing(state)
        keys = state.contexts()
        later = chooser.later(state.later_contexts())
        gated = self.gated
        scored = []
        number = 0
        for _, tool, context, words, forms in chooser.tools(state, keys)[:MAX_TOOLS]:
            base = bias + by_context * context + by_words * words + by_forms * forms
            if tool in gated:
                if base < LEAST_GATED:
                    continue
            elif (
                base < LEAST_NEXT
                and use_bias + by_next * base + by_later * logit(later.get(tool, NEVER_LATER)) < LEAST_USE
            ):
                continue
            for call in guesser.calls(state, standing, tool):
                scored.append((-base - call.next_part, number, tool, call))
                number += 1
        scored.sort()
        out = []
        for total, _, tool, call in scored[:limit]:
            total = -total
            p_next = 1 / (1 + exp(-total)) if total > -30 else 0.0
            use = use_bias + call.use_part
            use += by_next * (-7.0 if total < -7.0 else min(total, 7.0))
            use += by_later * logit(later.get(tool, NEVER_LATER))
            p_use = 1 / (1 + exp(-use)) if use > -30 else 0.0
            sources = call.sources
            if sources is None:
                sources = call.sources = {
                    name: self._source(value, state) for name, value in zip(call.order, call.chosen, strict=True)
                }
            out.append(Prediction(tool, call.arguments, p_next, max(p_use, p_next), sources, self.KIND))
        return out

    def _source(self, value: Value, state: State) -> ArgumentSource:
        """Where a value came from; said once for each source that does not depend on what is known of tenants."""
        _, _, rule, slot, event, _, _ = value
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
        observe_call(self.counts, self.vault, self.hidden, state, history, call)
        self._guesser.forget(call.tool)
        self._learned += 1

    def explain(self) -> list[Rule]:
        """What was learned about arguments, the best rules of every tool and argument first."""
        return explain_rules(self._guesser, self.counts, self.vault)

    def to_document(self) -> dict[str, Any]:
        """Everything learned, and the settings, as JSON values."""
        return {
            "min_tenants": self.vault.k,
            "max_keys": self.max_keys,
            "sample_size": self.sample.size,
            "sensitive": {tool: sorted(names) for tool, names in sorted(self.hidden.items()) if names},
            "gated": sorted(self.gated),
            "schema": {tool: sorted(names) for tool, names in sorted(self.schema.items())},
            "weights": {"next": list(self._weights[0]), "use": list(self._weights[1])},
            "counts": self.counts.to_document(),
            "values": self.vault.to_document(),
            "sample": self.sample.to_document(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> PatternPredictor:
        """The predictor a document describes. Raises KeyError, TypeError or ValueError if it is no such document."""
        weights = (tuple(map(float, document["weights"]["next"])), tuple(map(float, document["weights"]["use"])))
        if (len(weights[0]), len(weights[1])) != (len(NEXT_START), len(USE_START)):
            raise ValueError("the weights are of another version")
        return cls._of(
            Counts.from_document(document["counts"]),
            Vault.from_document(document["values"], int(document["min_tenants"])),
            Sample.from_document(document["sample"], int(document["sample_size"])),
            {tool: frozenset(names) for tool, names in document["sensitive"].items()},
            document["schema"],
            frozenset(document["gated"]),
            int(document["max_keys"]),
            weights,
        )

    def __repr__(self) -> str:
        return f"<PatternPredictor: {self.counts.sessions:g} sessions, {len(self.counts.forms)} tools>"
