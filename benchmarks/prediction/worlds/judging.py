"""One predictor judged in one world, against the world's own ceilings; and what it missed, by class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.prediction.walking import quantile, walk
from benchmarks.prediction.worlds.provenance import provenance
from benchmarks.prediction.worlds.story import Told, World
from predictors import MarkovPredictor, PatternPredictor, RepeatPredictor
from speculate.prediction import Predictor
from speculate.trace import moments
from speculate.training.scoring import (
    PREDICTIONS,
    JudgedCall,
    JudgedTurn,
    is_speculable,
    judge,
    resolve,
    untrusted_tools,
)

PREDICTORS: dict[str, Callable[..., Predictor]] = {
    "pattern": PatternPredictor.train,
    "repeat": RepeatPredictor.train,
    "markov": MarkovPredictor.train,
}


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What a world permits. `derivable`: share of speculable calls whose arguments were not made up. `first`: the most
    that exact@1 can reach for someone who knows the generator's weights (one call a turn can come first)."""

    calls: int
    speculable: int
    derivable: float
    first: float


def ceiling(world: World, told: Sequence[Told]) -> Ceiling:
    """The ceilings of these sessions."""
    calls = speculable = derivable = first = 0
    for each in told:
        for turn in each.session.turns:
            foreseen = 0
            for call in turn.calls:
                calls += 1
                if not is_speculable(resolve(call.tool, call.args, world.specs)):
                    continue
                speculable += 1
                derivable += call.id in each.derivable
                foreseen += call.id in each.foreseeable
            first += min(1, foreseen)
    return Ceiling(calls, speculable, derivable / max(1, speculable), first / max(1, speculable))


@dataclass(slots=True)
class Miss:
    """A class of misses: how often, and the first few cases (session id, call, what was predicted)."""

    count: int = 0
    cases: list[tuple[str, Any, Any]] = field(default_factory=list)


def _classes(call: JudgedCall, judged: JudgedTurn, events: Sequence[Any]) -> list[str]:
    """Why this call was not among the first three."""
    tool, real = call.call.tool, call.resolved.arguments
    same = [p.prediction for p in judged.predictions if p.prediction.tool == tool]
    if call.rank is not None:
        return [f"{tool}: right call, ranked {'4 to 5' if call.rank <= 5 else 'below 5'}"]
    if not same:
        lacking = [f"{n} <- {provenance(v, events)}" for n, v in real.items()]
        return [f"{tool}: tool not predicted; {'; '.join(lacking) or 'no arguments'}"]
    best = max(same, key=lambda p: sum(p.arguments.get(n) == v for n, v in real.items()))
    wrong = [n for n, v in real.items() if best.arguments.get(n) != v]
    extra = sorted(set(best.arguments) - set(real))
    out = [f"{tool}({n}) <- {provenance(real[n], events)}" for n in wrong]
    return out or [f"{tool}: {'argument too many: ' + ', '.join(extra) if extra else 'other types'}"]


def misses(world: World, predictor: Predictor, told: Sequence[Told]) -> dict[str, Miss]:
    """Derivable calls that were not among the first three predictions, by class, the most frequent first."""
    found: dict[str, Miss] = {}
    untrusted = untrusted_tools(world.specs)
    for each in told:
        for history, turn in moments(each.session, untrusted):
            judged = judge(predictor.predict(history, PREDICTIONS), turn, world.specs)
            for call in judged.calls:
                if not call.speculable or call.call.id not in each.derivable or (call.rank or 99) <= 3:
                    continue
                for name in _classes(call, judged, history.events):
                    miss = found.setdefault(name, Miss())
                    miss.count += 1
                    if len(miss.cases) < 3:
                        top = [
                            (p.prediction.tool, dict(p.prediction.arguments), round(p.prediction.p_next, 3))
                            for p in judged.predictions[:3]
                        ]
                        miss.cases.append((each.session.id, (call.call.tool, dict(call.call.args)), top))
    return dict(sorted(found.items(), key=lambda item: (-item[1].count, item[0])))


def wrong_tools(world: World, predictor: Predictor, told: Sequence[Told]) -> Counter[tuple[str, str]]:
    """(the tool called, the tool put first) of turns where they differ."""
    found: Counter[tuple[str, str]] = Counter()
    for each in told:
        for history, turn in moments(each.session, untrusted_tools(world.specs)):
            if turn.calls:
                judged = judge(predictor.predict(history, PREDICTIONS), turn, world.specs)
                if judged.top_tool != turn.calls[0].tool:
                    found[turn.calls[0].tool, judged.top_tool or "-"] += 1
    return found


def judge_world(
    world: World, train: int, dev: int, seed: int, names: Sequence[str] = tuple(PREDICTORS)
) -> dict[str, Any]:
    """Train each predictor on `train` sessions, judge it on `dev` others: a document of rows, ceilings and misses."""
    learned, judged = world.sessions(train, seed), world.sessions(dev, seed, first=train)
    top = ceiling(world, judged)
    rows = []
    classes: dict[str, Miss] = {}
    confused: Counter[tuple[str, str]] = Counter()
    for name in names:
        predictor = PREDICTORS[name]([each.session for each in learned], world.specs)
        found = walk(predictor, [each.session for each in judged], world.specs)
        hit, waste, threshold = found.best_hit_rate()
        rows.append(
            {
                "what": name,
                **found.scorer.document(),
                "hit_rate": hit,
                "waste_per_hit": waste,
                "threshold": threshold,
                "predict_us_p50": quantile(found.microseconds, 0.5),
                "predict_us_p99": quantile(found.microseconds, 0.99),
            }
        )
        if name == "pattern":
            classes = misses(world, predictor, judged)
            confused = wrong_tools(world, predictor, judged)
    return {
        "says": world.says,
        "calls": top.calls,
        "speculable_calls": top.speculable,
        "derivable": top.derivable,
        "foreseeable": top.first,
        "rows": rows,
        "misses": [{"what": name, "count": miss.count, "cases": miss.cases} for name, miss in classes.items()],
        "wrong_tools": [
            {"what": f"{real} <> {first}", "count": count} for (real, first), count in confused.most_common(8)
        ],
    }
