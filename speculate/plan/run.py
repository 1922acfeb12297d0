"""Running a plan through a session: the shell around the scheduler.

Driven by its tasks' ends; nothing polls. Every task is a real call (`session.execute`), so its writes pass the gate,
its reads may have been started early, and all of it is in the ledger.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from speculate.calls import Outcome, Served, ToolCall
from speculate.errors import PlanError
from speculate.fanout.attempts import Attempts, attempt
from speculate.fanout.branches import CallRefused
from speculate.fanout.host import grace_s, spec_of, tasks_of
from speculate.fanout.limits import NO_LIMITS, Limits
from speculate.plan.compensate import compensate as undo_writes
from speculate.plan.compiled import Node
from speculate.plan.early import EarlyReads
from speculate.plan.host import toolbox_of
from speculate.plan.layout import keys_of
from speculate.plan.outcome import PlanOutcome
from speculate.plan.placeholders import PathMissing, Reference, follow, own_copy, render
from speculate.plan.records import Record, done_calls, fates, unused_values
from speculate.plan.schedule import Scheduler, State, Step

if TYPE_CHECKING:
    from speculate.runtime.session import Session

TASK_TIMEOUT_S = 600.0
_LET_STOP = 3  # turns of the loop that cancelled tasks get to end in before the grace is spent on them


class PlanRun:
    """A plan under way. Tasks may be added while others run, until `end_of_plan`."""

    def __init__(
        self,
        session: Session,
        name: str = "plan",
        limits: Limits = NO_LIMITS,
        *,
        start_early: bool = True,
        task_timeout_s: float | None = TASK_TIMEOUT_S,
        draw: random.Random | None = None,
    ) -> None:
        self.name = name
        self.values: dict[int, Any] = {}
        self.nodes: list[Node] = []
        self.index: dict[str, int] = {}
        self.problems: list[str] = []
        self._session, self._limits, self._task_timeout_s = session, limits, task_timeout_s
        self._scheduler = Scheduler(limits.capacities())
        self._records: dict[int, Record] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._early = EarlyReads(session, self._look_up, self._scheduler.states) if start_early else None
        # Jitter needs no secrecy; a caller who wants the same pauses again passes a seeded source.
        self._draw = draw if draw is not None else random.Random()  # noqa: S311
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._waiters: list[asyncio.Future[None]] = []
        self._is_whole = False
        self._steps: deque[Step] = deque()
        self._stepping = False
        self._ended_tasks = 0
        self._remembered: dict[str, int] = {}  # by identity, the done tasks whose results are carried over
        self._remaining: list[float] = []
        self._added_s: list[float] = []

    # Putting tasks in

    def add(self, nodes: Sequence[Node]) -> None:
        """Add tasks that were compiled against the ones before them, and start what can start."""
        scheduler, limits, now = self._scheduler, self._limits, self._now()
        for node in nodes:
            keys = keys_of(node, limits) if limits is not NO_LIMITS else ()
            position = scheduler.add(node.needs, node.waits, node.remaining_s, keys, node.needs_any)
            self.nodes.append(node)
            self.index[node.id] = position
            self._remaining.append(node.remaining_s)
            self._added_s.append(now)
        self._apply(scheduler.poke())
        if self._early is not None:
            self._early.added(nodes, len(self.nodes) - len(nodes))

    def lift(self, position: int) -> None:
        """A task was added behind others: their remaining path is longer now, and they are more urgent.

        Only so many are looked at, so that a planner that writes one long chain costs no more per task than another.
        """
        look_at = 64
        queue = deque([position])
        while queue and look_at:
            look_at -= 1
            behind = queue.popleft()
            for source in (*self.nodes[behind].needs, *self.nodes[behind].waits):
                remaining = self.nodes[source].seconds + self._remaining[behind]
                if remaining > self._remaining[source]:
                    self._remaining[source] = remaining
                    if self._scheduler.lift(source, remaining):
                        queue.append(source)

    def end_of_plan(self) -> None:
        """No more tasks are coming."""
        self._is_whole = True
        self._wake()

    def state(self, position: int) -> State:
        return self._scheduler.states[position]

    def reason(self, position: int) -> str:
        """Why a task did not succeed, in words."""
        return self._records[position].reason

    def remember(self) -> None:
        """From now on a task that is the same call as one already done takes its result and does not run.

        A read is forgotten if a conflicting write of the plan ended after it: its result may be out of date.
        """
        self._remembered = done_calls(self._session, self.nodes, self._records, self.values)

    # Driving

    def _apply(self, step: Step) -> None:
        """Carry out what an event brought about. A queue, not recursion: one event may settle a whole plan."""
        self._steps.append(step)
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._steps:
                step = self._steps.popleft()
                for target, source in step.skipped:
                    self._skipped(target, source)
                for position in step.start:
                    self._begin(position)
        finally:
            self._stepping = False
        if self._waiters and self._scheduler.is_settled:
            self._wake()

    def _record(self, position: int) -> Record:
        record = self._records.get(position)
        if record is None:
            record = self._records[position] = Record()
        return record

    def _now(self) -> float:
        return self._loop.time() - self._began

    def _ends(self, record: Record) -> None:
        self._ended_tasks += 1
        record.ended_s, record.ended_as = self._now(), self._ended_tasks

    def _begin(self, position: int) -> None:
        """The scheduler says: now. Decide the conditions, fill the placeholders in, and start the call."""
        node, record, now = self.nodes[position], self._record(position), self._now()
        record.ready_s = max(self._added_s[position], self._last_end(node))
        try:
            for when, reference in node.conditions:
                if not when.holds(self._asked(reference, when.operator == "exists" and when.test is None)):
                    self._ends(record)
                    record.reason = f"the condition {when} does not hold"
                    self._apply(self._scheduler.declined(position))
                    self._news(position)
                    return
            arguments = render(node.tree, self._look_up)
        except Exception as error:  # a user's own condition may raise anything; a placeholder may lead nowhere
            self._ends(record)
            record.error = error
            record.reason = str(error) if isinstance(error, PlanError) else f"its condition raised {error!r}"
            self._apply(self._scheduler.failed(position))
            self._news(position)
            return
        if node.tool is None:
            record.started_s = now
            self._ends(record)
            self._done(position, arguments)
            return
        record.started_s = now
        record.call = ToolCall(node.tool, arguments)
        if self._remembered:
            record.carried_from = self._remembered.get(spec_of(self._session, node.tool).key(arguments) or "")
        if record.carried_from is not None:
            self._ends(record)
            self._done(position, own_copy(self.values[record.carried_from]))
        else:
            record.attempts = Attempts()
            timeout_s = node.policy.timeout_s if node.policy.timeout_s is not None else self._task_timeout_s
            if timeout_s is not None:
                self._timers[position] = self._loop.call_later(timeout_s, self._overdue, position, timeout_s)
            self._running[position] = tasks_of(self._session).start(
                self._run(position, record.call, record.attempts), name=f"task {node.id}"
            )

    async def _run(self, position: int, call: ToolCall, attempts: Attempts) -> None:
        node = self.nodes[position]
        try:
            policy = node.policy
            if policy.retry is None and policy.hedge is None:
                attempts.count = 1
                outcome = await self._session.execute(call)
            else:
                outcome = await attempt(self._session, call, attempts, policy.retry, policy.hedge, self._draw)
        except asyncio.CancelledError as error:
            if self._is_running(position):  # nobody here cancelled it: the tool did, or the runtime was closed
                self._ended(position, Outcome(call, error=error))
            raise
        except Exception as error:  # the runtime would not take the call (it was closed, say)
            if self._is_running(position):
                self._ended(position, Outcome(call, error=error))
        else:
            if self._is_running(position):
                self._ended(position, outcome)
        finally:
            self._running.pop(position, None)
            # Only a task that had failed before it stopped still holds its slots.
            if self._scheduler.states[position] is State.FAILED:
                self._apply(self._scheduler.released(position))

    def _is_running(self, position: int) -> bool:
        return self._scheduler.states[position] is State.RUNNING

    def _ended(self, position: int, outcome: Outcome) -> None:
        timer = self._timers.pop(position, None)
        if timer is not None:
            timer.cancel()
        record = self._records[position]
        record.outcome = outcome
        self._ends(record)
        if outcome.served is Served.REFUSED:
            record.error, record.reason = CallRefused(str(outcome.value)), str(outcome.value)
        elif outcome.error is not None:
            record.error, record.reason = outcome.error, f"{type(outcome.error).__name__}: {outcome.error}"
        else:
            self._done(position, outcome.value)
            return
        self._apply(self._scheduler.failed(position))
        self._news(position)

    def _done(self, position: int, value: Any) -> None:
        self.values[position] = value
        self._apply(self._scheduler.succeeded(position))
        self._news(position)

    def _news(self, position: int) -> None:
        if self._early is not None:
            self._early.settled(position)

    def _overdue(self, position: int, timeout_s: float) -> None:
        """Its time is up: it has failed, and is told to stop; nobody waits for that."""
        self._timers.pop(position, None)
        if not self._is_running(position):
            return
        record = self._records[position]
        self._ends(record)
        record.error = TimeoutError(f"no answer within {timeout_s:g} s")
        record.reason = str(record.error)
        self._apply(self._scheduler.failed(position, still_runs=True))
        self._running[position].cancel()
        self._timers[position] = self._loop.call_later(grace_s(self._session), self._let_go, position)
        self._news(position)

    def _let_go(self, position: int) -> None:
        """It ignores its cancellation: its slots are given to others all the same."""
        self._timers.pop(position, None)
        self._apply(self._scheduler.released(position))

    def _skipped(self, position: int, source: int) -> None:
        record = self._record(position)
        cause = self._records.get(source)
        root = cause.poisoned_by if cause is not None and cause.poisoned_by is not None else source
        record.poisoned_by = root
        state = self._scheduler.states[root]
        what = "failed" if state is State.FAILED else "was skipped"
        record.reason = f"task {self.nodes[root].id} {what}"
        if root != source:
            record.reason += f", and task {self.nodes[source].id} with it"
        self._news(position)

    # Results

    def _look_up(self, reference: Reference) -> Any:
        """What a placeholder stands for; null where its task did not succeed and need not have."""
        position = self.index[reference.task]
        if self._scheduler.states[position] is not State.DONE:
            return None
        try:
            return follow(self.values[position], reference.path)
        except PathMissing as error:
            raise PathMissing(f"{reference}: {error.problem}") from None

    def _asked(self, reference: Reference, may_be_missing: bool) -> Any:
        try:
            return self._look_up(reference)
        except PathMissing:
            if may_be_missing:
                return None
            raise

    def _last_end(self, node: Node) -> float:
        """When the last of what it waited for had ended."""
        times = [self._records[source].ended_s for source in (*node.needs, *node.waits) if source in self._records]
        return max((time for time in times if time is not None), default=0.0)

    # The end

    async def settled(self) -> None:
        """Wait until every task added so far is settled."""
        while not self._scheduler.is_settled:
            await self._wait()

    async def outcome(
        self,
        *,
        result: Any = None,
        deadline_s: float | None = None,
        compensate: bool = True,
        critical_path_s: float = 0.0,
    ) -> PlanOutcome:
        """Wait for the end of the plan, undo what is to be undone, and tell. Cancelled: leaves nothing running."""
        timer = None
        if deadline_s is not None:
            reason = f"it was not done within {deadline_s:g} s"
            timer = self._loop.call_at(self._began + deadline_s, self.cancel, reason)
        try:
            while not (self._is_whole and self._scheduler.is_settled):
                await self._wait()
        except BaseException:
            await self.stop("its caller was cancelled")
            raise
        finally:
            if timer is not None:
                timer.cancel()
        return await self._conclude(result, compensate, critical_path_s)

    async def _conclude(self, result: Any, compensate: bool, critical_path_s: float) -> PlanOutcome:
        if self._early is not None:
            self._early.withdraw_lost()
        for _ in range(_LET_STOP):
            if self._running:
                await asyncio.sleep(0)
        for timer in self._timers.values():
            timer.cancel()
        seconds, value = self._now(), self._value(result)
        running, problems = self._running.keys(), tuple(self.problems)
        tasks = fates(self.nodes, self._records, self._scheduler.states, self.values, running, problems)
        tolerated = frozenset(node.id for node in self.nodes if node.policy.optional)
        told = PlanOutcome(self.name, tasks, value, seconds, critical_path_s, (), problems, tolerated)
        if told.ok or not compensate or self._scheduler.is_cancelled:
            return told
        writes = [(self.nodes[self.index[task.id]], task) for task in told.writes]
        schemas = toolbox_of(self._session).schemas
        return replace(told, compensations=await undo_writes(self._session, writes, schemas, self._look_up))

    def _value(self, result: Any) -> Any:
        """The plan's result: its template, or what the tasks give that nothing else uses."""
        if result is None:
            return unused_values(self.nodes, self.index, self.values)
        try:
            return render(result, self._look_up)
        except PathMissing as error:
            self.problems.append(f"the plan's result: {error.problem}")
            return None

    async def stop(self, reason: str) -> None:
        """Cancel everything, and wait for it to stop, but no longer than the runtime's grace."""
        self.cancel(reason)
        if self._early is not None:
            self._early.withdraw_lost()
        pending = [task for task in self._running.values() if task is not asyncio.current_task()]
        if pending:
            await asyncio.wait(pending, timeout=grace_s(self._session))

    def cancel(self, reason: str) -> None:
        """Start nothing more, and tell what runs to stop."""
        if self._is_whole and self._scheduler.is_settled:
            return
        self.problems.append(reason)
        self._is_whole = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for position in self._scheduler.cancel():
            self._ends(self._records[position])
            self._records[position].reason = reason
        for task in self._running.values():
            task.cancel()
        self._wake()

    async def _wait(self) -> None:
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
