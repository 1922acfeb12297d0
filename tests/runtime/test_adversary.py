"""Cancellation in the narrow places: between the brain's word for a call and its being carried out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from speculate import AbortableTool, Effect, Policy, Prediction, Runtime, RuntimeClosed, Served, ToolCall, ToolSpec
from speculate.core import stimuli as s
from speculate.errors import CommitConflict
from speculate.testing import FakeTool, ScriptedPredictor, run_virtual

GET = ToolSpec("get", Effect.READ, reads=("item/{id}",))
SET = ToolSpec("set", Effect.WRITE, reads=(), writes=("item/{id}",))
STAGE = ToolSpec("stage", Effect.ABORTABLE, reads=("item/{id}",), writes=("item/{id}",))
POLICY = Policy(min_probability=0.1, max_depth=1)


class Stages:
    """An abortable that keeps account of what is staged."""

    def __init__(self, prepare_s: float = 1.0, commit_s: float = 1.0, conflict: bool = False) -> None:
        self.prepare_s, self.commit_s, self.conflict = prepare_s, commit_s, conflict
        self.staged: set[int] = set()
        self.committed = self.count = 0

    async def prepare(self, id: str) -> int:
        await asyncio.sleep(self.prepare_s)
        self.count += 1
        self.staged.add(self.count)
        return self.count

    async def commit(self, staged: int) -> str:
        await asyncio.sleep(self.commit_s)
        if self.conflict:
            raise CommitConflict("changed")
        self.staged.discard(staged)
        self.committed += 1
        return "done"

    async def abort(self, staged: int) -> None:
        self.staged.discard(staged)

    def tool(self) -> AbortableTool:
        return AbortableTool(self.prepare, self.commit, self.abort)


def make(tools: dict[str, Any], guesses: list[Prediction], *specs: ToolSpec, **options: Any) -> Runtime:
    options.setdefault("policy", POLICY)
    return Runtime(tools, {spec.name: spec for spec in specs}, ScriptedPredictor(guesses), **options)


def nothing_is_left(runtime: Runtime) -> None:
    """No call, slot, claim, launch or result outlives the sessions."""
    brain = runtime.brain
    assert not brain.books.calls
    assert not brain.books.writes
    assert not brain.books.sessions
    assert not brain.speculations
    assert not runtime.tickets
    assert not runtime.outcomes
    assert len(brain.books.outcomes) == brain.books.benefit.shadows == 0
    assert len(runtime.launcher) == 0
    assert brain.ledger.open == 0
    assert brain.in_flight == 0
    for load in brain.books.tools.values():
        assert (load.launches, load.joined, load.real, len(load.queue)) == (0, 0, 0, 0)


async def cancel_right_after(runtime: Runtime, task: asyncio.Task[Any], kind: type[Any]) -> None:
    """Cancel `task` as soon as the brain has been told this, before the task can act on the brain's answer."""
    feed, told = runtime.feed, asyncio.Event()

    def spy(stimulus: s.Stimulus) -> None:
        feed(stimulus)
        if type(stimulus) is kind and not told.is_set():
            told.set()
            task.cancel()

    runtime.feed = spy  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told.is_set()
    runtime.feed = feed  # type: ignore[method-assign]


@pytest.mark.parametrize(("tail_s", "stimulus"), [(5.0, s.LaunchFinished), (0.5, s.JoinOverdue)])
def test_cancelled_at_the_tick_its_guess_finished_or_grew_overdue(tail_s: float, stimulus: type[Any]) -> None:
    async def main() -> None:
        runtime = make({"get": FakeTool("x", 2.0)}, [Prediction("get", {"id": "a"}, 0.9, 0.9)], GET)
        runtime.seed_latency("get", [tail_s] * 8)
        async with runtime:
            async with runtime.session(user="go") as session:
                await asyncio.sleep(0.25)
                task = asyncio.ensure_future(session.call("get", id="a"))
                await cancel_right_after(runtime, task, stimulus)
                await asyncio.sleep(5.0)
            nothing_is_left(runtime)

    run_virtual(main())


def test_cancelled_at_the_tick_its_guess_failed() -> None:
    async def main() -> None:
        tool = FakeTool(seconds=1.0, error=ValueError("no"))
        runtime = make({"get": tool}, [Prediction("get", {"id": "a"}, 0.9, 0.9)], GET)
        runtime.seed_latency("get", [5.0] * 8)
        async with runtime:
            async with runtime.session(user="go") as session:
                await asyncio.sleep(0.25)
                task = asyncio.ensure_future(session.call("get", id="a"))
                await cancel_right_after(runtime, task, s.LaunchFailed)
                assert len(tool.started) == 1
            nothing_is_left(runtime)

    run_virtual(main())


def test_cancelled_at_the_tick_it_left_the_queue() -> None:
    """Its slot, and what it would have written, are free again."""

    async def main() -> None:
        tool = FakeTool("x", 1.0)
        limited = ToolSpec("set", Effect.WRITE, reads=(), writes=("item/{id}",), real_max_concurrency=1)
        runtime = make({"set": tool}, [], limited)
        async with runtime:
            async with runtime.session() as session:
                first = asyncio.ensure_future(session.call("set", id="a"))
                await asyncio.sleep(0.5)
                second = asyncio.ensure_future(session.call("set", id="b"))
                await asyncio.sleep(0)
                await cancel_right_after(runtime, second, s.CallEnded)
                await first
                assert await session.call("set", id="c") == "x"
            assert tool.started == [{"id": "a"}, {"id": "c"}]
            nothing_is_left(runtime)

    run_virtual(main())


def test_cancelled_at_the_tick_its_staging_was_to_be_applied() -> None:
    """The commit step has not begun: it does not, and what was staged is aborted."""

    async def main() -> None:
        stages = Stages()
        runtime = make({"stage": stages.tool()}, [Prediction("stage", {"id": "a"}, 0.9, 0.9)], STAGE)
        runtime.seed_latency("stage", [5.0] * 8)
        async with runtime:
            async with runtime.session(user="go") as session:
                await asyncio.sleep(0.25)
                task = asyncio.ensure_future(session.call("stage", id="a"))
                await cancel_right_after(runtime, task, s.LaunchFinished)
                await asyncio.sleep(0.25)
                assert (stages.committed, stages.staged) == (0, set())
            nothing_is_left(runtime)

    run_virtual(main())


def test_a_refused_commit_of_a_call_that_is_gone_leaves_nothing_behind() -> None:
    async def main() -> None:
        stages = Stages(conflict=True)
        runtime = make({"stage": stages.tool()}, [Prediction("stage", {"id": "a"}, 0.9, 0.9)], STAGE)
        async with runtime:
            async with runtime.session(user="go") as session:
                await asyncio.sleep(3.0)
                task = asyncio.ensure_future(session.call("stage", id="a"))
                await asyncio.sleep(0.5)
                task.cancel()
                await asyncio.sleep(2.0)
            assert stages.staged == set()
            nothing_is_left(runtime)

    run_virtual(main())


def test_overdue_and_finished_in_one_tick_counts_the_call_once() -> None:
    """The word to run beside is followed by the guess's result before the call has read it."""

    async def main() -> None:
        runtime = make({"get": FakeTool("x", 2.0)}, [Prediction("get", {"id": "a"}, 0.9, 0.9)], GET)
        runtime.seed_latency("get", [5.0] * 8)
        feed = runtime.feed

        def both(stimulus: s.Stimulus) -> None:
            if isinstance(stimulus, s.LaunchFinished):
                feed(s.JoinOverdue(stimulus.at, 1))
            feed(stimulus)

        runtime.feed = both  # type: ignore[method-assign]
        async with runtime:
            async with runtime.session(user="go") as session:
                await asyncio.sleep(0.25)
                outcome = await session.execute(ToolCall("get", {"id": "a"}))
                assert (outcome.value, outcome.served) == ("x", Served.JOINED)
                await asyncio.sleep(0.25)
            nothing_is_left(runtime)

    run_virtual(main())


def test_a_turn_cancelled_before_its_calls_took_a_step_blocks_nobody() -> None:
    async def main() -> None:
        runtime = make({"set": FakeTool("x", 1.0)}, [], SET)
        async with runtime, runtime.session() as session:
            turn = asyncio.ensure_future(session.call_all([("set", {"id": "a"}), ("set", {"id": "b"})]))
            await asyncio.sleep(0)
            turn.cancel()
            with pytest.raises(asyncio.CancelledError):
                await turn
            async with asyncio.timeout(5.0):
                assert await session.call("set", id="a") == "x"

    run_virtual(main())


def test_a_turn_with_malformed_arguments_blocks_nobody() -> None:
    """A model may write null where an object belongs."""

    async def main() -> None:
        tool = FakeTool("x", 1.0)
        runtime = make({"set": tool}, [], SET)
        async with runtime, runtime.session() as session:
            with pytest.raises(TypeError):
                await session.call_all([("set", {"id": "a"}), ("set", None)])  # type: ignore[list-item]
            assert tool.started == []
            async with asyncio.timeout(5.0):
                assert await session.call("set", id="a") == "x"

    run_virtual(main())


def test_a_session_closed_before_a_waiting_call_began_says_so() -> None:
    async def main() -> None:
        tool = FakeTool("x", 1.0)
        runtime = make({"set": tool}, [], SET)
        async with runtime:
            session = runtime.session()
            first = asyncio.ensure_future(session.call("set", id="a"))
            second = asyncio.ensure_future(session.call("set", id="a"))
            await asyncio.sleep(0.25)
            await session.close()
            assert await first == "x"
            with pytest.raises(RuntimeClosed):
                await second
            assert len(tool.started) == 1
            nothing_is_left(runtime)

    run_virtual(main())


def test_a_session_id_can_be_used_again_while_an_old_call_still_runs() -> None:
    async def main() -> None:
        runtime = make({"set": FakeTool("x", 1.0)}, [], SET)
        async with runtime:
            old = runtime.session("s")
            call = asyncio.ensure_future(old.call("set", id="a"))
            await asyncio.sleep(0.25)
            await old.close()
            async with runtime.session("s") as new:
                assert await call == "x"
                assert await new.call("set", id="b") == "x"
            nothing_is_left(runtime)

    run_virtual(main())


def test_a_close_that_is_cancelled_frees_the_id_all_the_same() -> None:
    async def main() -> None:
        async def stubborn(id: str) -> str:
            while True:
                try:
                    await asyncio.sleep(3.0)
                    return "late"
                except asyncio.CancelledError:
                    continue

        runtime = make({"get": stubborn}, [Prediction("get", {"id": "a"}, 0.9, 0.9)], GET)
        async with runtime:
            session = runtime.session("s", user="go")
            await asyncio.sleep(0.25)
            closing = asyncio.ensure_future(session.close())
            await asyncio.sleep(0.25)
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
            async with runtime.session("s") as again:
                assert again.id == "s"
            await asyncio.sleep(5.0)
            nothing_is_left(runtime)

    run_virtual(main())
