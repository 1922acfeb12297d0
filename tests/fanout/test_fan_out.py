"""The engine: merging, streaming, stopping, accounting, on the real runtime under the virtual clock."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from speculate.core.policy import Policy
from speculate.errors import SpeculateError
from speculate.fanout import (
    All,
    AllSettled,
    BestOf,
    BranchState,
    CallRefused,
    Deadline,
    FanOutFailed,
    FirstSuccess,
    Limits,
    Quorum,
    concat,
    dedupe,
    fan_out,
)
from speculate.spec import Effect, ToolSpec
from speculate.testing import FakeTool


def now() -> float:
    return asyncio.get_running_loop().time()


async def sleeper(seconds: float, value: Any = None, error: str | None = None) -> Any:
    """Takes its time, then answers or raises."""
    await asyncio.sleep(seconds)
    if error is not None:
        raise ValueError(error)
    return value if value is not None else seconds


async def stubborn(seconds: float) -> str:
    """Ignores its cancellation until its time is up."""
    until = now() + seconds
    while now() < until:
        try:
            await asyncio.sleep(until - now())
        except asyncio.CancelledError:
            continue
    return "at last"


def calls(*seconds: float, **same: Any) -> list[tuple[str, dict[str, Any]]]:
    return [("sleeper", {"seconds": each, **same}) for each in seconds]


TOOLS = {"sleeper": sleeper, "stubborn": stubborn}


def test_all_gives_the_values_in_call_order_in_the_time_of_the_slowest(run):
    async def use(session):
        outcome = await fan_out(session, calls(2.0, 0.5, 1.0))
        assert outcome.result() == [2.0, 0.5, 1.0]
        assert outcome.chosen == (0, 1, 2)
        assert outcome.seconds == now() == 2.0
        assert [branch.seconds for branch in outcome.branches] == [2.0, 0.5, 1.0]

    run(TOOLS, use)


def test_all_fails_at_the_first_failure_and_says_which_branch_with_which_arguments_after_how_long(run):
    async def use(session):
        outcome = await fan_out(session, [*calls(4.0), *calls(0.5, error="no such user"), *calls(8.0)])
        assert now() == 0.5
        named = r"branch 1, sleeper\(seconds=0\.5, error='no such user'\): failed after 0\.5 s"
        with pytest.raises(FanOutFailed, match=named) as caught:
            outcome.result()
        assert isinstance(caught.value.__cause__, ValueError)
        assert [branch.state for branch in outcome.branches] == [
            BranchState.CANCELLED,
            BranchState.FAILED,
            BranchState.CANCELLED,
        ]
        assert [branch.index for branch in outcome.losers] == [0, 2]
        assert not any(branch.still_running for branch in outcome.branches)

    run(TOOLS, use)


def test_all_settled_keeps_what_each_branch_came_to(run):
    async def use(session):
        outcome = await fan_out(session, [*calls(1.0), *calls(0.5, error="x")], merge=AllSettled())
        assert outcome.ok
        assert [branch.ok for branch in outcome.result()] == [True, False]
        assert outcome.chosen == (0,)
        assert "branch 1" in str(outcome.branches[1])

    run(TOOLS, use)


def test_first_success_passes_over_failures_and_aborts_the_rest(run):
    tool = FakeTool("slow", seconds=9.0)

    async def use(session):
        branches = [*calls(0.25, error="x"), *calls(1.0, value="fast"), ("slow", {})]
        outcome = await fan_out(session, branches, merge=FirstSuccess())
        assert outcome.result() == "fast"
        assert outcome.seconds == 1.0
        assert [branch.index for branch in outcome.losers] == [2]
        assert outcome.losers[0].seconds == 1.0

    run({**TOOLS, "slow": tool}, use)
    assert tool.cancelled == 1


def test_first_success_fails_when_every_branch_has(run):
    async def use(session):
        outcome = await fan_out(session, calls(0.25, 0.5, error="x"), merge=FirstSuccess())
        assert not outcome.ok
        assert outcome.error is not None
        assert len(outcome.error.failures) == 2
        assert "all 2 branches failed" in str(outcome.error)

    run(TOOLS, use)


def test_a_quorum_is_the_first_k_and_fails_as_soon_as_it_cannot_be_met(run):
    async def use(session):
        outcome = await fan_out(session, calls(3.0, 1.0, 2.0), merge=Quorum(2))
        assert outcome.result() == [1.0, 2.0]
        assert now() == 2.0
        outcome = await fan_out(session, [*calls(1.0, 2.0, error="x"), *calls(50.0)], merge=Quorum(2))
        assert not outcome.ok
        assert now() == 4.0

    run(TOOLS, use)


def test_a_quorum_that_must_agree_wants_equal_values(run):
    async def use(session):
        branches = [*calls(1.0, value={"a": 1}), *calls(2.0, value={"a": True}), *calls(3.0, value={"a": 1})]
        outcome = await fan_out(session, branches, merge=Quorum(2, agree=True))
        assert outcome.result() == {"a": 1}
        assert outcome.chosen == (0, 2)
        outcome = await fan_out(session, branches[:2], merge=Quorum(2, agree=True))
        assert "can no longer agree" in str(outcome.error)

    run(TOOLS, use)


def test_best_of_takes_the_highest_score_there_is_in_time(run):
    def score(value: Any) -> float:
        return value["score"]

    async def use(session):
        branches = [
            *calls(1.0, value={"score": 5}),
            *calls(2.0, value={"score": 9}),
            *calls(1.5, value="no score"),
            *calls(8.0, value={"score": 100}),
        ]
        outcome = await fan_out(session, branches, merge=BestOf(score, within_s=4.0))
        assert outcome.result() == {"score": 9}
        assert now() == 4.0
        assert outcome.branches[3].state is BranchState.CANCELLED
        outcome = await fan_out(session, branches, merge=BestOf(score, enough=9))
        assert outcome.result() == {"score": 9}
        assert now() == 6.0
        outcome = await fan_out(session, calls(1.0, 2.0), merge=BestOf(score))
        assert "nothing" not in str(outcome.error)
        assert "none of 2 branches" in str(outcome.error)

    run(TOOLS, use)


def test_a_deadline_takes_what_is_there(run):
    async def use(session):
        outcome = await fan_out(session, calls(1.0, 9.0, 2.0), merge=Deadline(2.5))
        assert outcome.result() == [1.0, 2.0]
        assert now() == 2.5
        assert not (await fan_out(session, calls(1.0, 9.0), merge=Deadline(2.5, at_least=2))).ok
        assert (await fan_out(session, calls(0.5), merge=Deadline(2.5))).seconds == 0.5

    run(TOOLS, use)


def test_reducers_see_the_chosen_values_in_call_order(run):
    async def total(values: list[float]) -> float:
        await asyncio.sleep(0.5)
        return sum(values)

    async def use(session):
        lists = [*calls(1.0, value=[1, 2]), *calls(0.5, value=[2, 3]), *calls(0.5, value="x")]
        assert (await fan_out(session, lists, reduce=concat)).value == [1, 2, 2, 3, "x"]
        assert (await fan_out(session, lists, reduce=dedupe())).value == [1, 2, 3, "x"]
        assert (await fan_out(session, lists, reduce=dedupe(lambda item: str(item)[:0]))).value == [1]
        assert (await fan_out(session, calls(1.0, 2.0), reduce=total)).value == 3.0

    run(TOOLS, use)


@pytest.mark.parametrize(("order", "expected"), [("completion", [1, 2, 0]), ("call", [0, 1, 2])])
def test_the_stream_gives_branches_as_they_end_or_as_they_were_called(run, order, expected):
    async def use(session):
        seen, times = [], []
        fan = fan_out(session, calls(3.0, 1.0, 2.0), order=order)
        async for branch in fan:
            seen.append(branch.index)
            times.append(now())
        assert seen == expected
        assert times == ([1.0, 2.0, 3.0] if order == "completion" else [3.0, 3.0, 3.0])
        assert fan.outcome is not None
        assert (await fan) is fan.outcome

    run(TOOLS, use)


def test_a_stream_ends_with_the_failure(run):
    async def use(session):
        seen: list[int] = []

        async def consume() -> None:
            async for branch in fan_out(session, [*calls(1.0), *calls(2.0, error="x"), *calls(9.0)]):
                seen.append(branch.index)  # noqa: PERF401 - what came before the failure is what counts

        with pytest.raises(FanOutFailed):
            await consume()
        assert seen == [0, 1]
        assert now() == 2.0

    run(TOOLS, use)


def test_leaving_a_stream_early_stops_the_branches(run):
    tool = FakeTool(seconds=9.0)

    async def use(session):
        async for branch in fan_out(session, [*calls(1.0), ("slow", {})]):
            assert branch.index == 0
            break
        await asyncio.sleep(0.5)
        assert tool.cancelled == 1

    run({**TOOLS, "slow": tool}, use)


def test_a_branch_that_ignores_its_cancellation_holds_nobody(run):
    async def use(session):
        outcome = await fan_out(
            session, [("stubborn", {"seconds": 100.0}), *calls(1.0)], merge=AllSettled(), branch_timeout_s=2.0
        )
        assert now() == 2.0
        assert outcome.branches[0].state is BranchState.TIMED_OUT
        assert outcome.branches[0].still_running
        assert outcome.branches[1].value == 1.0

    run(TOOLS, use, policy=Policy(grace_s=0.5))


def test_a_stuck_branch_keeps_its_slot_only_for_the_grace(run):
    async def use(session):
        branches = [("stubborn", {"seconds": 100.0}), *calls(1.0)]
        outcome = await fan_out(session, branches, merge=AllSettled(), branch_timeout_s=2.0, limits=Limits(total=1))
        assert outcome.branches[1].value == 1.0
        assert now() == 3.5

    run(TOOLS, use, policy=Policy(grace_s=0.5))


def test_limits_hold_per_tool_and_per_resource(run):
    running: dict[str, int] = {"a": 0, "b": 0}
    peak = dict(running)

    def tool(name: str) -> Any:
        async def call(id: int) -> int:
            running[name] += 1
            peak[name] = max(peak[name], running[name])
            await asyncio.sleep(1.0)
            running[name] -= 1
            return id

        return call

    async def use(session):
        wanted = [(name, {"id": id}) for id in range(6) for name in ("a", "b")]
        outcome = await fan_out(session, wanted, limits=Limits(tools={"a": 2}, resources={"shelf/*": 3}))
        assert len(outcome.value) == 12
        assert now() == 3.0

    specs = {
        "a": ToolSpec(name="a", effect=Effect.READ, reads=()),
        "b": ToolSpec(name="b", effect=Effect.READ, reads=("shelf/{id}",)),
    }
    run({"a": tool("a"), "b": tool("b")}, use, specs)
    assert peak == {"a": 2, "b": 3}


def test_the_deadline_of_the_whole_ends_any_policy(run):
    async def use(session):
        outcome = await fan_out(session, calls(1.0, 9.0), deadline_s=2.0)
        assert not outcome.ok
        assert outcome.branches[1].state is BranchState.TIMED_OUT
        outcome = await fan_out(session, calls(1.0, 9.0), merge=AllSettled(), deadline_s=2.0)
        assert [branch.state for branch in outcome.value] == [BranchState.DONE, BranchState.TIMED_OUT]
        assert isinstance(outcome.branches[1].error, TimeoutError)
        for merge in (FirstSuccess(), Quorum(1), Quorum(1, agree=True)):
            outcome = await fan_out(session, calls(8.0, 9.0), merge=merge, deadline_s=2.0)
            assert "in time" in str(outcome.error)
        assert now() == 10.0

    run(TOOLS, use)


def test_cancelling_whoever_awaits_leaves_nothing_running(run):
    tool = FakeTool(seconds=9.0)

    async def use(session):
        async def wait() -> None:
            await fan_out(session, [("slow", {}), ("slow", {})])

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(1.0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert tool.cancelled == 2

    run({"slow": tool}, use)


def test_a_tool_that_cancels_itself_has_failed(run):
    async def odd() -> None:
        raise asyncio.CancelledError

    async def use(session):
        outcome = await fan_out(session, [("odd", {}), *calls(1.0)], merge=AllSettled())
        assert [branch.state for branch in outcome.value] == [BranchState.FAILED, BranchState.DONE]

    run({**TOOLS, "odd": odd}, use)


def test_a_write_that_is_not_confirmed_is_a_failed_branch(run):
    spec = ToolSpec(
        name="pay", effect=Effect.WRITE, idempotent=True, reads=(), writes=("p/{id}",), dedup_key="{id}", confirm=True
    )

    async def use(session):
        outcome = await fan_out(session, [("pay", {"id": 1})], merge=AllSettled())
        assert isinstance(outcome.branches[0].error, CallRefused)

    run({"pay": FakeTool()}, use, {"pay": spec})


def test_no_calls_are_an_empty_success_or_a_clear_failure(run):
    async def use(session):
        assert (await fan_out(session, [])).value == []
        assert not (await fan_out(session, [], merge=FirstSuccess())).ok

    run(TOOLS, use)


def test_a_runtime_that_closes_fails_the_branches(run):
    async def use(session):
        fan = fan_out(session, calls(1.0), merge=AllSettled())
        await session.close()
        assert "closed" in str((await fan).branches[0].error)

    run(TOOLS, use)


@pytest.mark.parametrize(
    "settings",
    [{"branch_timeout_s": 0.0}, {"deadline_s": -1.0}, {"order": "random"}],
)
def test_settings_that_mean_nothing_are_refused(run, settings):
    async def use(session):
        with pytest.raises(SpeculateError):
            fan_out(session, calls(1.0), **settings)

    run(TOOLS, use)


def test_policies_that_mean_nothing_are_refused():
    for make in (lambda: Quorum(0), lambda: BestOf(len, within_s=0), lambda: Deadline(float("inf"))):
        with pytest.raises(SpeculateError):
            make()


def test_policies_are_values():
    assert All() == All()
    assert Quorum(2) != Quorum(3)
    assert hash(Deadline(1.0)) == hash(Deadline(1.0))
