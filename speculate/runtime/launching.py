"""Carrying out launches: tasks and threads that run guesses, and what becomes of them."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from speculate.core import commands as c
from speculate.core import stimuli as s
from speculate.history import Event
from speculate.runtime.tasks import TaskSet
from speculate.runtime.ticket import within
from speculate.runtime.tools import Tool, call_blocking, invoke, own, run_in_thread, throttled_s

if TYPE_CHECKING:
    from speculate.runtime.runtime import Runtime

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """What a guess rests on, and what its launch runs in. It goes with the stimulus and comes back with the order."""

    context: Context  # the session's, as it was when it was predicted
    chain: tuple[Event, ...] = ()  # speculative events (predictions from predictions)


@dataclass(slots=True, eq=False)
class LaunchRun:
    """One launch under way or ready: its task, its result, and the timer of its timeout."""

    id: int
    session: str
    tool: Tool
    task: asyncio.Task[None] | None = None
    ended: asyncio.Future[Any] | None = None  # its task, or its thread's end; None once it has ended
    is_over: bool = False  # it was reported as finished or failed
    is_aborted: bool = False
    timer: asyncio.TimerHandle | None = None
    value: Any = None
    chain: tuple[Event, ...] = ()  # the speculative events it rests on


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


async def _abort(tool: Tool, staged: Any) -> None:
    if tool.abortable is None:
        return
    try:
        await tool.abortable.abort(staged)
    except Exception:  # foreign code: its failure is for people to see, and for no call
        _log.warning("abort of %s failed", tool.name, exc_info=True)


class Launcher:
    """Runs what the brain orders to launch, and reports what became of it."""

    __slots__ = ("_runs", "_runtime", "_tasks")

    def __init__(self, runtime: Runtime, tasks: TaskSet) -> None:
        self._runtime = runtime
        self._tasks = tasks
        self._runs: dict[int, LaunchRun] = {}

    def launch(self, command: c.Launch) -> None:
        tool = self._runtime.tools[command.call.tool]
        origin: Origin = command.origin
        run = LaunchRun(command.id, command.session, tool, chain=origin.chain)
        self._runs[command.id] = run
        arguments = own(dict(command.call.arguments))
        loop = self._runtime.loop
        run.timer = loop.call_later(command.call.spec.timeout_s, self._overdue, command.id)
        # A copy: what a guess sets in its context stays with the guess.
        context = origin.context.copy()
        context.run(within.set, None)
        name = f"{command.call.tool} {command.id}"
        if tool.is_sync:
            work = functools.partial(call_blocking, tool.function, arguments)
            try:
                future = run_in_thread(work, context, f"speculate {name}")
            except RuntimeError:  # the system has no thread left for a guess
                self._failed(run, "raised", None)
                return
            run.ended = asyncio.wrap_future(future, loop=loop)
            run.ended.add_done_callback(lambda done: done.cancelled() or done.exception())  # read, here or there
            future.add_done_callback(lambda done: self._thread_done(loop, run, done, context))
        else:
            self._start(run, functools.partial(invoke, tool.function, arguments), context)

    def _start(self, run: LaunchRun, work: Callable[[], Awaitable[Any]], context: Context) -> None:
        task = self._tasks.start(self._run(run, work), name=f"{run.tool.name} {run.id}", context=context)
        if not run.is_over:  # an eager task may have come to its end by now
            run.ended = run.task = task
            task.add_done_callback(lambda _: self._task_done(run))

    async def _run(self, run: LaunchRun, work: Callable[[], Awaitable[Any]]) -> None:
        try:
            value = await work()
        except asyncio.CancelledError:
            self._failed(run, "stopped", None)
            raise
        except (Exception, SystemExit) as error:  # whatever a tool raises: a guess's error is nobody's (law L6)
            self._failed(run, "raised", throttled_s(error))
        else:
            self._finished(run, value)

    def _task_done(self, run: LaunchRun) -> None:
        if not run.is_over:  # cancelled before its first step: nobody else reports its end
            self._failed(run, "stopped", None)

    def _returned(self, run: LaunchRun, value: Any, context: Context) -> None:
        """A thread returned. What a sync callable made may have to be awaited yet (a lambda around a coroutine)."""
        if not inspect.isawaitable(value):
            self._finished(run, value)
        elif not run.is_aborted:
            self._start(run, functools.partial(_awaited, value), context)
        else:
            if inspect.iscoroutine(value):
                value.close()
            self._failed(run, "stopped", None)

    def _thread_done(self, loop: asyncio.AbstractEventLoop, run: LaunchRun, done: Any, context: Context) -> None:
        error = done.exception()
        report: Callable[[], None]
        if error is None:
            report = lambda: self._returned(run, done.result(), context)  # noqa: E731  # one of two, chosen here
        else:
            report = lambda: self._failed(run, "raised", throttled_s(error))  # noqa: E731  # as above
        if not loop.is_closed():
            loop.call_soon_threadsafe(report)

    def _finished(self, run: LaunchRun, value: Any) -> None:
        self._stop_timer(run)
        run.is_over = True
        run.value = value
        run.task = run.ended = None
        self._runtime.feed(s.LaunchFinished(self._runtime.now(), run.id))
        self._runtime.launch_finished(run)

    def _failed(self, run: LaunchRun, reason: str, throttled: float | None) -> None:
        self._stop_timer(run)
        run.is_over = True
        run.task = run.ended = None
        self._runs.pop(run.id, None)
        self._runtime.feed(s.LaunchFailed(self._runtime.now(), run.id, reason, throttled))

    def _overdue(self, id: int) -> None:
        self._runtime.feed(s.LaunchOverdue(self._runtime.now(), id))

    def _stop_timer(self, run: LaunchRun) -> None:
        if run.timer is not None:
            run.timer.cancel()
            run.timer = None

    def could_not(self, id: int) -> None:
        """A launch that was ordered could not be started. If its task began all the same, that reports its end."""
        run = self._runs.get(id)
        if run is None:
            self._runtime.feed(s.LaunchFailed(self._runtime.now(), id, "raised"))
        elif run.ended is None and not run.is_over:
            self._failed(run, "raised", None)

    def abort(self, id: int) -> None:
        """Cancel its task. A thread cannot be cancelled: it keeps its slot until it returns."""
        run = self._runs[id]
        self._stop_timer(run)
        run.is_aborted = True
        if run.task is not None:
            run.task.cancel()

    def discard(self, id: int) -> None:
        """Forget a finished result; what an abortable staged is aborted."""
        run = self._runs.pop(id, None)
        if run is not None and run.tool.abortable is not None:
            self.abort_staged(run.tool, run.value)

    def abort_staged(self, tool: Tool, staged: Any) -> None:
        """Forget what an abortable staged. Nobody waits for that, and nobody is harmed if it fails or hangs."""
        self._tasks.start(_abort(tool, staged), name=f"{tool.name} abort", sheltered=True)

    def take(self, id: int) -> LaunchRun:
        """Hand out a finished launch: delivered once, it is nobody else's (laws L3, L7)."""
        return self._runs.pop(id)

    async def settle(self, session: str, grace_s: float, drafts: Iterable[asyncio.Task[None]] = ()) -> list[str]:
        """Wait at most `grace_s` for what was told to stop: the session's launches and `drafts`. Names what goes on.

        Launches among them are abandoned.
        """
        me = asyncio.current_task()
        runs = [run for run in self._runs.values() if run.session == session and run.ended is not None]
        waited_for = {run.ended for run in runs if run.ended is not None}
        waited_for |= {task for task in drafts if task is not me}
        if not waited_for:
            return []
        _, running = await asyncio.wait(waited_for, timeout=grace_s)
        unstopped: list[str] = []
        for run in runs:
            if run.ended is not None:
                unstopped.append(f"{run.tool.name} {run.id}")
                running.discard(run.ended)
                self._runtime.feed(s.Abandoned(self._runtime.now(), run.id))
        return unstopped + sorted(task.get_name() for task in running if isinstance(task, asyncio.Task))

    def __len__(self) -> int:
        return len(self._runs)
