"""Retries and hedges: bounded, only where they are safe, and they believe a server that says "later"."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import Any

import pytest

from speculate.errors import SpeculateError
from speculate.fanout import AllSettled, BranchState, FanOutRefused, FirstSuccess, Hedge, Quorum, Retry, fan_out
from speculate.fanout.retry import is_transient, retry_after_s, status_of
from speculate.spec import Effect, ToolSpec


class Busy(Exception):
    def __init__(self, **fields: Any) -> None:
        super().__init__("busy")
        self.__dict__.update(fields)


class Flaky:
    """Fails as often as told, then answers; notes when it was tried."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.tried: list[float] = []

    async def __call__(self, **arguments: Any) -> str:
        self.tried.append(asyncio.get_running_loop().time())
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_a_transient_failure_is_tried_again_after_a_drawn_pause(run):
    tool = Flaky(TimeoutError(), ConnectionResetError())

    async def use(session):
        outcome = await fan_out(session, [("flaky", {})], retry=Retry(), draw=random.Random(1))
        assert outcome.value == ["answer"]
        assert outcome.branches[0].attempts == 3
        assert "3 attempts" in str(outcome.branches[0])

    run({"flaky": tool}, use)
    source = random.Random(1)
    first, second = source.uniform(0, 0.25), source.uniform(0, 0.5)
    assert tool.tried == pytest.approx([0.0, first, first + second])


def test_retries_are_bounded_and_only_for_what_may_pass(run):
    busy, broken = Flaky(*[TimeoutError()] * 9), Flaky(ValueError("wrong"))

    async def use(session):
        outcome = await fan_out(session, [("busy", {}), ("broken", {})], merge=AllSettled(), retry=Retry(attempts=4))
        assert [branch.attempts for branch in outcome.branches] == [4, 1]
        assert [branch.state for branch in outcome.branches] == [BranchState.TIMED_OUT, BranchState.FAILED]

    run({"busy": busy, "broken": broken}, use)


def test_a_server_that_says_when_is_believed(run):
    tool = Flaky(Busy(status_code=429, retry_after_s=7.0))

    async def use(session):
        await fan_out(session, [("flaky", {})], retry=Retry(first_s=0.0))

    run({"flaky": tool}, use)
    assert tool.tried == [0.0, 7.0]


def test_a_wait_beyond_the_longest_ends_the_retries(run):
    tool = Flaky(Busy(retry_after_s=3600.0))

    async def use(session):
        assert not (await fan_out(session, [("flaky", {})], retry=Retry())).ok

    run({"flaky": tool}, use)
    assert len(tool.tried) == 1


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (Busy(retry_after=3), 3.0),
        (Busy(response=SimpleNamespace(status_code=429, headers={"Retry-After": "2.5"})), 2.5),
        (
            Busy(
                headers={
                    "retry-after": "Wed, 21 Oct 2026 07:28:10 GMT",
                    "date": "Wed, 21 Oct 2026 07:28:00 GMT",
                }
            ),
            10.0,
        ),
        (Busy(headers={"retry-after": "Wed, 21 Oct 2026 07:28:10 GMT"}), None),
        (Busy(headers={"retry-after": "soon"}), None),
        (Busy(headers={"retry-after": "-1"}), None),
        (Busy(retry_after_s=float("nan")), None),
        (Busy(), None),
    ],
)
def test_how_long_to_wait_is_read_from_what_errors_carry(error, seconds):
    assert retry_after_s(error) == seconds


def test_which_errors_are_worth_another_try():
    assert is_transient(Busy(status=503))
    assert is_transient(Busy(response=SimpleNamespace(status_code=429)))
    assert is_transient(Busy(retry_after=0))
    assert not is_transient(Busy(status_code=404))
    assert status_of(Busy(code="E42")) is None


@pytest.mark.parametrize("settings", [{"attempts": 0}, {"first_s": -1}, {"cap_s": -1}, {"longest_wait_s": -1}])
def test_a_retry_that_means_nothing_is_refused(settings):
    with pytest.raises(SpeculateError):
        Retry(**settings)


class Tail:
    """The n-th run takes the n-th of these seconds, and fails where told."""

    def __init__(self, *seconds: float, fails: tuple[int, ...] = ()) -> None:
        self.seconds, self.fails, self.runs, self.cancelled = seconds, fails, 0, 0

    async def __call__(self) -> int:
        run = self.runs
        self.runs += 1
        try:
            await asyncio.sleep(self.seconds[run])
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if run in self.fails:
            raise ValueError(run)
        return run


@pytest.mark.parametrize(
    ("tail", "hedge", "value", "at", "runs", "cancelled"),
    [
        (Tail(9.0, 1.0), Hedge(2.0), 1, 3.0, 2, 1),
        (Tail(4.0, 9.0), Hedge(2.0), 0, 4.0, 2, 1),
        (Tail(1.0), Hedge(2.0), 0, 1.0, 1, 0),
        (Tail(9.0, 1.0, fails=(1,)), Hedge(2.0), 0, 9.0, 2, 0),
        (Tail(9.0), Hedge(), 0, 9.0, 1, 0),  # nothing recorded yet: no p95 to go by
    ],
)
def test_a_hedge_answers_with_the_first_success_and_aborts_the_other(run, tail, hedge, value, at, runs, cancelled):
    async def use(session):
        outcome = await fan_out(session, [("tail", {})], hedge=hedge)
        assert outcome.value == [value]
        assert outcome.seconds == at
        assert outcome.branches[0].hedged is (runs == 2)

    run({"tail": tail}, use)
    assert (tail.runs, tail.cancelled) == (runs, cancelled)


def test_a_hedge_whose_requests_both_fail_is_a_failure(run):
    async def use(session):
        assert not (await fan_out(session, [("tail", {})], hedge=Hedge(2.0))).ok

    run({"tail": Tail(4.0, 4.0, fails=(0, 1))}, use)


def test_without_a_time_a_hedge_goes_by_the_recorded_p95(run):
    tail = Tail(9.0, 0.5)

    async def use(session):
        session._runtime.seed_latency("tail", [1.0] * 20)
        outcome = await fan_out(session, [("tail", {})], hedge=Hedge())
        assert outcome.seconds == 1.5

    run({"tail": tail}, use)


def test_a_hedge_that_means_nothing_is_refused():
    for settings in ({"after_s": -1.0}, {"quantile": 1.0}):
        with pytest.raises(SpeculateError):
            Hedge(**settings)


async def touch(id: int = 0) -> int:
    raise AssertionError("nothing may run")


UNDEDUPED = ToolSpec(name="touch", effect=Effect.WRITE, idempotent=True, reads=(), writes=("thing/{id}",))
CURSOR = ToolSpec(name="touch", effect=Effect.READ, idempotent=False, reads=())
KEYED = ToolSpec(name="touch", effect=Effect.WRITE, idempotent=True, reads=(), writes=("thing/{id}",), dedup_key="{id}")


@pytest.mark.parametrize(
    ("spec", "calls", "settings", "problem"),
    [
        (UNDEDUPED, 1, {}, "has a dedup key"),
        (ToolSpec.undeclared("touch"), 1, {}, "has a dedup key"),
        (KEYED, 1, {"merge": FirstSuccess()}, "under FirstSuccess"),
        (KEYED, 1, {"merge": Quorum(1)}, "under Quorum"),
        (KEYED, 1, {"hedge": Hedge(1.0)}, "only idempotent reads are hedged"),
        (CURSOR, 1, {"hedge": Hedge(1.0)}, "only idempotent reads are hedged"),
        (CURSOR, 1, {"retry": Retry()}, "only idempotent calls are retried"),
        (KEYED, 2, {}, "conflict over 'thing/0'"),
    ],
)
def test_what_is_not_safe_side_by_side_is_refused_before_anything_runs(run, spec, calls, settings, problem):
    async def use(session):
        with pytest.raises(FanOutRefused, match=problem) as caught:
            fan_out(session, [("touch", {"id": 0})] * calls, **settings)
        assert caught.value.problems

    run({"touch": touch}, use, {"touch": spec})


def test_every_refusal_is_named_and_a_long_list_is_cut(run):
    async def use(session):
        with pytest.raises(FanOutRefused, match="no tool is registered"):
            fan_out(session, [("nothing", {})])
        with pytest.raises(FanOutRefused, match="and 30 more") as caught:
            fan_out(session, [("touch", {"id": 0})] * 12)
        assert len(caught.value.problems) == 50

    run({"touch": touch}, use, {"touch": KEYED})


def test_idempotent_writes_with_dedup_keys_fan_out(run):
    done = []

    async def set_thing(id: int) -> int:
        done.append(id)
        return id

    async def use(session):
        outcome = await fan_out(session, [("safe_write", {"id": id}) for id in (1, 2, 3)], retry=Retry())
        assert outcome.value == [1, 2, 3]
        with pytest.raises(FanOutRefused, match="conflict over 'thing/1'"):
            fan_out(session, [("safe_write", {"id": 1}), ("look", {})])

    specs = {"look": ToolSpec(name="look", effect=Effect.READ)}
    run({"safe_write": set_thing, "look": set_thing}, use, specs)
    assert done == [1, 2, 3]
