"""Plans: tasks with edges, checked before they run, and run through a session."""

from speculate.plan.compile import compile_plan
from speculate.plan.compiled import CompiledPlan
from speculate.plan.findings import Finding, InvalidPlan
from speculate.plan.model import Handoff, Plan, Task, TaskPolicy, Undo, When
from speculate.plan.outcome import Compensation, PlanFailed, PlanOutcome, TaskOutcome
from speculate.plan.run import PlanRun, run_plan
from speculate.plan.schedule import State
from speculate.plan.schema import ToolSchema
from speculate.plan.toolbox import Toolbox

__all__ = [
    "Compensation",
    "CompiledPlan",
    "Finding",
    "Handoff",
    "InvalidPlan",
    "Plan",
    "PlanFailed",
    "PlanOutcome",
    "PlanRun",
    "State",
    "Task",
    "TaskOutcome",
    "TaskPolicy",
    "ToolSchema",
    "Toolbox",
    "Undo",
    "When",
    "compile_plan",
    "run_plan",
]
