"""One predictor walked through recorded sessions: scores, reliability, launches that would have paid, timing."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from speculate.calls import ToolCall
from speculate.prediction import Predictor
from speculate.resources import any_overlap
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession, UserSaid, moments
from speculate.training.scoring import PREDICTIONS, Scorer, introduce_tools, judge, resolve, untrusted_tools

THRESHOLDS = tuple(round(step * 0.025, 3) for step in range(40))
TURN_S = 6.6  # the support profile's mean model time plus a tool, for freshness where nothing was recorded


def _plain(value: Any) -> str:
    return str(value).strip().casefold()


@dataclass
class _Launches:
    """What a plain threshold on p_use would have launched: at the moments, once per key while it is fresh."""

    threshold: float
    launched: int = 0
    hits: int = 0
    waiting: dict[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict)


@dataclass
class Walk:
    """What came of one predictor on one set."""

    scorer: Scorer = field(default_factory=Scorer)
    launches: list[_Launches] = field(default_factory=lambda: [_Launches(t) for t in THRESHOLDS])
    reliability_next: dict[str, list[list[float]]] = field(default_factory=dict)
    reliability_use: list[list[float]] = field(default_factory=lambda: [[0.0, 0.0, 0.0] for _ in range(10)])
    microseconds: list[float] = field(default_factory=list)  # of each prediction
    indexing_us: list[float] = field(default_factory=list)  # of taking in the events before it, as they are appended
    per_tool: Counter[tuple[str, str]] = field(default_factory=Counter)
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    misses: list[tuple[str, str, dict[str, Any], list[tuple[str, dict[str, Any], float]]]] = field(default_factory=list)

    def best_hit_rate(self, waste_per_hit: float = 1.0) -> tuple[float, float, float]:
        """(hit rate, waste per hit, threshold) of the best threshold within the waste allowed."""
        best = (0.0, 0.0, 1.0)
        for each in self.launches:
            if each.hits and (each.launched - each.hits) / each.hits <= waste_per_hit:
                rate = each.hits / max(1, self.scorer.speculable_calls)
                if rate > best[0]:
                    best = (rate, (each.launched - each.hits) / each.hits, each.threshold)
        return best

    def curve(self) -> list[dict[str, float | None]]:
        """Coverage against waste: one point for each threshold."""
        calls = max(1, self.scorer.speculable_calls)
        return [
            {
                "threshold": each.threshold,
                "hit_rate": each.hits / calls,
                "waste_per_hit": (each.launched - each.hits) / each.hits if each.hits else None,
            }
            for each in self.launches
        ]


def _egress_allows(spec: ToolSpec, arguments: Mapping[str, Any], typed: str, sent: set[tuple[str, str]]) -> bool:
    if spec.egress != "external":
        return True
    return all(_plain(v) in typed or (spec.name, _plain(v)) in sent for v in arguments.values())


def _bin(table: list[list[float]], p: float, happened: bool) -> None:
    row = table[min(9, int(p * 10))]
    row[0] += 1
    row[1] += p
    row[2] += happened


def walk(
    predictor: Predictor,
    sessions: Iterable[RecordedSession],
    specs: Mapping[str, ToolSpec],
    limit: int = PREDICTIONS,
    online: bool = False,
) -> Walk:
    """Predict before every turn, judge turns with calls, simulate launches at every threshold."""
    out = Walk(reliability_next={"all": [[0.0] * 3 for _ in range(10)], "calls": [[0.0] * 3 for _ in range(10)]})
    untrusted = untrusted_tools(specs)
    sessions = list(sessions)
    introduce_tools(predictor, sessions, specs)
    gc.collect()
    gc.freeze()  # the recorded runs held in memory here are no part of what a prediction costs
    for session in sessions:
        typed = ""
        sent: set[tuple[str, str]] = set()
        for each in out.launches:
            each.waiting.clear()
        future = [
            (turn.record.turn, call, resolve(call.tool, call.args, specs))
            for turn in session.turns
            for call in turn.calls
        ]
        texts = iter([step.text for step in session.steps if isinstance(step, UserSaid)])
        seen = 0
        clock = 0.0
        for history, turn in moments(session, untrusted):
            for event in history.events[seen:]:
                if type(event).__name__ == "UserText":
                    typed += " " + next(texts, "").casefold()
            seen = len(history.events)
            out.indexing_us.append(history.indexing_s * 1e6)
            history.indexing_s = 0.0
            start = time.perf_counter()
            predictions = predictor.predict(history, limit)
            out.microseconds.append((time.perf_counter() - start) * 1e6)
            judged = judge(predictions, turn, specs)
            for guess in judged.predictions:
                _bin(out.reliability_next["all"], guess.prediction.p_next, guess.happened)
                if turn.calls:
                    _bin(out.reliability_next["calls"], guess.prediction.p_next, guess.happened)
                if not guess.speculable or guess.resolved.key is None:
                    continue
                p_use = guess.prediction.p_use
                used = False
                for number, _, real in future:
                    if number < turn.record.turn:
                        continue
                    if real.key == guess.resolved.key:
                        used = True
                        break
                    if any_overlap(real.claims.writes, guess.resolved.claims.reads):
                        break
                _bin(out.reliability_use, p_use, used)
                if not _egress_allows(guess.resolved.spec, guess.resolved.arguments, typed, sent):
                    continue
                for each in out.launches:
                    if p_use >= each.threshold and guess.resolved.key not in each.waiting:
                        each.launched += 1
                        each.waiting[guess.resolved.key] = (
                            clock + guess.resolved.spec.ttl_s,
                            guess.resolved.claims.reads,
                        )
            clock += TURN_S
            if not turn.calls:
                continue
            out.scorer.add_judged(judged)
            first = turn.calls[0].tool
            if judged.top_tool != first:
                out.confusion[first, judged.top_tool or "-"] += 1
            for call in judged.calls:
                key = call.resolved.key
                if call.speculable:
                    kind = (
                        "@1" if call.rank == 1 else "@3" if (call.rank or 99) <= 3 else "@10" if call.rank else "miss"
                    )
                    out.per_tool[call.call.tool, kind] += 1
                    if call.rank != 1:
                        out.misses.append(
                            (
                                session.id,
                                call.call.tool,
                                dict(call.call.args),
                                [
                                    (p.prediction.tool, dict(p.prediction.arguments), p.prediction.p_next)
                                    for p in judged.predictions[:3]
                                ],
                            )
                        )
                for each in out.launches:
                    for other in [
                        k
                        for k, (until, reads) in each.waiting.items()
                        if clock > until or any_overlap(call.resolved.claims.writes, reads)
                    ]:
                        del each.waiting[other]
                    if call.speculable and key in each.waiting:
                        del each.waiting[key]
                        each.hits += 1
                sent.update((call.call.tool, _plain(v)) for v in call.call.args.values())
            if online:
                for issued in turn.calls:
                    predictor.observe(history, ToolCall(issued.tool, issued.args, issued.id))
    return out


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
