"""What a plan is: tasks with placeholders, edges, conditions, handoffs, and a policy for each task. Values only."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from speculate.errors import PlanError
from speculate.fanout.hedge import Hedge
from speculate.fanout.retry import Retry
from speculate.plan.placeholders import INPUT, Reference, read_reference

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}\Z", re.ASCII)

Operator = Literal["equals", "differs", "one_of", "contains", "above", "below", "exists", "holds"]


def _contains(value: Any, wanted: Any) -> bool:
    try:
        return wanted in value
    except TypeError:
        return False


def _ordered(value: Any, bound: Any, above: bool) -> bool:
    """False where the two cannot be compared: a condition asks, it does not fail."""
    try:
        return bool(value > bound) if above else bool(value < bound)
    except TypeError:
        return False


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "equals": lambda value, wanted: bool(value == wanted),
    "differs": lambda value, wanted: bool(value != wanted),
    "one_of": lambda value, wanted: _contains(wanted, value),
    "contains": _contains,
    "above": lambda value, bound: _ordered(value, bound, above=True),
    "below": lambda value, bound: _ordered(value, bound, above=False),
    "exists": lambda value, wanted: (value is not None) is bool(wanted),
    "holds": lambda value, wanted: bool(value) is bool(wanted),
}


@dataclass(frozen=True, slots=True)
class When:
    """A conditional edge: the task runs only if this holds for an earlier task's result.

    `of` is a placeholder ("$1.status"). Either `operator` and `value`, or `test`, a function of the value that
    must be pure; one that raises fails the task. `exists` is false where the path is missing or null. `p` is how
    likely the branch is thought to be, for starting its reads early.
    """

    of: str
    operator: Operator = "holds"
    value: Any = True
    test: Callable[[Any], bool] | None = None
    p: float = 0.5

    def __post_init__(self) -> None:
        if read_reference(self.of) is None:
            raise PlanError(f'a condition is asked of one placeholder, as in "$1.status", not of {self.of!r}')
        if self.operator not in _OPERATORS:
            raise PlanError(f"unknown operator {self.operator!r}; one of {', '.join(_OPERATORS)}")
        if not 0 <= self.p <= 1:
            raise PlanError(f"p must be a probability, not {self.p!r}")

    @property
    def reference(self) -> Reference:
        reference = read_reference(self.of)
        assert reference is not None  # noqa: S101 - checked when this was made
        return reference

    def holds(self, value: Any) -> bool:
        """Whether the condition holds for the value at its placeholder. Raises what `test` raises."""
        if self.test is not None:
            return bool(self.test(value))
        return _OPERATORS[self.operator](value, self.value)

    def __str__(self) -> str:
        if self.test is not None:
            return f"{getattr(self.test, '__name__', 'test')}({self.of})"
        if self.operator in ("holds", "exists"):
            return f"{self.of} {'' if self.value else 'not '}{self.operator}"
        return f"{self.of} {self.operator} {self.value!r}"


@dataclass(frozen=True, slots=True)
class Undo:
    """What undoes a task, where the manifest's `compensate` is not enough. Arguments may name any task's result."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskPolicy:
    """How one task runs. `timeout_s`: seconds until it has failed. `retry`: for idempotent tools only; `hedge`: for
    idempotent reads only.

    `optional`: what depends on it still runs if it fails, with null where its result was asked for.
    """

    timeout_s: float | None = None
    retry: Retry | None = None
    hedge: Hedge | None = None
    optional: bool = False
    undo: Undo | None = None

    def __post_init__(self) -> None:
        if self.timeout_s is not None and not (self.timeout_s > 0 and math.isfinite(self.timeout_s)):
            raise PlanError(f"timeout_s must be a finite number above 0, not {self.timeout_s!r}")


DEFAULT_POLICY = TaskPolicy()


@dataclass(frozen=True, slots=True)
class Task:
    """One call of a plan. It runs once everything it refers to, and everything in `after`, is done.

    needs "any": runs as soon as all of those are settled and at least one is done (the join behind a condition);
    a placeholder of one that was skipped is null.
    """

    id: str
    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    when: tuple[When, ...] = ()
    needs: Literal["all", "any"] = "all"
    policy: TaskPolicy = DEFAULT_POLICY

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class Handoff:
    """Another plan in a task's place. Its tasks see `inputs` as `$input.name`; its result is this task's."""

    id: str
    plan: Plan
    inputs: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    when: tuple[When, ...] = ()
    needs: Literal["all", "any"] = "all"

    def __post_init__(self) -> None:
        _check(self)


def _check(task: Task | Handoff) -> None:
    if not isinstance(task.id, str) or not _ID.match(task.id):
        raise PlanError(f"a task's id is letters, digits, _ and -, not {task.id!r}")
    if task.id == INPUT:
        raise PlanError(f'"{INPUT}" stands for what is handed to the plan; choose another id', task=task.id)
    if isinstance(task.after, str) or isinstance(task.when, When):
        raise PlanError("`after` and `when` are tuples; write ('1',) for a single one", task=task.id)
    if task.needs not in ("all", "any"):
        raise PlanError(f'needs is "all" or "any", not {task.needs!r}', task=task.id)


@dataclass(frozen=True, slots=True)
class Plan:
    """Tasks in any order (`ordered`: as a planner numbers them, each referring only to earlier ones).

    `result` is a template over the tasks' results, what the plan answers with; left out, it is the result of the
    one task nothing depends on, or of all such tasks by id.
    """

    tasks: tuple[Task | Handoff, ...]
    name: str = "plan"
    ordered: bool = False
    result: Any = None

    def __post_init__(self) -> None:
        if not isinstance(self.tasks, tuple):
            object.__setattr__(self, "tasks", tuple(self.tasks))
