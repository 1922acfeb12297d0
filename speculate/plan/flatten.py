"""One flat list of tasks out of a plan and the plans it hands off to, placeholders read and names made unique.

A handoff "5" to a plan with tasks "1" and "2" becomes "5/1", "5/2" and a task "5" without a tool, which collects
the inner plan's result, so `$5` means what it says. `$input.x` inside is replaced by what the handoff passes as x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from speculate.errors import PlanError
from speculate.plan.findings import Findings
from speculate.plan.model import DEFAULT_POLICY, Handoff, Plan, Task, TaskPolicy, When
from speculate.plan.placeholders import (
    INPUT,
    PathMissing,
    Reference,
    Text,
    follow,
    read_template,
    references_in,
    replace_references,
    show_path,
)

MAX_HANDOFFS = 16


@dataclass(frozen=True, slots=True)
class FlatTask:
    """A task with its placeholders read. `tool` None: collects a handoff's result. `edges`: what it refers to."""

    id: str
    tool: str | None
    tree: Any
    references: tuple[Reference, ...]
    after: tuple[str, ...]
    conditions: tuple[tuple[When, Reference], ...]
    needs_any: bool
    policy: TaskPolicy
    ordered: bool
    undo: Any = None
    collects: frozenset[str] = frozenset()


def flatten(plan: Plan, findings: Findings) -> list[FlatTask]:
    """Every task of the plan and of its handoffs. What is wrong is added to `findings`."""
    return _Flattening(findings).plan(plan, prefix="", inputs=None, depth=0)


def sinks_of(tasks: list[FlatTask]) -> list[str]:
    """The ids of the tasks that no other task depends on, in the plan's order."""
    used = {reference.task for task in tasks for reference in task.references}
    for task in tasks:
        used.update(task.after)
        used.update(reference.task for _, reference in task.conditions)
    return [task.id for task in tasks if task.id not in used]


class _Flattening:
    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def plan(self, plan: Plan, prefix: str, inputs: Mapping[str, Any] | None, depth: int) -> list[FlatTask]:
        local = {task.id for task in plan.tasks} if prefix or inputs is not None else None
        out: list[FlatTask] = []
        for task in plan.tasks:
            id = prefix + task.id

            def replace(reference: Reference, id: str = id) -> Any:
                return self._renamed(reference, prefix, inputs, id)

            try:
                template = read_template(dict(task.arguments if isinstance(task, Task) else task.inputs))
                undo = None
                if isinstance(task, Task) and task.policy.undo is not None:
                    undo = read_template(dict(task.policy.undo.arguments)).tree
            except PlanError as error:
                self._findings.error("arguments", error.problem, "mend its arguments", id)
                continue
            tree, references = template.tree, template.references
            conditions = tuple((condition, condition.reference) for condition in task.when)
            renames = local is not None or any(reference.task == INPUT for reference in references)
            if renames or any(reference.task == INPUT for _, reference in conditions):
                tree = replace_references(tree, replace)
                references = tuple(dict.fromkeys(references_in(tree)))
                undo = None if undo is None else replace_references(undo, replace)
                conditions = tuple(
                    (condition, renamed)
                    for condition, reference in conditions
                    if (renamed := self._condition(replace(reference), id)) is not None
                )
            after = tuple(prefix + source for source in task.after) if prefix else task.after
            if isinstance(task, Handoff):
                out += self._handoff(task, id, tree, after, conditions, depth)
                continue
            out.append(
                FlatTask(
                    id=id,
                    tool=task.tool,
                    tree=tree,
                    references=references,
                    after=after,
                    conditions=conditions,
                    needs_any=task.needs == "any",
                    policy=task.policy,
                    ordered=plan.ordered,
                    undo=undo,
                )
            )
        return out

    def _condition(self, tree: Any, id: str) -> Reference | None:
        if isinstance(tree, Reference):
            return tree
        self._findings.error("condition", "a condition is asked of a handed-in constant", "hand in a task's result", id)
        return None

    def _renamed(self, reference: Reference, prefix: str, inputs: Mapping[str, Any] | None, id: str) -> Any:
        if reference.task != INPUT:
            return Reference(prefix + reference.task, reference.path)
        name = reference.path[0] if reference.path else None
        if inputs is None or name not in inputs:
            given = ", ".join(sorted(map(str, inputs))) if inputs else "nothing"
            self._findings.error(
                "input", f"${INPUT}{show_path(reference.path)} is not handed in ({given} is)", "add it to `inputs`", id
            )
            return None
        tree, rest = inputs[str(name)], reference.path[1:]
        while rest and isinstance(tree, (dict, list)):
            try:
                tree = follow(tree, rest[:1])
            except PathMissing as error:
                self._findings.error("input", f"${INPUT}.{name}{error.problem}", "mend the path or the input", id)
                return None
            rest = rest[1:]
        if isinstance(tree, Reference):
            return Reference(tree.task, tree.path + rest)
        if rest:
            what = "text with placeholders" if isinstance(tree, Text) else repr(tree)
            self._findings.error("input", f"${INPUT}.{name} is {what}, which has no parts", "mend the path", id)
            return None
        return tree

    def _handoff(
        self,
        handoff: Handoff,
        id: str,
        inputs: Any,
        after: tuple[str, ...],
        conditions: tuple[tuple[When, Reference], ...],
        depth: int,
    ) -> list[FlatTask]:
        if depth >= MAX_HANDOFFS:
            problem = f"handoffs nest deeper than {MAX_HANDOFFS}"
            self._findings.error("handoff", problem, "hand off to a flatter plan", id)
            return []
        inner = self.plan(handoff.plan, f"{id}/", inputs, depth + 1)
        ids = {task.id for task in inner}
        gated: list[FlatTask] = []
        for task in inner:
            sources = {reference.task for reference in task.references} | set(task.after)
            sources.update(reference.task for _, reference in task.conditions)
            if sources & ids:
                gated.append(task)
                continue
            gated.append(
                FlatTask(
                    id=task.id,
                    tool=task.tool,
                    tree=task.tree,
                    references=task.references,
                    after=task.after + after,
                    conditions=task.conditions + conditions,
                    needs_any=task.needs_any or handoff.needs == "any",
                    policy=task.policy,
                    ordered=task.ordered,
                    undo=task.undo,
                    collects=task.collects,
                )
            )
        sinks = sinks_of(inner)
        if handoff.plan.result is not None:
            try:
                tree = replace_references(
                    read_template(handoff.plan.result).tree,
                    lambda reference: self._renamed(reference, f"{id}/", inputs, id),
                )
            except PlanError as error:
                self._findings.error("result", error.problem, "mend the plan's `result`", id)
                tree = None
        elif len(sinks) == 1:
            tree = Reference(sinks[0])
        else:
            tree = {sink.removeprefix(f"{id}/"): Reference(sink) for sink in sinks}
        gated.append(
            FlatTask(
                id=id,
                tool=None,
                tree=tree,
                references=tuple(dict.fromkeys(references_in(tree))),
                after=() if inner else after,
                conditions=() if inner else conditions,
                needs_any=len(sinks) > 1 and handoff.plan.result is None,
                policy=DEFAULT_POLICY,
                ordered=False,
                collects=frozenset(ids),
            )
        )
        return gated
