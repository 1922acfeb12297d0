"""The pattern predictor: which tool comes next, and where each of its arguments comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, log
from typing import Any, ClassVar

from predictors.pattern.counts import ALL, WIDTH, Counts
from predictors.pattern.flatten import Flattener
from predictors.pattern.learning import count_turn, word_features
from predictors.pattern.state import State
from speculate.calls import ToolCall
from speculate.history import History
from speculate.prediction import ArgumentSource, Prediction
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession, moments

SMOOTH = 1.5
WORD_WEIGHT = 0.35


class PatternPredictor:
    """Predicts whole calls from counts over recorded runs. See the package's docstring."""

    KIND: ClassVar[str] = "pattern"

    def __init__(self, counts: Counts | None = None, specs: Mapping[str, ToolSpec] | None = None) -> None:
        self.counts = counts or Counts()
        self.specs = specs or {}
        self._flattener = Flattener()
        self._rules: dict[str, Any] = {}
        self._llr: dict[str, list[tuple[str, float]]] = {}

    @classmethod
    def train(cls, sessions: Iterable[RecordedSession], specs: Mapping[str, ToolSpec]) -> PatternPredictor:
        """Learn from these sessions."""
        counts = Counts()
        sensitive = {name: spec.sensitive_arguments() for name, spec in specs.items()}
        flattener = Flattener()
        for session in sessions:
            counts.sessions += 1
            state = State()
            for history, turn in moments(session):
                events = history.events
                while state.count < len(events):
                    state.take(events[state.count], flattener)
                count_turn(counts, state, [(call.tool, call.args) for call in turn.calls], sensitive)
        return cls(counts, specs)

    def _state(self, history: History) -> State:
        state = history.memo.get(self)
        if state is None:
            state = history.memo[self] = State()
        events = history.events
        while state.count < len(events):
            state.take(events[state.count], self._flattener)
        return state

    def _tools(self, state: State) -> list[tuple[float, str]]:
        contexts = self.counts.contexts
        root = contexts.get("")
        if root is None:
            return []
        n = root[ALL]
        p = {tool: (c + 0.1) / (n + 1) for tool, c in root.items() if tool}
        for key in state.contexts():
            row = contexts.get(key)
            if row is None:
                break
            n = row[ALL] + SMOOTH
            get = row.get
            for tool in p:
                p[tool] = (get(tool, 0) + SMOOTH * p[tool]) / n
        scores = dict.fromkeys(p, 0.0)
        for feature in word_features(state):
            found = self._llr.get(feature)
            if found is None:
                found = self._llr[feature] = self._ratios(feature)
            for tool, ratio in found:
                scores[tool] += ratio
        out = []
        for tool, q in p.items():
            s = WORD_WEIGHT * scores[tool]
            if s:
                odds = q / (1.0001 - q) * exp(max(-4.0, min(4.0, s)))
                q = odds / (1 + odds)
            out.append((q, tool))
        out.sort(reverse=True)
        return out

    def _ratios(self, feature: str) -> list[tuple[str, float]]:
        row = self.counts.words.get(feature)
        if row is None:
            return []
        total = self.counts.contexts[""]
        # compare with turns of the same kind (fresh user text or not): the share of the tool among them
        base = self.counts.words.get(feature[0] + "*") or total
        out = []
        n = row[ALL]
        for tool in total:
            if not tool:
                continue
            q = (base.get(tool, 0) + 0.2) / (base[ALL] + 1)
            q1 = (row.get(tool, 0) + 3 * q) / (n + 3)
            ratio = log(q1 / (1 - q1)) - log(q / (1 - q)) if 0 < q < 1 and 0 < q1 < 1 else 0.0
            if abs(ratio) > 0.1:
                out.append((tool, ratio))
        return out

    def _tool_rules(self, tool: str) -> Any:
        rules = self._rules.get(tool)
        if rules is None:
            takes = self.counts.takes.get(tool, {})
            offers = self.counts.offers.get(tool, {})
            forms = self.counts.forms.get(tool, {})
            total = forms.get(ALL, 0)
            ranked = sorted(((c, k) for k, c in forms.items() if k), reverse=True)[:3]
            arguments = {}
            for name, rows in takes.items():
                learned = []
                for path, taken in rows.items():
                    offered = offers.get(path) or [0] * WIDTH
                    chances = [max(0.0, t - 0.4) / (max(t, o) + 0.6) for t, o in zip(taken, offered, strict=True)]
                    best = max(chances)
                    if best > 0.02:
                        learned.append((best, path, chances))
                learned.sort(key=lambda each: (-each[0], each[1]))
                arguments[name] = learned[:40]
            rules = self._rules[tool] = (
                [(c / total, k.split("\x1f") if k else []) for c, k in ranked] if total else [],
                arguments,
                (forms.get("", 0)),
            )
        return rules

    def _values(self, state: State, tool: str, name: str, rules: Any) -> list[tuple[float, Any, ArgumentSource]]:
        pools = state.pools
        used = state.used.get(tool) or {}
        found: dict[Any, list[Any]] = {}
        got = 0
        for _best, path, chances in rules:
            pool = pools.get(path)
            if pool is None:
                continue
            got += 1
            if got > 8:
                break
            for slot, value, event, _ in pool.slots(used, state.boundary):
                p = chances[slot]
                if p < 0.01:
                    continue
                entry = found.get(value)
                if entry is None:
                    found[value] = [p, 0.0, path, slot, event]
                elif p > entry[0]:
                    entry[1] = entry[0]
                    entry[0] = p
                    entry[2:] = [path, slot, event]
                elif p > entry[1]:
                    entry[1] = p
        out = []
        for value, (p, second, path, slot, event) in found.items():
            out.append((p + 0.15 * second * (1 - p), value, path, slot, event))
        out.sort(key=lambda each: -each[0])
        return out[:6]

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        state = self._state(history)
        out: list[Prediction] = []
        for p_tool, tool in self._tools(state)[:6]:
            if p_tool < 0.01:
                break
            forms, arguments, _ = self._tool_rules(tool)
            for share, names in forms:
                combos: list[tuple[float, dict[str, Any], dict[str, Any]]] = [(share, {}, {})]
                for name in names:
                    values = self._values(state, tool, name, arguments.get(name, ()))
                    if not values:
                        combos = []
                        break
                    combos = [
                        (p * q, {**args, name: value}, {**src, name: (path, slot, event)})
                        for p, args, src in combos
                        for q, value, path, slot, event in values
                    ]
                    combos.sort(key=lambda each: -each[0])
                    del combos[6:]
                for p, args, _src in combos:
                    out.append(Prediction(tool, args, p_tool * p, min(1.0, p_tool * p * 1.1), {}, "pattern"))
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
        return PatternPredictor(counts, {**other.specs, **self.specs})

    def to_document(self) -> dict[str, Any]:
        return {"counts": self.counts.to_document()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> PatternPredictor:
        return cls(Counts.from_document(document["counts"]))
