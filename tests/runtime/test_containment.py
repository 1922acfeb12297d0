"""What goes wrong beside the agent stays beside it: predictors, observers, tools, odd values, closing."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from typing import Any

import pytest

from speculate import Effect, ManifestError, Policy, Prediction, Runtime, Served, ToolCall, ToolSpec
from speculate.history import History
from speculate.notices import CallEnded, Fault, LaunchRetired, Notice
from speculate.testing import FakeTool, ScriptedPredictor, run_virtual
from tests.runtime.test_calls import GET, Log, guess, make


class Bad:
    """A predictor that fails in the way it is told."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, 0

    def predict(self, history: History, limit: int) -> Any:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def observe(self, history: History, call: ToolCall) -> None:
        raise RuntimeError("cannot learn")


@pytest.mark.parametrize(
    "answer",
    [
        RuntimeError("broken"),
        None,
        42,
        "get",
        {"get": 1},
        [None],
        [Prediction("get", {"id": "a"}, float("nan"), 0.5)],
        [Prediction("get", {"id": "a"}, 2.0, 2.0)],
        [Prediction("get", "id", 0.5, 0.5)],  # type: ignore[arg-type]  # nonsense is the point
        [Prediction("", {}, 0.5, 0.5)],
        [Prediction("get", {"id": "a"}, "high", 0.5)],  # type: ignore[arg-type]  # as above
    ],
)
def test_a_predictor_that_fails_is_counted_and_switched_off(answer: Any) -> None:
    """The real calls go on, nothing is launched, and after the limit it is not asked again."""

    async def main() -> None:
        log, bad = Log(), Bad(answer)
        runtime = Runtime({"get": FakeTool("x", 1.0)}, {"get": GET}, bad, observers=[log], learn=False)
        async with runtime, runtime.session(user="go") as session:
            for _ in range(6):
                assert await session.call("get", id="a") == "x"
                await asyncio.sleep(1.0)
        faults = [notice for notice in log.of(Fault) if notice.kind == "predictor"]
        assert len(faults) == bad.asked == 3
        assert "switched off" in faults[-1].detail
        assert runtime.ledger.launched == 0

    run_virtual(main())


def test_a_predictor_that_cannot_learn_is_switched_off_too() -> None:
    """`observe` is foreign code as well."""

    async def main() -> None:
        log = Log()
        runtime = Runtime({"get": FakeTool("x", 1.0)}, {"get": GET}, Bad([None]), observers=[log])
        async with runtime, runtime.session() as session:
            for _ in range(4):
                await session.call("get", id="a")
        assert any("observe raised" in notice.detail for notice in log.of(Fault))

    run_virtual(main())


def test_a_predictor_that_overruns_its_time_is_switched_off() -> None:
    """Measured on the real clock: any time at all is more than none."""

    async def main() -> None:
        log = Log()
        runtime = Runtime(
            {"get": FakeTool("x", 1.0)},
            {"get": GET},
            ScriptedPredictor(guess("a")),
            observers=[log],
            policy=Policy(predict_limit_s=0.0),
        )
        async with runtime, runtime.session(user="go") as session:
            for _ in range(5):
                await session.call("get", id="a")
        assert [notice.kind for notice in log.of(Fault)].count("predictor") == 3

    run_virtual(main())


def test_an_observer_that_raises_is_dropped_and_the_others_hear_of_it(caplog: pytest.LogCaptureFixture) -> None:
    """Three times in a row; a success in between starts the count again."""

    class Shaky:
        told = 0

        def notice(self, notice: Notice) -> None:
            self.told += 1
            if self.told != 2:
                raise OSError("disk")

    async def main() -> None:
        log, shaky = Log(), Shaky()
        async with Runtime({"get": FakeTool("x")}, {"get": GET}, observers=[shaky, log]) as runtime:
            async with runtime.session() as session:
                for _ in range(5):
                    assert await session.call("get", id="a") == "x"
        assert shaky.told == 5
        assert [notice.kind for notice in log.of(Fault)] == ["observer"]
        assert len(log.of(CallEnded)) == 5

    with caplog.at_level(logging.ERROR):
        run_virtual(main())
    assert "switched off" in caplog.text


def test_closing_reports_what_would_not_stop_and_still_counts_it() -> None:
    """A bounded grace, then it is abandoned: one ledger record, its slot still taken (law L8)."""

    async def stubborn(id: str) -> str:
        for _ in range(20):
            try:
                await asyncio.sleep(10.0)
            except asyncio.CancelledError:
                continue
        return "at last"

    async def main() -> None:
        runtime, log = make(stubborn, guess("a"), policy=Policy(min_probability=0.1, grace_s=2.0))
        session = runtime.session(user="go")
        await asyncio.sleep(1.0)
        before = runtime.now()
        assert await session.close() == ["get 1"]
        assert runtime.now() - before == 2.0
        assert log.retired() == [("wasted", "abandoned")]
        assert runtime.brain.in_flight == 1
        await asyncio.sleep(500.0)
        assert runtime.brain.in_flight == 0
        assert len(log.of(LaunchRetired)) == 1
        assert await runtime.close() == []

    run_virtual(main())


def test_closing_leaves_no_task_behind() -> None:
    """Not one, whatever was under way."""

    async def main() -> None:
        before = asyncio.all_tasks()
        runtime, _ = make(FakeTool("x", 30.0), guess("a", "b", "c"))
        async with runtime, runtime.session(user="go"):
            await asyncio.sleep(1.0)
            assert len(asyncio.all_tasks()) == len(before) + 3
        assert asyncio.all_tasks() == before

    run_virtual(main())


def test_a_failing_agent_closes_everything_too() -> None:
    """An exception out of the loop aborts the guesses."""

    async def main() -> None:
        tool = FakeTool("x", 30.0)
        runtime, log = make(tool, guess("a"))
        with pytest.raises(ZeroDivisionError):
            async with runtime, runtime.session(user="go"):
                await asyncio.sleep(1.0)
                raise ZeroDivisionError
        assert tool.cancelled == 1
        assert log.retired() == [("wasted", "closed")]

    run_virtual(main())


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), b"bytes", object(), {1: 2}, (1, 2), deep(10_000), {"x": float("nan")}, 10**5000],
    ids=["nan", "inf", "bytes", "object", "key", "tuple", "deep", "inner-nan", "digits"],
)
def test_arguments_that_are_no_json_values_run_and_are_never_guessed(value: Any) -> None:
    """A call without an identity is a call all the same."""

    async def main() -> None:
        tool = FakeTool(lambda id: "ran", 1.0)
        runtime, log = make(tool, [Prediction("get", {"id": value}, 0.9, 0.9)])
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(2.0))
            outcome = await session.execute(ToolCall("get", {"id": value}))
            assert (outcome.value, outcome.served) == ("ran", Served.RAN)
        assert runtime.ledger.launched == 0
        assert len(log.of(CallEnded)) == 1

    run_virtual(main())


def test_a_huge_result_is_delivered_whole_and_remembered_in_part() -> None:
    """50 MB pass through; the history keeps a bounded snapshot and says that it is cut."""

    async def main() -> None:
        huge = "x" * 50_000_000
        log = Log()
        async with Runtime({"get": FakeTool(huge)}, {"get": GET}, observers=[log]) as runtime:
            async with runtime.session() as session:
                assert await session.call("get", id="a") is huge
                assert len(session.history.events[-1].value) < 100_000  # type: ignore[union-attr]  # the result's
        assert log.of(CallEnded)[0].cut

    run_virtual(main())


@pytest.mark.parametrize(
    "result", [deep(10_000), object(), {"self": ...}, float("nan"), {1, 2}], ids=["deep", "object", "odd", "nan", "set"]
)
def test_odd_results_pass_through_untouched(result: Any) -> None:
    """The very object is handed over."""

    async def main() -> None:
        runtime, _ = make(FakeTool(result, 1.0), guess("a"))
        async with runtime, runtime.session(user="go") as session:
            for _ in range(3):
                await session.think(asyncio.sleep(2.0))
                assert await session.call("get", id="a") is result

    run_virtual(main())


def test_a_clock_that_jumps_far_ahead_serves_nothing_stale() -> None:
    """A machine that slept: whatever is too old by then is dropped."""

    async def main() -> None:
        runtime, log = make(FakeTool("x", 1.0), guess("a"))
        async with runtime, runtime.session(user="go") as session:
            await asyncio.sleep(2.0)
            await asyncio.sleep(1e9)
            assert (await session.execute(ToolCall("get", {"id": "a"}))).served is Served.RAN
        assert ("wasted", "expired") in log.retired()

    run_virtual(main())


def test_a_tool_that_says_too_many_requests_is_left_alone_for_a_while() -> None:
    """A 429 closes the tool to guesses; real calls go on."""

    class TooMany(Exception):
        status_code = 429
        retry_after = 100.0

    async def main() -> None:
        runs = 0

        async def get(id: str) -> str:
            nonlocal runs
            runs += 1
            if runs == 1:
                raise TooMany
            return "x"

        log = Log()
        moments = iter(range(100))
        predictor = ScriptedPredictor(lambda history: guess(f"g{next(moments)}"))
        policy = Policy(min_probability=0.1, max_depth=1)
        runtime = Runtime({"get": get}, {"get": GET}, predictor, observers=[log], policy=policy)
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(1.0))
            assert await session.call("get", id="a") == "x"
            await session.think(asyncio.sleep(50.0))
            assert runtime.ledger.launched == 1
            await session.think(asyncio.sleep(60.0))
            await session.call("get", id="a")
            await session.think(asyncio.sleep(1.0))
            assert runtime.ledger.launched == 2
        assert [notice.detail for notice in log.of(Fault)] == ["too many requests: no launches for 100 s"]

    run_virtual(main())


def test_what_does_not_pay_goes_to_shadow_and_comes_back_when_it_would() -> None:
    """Wrong guesses for a while, then right ones."""

    async def main() -> None:
        right = False
        turn = 0
        log = Log()
        predictor = ScriptedPredictor(lambda history: guess(f"{turn + 1}" if right else f"wrong {turn}", p=0.9))
        runtime = Runtime(
            {"get": FakeTool("x", 1.0)}, {"get": GET}, predictor, observers=[log], policy=Policy(max_depth=1)
        )
        runtime.seed_latency("get", [1.5] * 10)
        async with runtime, runtime.session(user="go") as session:
            for turn in range(60):
                if turn == 30:
                    assert runtime.ledger.committed == 0
                    right = True
                await session.think(asyncio.sleep(3.0))
                await session.call("get", id=str(turn))
            assert runtime.ledger.committed > 5
        modes = [notice.detail for notice in log.of(Fault) if notice.kind == "self-check"]
        assert modes[0].startswith("shadow")
        assert modes[1].startswith("on")

    run_virtual(main())


TOOLS = [f"read_{n}" for n in range(13)] + [f"write_{n}" for n in range(6)] + ["stranger"]


class Reckless:
    """Guesses anything with certainty."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.made = 0

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        self.made += limit
        return [Prediction(self.rng.choice(TOOLS), {"n": self.rng.randrange(500)}, 1.0, 1.0) for _ in range(limit)]

    def observe(self, history: History, call: ToolCall) -> None:
        pass


def test_of_twenty_thousand_random_guesses_not_one_write_and_no_stranger_starts() -> None:
    """30 % of the tools write, 5 % are declared by nobody (laws L1, L2)."""

    async def main() -> None:
        started: list[str] = []

        def tool(name: str) -> Any:
            async def run(n: int) -> str:
                started.append(name)
                await asyncio.sleep(0.25)
                return name

            return run

        specs = {name: ToolSpec(name, Effect.READ, reads=()) for name in TOOLS if name.startswith("read")}
        specs |= {
            name: ToolSpec(name, Effect.WRITE, idempotent=bool(n % 2))
            for n, name in enumerate(TOOLS)
            if "write" in name
        }
        predictor = Reckless(random.Random(1))
        policy = Policy(min_probability=0.0, self_check=False, predictions=20, max_in_flight_per_session=20)
        runtime = Runtime({name: tool(name) for name in TOOLS}, specs, predictor, policy=policy)
        async with runtime, runtime.session(user="go") as session:
            while predictor.made < 20_000:
                await session.think(asyncio.sleep(0.5))
                await session.call("read_0", n=99)
        assert runtime.ledger.launched > 1_000
        assert {name for name in started if not name.startswith("read")} == set()

    run_virtual(main())


def test_tools_and_entries_that_do_not_fit_are_refused_at_the_start() -> None:
    """Before anything runs, by name."""
    with pytest.raises(ManifestError, match="prepare, commit and abort are not registered"):
        Runtime({"stage": FakeTool()}, {"stage": ToolSpec("stage", Effect.ABORTABLE)})
    with pytest.raises(ManifestError, match="not callable"):
        Runtime({"get": 42})
    with pytest.raises(ManifestError, match="two tools have this name"):
        Runtime([make, make])
    with pytest.raises(ManifestError, match="has no name"):
        Runtime([FakeTool()])
