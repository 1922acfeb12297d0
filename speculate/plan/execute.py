"""`run_plan`: a whole plan, compiled and run."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from speculate.fanout.limits import NO_LIMITS, Limits
from speculate.plan.compile import Conflicts, compile_plan
from speculate.plan.compiled import CompiledPlan
from speculate.plan.host import toolbox_of
from speculate.plan.model import Plan
from speculate.plan.outcome import PlanOutcome
from speculate.plan.run import TASK_TIMEOUT_S, PlanRun

if TYPE_CHECKING:
    from speculate.runtime.session import Session


async def run_plan(
    session: Session,
    plan: Plan | CompiledPlan,
    *,
    limits: Limits = NO_LIMITS,
    conflicts: Conflicts = "refuse",
    deadline_s: float | None = None,
    task_timeout_s: float | None = TASK_TIMEOUT_S,
    compensate: bool = True,
    start_early: bool = True,
    draw: random.Random | None = None,
) -> PlanOutcome:
    """Compile `plan` if it is not, run it, and say what came of it. A failed task is in the outcome, not raised.

    limits: how much may run at once. conflicts: see `compile_plan`. deadline_s: seconds after which what is not done
    is cancelled. task_timeout_s: seconds after which a task without a timeout of its own has failed, so that a tool
    that hangs never hangs a plan; None: never. compensate: whether a failed plan's writes are undone where the
    manifest, or the task, says how. start_early: whether reads whose arguments are known may start before a condition
    is decided. draw: the source of the retries' jitter. Raises InvalidPlan; if this is cancelled, nothing is left
    running.
    """
    if isinstance(plan, Plan):
        plan = compile_plan(plan, toolbox_of(session), limits=limits, conflicts=conflicts)
    run = PlanRun(session, plan.name, limits, start_early=start_early, task_timeout_s=task_timeout_s, draw=draw)
    run.add(plan.nodes)
    run.end_of_plan()
    return await run.outcome(
        result=plan.result, deadline_s=deadline_s, compensate=compensate, critical_path_s=plan.critical_path_s
    )
