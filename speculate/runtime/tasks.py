"""The only place that creates asyncio tasks. Owned tasks: strongly referenced, exceptions always read.

A TaskGroup would wait for a child that ignores cancellation, and let one failure cancel its siblings.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextvars import Context
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

_log = logging.getLogger(__name__)


class TaskSet:
    """Tasks that somebody owns. `close` cancels what runs and waits for it, but not for ever."""

    __slots__ = ("_sheltered", "_tasks")

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sheltered: set[asyncio.Task[Any]] = set()

    def start(
        self,
        coroutine: Coroutine[Any, Any, T],
        *,
        name: str,
        context: Context | None = None,
        sheltered: bool = False,
        ended: Callable[[], None] | None = None,
    ) -> asyncio.Task[T]:
        """Run `coroutine` as an owned task. An exception nobody awaits is logged, never lost.

        sheltered: closing lets it work until the grace is over (a commit step, a clean-up). ended: called when the
        task has ended, even one that was cancelled before its first step.
        """
        task = asyncio.get_running_loop().create_task(coroutine, name=name, context=context)
        self._tasks.add(task)
        if sheltered:
            self._sheltered.add(task)
        task.add_done_callback(self._done if ended is None else partial(self._done_and, ended))
        return task

    def _done_and(self, ended: Callable[[], None], task: asyncio.Task[Any]) -> None:
        self._done(task)
        ended()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if self._sheltered:
            self._sheltered.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.debug("task %s ended with %r", task.get_name(), error)

    def __len__(self) -> int:
        return len(self._tasks)

    async def close(self, grace_s: float) -> list[str]:
        """Cancel all but the sheltered, wait at most `grace_s` seconds, and name those that have not stopped."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            if task not in self._sheltered:
                task.cancel()
        if not tasks:
            return []
        _, pending = await asyncio.wait(tasks, timeout=grace_s)
        for task in pending:
            task.cancel()
        return sorted(task.get_name() for task in pending)
