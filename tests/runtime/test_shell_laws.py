"""The laws that are the shell's to keep, as properties: L7 (what is delivered is the caller's), L8 (closing), L9
(containment, of foreign code and of a defect in the core)."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speculate import Policy, Prediction, Runtime, ToolCall
from speculate.core import admission, launches
from speculate.core.benefit import Benefit
from speculate.core.latency import Latencies
from speculate.history import History, ResultSeen, snapshot
from speculate.notices import Fault, LaunchRetired, Notice, SessionClosed
from speculate.runtime.launching import Launcher
from speculate.testing import FakeTool, ScriptedPredictor, run_virtual
from tests.runtime.test_adversary import nothing_is_left
from tests.runtime.test_calls import GET, Log, guess, make

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def spoil(value: Any) -> None:
    """Change a result in place, all the way down."""
    if isinstance(value, list):
        for item in value:
            spoil(item)
        value.append("spoilt")
    elif isinstance(value, dict):
        for item in value.values():
            spoil(item)
        value["spoilt"] = True


@settings(max_examples=60, deadline=None)
@given(value=JSON, thinks=st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=2, max_size=4))
def test_a_caller_that_spoils_its_results_changes_nothing_for_anybody(value: Any, thinks: list[float]) -> None:
    """Law L7: however each was served, the next result and the history are as the tool gave them."""

    async def main() -> None:
        runtime, _ = make(FakeTool(lambda id: copy.deepcopy(value), 1.0), guess("a"), tail_s=3.0)
        async with runtime, runtime.session(user="go") as session:
            seen = []
            for think_s in thinks:
                await session.think(asyncio.sleep(think_s))
                result = await session.call("get", id="a")
                assert result == value
                seen.append(result)
                spoil(result)
            await asyncio.sleep(0.1)
            kept = [event.value for event in session.history.events if isinstance(event, ResultSeen)]
            assert kept == [snapshot(value)] * len(thinks)
            containers = [id(item) for item in seen if isinstance(item, list | dict)]
            assert len(set(containers)) == len(containers)

    run_virtual(main())


class Faulty:
    """Does at each moment what the script says: answer, raise, or answer nonsense."""

    def __init__(self, script: list[str]) -> None:
        self.script = iter(script)

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        match next(self.script, "good"):
            case "raise":
                raise ValueError("broken")
            case "nonsense":
                return "nonsense"  # type: ignore[return-value]  # that is the fault
            case "wrong":
                return guess("wrong")
            case _:
                return guess("a", "b")

    def observe(self, history: History, call: ToolCall) -> None:
        if next(self.script, "good") == "raise":
            raise ValueError("broken")


class FaultyObserver:
    def __init__(self, script: list[str]) -> None:
        self.script = iter(script)

    def notice(self, notice: Notice) -> None:
        if next(self.script, "good") != "good":
            raise ValueError("broken")


FAULTS = st.lists(st.sampled_from(["good", "raise", "nonsense", "wrong"]), max_size=20)


@settings(max_examples=60, deadline=None)
@given(faults=FAULTS, observer_faults=FAULTS, ids=st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=6))
def test_no_fault_of_a_predictor_or_observer_is_ever_seen_by_the_agent(
    faults: list[str], observer_faults: list[str], ids: list[str]
) -> None:
    """Law L9: the same results, in the same or less time, and an account that adds up."""

    async def play(speculation: bool) -> tuple[list[Any], float]:
        runtime = Runtime(
            {"get": FakeTool(lambda id: [id], 1.0)},
            {"get": GET},
            Faulty(faults),
            observers=[FaultyObserver(observer_faults)],
            policy=Policy(min_probability=0.1, predict_limit_s=None),
            speculation=speculation,
        )
        runtime.seed_latency("get", [1.0] * 9)
        seen = []
        async with runtime, runtime.session(user="go") as session:
            for id in ids:
                await session.think(asyncio.sleep(0.5))
                seen.append(await session.call("get", id=id))
            ended_at = runtime.now()
        assert runtime.ledger.open == 0
        return seen, ended_at

    seen_on, on_s = run_virtual(play(True))
    seen_off, off_s = run_virtual(play(False))
    assert seen_on == seen_off == [[id] for id in ids]
    assert on_s <= off_s


# L8


async def work(seconds: float, cleaning_up_s: float) -> None:
    """Work for so long; told to stop, go on for `cleaning_up_s` whatever anybody says."""
    loop = asyncio.get_running_loop()
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        until = loop.time() + cleaning_up_s
        while (left := until - loop.time()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                continue
        raise


class Drafting:
    """A drafter whose drafts take for ever."""

    def __init__(self, name: str, cleaning_up_s: float) -> None:
        self.name, self.cleaning_up_s = name, cleaning_up_s

    async def draft(self, history: History, limit: int) -> list[Prediction]:
        await work(1000.0, self.cleaning_up_s)
        return []


CLEANING_UP_S = st.lists(st.sampled_from([0.0, 0.25, 0.75, 2.0, 5.0]), max_size=3)


@settings(max_examples=80, deadline=None)
@given(tools=CLEANING_UP_S, drafters=CLEANING_UP_S, grace_s=st.sampled_from([0.5, 1.0, 4.0]), all_at_once=st.booleans())
def test_closing_waits_no_longer_than_the_grace_and_names_what_would_not_stop(
    tools: list[float], drafters: list[float], grace_s: float, all_at_once: bool
) -> None:
    """Law L8: exactly as long as the slowest to stop, at most the grace; everything ends and is accounted for."""

    async def main() -> None:
        log = Log()
        names = [f"get{index}" for index in range(len(tools))]

        def tool(cleaning_up_s: float) -> Any:
            async def get(id: str) -> None:
                await work(1000.0, cleaning_up_s)

            return get

        runtime = Runtime(
            {name: tool(seconds) for name, seconds in zip(names, tools, strict=True)},
            {name: replace(GET, name=name, timeout_s=500.0) for name in names},
            ScriptedPredictor([Prediction(name, {"id": "a"}, 0.9, 0.9) for name in names]),
            drafters=[Drafting(f"d{index}", seconds) for index, seconds in enumerate(drafters)],
            observers=[log],
            policy=Policy(min_probability=0.1, grace_s=grace_s, draft_timeout_s=500.0),
        )
        session = runtime.session("s", user="go")
        await asyncio.sleep(1.0)
        assert runtime.ledger.launched == len(tools)
        session.saw_user("on")  # the drafts for the state before are stopped, and may go on all the same
        await asyncio.sleep(0.125)
        began_at = runtime.now()
        unstopped = await (runtime.close() if all_at_once else session.close())
        lasting = [min(seconds, grace_s) for seconds in (*tools, *drafters)]
        assert runtime.now() - began_at == max(lasting, default=0.0)
        stubborn = {f"{name} {at}" for at, (name, s) in enumerate(zip(names, tools, strict=True), 1) if s > grace_s}
        stubborn |= {f"draft d{index} s" for index, seconds in enumerate(drafters) if seconds > grace_s}
        assert set(unstopped) == stubborn
        assert [set(notice.unstopped) for notice in log.of(SessionClosed)] == [stubborn]
        retired = sorted(notice.reason for notice in log.of(LaunchRetired))
        assert retired == sorted("abandoned" if seconds > grace_s else "closed" for seconds in tools)
        await asyncio.sleep(20.0)
        nothing_is_left(runtime)
        assert len(runtime.tasks) == 0

    run_virtual(main())


@settings(max_examples=60, deadline=None)
@given(cleaning_up=st.lists(st.sampled_from([0.0, 0.25, 2.0, 50.0]), min_size=1, max_size=3), cancels=st.booleans())
def test_a_launch_that_will_not_stop_holds_up_no_call(cleaning_up: list[float], cancels: bool) -> None:
    """Law L8: stale launches, and those of cancelled calls, clean up as slowly as they like."""

    async def main(speculation: bool) -> list[float]:
        runs = 0

        async def get(id: str) -> str:
            nonlocal runs
            runs += 1
            await work(1.0, cleaning_up[runs % len(cleaning_up)])
            return id

        runtime, _ = make(get, guess("a", "b"), speculation=speculation)
        took: list[float] = []
        async with runtime, runtime.session(user="go") as session:
            await session.think(asyncio.sleep(0.5))
            if cancels:
                joined = asyncio.ensure_future(session.call("get", id="b"))
                await asyncio.sleep(0.125)
                joined.cancel()
                await asyncio.sleep(0)
            for tool, arguments in (("set", {"id": "a"}), ("get", {"id": "a"}), ("get", {"id": "b"})):
                began_at = runtime.now()
                await session.call(tool, **arguments)
                took.append(runtime.now() - began_at)
        await asyncio.sleep(100.0)
        nothing_is_left(runtime)
        return took

    on, off = run_virtual(main(True)), run_virtual(main(False))
    assert all(with_guesses <= without for with_guesses, without in zip(on, off, strict=True))
    assert off == [1.0] * 3


# L9, for a defect of our own


class Dice:
    """Raises at the calls that the list names, of everything that is guarded together."""

    def __init__(self, raises_at: list[int]) -> None:
        self.calls, self.raises_at, self.rolls = 0, set(raises_at), False

    def guard(self, function: Any) -> Any:
        def call(*args: Any, **keywords: Any) -> Any:
            self.calls += self.rolls
            if self.rolls and self.calls in self.raises_at:
                raise RuntimeError(f"a defect at call {self.calls}")
            return function(*args, **keywords)

        return call


DEFECTS = [(Benefit, "_book"), (Benefit, "called"), (Latencies, "observe"), (Latencies, "hidden_s")]
SHELL_DEFECTS = [(Launcher, "launch"), (Launcher, "_start")]


@settings(max_examples=100, deadline=None)
@given(
    raises_at=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    ids=st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=6),
    in_the_shell=st.booleans(),
)
def test_no_defect_of_the_core_is_ever_seen_by_the_agent(
    raises_at: list[int], ids: list[str], in_the_shell: bool
) -> None:
    """Law L9: the same results, no launch is lost, and a fault says that speculation is off.

    In no more time, but for a call that waited for a launch at the very moment: that one starts afresh.
    """
    dice = Dice(raises_at)

    async def play(speculation: bool) -> tuple[list[Any], float]:
        runtime, log = make(FakeTool(lambda id: [id], 1.0), guess("a", "b"), speculation=speculation)
        dice.rolls = True
        seen = []
        async with runtime, runtime.session(user="go") as session:
            for id in ids:
                await session.think(asyncio.sleep(0.5))
                seen.append(await session.call("get", id=id))
                if id == "c":
                    seen.append(await session.call("set", id="a"))
            ended_at = runtime.now()
            was_on, faults = runtime.speculation, [fault for fault in log.of(Fault) if fault.kind == "core"]
            assert was_on == (not faults and speculation)
        nothing_is_left(runtime)
        return seen, ended_at

    with pytest.MonkeyPatch.context() as patch:
        if in_the_shell:
            for owner, name in SHELL_DEFECTS:
                patch.setattr(owner, name, dice.guard(getattr(owner, name)))
        else:
            patch.setattr(launches, "admit", dice.guard(admission.admit))
            for owner, name in DEFECTS:
                patch.setattr(owner, name, dice.guard(getattr(owner, name)))
        seen_on, on_s = run_virtual(play(True))
    seen_off, off_s = run_virtual(play(False))
    assert seen_on == seen_off
    assert on_s <= off_s + 1.0
