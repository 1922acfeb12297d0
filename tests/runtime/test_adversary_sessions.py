"""Many sessions, and ids that are not what they should be."""

from __future__ import annotations

import asyncio

from speculate import Policy, Prediction, Runtime, ToolCall
from speculate.history import CallMade
from speculate.testing import FakeTool, ScriptedPredictor, run_virtual
from tests.runtime.test_adversary import GET, make, nothing_is_left


def test_closing_many_sessions_waits_one_grace() -> None:
    async def stubborn(id: str) -> str:
        until = asyncio.get_running_loop().time() + 60.0
        while (left := until - asyncio.get_running_loop().time()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                continue
        return id

    async def main() -> None:
        policy = Policy(min_probability=0.1, grace_s=1.0, max_in_flight=64)
        predictor = ScriptedPredictor([Prediction("get", {"id": "a"}, 0.9, 0.9)])
        runtime = Runtime({"get": stubborn}, {"get": GET}, predictor, policy=policy)
        for number in range(8):
            runtime.session(f"s{number}", user="go")
        await asyncio.sleep(1.0)
        began_at = runtime.now()
        unstopped = await runtime.close()
        assert len(unstopped) >= 8
        assert runtime.now() - began_at == 1.0
        await asyncio.sleep(100.0)
        nothing_is_left(runtime)

    run_virtual(main())


def test_ids_are_unique_within_a_session_whatever_the_caller_says() -> None:
    async def main() -> None:
        runtime = make({"get": FakeTool("x")}, [], GET)
        async with runtime, runtime.session() as session:
            same = [ToolCall("get", {"id": "a"}, "x"), ToolCall("get", {"id": "b"}, "x"), ToolCall("get", {}, "c5")]
            await session.call_all(same)
            for _ in range(3):
                await session.call("get", id="a")
            ids = [event.id for event in session.history.events if isinstance(event, CallMade)]
            ids += [call.id or "" for _, call in session.guessing._events if call is not None]
            assert len(ids) == len(set(ids)) == 6

    run_virtual(main())
