"""The virtual loop and the fakes that tests, ours and our users', are made with."""

from __future__ import annotations

import asyncio
import socket

import pytest

from speculate.calls import ToolCall
from speculate.history import History, UserText
from speculate.prediction import Drafter, Prediction, Predictor
from speculate.testing import Deadlock, FakeTool, ScriptedPredictor, VirtualLoop, run_virtual


def test_time_jumps_to_the_next_timer() -> None:
    """A year passes in no time, and overlapping waits overlap."""

    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        assert loop.time() == 0.0
        await asyncio.gather(asyncio.sleep(0.25), asyncio.sleep(0.5), asyncio.sleep(0.5))
        first = loop.time()
        await asyncio.sleep(365 * 86_400.0)
        return [first, loop.time()]

    assert run_virtual(main()) == [0.5, 0.5 + 365 * 86_400.0]


def test_what_can_run_runs_before_time_moves() -> None:
    """Work that is ready takes no virtual time, however much of it there is."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(1.0, lambda: None)
        for _ in range(100):
            await asyncio.sleep(0)
        assert not timer.cancelled()
        return loop.time()

    assert run_virtual(main()) == 0.0


def test_timers_fire_in_the_order_of_their_times() -> None:
    """Late in a long session, too, where a float no longer holds a clock's nanoseconds."""

    async def main() -> list[str]:
        loop, fired = asyncio.get_running_loop(), list[str]()
        await asyncio.sleep(1e8)
        loop.call_later(0.5, fired.append, "later")
        loop.call_later(0.25, fired.append, "sooner")
        await asyncio.sleep(1.0)
        return fired

    assert run_virtual(main()) == ["sooner", "later"]


def test_time_stands_still_while_something_from_outside_is_ready() -> None:
    """A readable socket is served before any timer."""

    async def main() -> tuple[float, bytes]:
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        with near, far:
            near.setblocking(False)
            far.send(b"x")
            read = asyncio.ensure_future(loop.sock_recv(near, 1))
            received = loop.create_future()
            loop.add_reader(near, lambda: received.done() or received.set_result(loop.time()))
            timer = loop.call_later(5.0, lambda: None)
            data = await read
            far.send(b"y")
            at: float = await received
            loop.remove_reader(near)
            timer.cancel()
            return at, data

    assert run_virtual(main()) == (0.0, b"x")


def test_a_deadlock_is_an_error_and_not_a_hang() -> None:
    """Nobody will ever answer, and no timer is pending."""

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Deadlock, match="no timer is pending"):
        run_virtual(main())


def test_a_fake_tool_answers_and_remembers() -> None:
    """A value or a function of the arguments, after its time."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        tool = FakeTool(lambda id: id * 2, seconds=0.5)
        assert await tool(id=4) == 8
        assert loop.time() == 0.5
        assert (tool.started, tool.finished, tool.cancelled) == ([{"id": 4}], [{"id": 4}], 0)
        assert await FakeTool("fixed")(any=1) == "fixed"
        assert await FakeTool()() is None

    run_virtual(main())


def test_a_fake_tool_fails_and_is_cancelled_as_told() -> None:
    """A failed or cancelled run never counts as finished."""

    async def main() -> None:
        problem = ValueError("no")
        failing = FakeTool(error=problem, seconds=0.25)
        with pytest.raises(ValueError, match="no") as caught:
            await failing(id=1)
        assert caught.value is problem
        assert (failing.started, failing.finished) == ([{"id": 1}], [])
        slow = FakeTool("late", seconds=10.0)
        task = asyncio.ensure_future(slow(id=2))
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (slow.started, slow.finished, slow.cancelled) == ([{"id": 2}], [], 1)

    run_virtual(main())


def test_a_scripted_predictor_says_what_it_is_told() -> None:
    """A list for every moment or a function of the history, within the limit; it remembers what it observed."""
    guesses = [Prediction(f"t{n}", {}, 0.5, 0.5) for n in range(3)]
    fixed = ScriptedPredictor(guesses)
    assert fixed.predict(History(), 2) == guesses[:2]
    assert fixed.predict(History(), 9) == guesses
    told = ScriptedPredictor(lambda history: guesses[: len(history)])
    assert told.predict(History(), 9) == []
    assert told.predict(History(events=[UserText("hi")]), 9) == guesses[:1]
    call = ToolCall("t1")
    fixed.observe(History(), call)
    assert fixed.observed == [call]
    assert isinstance(fixed, Predictor)
    assert not isinstance(fixed, Drafter)
