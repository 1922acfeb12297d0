"""Whose words run: nested calls, arguments changed under way, guesses' own arguments, what was really sent."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest

from speculate import AbortableTool, ArgumentSpec, Effect, Policy, Prediction, Runtime, Served, ToolCall, ToolSpec
from speculate.history import History
from speculate.spec import EffectRule
from speculate.testing import FakeTool, ScriptedPredictor, run_virtual
from tests.runtime.test_adversary import GET, POLICY, SET, make, nothing_is_left

A = Prediction("get", {"id": "a"}, 0.9, 0.9)


def test_a_tool_that_makes_calls_of_its_own_does_not_wait_for_itself() -> None:
    async def main() -> None:
        async def outer() -> Any:
            return await session.call("set", id="a")

        runtime = make({"outer": outer, "set": FakeTool("x", 1.0)}, [], SET)  # undeclared: a write of everything
        async with runtime:
            async with runtime.session() as session, asyncio.timeout(5.0):
                assert await session.call("outer") == "x"
            nothing_is_left(runtime)

    run_virtual(main())


def test_whoever_confirms_may_look_first() -> None:
    async def main() -> None:
        async def look(call: ToolCall) -> bool:
            call.arguments["id"] = "b"  # type: ignore[index]  # what is confirmed cannot be changed by confirming
            return bool(await session.call("get", id="a") == "x")

        tool = FakeTool("done")
        ask = ToolSpec("ask", Effect.WRITE, reads=(), writes=("item/{id}",), confirm=True)
        runtime = make({"get": FakeTool("x"), "ask": tool}, [], GET, ask, confirmer=look)
        async with runtime, runtime.session() as session, asyncio.timeout(5.0):
            assert await session.call("ask", id="a") == "done"
        assert tool.started == [{"id": "a"}]

    run_virtual(main())


def test_a_guess_makes_no_real_calls() -> None:
    """Law L1: a read that calls a write, launched early, would write."""

    async def main() -> None:
        async def get(id: str) -> Any:
            return await session.call("set", id=id)

        tool = FakeTool("x")
        runtime = make({"get": get, "set": tool}, [A], GET, SET)
        async with runtime, runtime.session(user="go") as session:
            await asyncio.sleep(1.0)
            assert tool.started == []
            assert runtime.ledger.wasted == 1
            assert await session.call("get", id="a") == "x"

    run_virtual(main())


def test_arguments_changed_while_a_call_waits_do_not_change_the_call() -> None:
    async def main() -> None:
        tool = FakeTool("x", 1.0)
        runtime = make({"set": tool}, [], SET)
        async with runtime, runtime.session() as session:
            arguments = {"id": "a", "lines": [1]}
            first = asyncio.ensure_future(session.call("set", id="a"))
            second = asyncio.ensure_future(session.execute(ToolCall("set", arguments)))
            await asyncio.sleep(0.5)
            arguments["id"] = "b"
            arguments["lines"].append(2)  # type: ignore[attr-defined]
            await asyncio.gather(first, second)
        assert tool.started[1] == {"id": "a", "lines": [1]}

    run_virtual(main())


@pytest.mark.parametrize(("reason", "served"), [("asked to", Served.READY), ("a mistake", Served.RAN)])
def test_what_is_applied_is_in_the_models_own_words(reason: str, served: Served) -> None:
    """An ignored argument has no bearing on the result, but it stands in what is written."""
    written: list[str] = []

    async def prepare(id: str, reason: str) -> str:
        return f"{id}: {reason}"

    async def commit(staged: str) -> str:
        written.append(staged)
        return "done"

    async def abort(staged: str) -> None:
        pass

    async def main() -> None:
        spec = ToolSpec(
            "stage",
            Effect.ABORTABLE,
            reads=("item/{id}",),
            writes=("item/{id}",),
            arguments={"reason": ArgumentSpec(ignore=True)},
        )
        guess = Prediction("stage", {"id": "a", "reason": "asked to"}, 0.9, 0.9)
        runtime = make({"stage": AbortableTool(prepare, commit, abort)}, [guess], spec)
        async with runtime, runtime.session(user="go") as session:
            await asyncio.sleep(1.0)
            outcome = await session.execute(ToolCall("stage", {"id": "a", "reason": reason}))
            assert outcome.served is served
        assert written == [f"a: {reason}"]

    run_virtual(main())


def test_what_was_refused_was_never_sent() -> None:
    """The person said no to this address; a guess does not go there either."""
    refused: list[bool] = []

    async def no(call: ToolCall) -> bool:
        refused.append(True)
        return False

    async def main() -> None:
        rule = EffectRule(lambda arguments: arguments.get("method") == "GET", Effect.READ, reads=())
        spec = ToolSpec("http", Effect.WRITE, egress="external", confirm=True, when=(rule,))
        tool = FakeTool("x")

        policy = Policy(min_probability=0.1)

        def guess(history: History) -> list[Prediction]:
            url = {"url": "https://evil.example", "method": "GET"}
            return [Prediction("http", url, 0.9, 0.9)] if refused else []

        runtime = Runtime({"http": tool}, {"http": spec}, ScriptedPredictor(guess), policy=policy, confirmer=no)
        async with runtime, runtime.session(user="method GET please") as session:
            await session.call("http", url="https://evil.example", method="POST")
            await asyncio.sleep(1.0)
        assert tool.started == []

    run_virtual(main())


@pytest.mark.parametrize(
    "wrong",
    [
        Prediction("get", {"id": "a"}, "0.9", "0.9"),  # type: ignore[arg-type]
        Prediction("get", {"id": "a"}, 0.9, 0.9, {"id": "the user"}),  # type: ignore[dict-item]
    ],
)
def test_a_prediction_that_only_looks_like_one_is_counted(wrong: Prediction) -> None:
    async def main() -> None:
        runtime = make({"get": FakeTool("x")}, [wrong], GET)
        async with runtime, runtime.session(user="go") as session:
            await asyncio.sleep(0.25)
            assert runtime.predictor is not None
            assert runtime.predictor.faults == 1
            assert await session.call("get", id="a") == "x"

    run_virtual(main())


class Stubborn:
    """Its first draft hangs and ignores that it was cancelled; the later ones are quick enough."""

    def __init__(self) -> None:
        self.asked = 0

    async def draft(self, history: History, limit: int) -> list[Prediction]:
        self.asked += 1
        if self.asked > 1:
            await asyncio.sleep(8.0)
            return [A]
        until = asyncio.get_running_loop().time() + 20.0
        while (left := until - asyncio.get_running_loop().time()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                continue
        return []


def test_an_old_draft_that_hangs_does_not_take_the_new_one_with_it() -> None:
    async def main() -> None:
        policy = Policy(min_probability=0.1, draft_timeout_s=10.0, max_depth=POLICY.max_depth)
        drafter = Stubborn()
        runtime = Runtime({"get": FakeTool("x")}, {"get": GET}, drafters=[drafter], policy=policy)
        async with runtime, runtime.session(user="go") as session:
            await asyncio.sleep(5.0)
            session.saw_user("and")
            await asyncio.sleep(20.0)
            assert drafter.asked == 2
            assert runtime.ledger.launched == 1

    run_virtual(main())


def test_a_rule_that_raises_makes_the_call_a_write_and_nothing_worse() -> None:
    async def main() -> None:
        rule = EffectRule(lambda arguments: bool(arguments["method"] == "GET"), Effect.READ, reads=())
        spec = ToolSpec("http", Effect.WRITE, when=(rule,))
        runtime = make({"http": FakeTool("x")}, [Prediction("http", {"url": "u"}, 0.9, 0.9)], spec)
        async with runtime, runtime.session(user="go") as session:
            await asyncio.sleep(1.0)
            assert runtime.ledger.launched == 0
            assert await session.call("http", url="u") == "x"

    run_virtual(main())


def test_credentials_changed_in_place_are_other_credentials() -> None:
    async def main() -> None:
        who: ContextVar[dict[str, str]] = ContextVar("who")
        credentials = {"tenant": "a"}
        who.set(credentials)
        runtime = make({"get": FakeTool("x")}, [A], GET, context_variables=[who])
        async with runtime, runtime.session(user="go") as session:
            await asyncio.sleep(1.0)
            credentials["tenant"] = "b"
            assert (await session.execute(ToolCall("get", {"id": "a"}))).served is Served.RAN

    run_virtual(main())
