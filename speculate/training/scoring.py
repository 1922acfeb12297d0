"""How good predictions were: exact@k, tool@1 and the Brier score, judged at one moment per turn.

The one place where these are defined; training and replay share it. A turn is judged by the predictions made at
the last moment before the model's turn that emitted it, all calls of a multi-call turn at that same moment.

- *speculable call*: a real call whose manifest entry permits launching it. Arguments that were no JSON object
  (`{"_raw": …}`) never are. Policy (egress, budget) does not change the denominator.
- *exact@k*: over speculable calls, the share whose canonical key is among the first k predictions by `p_next`,
  predictions that could not be launched left out before ranking. Repeats of earlier calls count.
- *tool@1*: over turns with calls, whether the first call's tool is the top tool by `p_next`: a tool's share is
  the sum over its predictions, writes included; of equals the one ranked first.
- *brier*: mean of (p_next - happened)^2 over the predictions made at the moments of turns with calls, writes
  included (Brier 1950). Happened: the turn made a call with the same canonical key.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from speculate.calls import ToolCall
from speculate.prediction import Prediction, Predictor
from speculate.spec import ResolvedCall, ToolSpec, without_sensitive
from speculate.trace import CallIssued, RecordedSession, RecordedTurn, moments

CUTOFFS = (1, 3, 5)
PREDICTIONS = 10  # asked for at a moment: more than the largest cutoff, since writes are dropped before ranking


@dataclass(frozen=True, slots=True)
class JudgedCall:
    """A real call. `rank` (from 1) is its place among the predictions that could be launched, None if absent."""

    call: CallIssued
    resolved: ResolvedCall
    speculable: bool
    rank: int | None


@dataclass(frozen=True, slots=True)
class JudgedPrediction:
    """A prediction: what it is under the manifest, and whether the turn made exactly this call."""

    prediction: Prediction
    resolved: ResolvedCall
    speculable: bool
    happened: bool


@dataclass(frozen=True, slots=True)
class JudgedTurn:
    """One moment: its predictions, best `p_next` first, and the calls the turn then made."""

    calls: tuple[JudgedCall, ...]
    predictions: tuple[JudgedPrediction, ...]
    top_tool: str | None


def resolve(tool: str, arguments: Mapping[str, object], specs: Mapping[str, ToolSpec]) -> ResolvedCall:
    """What this call is under the manifest; a tool that nobody declared is a write."""
    spec = specs.get(tool)
    return (ToolSpec.undeclared(tool) if spec is None else spec).resolve(arguments)


def is_speculable(resolved: ResolvedCall) -> bool:
    """Whether such a call could be launched; arguments that were no JSON object cannot."""
    return resolved.speculable and "_raw" not in resolved.arguments


def judge(predictions: Iterable[Prediction], turn: RecordedTurn, specs: Mapping[str, ToolSpec]) -> JudgedTurn:
    """Set one moment's predictions against the turn that followed.

    Predictions whose `p_next` is no finite number are left out. Equal ones keep the order they were given in.
    """
    ranked = sorted((p for p in predictions if math.isfinite(p.p_next)), key=lambda p: -p.p_next)
    calls = [(call, resolve(call.tool, call.args, specs)) for call in turn.calls]
    made = {resolved.key for _, resolved in calls if resolved.key is not None}
    judged: list[JudgedPrediction] = []
    rank_of: dict[str | None, int] = {}
    share: dict[str, float] = {}
    rank = 0
    for prediction in ranked:
        resolved = resolve(prediction.tool, prediction.arguments, specs)
        can_launch = is_speculable(resolved)
        if can_launch:
            rank += 1
            rank_of.setdefault(resolved.key, rank)
        share[prediction.tool] = share.get(prediction.tool, 0.0) + prediction.p_next
        judged.append(JudgedPrediction(prediction, resolved, can_launch, resolved.key in made))
    return JudgedTurn(
        calls=tuple(
            JudgedCall(call, resolved, is_speculable(resolved), rank_of.get(resolved.key)) for call, resolved in calls
        ),
        predictions=tuple(judged),
        top_tool=max(share, key=lambda tool: share[tool]) if share else None,
    )


def ratio(part: float, whole: float) -> float | None:
    """part / whole; None where there is nothing to divide by."""
    return part / whole if whole else None


@dataclass(slots=True)
class Scorer:
    """Adds up the scores of judged turns. `document()` gives them under the keys of the replay's output."""

    calls: int = 0
    speculable_calls: int = 0
    turns: int = 0  # with calls
    predictions: int = 0  # made before turns with calls
    tool_right: int = 0
    squared_error: float = 0.0
    _found: dict[int, int] = field(default_factory=dict)  # per rank (from 1), speculable calls found there

    def add(
        self, predictions: Iterable[Prediction], turn: RecordedTurn, specs: Mapping[str, ToolSpec]
    ) -> JudgedTurn | None:
        """Judge one turn by the predictions made just before it. None, and nothing counted, if it made no call."""
        if not turn.calls:
            return None
        judged = judge(predictions, turn, specs)
        self.add_judged(judged)
        return judged

    def add_judged(self, judged: JudgedTurn) -> None:
        """Count a turn that was judged already."""
        if not judged.calls:
            return
        self.turns += 1
        self.calls += len(judged.calls)
        self.tool_right += judged.calls[0].call.tool == judged.top_tool
        for call in judged.calls:
            if call.speculable:
                self.speculable_calls += 1
                if call.rank is not None:
                    self._found[call.rank] = self._found.get(call.rank, 0) + 1
        self.predictions += len(judged.predictions)
        self.squared_error += sum((p.prediction.p_next - p.happened) ** 2 for p in judged.predictions)

    def exact_at(self, cutoff: int) -> float | None:
        """exact@cutoff; None if there was no speculable call."""
        found = sum(count for rank, count in self._found.items() if rank <= cutoff)
        return ratio(found, self.speculable_calls)

    @property
    def tool_at_1(self) -> float | None:
        """tool@1; None if no turn made a call."""
        return ratio(self.tool_right, self.turns)

    @property
    def brier(self) -> float | None:
        """The Brier score; None if nothing was predicted."""
        return ratio(self.squared_error, self.predictions)

    def document(self, cutoffs: Sequence[int] = CUTOFFS) -> dict[str, float | None]:
        """{"tool@1": …, "exact@1": …, "exact@3": …, "exact@5": …, "brier": …}; None where nothing was judged."""
        exact = {f"exact@{cutoff}": self.exact_at(cutoff) for cutoff in cutoffs}
        return {"tool@1": self.tool_at_1, **exact, "brier": self.brier}


def untrusted_tools(specs: Mapping[str, ToolSpec]) -> frozenset[str]:
    """The tools whose results may be hostile, as `moments` wants them."""
    return frozenset(name for name, spec in specs.items() if spec.untrusted)


def introduce_tools(predictor: Predictor, sessions: Iterable[RecordedSession], specs: Mapping[str, ToolSpec]) -> None:
    """Tell a predictor that listens (`introduce`) what arguments the tools of these runs take.

    A runtime does so when it is made, from its tools' signatures; recorded runs have no schemas but the calls that were
    made by them. To be called with all runs before the first of them is played: then it says nothing of any.
    """
    introduce = getattr(predictor, "introduce", None)
    if not callable(introduce):
        return
    tools: dict[str, dict[str, bool]] = {}
    for session in sessions:
        for call in session.calls:
            if call.is_raw:
                continue
            known = tools.get(call.tool)
            if known is None:
                tools[call.tool] = dict.fromkeys(call.args, True)
                continue
            for name in known.keys() - call.args.keys():
                known[name] = False
            for name in call.args.keys() - known.keys():
                known[name] = False
    introduce(without_sensitive(tools, specs))


def judged_turns(
    predictor: Predictor,
    sessions: Iterable[RecordedSession],
    specs: Mapping[str, ToolSpec],
    limit: int = PREDICTIONS,
    online: bool = False,
) -> Iterator[tuple[RecordedSession, JudgedTurn]]:
    """Walk recorded sessions, predict before every turn that made a call, and judge.

    online: the predictor also observes every call, after its turn was judged; otherwise learning stays frozen.
    """
    untrusted = untrusted_tools(specs)
    for session in sessions:
        for history, turn in moments(session, untrusted):
            if not turn.calls:
                continue
            judged = judge(predictor.predict(history, limit), turn, specs)
            if online:
                for call in turn.calls:
                    predictor.observe(history, ToolCall(call.tool, call.args, call.id))
            yield session, judged


def score(
    predictor: Predictor,
    sessions: Iterable[RecordedSession],
    specs: Mapping[str, ToolSpec],
    limit: int = PREDICTIONS,
    online: bool = False,
) -> Scorer:
    """The scores of `predictor` on recorded sessions."""
    scorer = Scorer()
    for _, judged in judged_turns(predictor, sessions, specs, limit, online):
        scorer.add_judged(judged)
    return scorer
