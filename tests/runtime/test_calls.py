"""Real calls: hit, miss, join, run beside, limits, order, cancellation. All on the virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from speculate import Effect, Policy, Prediction, Runtime, RuntimeClosed, Served, SpeculateError, ToolCall, ToolSpec
from speculate.history import MAX_TEXT, CallMade, ResultSeen
from speculate.notices import CallEnded, CallStarted, LaunchDenied, LaunchRetired, Notice
from speculate.spec import ArgumentSpec
from speculate.testing import FakeTool, ScriptedPredictor, run_virtual

GET = ToolSpec("get", Effect.READ, reads=("item/{id}",), ttl_s=60.0, timeout_s=20.0)
SET = ToolSpec("set", Effect.WRITE, reads=(), writes=("item/{id}",))


class Log:
    """An observer that keeps everything."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def notice(self, notice: Notice) -> None:
        self.notices.append(notice)

    def of(self, kind: type[Any]) -> list[Any]:
        return [notice for notice in self.notices if isinstance(notice, kind)]

    def retired(self) -> list[tuple[str, str]]:
        return [(notice.outcome, notice.reason) for notice in self.of(LaunchRetired)]


def guess(*ids: str, p: float = 0.9) -> list[Prediction]:
    return [Prediction("get", {"id": id}, p, p) for id in ids]


def make(
    get: Any, guesses: Sequence[Prediction] = (), *, spec: ToolSpec = GET, tail_s: float | None = 2.0, **options: Any
) -> tuple[Runtime, Log]:
    log = Log()
    options.setdefault("policy", Policy(min_probability=0.1, max_depth=1))
    runtime = Runtime(
        {"get": get, "set": FakeTool("done", 1.0)},
        {"get": spec, "set": SET},
        ScriptedPredictor(guesses),
        observers=[log],
        **options,
    )
    if tail_s is not None:
        runtime.seed_latency("get", [tail_s] * 10)
    return runtime, log


def test_a_finished_guess_is_handed_over_at_once() -> None:
    """The call waits for nothing, and the ledger has the time it saved."""

    async def main() -> None:
        runtime, log = make(FakeTool(lambda id: {"id": id}, 1.0), guess("a"))
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(3.0))
            outcome = await session.execute(ToolCall("get", {"id": "a"}))
        assert (outcome.value, outcome.served, outcome.waited_s) == ({"id": "a"}, Served.READY, 0.0)
        assert log.retired()[0] == ("committed", "ready")
        assert log.of(LaunchRetired)[0].hidden_s == 1.0

    run_virtual(main())


def test_a_running_guess_is_joined_and_only_the_rest_is_waited_for() -> None:
    """Three quarters hidden, one quarter waited."""

    async def main() -> None:
        tool = FakeTool("x", 1.0)
        runtime, log = make(tool, guess("a"))
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(0.75))
            outcome = await session.execute(ToolCall("get", {"id": "a"}))
        assert (outcome.served, outcome.waited_s) == (Served.JOINED, 0.25)
        assert log.retired()[0] == ("committed", "joined")
        assert log.of(LaunchRetired)[0].hidden_s == 0.75
        assert tool.started == [{"id": "a"}]

    run_virtual(main())


def test_a_wrong_guess_costs_the_real_call_nothing() -> None:
    """It waits exactly as long as with speculation off."""

    async def main(speculation: bool) -> float:
        runtime, _ = make(FakeTool("x", 1.0), guess("b", "c"), speculation=speculation)
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(0.5))
            return (await session.execute(ToolCall("get", {"id": "a"}))).waited_s

    assert run_virtual(main(True)) == run_virtual(main(False)) == 1.0


def test_past_the_tail_the_real_call_runs_beside_and_the_first_answers() -> None:
    """A guess that hangs holds the call no longer than the tool's own tail (law L5)."""

    async def main() -> None:
        first = True

        async def get(id: str) -> str:
            nonlocal first
            if first:
                first = False
                await asyncio.sleep(1000.0)
            await asyncio.sleep(1.0)
            return "real"

        runtime, log = make(get, guess("a"))
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(1.0))
            outcome = await session.execute(ToolCall("get", {"id": "a"}))
            assert outcome.value == "real"
            assert outcome.served is Served.RAN
            assert outcome.waited_s == pytest.approx(2.0, abs=0.01)  # tail at 2.0, 1.0 of it passed; then 1.0
        assert ("wasted", "overtaken") in log.retired()

    run_virtual(main())


def test_the_guess_answers_if_it_is_first_and_the_run_beside_is_cancelled() -> None:
    """Both run; the guess ends first."""

    async def main() -> None:
        runs = 0

        async def get(id: str) -> int:
            nonlocal runs
            runs += 1
            mine = runs
            await asyncio.sleep(2.5 if mine == 1 else 9.0)
            return mine

        runtime, log = make(get, guess("a"))
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(1.0))
            outcome = await session.execute(ToolCall("get", {"id": "a"}))
            assert (outcome.value, outcome.served, outcome.waited_s) == (1, Served.JOINED, 1.5)
        assert not runtime.tasks
        assert log.retired()[0] == ("committed", "joined")

    run_virtual(main())


def test_an_error_of_the_run_beside_is_the_calls_own() -> None:
    """First to finish answers, also with an error."""

    async def main() -> None:
        runs = 0

        async def get(id: str) -> int:
            nonlocal runs
            runs += 1
            if runs == 1:
                await asyncio.sleep(1000.0)
            raise OSError("gone")

        runtime, _ = make(get, guess("a"))
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(1.0))
            with pytest.raises(OSError, match="gone"):
                await session.call("get", id="a")

    run_virtual(main())


def test_with_an_unknown_tail_the_call_runs_beside_its_guess_at_once() -> None:
    """Nothing known of the tool: waiting for a guess would rest on nothing."""

    async def main() -> None:
        tool = FakeTool("x", 4.0)
        runtime, _ = make(tool, guess("a"), tail_s=None)
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(1.0))
            outcome = await session.execute(ToolCall("get", {"id": "a"}))
            assert (outcome.served, outcome.waited_s) == (Served.JOINED, 3.0)
            assert len(tool.started) >= 2

    run_virtual(main())


def test_a_guess_that_raises_is_never_delivered() -> None:
    """The real call runs and the agent sees the real outcome (law L6)."""

    async def main() -> None:
        runs = 0

        async def get(id: str) -> str:
            nonlocal runs
            runs += 1
            await asyncio.sleep(1.0)
            if runs == 1:
                raise ValueError("only the guess fails")
            return "fine"

        for think_s in (0.5, 2.0):  # joined, and finished before the call
            runs = 0
            runtime, log = make(get, guess("a"))
            async with runtime, runtime.session(user="go") as session:
                await session.think(asyncio.sleep(think_s))
                outcome = await session.execute(ToolCall("get", {"id": "a"}))
                assert (outcome.value, outcome.served) == ("fine", Served.RAN)
            assert log.retired()[0] == ("wasted", "raised")

    run_virtual(main())


def test_a_launch_past_its_timeout_is_aborted_and_the_call_runs() -> None:
    """Also when the tool ignores cancellation: nobody waits for it."""

    async def main() -> None:
        runs = 0

        async def get(id: str) -> str:
            nonlocal runs
            runs += 1
            if runs > 1:
                return "fine"
            for _ in range(50):
                try:
                    await asyncio.sleep(10.0)
                except asyncio.CancelledError:
                    continue
            return "late"

        runtime, log = make(get, guess("a"), tail_s=100.0)
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(15.0))
            outcome = await session.execute(ToolCall("get", {"id": "a"}))
            assert (outcome.value, outcome.waited_s) == ("fine", 5.0)  # launched at 0, timeout at 20
            await asyncio.sleep(600.0)
        assert ("wasted", "timeout") in log.retired()

    run_virtual(main())


def test_a_result_older_than_its_time_to_live_is_not_served() -> None:
    """Counted from the start of the launch (law L3)."""

    async def main(think_s: float) -> Served:
        runtime, _ = make(FakeTool("x", 1.0), guess("a"), spec=ToolSpec("get", Effect.READ, reads=(), ttl_s=5.0))
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(think_s))
            return (await session.execute(ToolCall("get", {"id": "a"}))).served

    assert run_virtual(main(4.75)) is Served.READY
    assert run_virtual(main(5.25)) is Served.RAN


def test_a_write_makes_guesses_of_every_session_stale() -> None:
    """Also one that another session made."""

    async def main() -> None:
        runtime, log = make(FakeTool("x", 1.0), guess("a"))
        async with runtime, runtime.session(user="go") as one, runtime.session() as other:
            await asyncio.sleep(2.0)
            await other.call("set", id="a")
            outcome = await one.execute(ToolCall("get", {"id": "a"}))
            assert outcome.served is Served.RAN
        assert ("wasted", "conflict") in log.retired()

    run_virtual(main())


def test_a_write_that_begins_while_a_guess_is_joined_sends_the_call_to_run() -> None:
    """The guess is stale from that moment; the call does not wait for it any longer."""

    async def main() -> None:
        runtime, _ = make(FakeTool("x", 4.0), guess("a"), tail_s=10.0)
        async with runtime, runtime.session(user="go") as one, runtime.session() as other:
            await asyncio.sleep(1.0)
            joined = asyncio.ensure_future(one.execute(ToolCall("get", {"id": "a"})))
            await asyncio.sleep(1.0)
            await other.call("set", id="a")
            outcome = await joined
            assert (outcome.served, outcome.waited_s) == (Served.RAN, 5.0)

    run_virtual(main())


def test_calls_of_a_turn_overlap_unless_they_conflict_and_conflicts_keep_their_order() -> None:
    """Read after write and write after read."""

    async def main() -> None:
        state = {"a": 0}

        async def get(id: str) -> int:
            seen = state[id]
            await asyncio.sleep(1.0)
            return seen

        async def put(id: str) -> int:
            await asyncio.sleep(2.0)
            state[id] += 1
            return state[id]

        async def free(id: str) -> str:
            await asyncio.sleep(1.0)
            return id

        specs = {"get": GET, "put": ToolSpec("put", Effect.WRITE, reads=(), writes=("item/{id}",))}
        specs["free"] = ToolSpec("free", Effect.READ, reads=())
        async with Runtime({"get": get, "put": put, "free": free}, specs) as runtime, runtime.session() as session:
            outcomes = await session.call_all(
                [("get", {"id": "a"}), ("put", {"id": "a"}), ("get", {"id": "a"}), ("free", {"id": "z"})]
            )
            assert [outcome.value for outcome in outcomes] == [0, 1, 1, "z"]
            assert [outcome.waited_s for outcome in outcomes] == [1.0, 3.0, 4.0, 1.0]

    run_virtual(main())


def test_two_identical_calls_in_one_turn_are_two_calls() -> None:
    """One guess serves one of them."""

    async def main() -> None:
        tool = FakeTool(lambda id: [id], 1.0)
        runtime, _ = make(tool, guess("a"))
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(2.0))
            one, two = await session.call_all([("get", {"id": "a"}), ("get", {"id": "a"})])
            assert (one.served, two.served) == (Served.READY, Served.RAN)
            assert one.value == two.value == ["a"]
            assert one.value is not two.value

    run_virtual(main())


def test_what_is_delivered_belongs_to_the_caller_alone() -> None:
    """Changing it changes neither the history nor the next result (law L7)."""

    async def main() -> None:
        runtime, _ = make(FakeTool(lambda id: {"list": [1]}, 1.0), guess("a"))
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(2.0))
            value = await session.call("get", id="a")
            value["list"].append("mine")
            await session.think(asyncio.sleep(2.0))
            assert await session.call("get", id="a") == {"list": [1]}
            await asyncio.sleep(0)
            results = [event for event in session.history.events if isinstance(event, ResultSeen)]
            assert results[0].value == {"list": [1]}

    run_virtual(main())


def test_one_failing_call_of_a_turn_does_not_disturb_the_others() -> None:
    """Its exception is in its outcome, unwrapped."""

    async def main() -> None:
        async def get(id: str) -> str:
            await asyncio.sleep(1.0)
            if id == "bad":
                raise KeyError(id)
            return id

        async with Runtime({"get": get}, {"get": GET}) as runtime, runtime.session() as session:
            good, bad, fine = await session.call_all(
                [("get", {"id": "x"}), ("get", {"id": "bad"}), ("get", {"id": "y"})]
            )
            assert (good.result(), fine.result()) == ("x", "y")
            with pytest.raises(KeyError):
                bad.result()

    run_virtual(main())


def test_cancelling_a_joined_call_cancels_the_launch() -> None:
    """As the call itself would have been (law L8)."""

    async def main() -> None:
        tool = FakeTool("x", 10.0)
        runtime, log = make(tool, guess("a"), tail_s=30.0)
        async with runtime, runtime.session(user="go") as session:
            await asyncio.sleep(1.0)
            call = asyncio.ensure_future(session.call("get", id="a"))
            await asyncio.sleep(1.0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await asyncio.sleep(0)
            assert tool.cancelled == 1
            assert log.retired() == [("wasted", "cancelled")]
            ended = log.of(CallEnded)
            assert [(notice.ok, notice.raised) for notice in ended] == [(False, "CancelledError: ")]

    run_virtual(main())


def test_cancelling_a_turn_cancels_its_calls_and_leaves_no_task() -> None:
    """The agent's cancellation reaches every tool."""

    async def main() -> None:
        tool = FakeTool("x", 10.0)
        before = asyncio.all_tasks()
        async with Runtime({"get": tool}, {"get": GET}) as runtime, runtime.session() as session:
            turn = asyncio.ensure_future(session.call_all([("get", {"id": "a"}), ("get", {"id": "b"})]))
            await asyncio.sleep(1.0)
            turn.cancel()
            with pytest.raises(asyncio.CancelledError):
                await turn
            assert tool.cancelled == 2
            assert asyncio.all_tasks() == before

    run_virtual(main())


def test_a_tools_own_limit_holds_for_real_calls_and_leaves_them_one_slot() -> None:
    """Launches take all slots but one; real calls queue only behind real calls."""

    async def main() -> None:
        running = most = 0

        async def get(id: str) -> str:
            nonlocal running, most
            running += 1
            most = max(most, running)
            try:
                await asyncio.sleep(4.0)
            finally:
                running -= 1
            return id

        spec = ToolSpec("get", Effect.READ, reads=(), max_concurrency=3, real_max_concurrency=3)
        runtime, log = make(get, guess("a", "b", "c", "d"), spec=spec, tail_s=30.0)
        async with runtime, runtime.session(user="go") as session:
            await asyncio.sleep(1.0)
            assert running == 2
            assert ("tool-limit", 2) in {(r, 2) for r in {notice.reason for notice in log.of(LaunchDenied)}}
            outcomes = await session.call_all([("get", {"id": id}) for id in ("x", "y", "z", "w")])
            assert [outcome.waited_s for outcome in outcomes] == [4.0, 4.0, 4.0, 8.0]
            assert [reason for _, reason in log.retired()].count("preempted") == 2

    run_virtual(main())


def test_a_limited_real_call_that_is_cancelled_in_the_queue_gives_up_its_place() -> None:
    """Those behind it go on."""

    async def main() -> None:
        spec = ToolSpec("get", Effect.READ, reads=(), real_max_concurrency=1)
        tool = FakeTool("x", 2.0)
        async with Runtime({"get": tool}, {"get": spec}) as runtime, runtime.session() as session:
            first = asyncio.ensure_future(session.call("get", id="1"))
            second = asyncio.ensure_future(session.call("get", id="2"))
            third = asyncio.ensure_future(session.execute(ToolCall("get", {"id": "3"})))
            await asyncio.sleep(1.0)
            second.cancel()
            await first
            assert (await third).waited_s == 4.0
            assert [run["id"] for run in tool.started] == ["1", "3"]

    run_virtual(main())


def test_a_real_call_is_limited_in_time_only_by_its_own_entry() -> None:
    """timeout_s limits launches; a limit for real calls must stand in the tool's own entry."""

    async def main() -> None:
        tool = FakeTool("x", 50.0)
        limited = ToolSpec("get", Effect.READ, reads=(), timeout_s=5.0, real_timeout_s=5.0)
        free = ToolSpec("get", Effect.READ, reads=(), timeout_s=5.0)
        async with Runtime({"get": tool}, {"get": limited}) as runtime, runtime.session() as session:
            with pytest.raises(TimeoutError):
                await session.call("get", id="a")
            assert runtime.now() == 5.0
        async with Runtime({"get": tool}, {"get": free}) as runtime, runtime.session() as session:
            assert await session.call("get", id="a") == "x"

    run_virtual(main())


def test_an_unknown_tool_and_a_closed_session_are_clear_errors() -> None:
    """They name what is wrong and what there is."""

    async def main() -> None:
        runtime = Runtime({"get": FakeTool("x")}, {"get": GET})
        session = runtime.session("s")
        with pytest.raises(SpeculateError, match="no tool is registered under the name 'gte'; registered: get"):
            await session.call("gte", id="a")
        with pytest.raises(SpeculateError, match="no tool is registered"):
            await session.call_all([("get", {"id": "a"}), ("gte", {})])
        with pytest.raises(SpeculateError, match="'s' is open"):
            runtime.session("s")
        await session.close()
        assert await session.close() == []
        for use in (lambda: session.saw_user("x"), lambda: session.said("x"), lambda: session.partial(0, "get", "{}")):
            with pytest.raises(RuntimeClosed):
                use()
        with pytest.raises(RuntimeClosed):
            await session.call("get", id="a")
        await runtime.close()
        with pytest.raises(RuntimeClosed):
            runtime.session()
        assert "closed" in repr(runtime)
        assert "closed" in repr(session)

    run_virtual(main())


def test_a_runtime_belongs_to_one_loop() -> None:
    """Using it on another is refused by name, not by a hang."""
    runtime = Runtime({"get": FakeTool("x")}, {"get": GET})

    async def use() -> None:
        async with runtime.session() as session:
            await session.call("get", id="a")

    run_virtual(use())
    with pytest.raises(SpeculateError, match="another event loop"):
        run_virtual(use())


def test_turns_are_counted_with_and_without_think() -> None:
    """Without `think`, calls with no result in between are one turn."""

    async def main() -> None:
        log = Log()
        async with Runtime({"get": FakeTool("x", 1.0)}, {"get": GET}, observers=[log]) as runtime:
            async with runtime.session() as session:
                await asyncio.gather(session.call("get", id="a"), session.call("get", id="b"))
                await session.call("get", id="c")
            async with runtime.session() as session:
                await session.think(asyncio.sleep(1.0))
                session.said("I look")
                await session.call("get", id="a")
                await session.call("get", id="b")
                await session.think(asyncio.sleep(1.0))
                await session.call("get", id="c")
                assert "turn 1" in repr(session)
        assert [notice.turn for notice in log.of(CallEnded)] == [0, 0, 1, 0, 0, 1]

    run_virtual(main())


def test_what_writes_returned_is_kept_for_so_many_repeats_and_no_more() -> None:
    """The one asked for longest ago is forgotten, here and in the brain; its repeat runs. Closing forgets the rest."""

    async def main() -> None:
        once = ToolSpec("once", Effect.WRITE, reads=(), writes=("item/{id}",), dedup_key="{id}")
        tool = FakeTool(lambda id: {"id": id}, 1.0)
        runtime = Runtime({"once": tool}, {"once": once}, policy=Policy(outcomes_size=2))
        async with runtime, runtime.session() as session:
            served = []
            for id in ("a", "b", "a", "c", "a", "b"):
                outcome = await session.execute(ToolCall("once", {"id": id}))
                assert outcome.value == {"id": id}
                served.append(outcome.served)
                assert len(runtime.outcomes) == len(runtime.brain.books.outcomes) <= 2
            assert served == [Served.RAN, Served.RAN, Served.DEDUPLICATED, Served.RAN, Served.DEDUPLICATED, Served.RAN]
        assert not runtime.outcomes

    run_virtual(main())


def test_history_keeps_a_bounded_copy_of_a_calls_arguments() -> None:
    """Also of those that its key leaves out; and whoever changes the copy changes no call."""

    class Meddler:
        def notice(self, notice: Notice) -> None:
            if isinstance(notice, CallStarted):
                notice.arguments["id"] = "meddled"  # type: ignore[index]  # that is the meddling

    async def main() -> None:
        note = {"note": ArgumentSpec(ignore=True)}
        tools = {"get": FakeTool("x", 1.0), "put": FakeTool("x", 1.0)}
        specs = {"get": GET, "put": ToolSpec("put", Effect.READ, reads=(), arguments=note)}
        async with Runtime(tools, specs, observers=[Meddler()]) as runtime, runtime.session() as session:
            await session.call("get", id="a")
            await session.call("put", id="a", note="x" * 200_000)
            kept = [event for event in session.history.events if isinstance(event, CallMade)][1]
            assert len(kept.arguments["note"]) == MAX_TEXT + 1
        assert tools["get"].started == [{"id": "a"}]
        assert tools["put"].started == [{"id": "a", "note": "x" * 200_000}]

    run_virtual(main())
