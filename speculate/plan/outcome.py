"""What came of a plan: each task's fate, the writes that stand, what was undone, and one linear story."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from speculate.calls import Served, ToolCall
from speculate.errors import SpeculateError
from speculate.fanout.branches import describe
from speculate.plan.schedule import State


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """One task. Times in seconds since the plan began; None: it never came to that. `ended_as`: as which, from 1.

    state: DONE, FAILED, SKIPPED or CANCELLED. reason: why it did not succeed, in words. waited_for: the tasks it
    waited for, in the order they ended, the last of which let it start. consumed: the placeholders filled into its
    arguments. poisoned_by: the failed task (or condition) it was skipped for. is_write, may_have_run: whether it
    changes the world, and whether it failed after it had begun to. carried_from: the task whose result it shares,
    because it is the same call.
    """

    id: str
    tool: str | None
    state: State
    call: ToolCall | None = None
    value: Any = None
    error: BaseException | None = None
    reason: str = ""
    ready_s: float | None = None
    started_s: float | None = None
    ended_s: float | None = None
    ended_as: int = 0
    waited_for: tuple[str, ...] = ()
    consumed: tuple[str, ...] = ()
    poisoned_by: str | None = None
    attempts: int = 0
    served: Served | None = None
    is_write: bool = False
    still_running: bool = False
    carried_from: str | None = None

    @property
    def ok(self) -> bool:
        return self.state is State.DONE

    @property
    def may_have_run(self) -> bool:
        """A write that began and did not succeed: what it changed is not known."""
        return self.is_write and self.started_s is not None and not self.ok and self.served is not Served.REFUSED


@dataclass(frozen=True, slots=True)
class Compensation:
    """The call that undid a task's write, and its error if it failed; then the write stands."""

    task: str
    call: ToolCall
    error: BaseException | None = None

    @property
    def ok(self) -> bool:
        return self.error is None


class PlanFailed(SpeculateError):
    """A plan did not succeed. `outcome` has everything; the cause is the first task's own exception."""

    def __init__(self, outcome: PlanOutcome) -> None:
        self.outcome = outcome
        shown = [f"  - task {task.id!r}: {task.reason}" for task in outcome.failed[:10]]
        if len(outcome.failed) > 10:
            shown.append(f"  … and {len(outcome.failed) - 10} more")
        counts = f"{len(outcome.failed)} failed, {len(outcome.skipped)} skipped, {len(outcome.cancelled)} cancelled"
        super().__init__("\n".join([f"{outcome.name}: {counts}", *shown, *outcome.problems]))
        self.__cause__ = next((task.error for task in outcome.failed if task.error is not None), None)


@dataclass(frozen=True, slots=True)
class PlanOutcome:
    """The whole plan. `tasks` in the order in which they were laid out; `problems`: what stopped it as a whole.

    value: the plan's result. seconds: from the start until everything was settled. critical_path_s: what the
    longest path of it was predicted to take (0 where the plan arrived piece by piece).
    """

    name: str
    tasks: Mapping[str, TaskOutcome]
    value: Any
    seconds: float
    critical_path_s: float = 0.0
    compensations: tuple[Compensation, ...] = ()
    problems: tuple[str, ...] = ()
    tolerated: frozenset[str] = frozenset()

    def _in(self, state: State) -> tuple[TaskOutcome, ...]:
        return tuple(task for task in self.tasks.values() if task.state is state)

    @property
    def done(self) -> tuple[TaskOutcome, ...]:
        return self._in(State.DONE)

    @property
    def failed(self) -> tuple[TaskOutcome, ...]:
        return self._in(State.FAILED)

    @property
    def skipped(self) -> tuple[TaskOutcome, ...]:
        return self._in(State.SKIPPED)

    @property
    def cancelled(self) -> tuple[TaskOutcome, ...]:
        return self._in(State.CANCELLED)

    @property
    def ok(self) -> bool:
        """Whether nothing failed but optional tasks, and nothing was cancelled. An untaken branch is no failure."""
        return not self.problems and not self.cancelled and all(task.id in self.tolerated for task in self.failed)

    @property
    def writes(self) -> tuple[TaskOutcome, ...]:
        """The writes that ran, in the order they ended; undone or not, they are in the ledger."""
        ran = [task for task in self.done if task.is_write and task.served not in (None, Served.DEDUPLICATED)]
        return tuple(sorted(ran, key=lambda task: task.ended_as))

    @property
    def standing_writes(self) -> tuple[TaskOutcome, ...]:
        """The writes that ran and were not undone."""
        undone = {compensation.task for compensation in self.compensations if compensation.ok}
        return tuple(task for task in self.writes if task.id not in undone)

    @property
    def uncertain_writes(self) -> tuple[TaskOutcome, ...]:
        """Writes that began and failed, or were cancelled: they may have changed something."""
        return tuple(task for task in self.tasks.values() if task.may_have_run)

    def result(self) -> Any:
        """The plan's value; raises PlanFailed if it did not succeed."""
        if not self.ok:
            raise PlanFailed(self)
        return self.value

    def story(self) -> str:
        """What happened, top to bottom, although tasks overlapped: one line per task, in the order they ended.

        Each line: when it ran, the call, how it ended, what it waited for, what it used, what poisoned it.
        """
        ended = [task for task in self.tasks.values() if task.tool is not None and task.ended_s is not None]
        never = [task for task in self.tasks.values() if task.tool is not None and task.ended_s is None]
        lines = [f"{self.name}: {'succeeded' if self.ok else 'did not succeed'} in {self.seconds:.2f} s"]
        lines += [_line(task) for task in sorted(ended, key=lambda task: task.ended_as)]
        lines += [_line(task) for task in never]
        lines += [f"problem: {problem}" for problem in self.problems]
        for each in self.compensations:
            end = "undone" if each.ok else f"could not be undone ({type(each.error).__name__}: {each.error})"
            lines.append(f"task {each.task} {end} by {describe(each.call)}")
        if not self.ok:
            if self.standing_writes:
                lines.append(f"writes that stand: {', '.join(task.id for task in self.standing_writes)}")
            if self.uncertain_writes:
                ids = ", ".join(task.id for task in self.uncertain_writes)
                lines.append(f"writes that may have happened: {ids}")
        return "\n".join(lines)


def _line(task: TaskOutcome) -> str:
    if task.started_s is not None and task.ended_s is not None:
        when = f"{task.started_s:8.2f} – {task.ended_s:.2f} s"
    elif task.ended_s is not None:
        when = f"{task.ended_s:8.2f} s"
    else:
        when = "   never"
    parts = [f"{when}  task {task.id}: {describe(task.call) if task.call is not None else task.tool}"]
    how = task.state.value
    if task.served in (Served.READY, Served.JOINED):
        how += " (started early)"
    if task.carried_from is not None:
        how += f" (carried over from {task.carried_from})"
    if task.attempts > 1:
        how += f" in {task.attempts} attempts"
    parts.append(how + (f": {task.reason}" if task.reason else ""))
    if task.waited_for:
        last = f", the last was {task.waited_for[-1]}" if len(task.waited_for) > 1 else ""
        parts.append(f"waited for {', '.join(task.waited_for)}{last}")
    if task.started_s is not None and task.ready_s is not None and task.started_s > task.ready_s:
        parts.append(f"waited {task.started_s - task.ready_s:.2f} s for a slot")
    if task.consumed:
        parts.append(f"used {', '.join(task.consumed)}")
    if task.poisoned_by is not None:
        parts.append(f"because of {task.poisoned_by}")
    if task.still_running:
        parts.append("it ignores its cancellation and still runs")
    return "; ".join(parts)
