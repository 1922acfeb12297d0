"""For tests, ours and yours: a virtual event loop, fake tools, a scripted predictor.

The virtual loop's time jumps to the next timer as soon as nothing can run, so a test of minutes takes
milliseconds and never sleeps. Equal deadlines fire deterministically but in no promised order; delays that are
binary-exact (0.25) keep sums exact. Threads are not supported: the loop cannot know that one is still busy.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from speculate.calls import ToolCall
from speculate.history import History
from speculate.prediction import Prediction

T = TypeVar("T")


class Deadlock(AssertionError):
    """Every task is blocked and no timer is pending."""


class _Autojump(selectors.SelectSelector):
    """Never waits: a wait for `timeout` seconds moves `now` forward instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return []  # nothing in a virtual world comes from outside: no system call while work is ready
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise Deadlock("every task is blocked and no timer is pending")
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time, in seconds from 0, jumps to the next timer once nothing can run."""

    def __init__(self) -> None:
        self._autojump = _Autojump()
        super().__init__(self._autojump)
        # asyncio fires what is due within this; the real clock's nanosecond is lost in a float after some months
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._autojump.now


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end on a fresh virtual loop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class FakeTool:
    """An async tool that takes `seconds`, then returns `answer` (or `answer(**arguments)`), or raises `error`.

    `started` and `finished` list the arguments of every run in order; `cancelled` counts the runs that were.
    """

    def __init__(self, answer: Any = None, seconds: float = 0.0, error: Exception | None = None) -> None:
        self.answer, self.seconds, self.error = answer, seconds, error
        self.started: list[Mapping[str, Any]] = []
        self.finished: list[Mapping[str, Any]] = []
        self.cancelled = 0

    async def __call__(self, **arguments: Any) -> Any:
        self.started.append(arguments)
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        self.finished.append(arguments)
        return self.answer(**arguments) if callable(self.answer) else self.answer


class ScriptedPredictor:
    """Predicts what it is told: a list of predictions for every moment, or a function of the history."""

    def __init__(self, script: Sequence[Prediction] | Callable[[History], Sequence[Prediction]]) -> None:
        self.script = script
        self.observed: list[ToolCall] = []

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        guesses = self.script(history) if callable(self.script) else self.script
        return list(guesses)[:limit]

    def observe(self, history: History, call: ToolCall) -> None:
        self.observed.append(call)
