"""`fan_out`: independent calls side by side, merged by a policy, streamed as they come in.

The engine is driven by its branches' ends: nothing polls, and nothing waits for a branch that was told to stop.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Generator, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from speculate.calls import Outcome, Served, ToolCall
from speculate.errors import SpeculateError
from speculate.fanout.attempts import Attempts, attempt
from speculate.fanout.branches import (
    BranchOutcome,
    BranchState,
    CallRefused,
    FanOutFailed,
    FanOutOutcome,
    FanOutRefused,
)
from speculate.fanout.checks import are_plain_reads, refusals, resolve_all
from speculate.fanout.hedge import Hedge
from speculate.fanout.host import grace_s, runtime_of, tasks_of
from speculate.fanout.limits import NO_LIMITS, Limits, Slots
from speculate.fanout.merge import All, MergePolicy, Progress, Verdict
from speculate.fanout.reduce import Reducer, reduced
from speculate.fanout.retry import Retry

if TYPE_CHECKING:
    from speculate.runtime.session import Session

Order = Literal["completion", "call"]
_NO_ATTEMPTS = Attempts()
_LET_STOP = 3  # turns of the loop that aborted branches get to end in before they are counted as still running


def fan_out(
    session: Session,
    calls: Iterable[ToolCall | tuple[str, Mapping[str, Any]]],
    *,
    merge: MergePolicy | None = None,
    reduce: Reducer | None = None,
    branch_timeout_s: float | None = None,
    deadline_s: float | None = None,
    retry: Retry | None = None,
    hedge: Hedge | None = None,
    limits: Limits = NO_LIMITS,
    order: Order = "completion",
    draw: random.Random | None = None,
) -> FanOut:
    """Run `calls` side by side. `await` it for the outcome, or `async for` over it for the branches as they end.

    merge: when it is decided (default `All()`). reduce: one value out of the chosen values. branch_timeout_s,
    deadline_s: seconds for one branch with all its attempts, and for the whole. retry: idempotent calls only.
    hedge: idempotent reads only. order: of the stream, "completion" or "call". draw: the source of the retries'
    jitter. Nothing runs before it is awaited or iterated.

    Raises FanOutRefused if the calls may not run side by side: a write fans out only where it is idempotent and
    has a dedup key, never under a policy that drops branches, and no two branches may conflict.
    """
    return FanOut(
        session,
        [call if isinstance(call, ToolCall) else ToolCall(call[0], call[1]) for call in calls],
        merge if merge is not None else All(),
        reduce,
        branch_timeout_s,
        deadline_s,
        retry,
        hedge,
        limits,
        order,
        draw,
    )


class FanOut:
    """A fan-out under way. `outcome` is there once it was awaited, or iterated to its end."""

    def __init__(
        self,
        session: Session,
        calls: list[ToolCall],
        merge: MergePolicy,
        reduce: Reducer | None,
        branch_timeout_s: float | None,
        deadline_s: float | None,
        retry: Retry | None,
        hedge: Hedge | None,
        limits: Limits,
        order: Order,
        draw: random.Random | None,
    ) -> None:
        for name, seconds in (("branch_timeout_s", branch_timeout_s), ("deadline_s", deadline_s)):
            if seconds is not None and not seconds > 0:
                raise SpeculateError(f"{name} must be above 0 seconds, not {seconds!r}")
        if order not in ("completion", "call"):
            raise SpeculateError(f'order is "completion" or "call", not {order!r}')
        runtime = runtime_of(session)
        self._keys: list[tuple[str, ...]] = [()] * len(calls)
        if limits is not NO_LIMITS or not are_plain_reads(calls, runtime.spec, runtime.tools.__contains__):
            resolved = resolve_all(calls, runtime.spec)
            problems = refusals(calls, resolved, runtime.tools.__contains__, merge, retry, hedge)
            if problems:
                raise FanOutRefused(problems)
            self._keys = [limits.keys_of(call.tool, each.claims) for call, each in zip(calls, resolved, strict=True)]
        self.outcome: FanOutOutcome | None = None
        self._session, self._calls, self._merge, self._reduce = session, calls, merge, reduce
        self._branch_timeout_s, self._deadline_s = branch_timeout_s, deadline_s
        self._retry, self._hedge, self._order = retry, hedge, order
        # Jitter needs no secrecy; a caller who wants the same pauses again passes a seeded source.
        self._draw = draw if draw is not None else random.Random()  # noqa: S311
        self._is_limited = limits is not NO_LIMITS
        self._slots = Slots(limits.capacities())
        self._settled: list[BranchOutcome | None] = [None] * len(calls)
        self._progress = Progress(len(calls))
        self._running: dict[int, asyncio.Task[None]] = {}
        self._attempts: dict[int, tuple[Attempts, float]] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._clocks: list[asyncio.TimerHandle] = []
        self._stream: deque[BranchOutcome] = deque()
        self._next_in_order = 0
        self._waiter: asyncio.Future[None] | None = None  # of who iterates
        self._decision: asyncio.Future[None] | None = None  # of who awaits
        self._verdict: Verdict | None = None
        self._began = self._decided_at = 0.0
        self._is_started = self._is_stopped = self._is_late = False

    # How it is used

    def __await__(self) -> Generator[Any, None, FanOutOutcome]:
        return self._result().__await__()

    async def __aiter__(self) -> AsyncIterator[BranchOutcome]:
        """Branches as they end. Raises FanOutFailed at the end if the policy could not be met."""
        self._start()
        try:
            while True:
                while self._stream:
                    yield self._stream.popleft()
                if self._verdict is not None:
                    break
                await self._wait()
            outcome = await self._result()
        finally:
            self._stop()
        # The verdict may have come with branches still queued behind it in call order.
        while self._stream:
            yield self._stream.popleft()
        if outcome.error is not None:
            raise outcome.error

    async def _result(self) -> FanOutOutcome:
        if self.outcome is not None:
            return self.outcome
        self._start()
        try:
            while self._verdict is None:
                self._decision = self._loop.create_future()
                await self._decision
        except BaseException:
            await self._cancel()
            raise
        await self._let_stop()
        if self.outcome is None:
            self.outcome = await self._merged(self._verdict)
        return self.outcome

    async def _merged(self, verdict: Verdict) -> FanOutOutcome:
        branches = tuple(branch for branch in self._settled if branch is not None)
        seconds = self._decided_at - self._began
        if verdict.problem is not None:
            return FanOutOutcome(branches, (), seconds, error=FanOutFailed(verdict.problem, branches))
        chosen = [branches[index] for index in verdict.chosen]
        value: Any
        if self._reduce is not None:
            value = await reduced(self._reduce, [branch.value for branch in chosen])
        elif self._merge.settles:
            value = list(branches)
        elif verdict.single:
            value = chosen[0].value
        else:
            value = [branch.value for branch in chosen]
        return FanOutOutcome(branches, verdict.chosen, seconds, value)

    # How it runs

    def _start(self) -> None:
        if self._is_started:
            return
        self._is_started = True
        self._loop = loop = asyncio.get_running_loop()
        self._began = loop.time()
        for seconds in (self._deadline_s, self._merge.within_s):
            if seconds is not None:
                self._clocks.append(loop.call_later(seconds, self._time_is_up))
        if self._is_limited:
            for index, keys in enumerate(self._keys):
                self._slots.push(index, 0.0, keys)
            self._launch(self._slots.take())
        else:
            self._launch(range(len(self._calls)))
        if not self._calls:
            self._judge(is_over=False)

    def _launch(self, indices: Iterable[int]) -> None:
        tasks = tasks_of(self._session)
        for index in indices:
            self._running[index] = tasks.start(self._branch(index), name=self._calls[index].tool)

    async def _branch(self, index: int) -> None:
        call = self._calls[index]
        attempts = Attempts()
        self._attempts[index] = (attempts, self._loop.time())
        if self._branch_timeout_s is not None:
            self._timers[index] = self._loop.call_later(self._branch_timeout_s, self._branch_overdue, index)
        try:
            if self._retry is None and self._hedge is None:
                attempts.count = 1
                outcome = await self._session.made(call)
            else:
                outcome = await attempt(self._session, call, attempts, self._retry, self._hedge, self._draw)
        except asyncio.CancelledError as error:
            if self._settled[index] is not None:
                raise
            # Nobody here cancelled it: the tool raised it of itself, or the runtime was closed.
            self._settle(index, BranchState.FAILED, Outcome(call, error=error))
            raise
        except Exception as error:  # the runtime refused the call (it was closed, say)
            self._settle(index, BranchState.FAILED, Outcome(call, error=error))
        else:
            if self._settled[index] is None:
                self._settle(index, *_judged(outcome))
        finally:
            del self._running[index]
            if self._is_limited:
                self._release(index)

    def _release(self, index: int) -> None:
        started = self._slots.release(index)
        if started:
            self._launch(started)

    def _settle(self, index: int, state: BranchState, outcome: Outcome) -> None:
        """The one place where a branch gets its outcome; whatever comes later for it is dropped."""
        if self._timers and (timer := self._timers.pop(index, None)) is not None:
            timer.cancel()
        attempts, began = self._attempts.get(index, (_NO_ATTEMPTS, None))
        branch = BranchOutcome(
            index,
            self._calls[index],
            state,
            outcome.value if state is BranchState.DONE else None,
            outcome.error,
            outcome.served if attempts.count and state is not BranchState.CANCELLED else None,
            0.0 if began is None else self._loop.time() - began,
            attempts.count,
            attempts.hedged,
        )
        self._settled[index] = branch
        if state is not BranchState.CANCELLED:
            (self._progress.done if branch.ok else self._progress.failed).append(branch)
            if self._order == "completion":
                self._stream.append(branch)
        if self._order == "call":
            self._stream_in_order()
        self._judge(is_over=False)
        if self._waiter is not None:
            self._wake()

    def _stream_in_order(self) -> None:
        while self._next_in_order < len(self._settled):
            branch = self._settled[self._next_in_order]
            if branch is None:
                return
            if branch.state is not BranchState.CANCELLED:
                self._stream.append(branch)
            self._next_in_order += 1

    def _judge(self, *, is_over: bool) -> None:
        if self._verdict is not None:
            return
        verdict = self._merge.verdict(self._progress, is_over)
        if verdict is None:
            return
        self._verdict = verdict
        self._decided_at = self._loop.time()
        self._stop()
        if self._decision is not None and not self._decision.done():
            self._decision.set_result(None)

    def _time_is_up(self) -> None:
        if self._verdict is None:
            self._is_late = True
            self._judge(is_over=True)
            self._wake()

    def _branch_overdue(self, index: int) -> None:
        if self._settled[index] is not None:
            return
        error = TimeoutError(f"no answer within {self._branch_timeout_s:g} s")
        self._settle(index, BranchState.TIMED_OUT, Outcome(self._calls[index], error=error))
        task = self._running.get(index)
        if task is not None:
            task.cancel()
            # Whoever ignores this keeps its slot only for so long: a stuck branch never holds the rest.
            self._clocks.append(self._loop.call_later(grace_s(self._session), self._release, index))

    def _stop(self) -> None:
        """Abort what still runs and drop what never started. Waits for nothing."""
        if self._is_stopped:
            return
        self._is_stopped = True
        for clock in (*self._clocks, *self._timers.values()):
            clock.cancel()
        self._clocks.clear()
        self._timers.clear()
        self._slots.clear()
        if self._verdict is None:
            self._verdict = Verdict(problem="the fan-out was abandoned")
        if self._progress.pending:
            late = self._is_late and not self._merge.drops_branches
            for index, branch in enumerate(self._settled):
                if branch is None and late:
                    error = TimeoutError("not there when the time of the whole fan-out was up")
                    self._settle(index, BranchState.TIMED_OUT, Outcome(self._calls[index], error=error))
                elif branch is None:
                    self._settle(index, BranchState.CANCELLED, Outcome(self._calls[index]))
        for task in self._running.values():
            task.cancel()

    async def _let_stop(self) -> None:
        """Aborted branches end as soon as they are let run; those that do not are counted as still running."""
        for _ in range(_LET_STOP):
            if not self._running:
                return
            await asyncio.sleep(0)
        for index in self._running:
            branch = self._settled[index]
            if branch is not None and not branch.still_running:
                self._settled[index] = replace(branch, still_running=True)

    async def _cancel(self) -> None:
        """The caller gave up: leave nothing running, but wait no longer than the grace for what ignores it."""
        self._stop()
        pending = [task for task in self._running.values() if task is not asyncio.current_task()]
        if pending:
            await asyncio.wait(pending, timeout=grace_s(self._session))

    # Waiting without polling

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _judged(outcome: Outcome) -> tuple[BranchState, Outcome]:
    if outcome.served is Served.REFUSED:
        return BranchState.FAILED, Outcome(outcome.call, error=CallRefused(str(outcome.value)), served=outcome.served)
    if outcome.error is not None:
        timed_out = isinstance(outcome.error, TimeoutError)
        return BranchState.TIMED_OUT if timed_out else BranchState.FAILED, outcome
    return BranchState.DONE, outcome
