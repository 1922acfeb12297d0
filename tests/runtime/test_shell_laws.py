"""The laws that are the shell's to keep, as properties: L7 (what is delivered is the caller's) and L9 (containment)."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from speculate import Policy, Prediction, Runtime, ToolCall
from speculate.history import History, ResultSeen, snapshot
from speculate.notices import Notice
from speculate.testing import FakeTool, run_virtual
from tests.runtime.test_calls import GET, guess, make

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
