"""Tools of every shape, and what they may raise, return, ignore and leave behind."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from speculate import AbortableTool, Effect, Policy, Prediction, Runtime, Served, ToolCall, ToolSpec
from speculate.errors import CommitConflict
from speculate.testing import FakeTool, ScriptedPredictor, VirtualLoop, run_virtual
from tests.runtime.test_adversary import GET, STAGE, Stages, make, nothing_is_left

A = Prediction("get", {"id": "a"}, 0.9, 0.9)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_with_eager_tasks_a_guess_may_end_before_its_launch_returns() -> None:
    async def get(id: str) -> str:
        return id

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
        runtime = make({"get": get, "stage": Stages(0.0).tool()}, [A], GET, STAGE)
        async with runtime:
            async with runtime.session(user="go") as session:
                await asyncio.sleep(1.0)
                outcome = await session.execute(ToolCall("get", {"id": "a"}))
                assert (outcome.value, outcome.served) == ("a", Served.READY)
                assert [
                    each.value for each in await session.call_all([("get", {"id": "b"}), ("get", {"id": "c"})])
                ] == [
                    "b",
                    "c",
                ]
            nothing_is_left(runtime)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


async def settled(condition: Callable[[], bool]) -> None:
    """Real threads need real time, bounded."""
    async with asyncio.timeout(5.0):
        while not condition():  # noqa: ASYNC110  # a thread sets no asyncio.Event
            await asyncio.sleep(0.001)


def run_with_threads(main: Awaitable[None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10.0):
            await main

    asyncio.run(bounded())


def test_a_sync_callable_that_returns_an_awaitable_is_awaited() -> None:
    async def fetch(id: str) -> str:
        await asyncio.sleep(0)
        return f"{id}!"

    async def main() -> None:
        runtime = make({"get": lambda id: fetch(id)}, [A], GET)
        async with runtime:
            async with runtime.session(user="go") as session:
                await settled(lambda: runtime.brain.books.table.ready == 1)
                outcome = await session.execute(ToolCall("get", {"id": "a"}))
                assert (outcome.value, outcome.served) == ("a!", Served.READY)
                assert await session.call("get", id="b") == "b!"
            nothing_is_left(runtime)

    run_with_threads(main())


def test_a_sync_tool_that_raises_stop_iteration_answers() -> None:
    """In Python 3.11 no future takes a StopIteration, and whoever waits waits for ever."""

    def get(id: str) -> Any:
        return next(iter([]))

    async def main() -> None:
        runtime = make({"get": get}, [A], GET)
        async with runtime:
            async with runtime.session(user="go") as session:
                await settled(lambda: runtime.ledger.wasted == 1)
                outcome = await session.execute(ToolCall("get", {"id": "a"}))
                assert isinstance(outcome.error, RuntimeError)
            nothing_is_left(runtime)

    run_with_threads(main())


class Obscure(Exception):
    """Nothing about it can be asked."""

    @property
    def response(self) -> Any:
        raise RuntimeError("no response was set")

    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_error_that_cannot_be_asked_anything_is_still_the_outcome() -> None:
    async def main() -> None:
        runtime = make({"get": FakeTool(error=Obscure())}, [A], GET)
        async with runtime:
            async with runtime.session(user="go") as session:
                await asyncio.sleep(1.0)
                outcome = await session.execute(ToolCall("get", {"id": "a"}))
                assert type(outcome.error) is Obscure
            nothing_is_left(runtime)

    run_virtual(main())


def test_a_guess_that_wants_to_end_the_program_does_not() -> None:
    async def get(id: str) -> str:
        if id == "a":
            sys.exit(2)
        return id

    async def main() -> None:
        runtime = make({"get": get}, [A], GET)
        async with runtime:
            async with runtime.session(user="go") as session:
                await asyncio.sleep(1.0)
                assert await session.call("get", id="b") == "b"
            assert runtime.ledger.wasted >= 1
            nothing_is_left(runtime)

    run_virtual(main())


def test_what_a_dropped_guess_staged_is_aborted_even_as_everything_closes() -> None:
    async def main() -> None:
        stages = Stages(0.5)
        runtime = make({"stage": stages.tool()}, [Prediction("stage", {"id": "a"}, 0.9, 0.9)], STAGE)
        async with runtime, runtime.session(user="go"):
            await asyncio.sleep(1.0)
            assert stages.staged == {1}
        assert stages.staged == set()

    run_virtual(main())


def test_closing_does_not_tear_a_commit_that_has_begun() -> None:
    async def main() -> None:
        stages = Stages(0.5, commit_s=0.5)
        runtime = make({"stage": stages.tool()}, [Prediction("stage", {"id": "a"}, 0.9, 0.9)], STAGE)
        async with runtime, runtime.session(user="go") as session:
            await asyncio.sleep(1.0)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.25):
                    await session.call("stage", id="a")
        assert stages.committed == 1
        nothing_is_left(runtime)

    run_virtual(main())


@pytest.mark.parametrize("hangs", [True, False])
@pytest.mark.parametrize("early", [True, False])
def test_an_abort_that_hangs_or_raises_holds_up_no_call(hangs: bool, early: bool) -> None:
    tries = 0

    async def prepare(id: str) -> str:
        return id

    async def commit(staged: str) -> str:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise CommitConflict("changed")
        return "done"

    async def abort(staged: str) -> None:
        if hangs:
            await asyncio.sleep(1e6)
        raise OSError("no")

    async def main() -> None:
        guesses = [Prediction("stage", {"id": "a"}, 0.9, 0.9)] if early else []
        runtime = make({"stage": AbortableTool(prepare, commit, abort)}, guesses, STAGE)
        async with runtime:
            async with runtime.session(user="go") as session:
                await asyncio.sleep(1.0)
                async with asyncio.timeout(5.0):
                    assert await session.call("stage", id="a") == "done"
        nothing_is_left(runtime)

    run_virtual(main())


def test_a_prepare_that_ends_long_after_it_was_given_up_is_aborted() -> None:
    aborted: list[str] = []

    async def prepare(id: str) -> str:
        until = asyncio.get_running_loop().time() + 10.0
        while (left := until - asyncio.get_running_loop().time()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                continue
        return id

    async def commit(staged: str) -> str:
        return staged

    async def abort(staged: str) -> None:
        aborted.append(staged)

    async def main() -> None:
        policy = Policy(min_probability=0.1, grace_s=0.5)
        tool = AbortableTool(prepare, commit, abort)
        runtime = Runtime(
            {"stage": tool},
            {"stage": STAGE},
            ScriptedPredictor([Prediction("stage", {"id": "a"}, 0.9, 0.9)]),
            policy=policy,
        )
        async with runtime.session(user="go"):
            await asyncio.sleep(1.0)
        await asyncio.sleep(20.0)
        assert aborted == ["a"]
        nothing_is_left(runtime)
        await runtime.close()

    run_virtual(main())


def test_a_returned_error_of_a_write_is_not_handed_out_to_its_repeat() -> None:
    """Declined, then tried again: the second try is a try."""

    async def main() -> None:
        answers = iter([{"error": "try again"}, {"paid": True}])
        pay = ToolSpec("pay", Effect.WRITE, reads=(), writes=("order/{id}",), dedup_key="{id}")
        tool = FakeTool(lambda id: next(answers))
        runtime = make({"pay": tool}, [], pay, is_error=lambda value: "error" in value)
        async with runtime, runtime.session() as session:
            assert await session.call("pay", id="a") == {"error": "try again"}
            assert await session.call("pay", id="a") == {"paid": True}
            assert (await session.execute(ToolCall("pay", {"id": "a"}))).served is Served.DEDUPLICATED

    run_virtual(main())


def test_a_staged_write_that_returns_an_error_is_not_handed_out_either() -> None:
    async def main() -> None:
        stages = Stages(0.5, 0.5)
        spec = ToolSpec("stage", Effect.ABORTABLE, reads=("item/{id}",), writes=("item/{id}",), dedup_key="{id}")
        guesses = [Prediction("stage", {"id": "a"}, 0.9, 0.9)]
        runtime = make({"stage": stages.tool()}, guesses, spec, is_error=lambda value: stages.committed < 2)
        async with runtime, runtime.session(user="go") as session:
            await asyncio.sleep(1.0)
            for _ in range(2):
                assert (await session.execute(ToolCall("stage", {"id": "a"}))).served is not Served.DEDUPLICATED
            assert (await session.execute(ToolCall("stage", {"id": "a"}))).served is Served.DEDUPLICATED
            assert stages.committed == 2

    run_virtual(main())


def test_a_judge_of_errors_that_fails_costs_nobody_the_result() -> None:
    async def main() -> None:
        runtime = make({"get": FakeTool("x")}, [], GET, is_error=lambda value: value["error"])
        async with runtime, runtime.session() as session:
            assert await session.call("get", id="a") == "x"

    run_virtual(main())


def test_a_guess_for_which_there_is_no_thread_is_one_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: Any) -> Any:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        monkeypatch.setattr("speculate.runtime.launching.run_in_thread", none_left)
        runtime = make({"get": lambda id: id}, [A], GET)
        async with runtime:
            async with runtime.session(user="go") as session:
                await settled(lambda: runtime.ledger.wasted == 1)
                assert await session.call("get", id="a") == "a"
            nothing_is_left(runtime)

    run_with_threads(main())


def test_a_joined_guess_that_outlived_its_results_time_sends_the_call_to_run() -> None:
    async def main() -> None:
        spec = ToolSpec("get", Effect.READ, reads=("item/{id}",), ttl_s=1.0)
        runtime = make({"get": FakeTool("x", 2.0)}, [A], spec)
        runtime.seed_latency("get", [5.0] * 8)
        async with runtime:
            async with runtime.session(user="go") as session:
                await asyncio.sleep(0.25)
                outcome = await session.execute(ToolCall("get", {"id": "a"}))
                assert outcome.served is Served.RAN
            nothing_is_left(runtime)

    run_virtual(main())
