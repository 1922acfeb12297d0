"""Plans in files: JSON or TOML.

name = "compare"
result = "$3"
tasks = [{id = "1", tool = "search", arguments = {query = "a"}},
         {id = "2", tool = "search", arguments = {query = "b"}, when = [{of = "$1.hits", above = 0}]},
         {id = "3", plan = "judge", inputs = {first = "$1", second = "$2"}}]
[plans.judge]
tasks = […]
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speculate.errors import PlanError
from speculate.fanout.hedge import Hedge
from speculate.fanout.retry import Retry
from speculate.plan.model import DEFAULT_POLICY, Handoff, Plan, Task, TaskPolicy, Undo, When

_TASK_FIELDS = {"id", "tool", "arguments", "after", "when", "needs", "policy", "plan", "inputs"}
_PLAN_FIELDS = {"name", "tasks", "ordered", "result", "plans", "$schema"}
_OPERATORS = ("equals", "differs", "one_of", "contains", "above", "below", "exists", "holds")


def load_plan(path: str | Path) -> Plan:
    """The plan in a .json or .toml file. Raises PlanError naming the file."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise PlanError(f"{path}: cannot be read: {error}") from None
    try:
        return read_plan(document, default_name=path.stem)
    except PlanError as error:
        raise PlanError(f"{path}: {error}") from None


def read_plan(document: Any, default_name: str = "plan") -> Plan:
    """A plan from a document of a file's form. Raises PlanError."""
    named = document.get("plans", {}) if isinstance(document, Mapping) else {}
    if not isinstance(named, Mapping):
        raise PlanError("`plans` is a table of plans by name")
    return _read(document, default_name, _Named(named))


class _Named(dict[str, Plan]):
    """The plans a file names, read when a task hands off to them; one that comes back to itself is an error."""

    def __init__(self, documents: Mapping[str, Any]) -> None:
        super().__init__()
        self._documents = documents
        self._reading: list[str] = []

    def __missing__(self, name: str) -> Plan:
        if name in self._reading:
            raise PlanError(f"plans hand off in a circle: {' → '.join([*self._reading, name])}; break it")
        if name not in self._documents:
            raise PlanError(f"there is no plan {name!r}; there are: {', '.join(self._documents) or 'none'}")
        self._reading.append(name)
        plan = self[name] = _read(self._documents[name], name, self)
        self._reading.pop()
        return plan


def _read(document: Any, default_name: str, named: dict[str, Plan]) -> Plan:
    if not isinstance(document, Mapping) or not isinstance(document.get("tasks"), list):
        raise PlanError("a plan is an object with a list of `tasks`")
    if unknown := sorted(set(document) - _PLAN_FIELDS):
        raise PlanError(f"a plan has no field {unknown[0]!r}; it has: {', '.join(sorted(_PLAN_FIELDS - {'$schema'}))}")
    return Plan(
        tuple(read_task(task, named) for task in document["tasks"]),
        name=str(document.get("name", default_name)),
        ordered=bool(document.get("ordered", False)),
        result=document.get("result"),
    )


def read_task(document: Any, named: Mapping[str, Plan] | None = None) -> Task | Handoff:
    """One task from a document. `named`: the plans it may hand off to. Raises PlanError naming the task."""
    if not isinstance(document, Mapping) or "id" not in document:
        raise PlanError('a task is an object with at least "id" and "tool"')
    id = str(document["id"])
    if unknown := sorted(set(document) - _TASK_FIELDS):
        raise PlanError(f"a task has no field {unknown[0]!r}; it has: {', '.join(sorted(_TASK_FIELDS))}", task=id)
    after = document.get("after", [])
    when = document.get("when", [])
    if not isinstance(after, list) or not isinstance(when, list):
        raise PlanError("`after` and `when` are lists", task=id)
    edges = tuple(str(source) for source in after)
    conditions = tuple(_condition(each, id) for each in when)
    needs = document.get("needs", "all")
    if "plan" in document:
        plan = (_Named({}) if named is None else named)[str(document["plan"])]
        return Handoff(id, plan, _object(document, "inputs", id), edges, conditions, needs)
    if not isinstance(document.get("tool"), str):
        raise PlanError("names no `tool`, and no `plan` to hand off to", task=id)
    policy = _policy(_object(document, "policy", id), id)
    return Task(id, document["tool"], _object(document, "arguments", id), edges, conditions, needs, policy)


def _object(document: Mapping[str, Any], name: str, id: str) -> Mapping[str, Any]:
    value = document.get(name, {})
    if not isinstance(value, Mapping):
        raise PlanError(f"`{name}` is an object", task=id)
    return value


def _condition(document: Any, id: str) -> When:
    if not isinstance(document, Mapping) or not isinstance(document.get("of"), str):
        raise PlanError('a condition is an object like {"of": "$1.status", "equals": "open"}', task=id)
    asked = [name for name in document if name in _OPERATORS]
    if len(asked) > 1 or set(document) - {"of", "p", *_OPERATORS}:
        raise PlanError(f"a condition has `of`, at most one of {', '.join(_OPERATORS)}, and `p`", task=id)
    operator: Any = asked[0] if asked else "holds"
    return When(document["of"], operator, document.get(operator, True), p=document.get("p", 0.5))


def _policy(document: Mapping[str, Any], id: str) -> TaskPolicy:
    if not document:
        return DEFAULT_POLICY
    if unknown := sorted(set(document) - {"timeout_s", "retry", "hedge", "optional", "undo"}):
        problem = f"a policy has no field {unknown[0]!r}; it has timeout_s, retry, hedge, optional, undo"
        raise PlanError(problem, task=id)
    undo, retry, hedge = document.get("undo"), document.get("retry"), document.get("hedge")
    try:
        return TaskPolicy(
            timeout_s=document.get("timeout_s"),
            retry=None if retry is None else Retry(**retry),
            hedge=None if hedge is None else Hedge(**hedge),
            optional=bool(document.get("optional", False)),
            undo=None if undo is None else Undo(undo["tool"], undo.get("arguments", {})),
        )
    except (TypeError, KeyError) as error:
        raise PlanError(f"its policy cannot be read: {error}", task=id) from None
