"""Plans: tasks with edges, checked before they run, and run through a session."""

from speculate.plan.compile import compile_plan
from speculate.plan.compiled import CompiledPlan
from speculate.plan.execute import run_plan
from speculate.plan.files import load_plan, read_plan
from speculate.plan.findings import Finding, InvalidPlan
from speculate.plan.model import Handoff, Plan, Task, TaskPolicy, Undo, When
from speculate.plan.outcome import Compensation, PlanFailed, PlanOutcome, TaskOutcome
from speculate.plan.planner import Finish, ModelCost, PlannedOutcome, PlanningContext, Replan, run_planned
from speculate.plan.readers import CallsReader, JsonLinesReader, Malformed, NumberedReader
from speculate.plan.run import PlanRun
from speculate.plan.schedule import State
from speculate.plan.schema import ToolSchema
from speculate.plan.toolbox import Toolbox

__all__ = [
    "CallsReader",
    "Compensation",
    "CompiledPlan",
    "Finding",
    "Finish",
    "Handoff",
    "InvalidPlan",
    "JsonLinesReader",
    "Malformed",
    "ModelCost",
    "NumberedReader",
    "Plan",
    "PlanFailed",
    "PlanOutcome",
    "PlanRun",
    "PlannedOutcome",
    "PlanningContext",
    "Replan",
    "State",
    "Task",
    "TaskOutcome",
    "TaskPolicy",
    "ToolSchema",
    "Toolbox",
    "Undo",
    "When",
    "compile_plan",
    "load_plan",
    "read_plan",
    "run_plan",
    "run_planned",
]
