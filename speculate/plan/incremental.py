"""Compiling a plan task by task, while its planner still writes.

The same checks as for a whole plan, each task against the ones before it. Tasks that may conflict are put in the
order they were written: by the time the second is read, the first may be running.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping

from speculate.errors import PlanError
from speculate.plan.compile import check_schemas
from speculate.plan.compiled import Node
from speculate.plan.conflicts import ConflictOrder
from speculate.plan.effects import Effects
from speculate.plan.findings import Findings
from speculate.plan.flatten import FlatTask, flatten
from speculate.plan.model import Handoff, Plan, Task
from speculate.plan.toolbox import Toolbox


class IncrementalCompiler:
    """Turns tasks into nodes, in the order they come. A task that is refused leaves nothing behind."""

    def __init__(self, toolbox: Toolbox) -> None:
        self._toolbox = toolbox
        self._effects = Effects(toolbox.specs)
        self._order = ConflictOrder()
        self._tools: dict[str, str | None] = {}
        self._optional: set[int] = set()
        self.index: dict[str, int] = {}

    def add(self, task: Task | Handoff) -> list[Node]:
        """The nodes of one task (a handoff has several). Raises PlanError saying what is wrong with it."""
        findings = Findings()
        flat = flatten(Plan((task,), ordered=False), findings)
        new = {each.id: len(self.index) + place for place, each in enumerate(flat)}
        for each in flat:
            self._check(each, new, findings)
        tools = ChainMap({each.id: each.tool for each in flat}, self._tools)
        check_schemas(flat, tools.get, self._toolbox.schemas, findings)
        if findings.has_errors:
            errors = [finding for finding in findings.all() if finding.severity == "error"]
            problem = "; ".join(f"{finding.problem} ({finding.mend})" for finding in errors)
            raise PlanError(problem, task=task.id)
        self.index.update(new)
        self._tools.update({each.id: each.tool for each in flat})
        return [self._node(each) for each in flat]

    def _check(self, task: FlatTask, new: Mapping[str, int], findings: Findings) -> None:
        if task.id in self.index:
            findings.error("duplicate", "a task of this id was written before", "go on numbering", task.id)
        known = self._toolbox.known()
        if task.tool is not None and task.tool not in known:
            there = ", ".join(sorted(known)[:12]) or "none"
            findings.error("unknown-tool", f"there is no tool {task.tool!r}", f"there are: {there}", task.id)
        for source in _sources(task):
            known_at = self.index.get(source, new.get(source))
            if known_at is None or known_at >= new[task.id]:
                mend = "refer to tasks written before it; write $$ for a dollar sign"
                findings.error("unknown-id", f"{source!r} names no earlier task", mend, task.id)
        policy = task.policy
        if policy.retry is None and policy.hedge is None:
            return
        effect = self._effects.of(task.tool, task.tree, not task.references)
        if policy.retry is not None and not effect.idempotent:
            findings.error("retry", f"has a retry, but {task.tool} is not idempotent", "take it out", task.id)
        if policy.hedge is not None and (effect.is_write or not effect.idempotent):
            findings.error("hedge", f"has a hedge, but {task.tool} is no idempotent read", "take it out", task.id)

    def _node(self, task: FlatTask) -> Node:
        position = self.index[task.id]
        effect = self._effects.of(task.tool, task.tree, not task.references)
        sources = list(dict.fromkeys(self.index[source] for source in _sources(task)))
        order = self._order.place(position, effect.possible) if task.tool is not None else []
        waits = [source for source in order if source not in sources]
        waits += [source for source in sources if source in self._optional]
        if task.policy.optional:
            self._optional.add(position)
        toolbox = self._toolbox
        seconds = 0.0 if task.tool is None else toolbox.seconds.get(task.tool, toolbox.default_s)
        return Node(
            id=task.id,
            tool=task.tool,
            tree=task.tree,
            references=task.references,
            conditions=task.conditions,
            needs=tuple(source for source in sources if source not in self._optional),
            waits=tuple(waits),
            needs_any=task.needs_any,
            policy=task.policy,
            effect=effect,
            undo=task.undo,
            seconds=seconds,
            remaining_s=seconds,
        )


def _sources(task: FlatTask) -> list[str]:
    return [
        *(reference.task for reference in task.references),
        *(reference.task for _, reference in task.conditions),
        *task.after,
    ]
