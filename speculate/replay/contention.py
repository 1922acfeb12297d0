"""What speculation does to everyone else: sessions at once over tools with few slots, under each budget.

Every session of the test runs at the same time as others and shares the tools' slots with them; whoever finds no
slot free queues, whether guess or real call. The runtime is told the capacity, as an operator who knows it declares
it (`max_concurrency`). What counts is how long the real calls waited, with speculation and without.

The comparison is at the same demand: no call is made sooner than it is made without speculation. Agents that save
time come back sooner, and what that does to a queue is more demand, and mostly chance: with two thousand calls at a
nearly full tool the p99 of two runs that differ in a few arrivals is several per cent apart either way. So that this
is not hidden, one run at the policy's own budget is free: its agents use the time they save.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from speculate.calls import Served
from speculate.core.policy import Policy
from speculate.prediction import Predictor
from speculate.replay.driver import Arm, ArmRun, Progress, Stage, run_arm
from speculate.replay.guessing import AllWrong
from speculate.replay.result import percentile, ratio, rounded, seconds_of
from speculate.replay.sampling import uniform
from speculate.spec import ToolSpec

ENOUGH_CALLS = 2_000
MOST_ROUNDS = 20
HARMLESS = 1.01  # a p99 of real waits of at most this ratio to that without speculation
SHARES = (0.5, 0.95, 0.99)
EVERY_TOOL = "*"


def budgets(policy: Policy) -> tuple[int, ...]:
    """Launches in flight at once that are tried: doubling, up to the policy's own."""
    steps = []
    step = 1
    while step < policy.max_in_flight:
        steps.append(step)
        step *= 4
    return (*steps, policy.max_in_flight)


def rounds(calls: int) -> int:
    """How often the sessions are played, so that a p99 rests on ENOUGH_CALLS."""
    return 1 if calls == 0 else min(MOST_ROUNDS, -(-ENOUGH_CALLS // calls))


def with_capacity(tools: Sequence[str], capacity: Mapping[str, int]) -> dict[str, int]:
    """Slots by tool: those that are named, and what "*" says for all others."""
    every = capacity.get(EVERY_TOOL)
    out = {tool: every for tool in tools if every is not None}
    out.update({tool: slots for tool, slots in capacity.items() if tool != EVERY_TOOL})
    return out


def limited_specs(specs: Mapping[str, ToolSpec], capacity: Mapping[str, int]) -> dict[str, ToolSpec]:
    """The manifest as an operator writes it who knows the capacity."""
    return {
        name: replace(
            spec, real_max_concurrency=capacity[name], max_concurrency=min(spec.max_concurrency, capacity[name])
        )
        if name in capacity
        else spec
        for name, spec in specs.items()
    }


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """One budget: the predictor under test, and the one that is always wrong."""

    max_in_flight: int
    speculative: ArmRun
    all_wrong: ArmRun

    def ratio_to(self, off: ArmRun) -> float:
        """The worse of the two p99 ratios."""
        base = percentile(off.waits, 0.99) or 0.0
        worst = max(percentile(run.waits, 0.99) or 0.0 for run in (self.speculative, self.all_wrong))
        if not base:
            return 1.0 if not worst else math.inf
        return worst / base


@dataclass(slots=True)
class Contention:
    """The waits of real calls under contention, off and under each budget."""

    sessions_at_once: int
    capacity: Mapping[str, int]
    off: ArmRun
    rows: list[BudgetRow]
    free: ArmRun

    @property
    def runs(self) -> list[ArmRun]:
        return [self.off, self.free, *(run for row in self.rows for run in (row.speculative, row.all_wrong))]

    @property
    def admitted(self) -> int:
        """The largest budget that, like all below it, left the others' p99 alone; 0: the budget is closed."""
        admitted = 0
        for row in self.rows:
            if row.ratio_to(self.off) > HARMLESS:
                break
            admitted = row.max_in_flight
        return admitted

    def document(self) -> dict[str, Any]:
        """`budgets`: closed ones are those above `admitted_max_in_flight`."""
        admitted = self.admitted
        return {
            "sessions_at_once": self.sessions_at_once,
            "capacity": dict(sorted(self.capacity.items())),
            "calls": len(self.off.waits),
            "off": _waits(self.off),
            "budgets": [
                {
                    "max_in_flight": row.max_in_flight,
                    "speculative": _waits(row.speculative, self.off),
                    "all_wrong": _waits(row.all_wrong, self.off),
                    "closed": row.max_in_flight > admitted,
                }
                for row in self.rows
            ],
            "admitted_max_in_flight": admitted,
            "free_running": {
                **_waits(self.free, self.off),
                "saved_share": ratio(seconds_of(self.off) - seconds_of(self.free), seconds_of(self.off)),
            },
        }


def _waits(run: ArmRun, off: ArmRun | None = None) -> dict[str, Any]:
    """Percentiles of the real calls' waits; beside a run without speculation also the ratio of the p99s."""
    waits = sorted(run.waits)
    out: dict[str, Any] = {}
    for share in SHARES:
        found = percentile(waits, share)
        out[f"p{share * 100:.0f}_s"] = None if found is None else rounded(found)
    if off is not None:
        out["p99_ratio"] = ratio(percentile(waits, 0.99), percentile(off.waits, 0.99))
        out["hits"] = run.count(Served.READY, Served.JOINED)
        out["launched"] = run.launched
        out["switched_off"] = sorted(
            {fault.name for fault in run.faults if fault.kind in ("self-check", "tool-closed")}
        )
    return out


def measure_contention(
    stage: Stage,
    policy: Policy,
    guesser: Callable[[], Predictor],
    sessions_at_once: int,
    capacity: Mapping[str, int],
    learn: bool,
    progress: Progress | None,
) -> Contention:
    """Run the sessions at once, without speculation and under each budget."""
    slots = with_capacity(stage.tools, capacity)
    mean_s = sum(script.sequential_s for script in stage.scripts) / len(stage.scripts)
    seed = stage.latency.seed
    crowded = replace(
        stage,
        specs=limited_specs(stage.specs, slots),
        capacity=slots,
        sessions_at_once=sessions_at_once,
        # People do not all come at the same moment.
        starts_s=[mean_s * uniform(seed, "start", str(number)) for number in range(sessions_at_once)],
    )
    off = run_arm(crowded, Arm("off", policy), progress)
    free = run_arm(crowded, Arm("free", policy, guesser(), learn), progress)
    crowded = replace(crowded, pace=off)
    rows = []
    for budget in budgets(policy):
        limited = replace(policy, max_in_flight=budget)
        rows.append(
            BudgetRow(
                budget,
                run_arm(crowded, Arm("speculative", limited, guesser(), learn), progress),
                run_arm(crowded, Arm("all_wrong", limited, AllWrong(guesser()), learn), progress),
            )
        )
    return Contention(sessions_at_once, slots, off, rows, free)
