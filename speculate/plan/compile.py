"""Compiling a plan: every check there is, before anything runs.

Near-linear in tasks, edges and claims, so that a plan of 100,000 tasks is judged in seconds. All problems are
collected; nothing is run, guessed or asked of a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from speculate.errors import PlanError
from speculate.fanout.limits import NO_LIMITS, Limits
from speculate.plan.compiled import CompiledPlan, EdgeKind
from speculate.plan.conflicts import ConflictOrder, ordered_pairs, shared_resource, unordered_conflicts
from speculate.plan.effects import NO_EFFECT, SERIAL_WRITES, Effects, TaskEffect
from speculate.plan.findings import Findings, InvalidPlan
from speculate.plan.flatten import FlatTask, flatten
from speculate.plan.graph import cycles, successors_of, topological_order
from speculate.plan.layout import lay_out
from speculate.plan.model import Plan
from speculate.plan.placeholders import Reference, read_template, show_path
from speculate.plan.schema import ToolSchema, at, problems
from speculate.plan.toolbox import Toolbox
from speculate.resources import Claims

MAX_CONFLICTS = 50

Conflicts = Literal["refuse", "order"]


def compile_plan(
    plan: Plan, toolbox: Toolbox, *, limits: Limits = NO_LIMITS, conflicts: Conflicts = "refuse"
) -> CompiledPlan:
    """Check `plan` against the tools and lay out its graph.

    conflicts "refuse": tasks that conflict and are not ordered are an error. "order": they are put in the plan's
    order, and the edges added are reported. Where only an unknown value might make two tasks conflict, they are put
    in order either way. Raises InvalidPlan with everything that is wrong.
    """
    return _Compilation(plan, toolbox, limits, conflicts).run()


class _Compilation:
    def __init__(self, plan: Plan, toolbox: Toolbox, limits: Limits, conflicts: Conflicts) -> None:
        self.plan, self.toolbox, self.limits, self.conflicts = plan, toolbox, limits, conflicts
        self.known = toolbox.known()
        self.findings = Findings()
        self.effects = Effects(toolbox.specs)
        self.added: list[tuple[str, str]] = []

    def run(self) -> CompiledPlan:
        tasks = flatten(self.plan, self.findings)
        spoiled = self.findings.tasks()
        index = self._index(tasks)
        self._check_tools(tasks)
        edges = self._edges(tasks, index)
        result = self._result(index)
        tools = {task.id: task.tool for task in tasks}
        whole = [task for task in tasks if task.id not in spoiled]
        check_schemas(whole, tools.get, self.toolbox.schemas, self.findings)
        order = self._order(tasks, edges)
        if order is None:
            raise InvalidPlan(self.plan.name, self.findings.all())
        # From here on everything is in topological order, so that indices only ever point backwards.
        place = {old: new for new, old in enumerate(order)}
        tasks = [tasks[old] for old in order]
        edges = [
            sorted(((place[source], kind) for source, kind in edges[old]), key=lambda edge: edge[0]) for old in order
        ]
        effects = [self._effect(task) for task in tasks]
        self._check_policies(tasks, effects)
        self._check_phantoms(tasks, edges, effects)
        self._resolve_conflicts(tasks, edges, effects)
        if self.findings.has_errors:
            raise InvalidPlan(self.plan.name, self.findings.all())
        plan = lay_out(self.plan.name, tasks, edges, effects, self.toolbox, self.limits, result)
        return replace(plan, findings=self.findings.all(), added=tuple(self.added))

    # What the plan says

    def _index(self, tasks: Sequence[FlatTask]) -> dict[str, int]:
        index: dict[str, int] = {}
        for position, task in enumerate(tasks):
            if task.id in index:
                self.findings.error("duplicate", "two tasks have this id", "give each its own", task.id)
            index.setdefault(task.id, position)
        return index

    def _check_tools(self, tasks: Sequence[FlatTask]) -> None:
        for task in tasks:
            if task.tool is not None and task.tool not in self.known:
                near = _near(task.tool, self.known)
                mend = f"did you mean {near!r}?" if near else f"there are: {_some(self.known)}"
                self.findings.error("unknown-tool", f"there is no tool {task.tool!r}", mend, task.id)

    def _edges(self, tasks: Sequence[FlatTask], index: Mapping[str, int]) -> list[list[tuple[int, EdgeKind]]]:
        edges: list[list[tuple[int, EdgeKind]]] = []
        for position, task in enumerate(tasks):
            kinds: dict[int, EdgeKind] = {}
            for source, kind, written in _sources(task):
                found = index.get(source)
                if found is None:
                    mend = "write $$ for a dollar sign" if kind is EdgeKind.DATA else "name a task of the plan"
                    self.findings.error("unknown-id", f"{written} names no task", mend, task.id)
                elif found == position:
                    self.findings.error("self", f"{written} is the task itself", "refer to an earlier task", task.id)
                elif task.ordered and found > position:
                    mend = "in a numbered plan a task refers to earlier ones only"
                    self.findings.error("later-id", f"{written} names a later task", mend, task.id)
                else:
                    kinds.setdefault(found, kind)
            declared = {index[source] for source in task.after if source in index}
            for source_position, kind in kinds.items():
                if kind is EdgeKind.DATA and source_position not in declared:
                    self.added.append((tasks[source_position].id, task.id))
                    if declared and not task.collects:
                        problem = f"${tasks[source_position].id} is used without an edge; the edge was added"
                        self.findings.add("note", "added-edge", problem, "name it in `after`", task.id)
            edges.append(list(kinds.items()))
        return edges

    def _result(self, index: Mapping[str, int]) -> Any:
        if self.plan.result is None:
            return None
        try:
            template = read_template(self.plan.result)
        except PlanError as error:
            self.findings.error("result", error.problem, "mend the plan's `result`")
            return None
        for reference in template.references:
            if reference.task not in index:
                problem = f"the plan's result asks for {reference}, which names no task"
                self.findings.error("result", problem, "name a task of the plan")
        return template.tree

    def _order(self, tasks: Sequence[FlatTask], edges: Sequence[Sequence[tuple[int, EdgeKind]]]) -> list[int] | None:
        predecessors = [[source for source, _ in each] for each in edges]
        order = topological_order(predecessors)
        if len(order) == len(tasks):
            return order
        for cycle in cycles(predecessors):
            names = [tasks[node].id for node in cycle]
            shown = names if len(names) <= 8 else [*names[:4], "…", *names[-3:]]
            self.findings.error(
                "cycle", f"waits for itself: {' → '.join([*shown, names[0]])}", "take out one of these edges", names[0]
            )
        return None

    # What the tools say

    def _effect(self, task: FlatTask) -> TaskEffect:
        if task.tool not in self.known:
            return NO_EFFECT  # one mistake is reported once, not again as conflicts with everything
        return self.effects.of(task.tool, task.tree, not task.references)

    def _check_policies(self, tasks: Sequence[FlatTask], effects: Sequence[TaskEffect]) -> None:
        for task, effect in zip(tasks, effects, strict=True):
            if task.policy.retry is not None and not effect.idempotent:
                problem = f"has a retry, but {task.tool} is not idempotent"
                self.findings.error("retry", problem, "take the retry out, or declare idempotent = true", task.id)
            if task.policy.hedge is not None and (effect.is_write or not effect.idempotent):
                problem = f"has a hedge, but {task.tool} is no idempotent read"
                self.findings.error("hedge", problem, "take the hedge out", task.id)
            if task.policy.undo is not None and task.policy.undo.tool not in self.known:
                problem = f"is undone by {task.policy.undo.tool!r}, which is no tool"
                self.findings.error("undo", problem, f"there are: {_some(self.known)}", task.id)

    def _check_phantoms(
        self,
        tasks: Sequence[FlatTask],
        edges: Sequence[Sequence[tuple[int, EdgeKind]]],
        effects: Sequence[TaskEffect],
    ) -> None:
        for target, each in enumerate(edges):
            for source, kind in each:
                if kind is not EdgeKind.AFTER or tasks[target].tool is None or tasks[source].tool is None:
                    continue
                if not effects[source].possible.conflicts_with(effects[target].possible):
                    problem = f"waits for {tasks[source].id!r}, uses nothing of it, and does not conflict with it"
                    self.findings.add("warning", "phantom-edge", problem, "take it out of `after`", tasks[target].id)

    # What must not overlap

    def _resolve_conflicts(
        self, tasks: Sequence[FlatTask], edges: list[list[tuple[int, EdgeKind]]], effects: Sequence[TaskEffect]
    ) -> None:
        if not any(effect.is_write for effect in effects):
            return
        order = range(len(tasks))
        predecessors = [[source for source, _ in each] for each in edges]
        if self.conflicts == "refuse":
            certain = [effect.certain for effect in effects]
            found = unordered_conflicts(predecessors, successors_of(predecessors), order, certain, MAX_CONFLICTS)
            for one, other in sorted(found):
                self._report_conflict(tasks[one], tasks[other], certain[one], certain[other])
            if found:
                return
            if all(effect.certain == effect.possible for effect in effects):
                return  # all pairs are known to be in order already
        self._put_in_order(tasks, edges, predecessors, effects)

    def _report_conflict(self, one: FlatTask, other: FlatTask, claims: Claims, others: Claims) -> None:
        resource = shared_resource(
            Claims(claims.reads, _declared(claims.writes)), Claims(others.reads, _declared(others.writes))
        )
        if resource is None:
            self.findings.error(
                "parallel-writes",
                f"{one.tool} and {other.tool} of task {one.id!r} may not be repeated and would run at once",
                f"add {one.id!r} to `after`, or declare idempotent = true and a dedup_key",
                other.id,
            )
            return
        shown = "everything" if resource == "*" else repr(re.sub("%7Fvalue[0-9]+", "…", resource))
        self.findings.error(
            "conflict",
            f"{other.tool} and {one.tool} of task {one.id!r} conflict over {shown} and are not ordered",
            f"add {one.id!r} to `after`, or declare narrower resources",
            other.id,
        )

    def _put_in_order(
        self,
        tasks: Sequence[FlatTask],
        edges: list[list[tuple[int, EdgeKind]]],
        predecessors: Sequence[Sequence[int]],
        effects: Sequence[TaskEffect],
    ) -> None:
        board = ConflictOrder()
        wanted: list[tuple[int, int]] = []
        try:
            for target, effect in enumerate(effects):
                if effect.possible.reads or effect.possible.writes:
                    before = set(board.place(target, effect.possible)).difference(predecessors[target])
                    wanted += [(source, target) for source in sorted(before)]
        except PlanError as error:
            self.findings.error("wide", error.problem, "or order them with `after`")
            return
        is_ordered = ordered_pairs(predecessors, range(len(tasks)), wanted)
        for source, target in wanted:
            if is_ordered((source, target)):
                continue
            edges[target].append((source, EdgeKind.ORDER))
            self.added.append((tasks[source].id, tasks[target].id))
            resource = shared_resource(effects[source].possible, effects[target].possible)
            shown = "what may not be repeated" if resource == SERIAL_WRITES else repr(resource)
            problem = f"may conflict with {tasks[source].id!r} over {shown}; it was put after it"
            severity: Literal["warning", "note"] = "warning" if self.conflicts == "refuse" else "note"
            mend = "say so in `after`, or narrow its resources"
            self.findings.add(severity, "added-order", problem, mend, tasks[target].id)


def check_schemas(
    tasks: Sequence[FlatTask],
    tool_of: Callable[[str], str | None],
    schemas: Mapping[str, ToolSchema],
    findings: Findings,
) -> None:
    """Arguments against their tool's schema, and what a tool returns against the arguments it feeds."""

    def schema_of(id: str) -> ToolSchema | None:
        tool = tool_of(id)
        return None if tool is None else schemas.get(tool)

    def look_up(reference: Reference) -> Mapping[str, Any] | None:
        source = schema_of(reference.task)
        return None if source is None or source.output is None else at(source.output, reference.path)[0]

    for task in tasks:
        schema = None if task.tool is None else schemas.get(task.tool)
        if schema is not None and schema.input is not None:
            for path, problem in problems(task.tree, schema.input, look_up):
                where = f"argument {show_path(path).lstrip('.')}" if path else "the arguments"
                findings.error("schema", f"{where} of {task.tool}: {problem}", "mend it or the tool's schema", task.id)
        for reference in (*task.references, *(reference for _, reference in task.conditions)):
            source = schema_of(reference.task) if reference.path else None
            suspicious = None if source is None or source.output is None else at(source.output, reference.path)[1]
            if suspicious is not None:
                problem = f"{reference}: in what {tool_of(reference.task)} returns, {suspicious}"
                findings.add("warning", "path", problem, "mend the path", task.id)


def _sources(task: FlatTask) -> list[tuple[str, EdgeKind, str]]:
    """What a task waits for, data first, and how it is written."""
    found = [(reference.task, EdgeKind.DATA, str(reference)) for reference in task.references]
    found += [(reference.task, EdgeKind.WHEN, f"the condition {when}") for when, reference in task.conditions]
    found += [(source, EdgeKind.AFTER, f"`after` {source!r}") for source in task.after]
    return found


def _declared(writes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(claim for claim in writes if claim != SERIAL_WRITES)


def _some(names: frozenset[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:12]) + (", …" if len(listed) > 12 else "") if listed else "no tools"


def _near(name: str, names: frozenset[str]) -> str | None:
    """The known name that differs least, if it is close; compared only with names of about its length."""
    from difflib import get_close_matches

    close = [known for known in sorted(names) if abs(len(known) - len(name)) <= 3]
    found = get_close_matches(name, close[:200], n=1, cutoff=0.75)
    return found[0] if found else None
