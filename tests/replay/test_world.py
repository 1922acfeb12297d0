"""The world's tools: what they return, how long they take, and what they refuse."""

from __future__ import annotations

import copy

import pytest

from speculate.calls import Outcome, Served
from speculate.errors import ReplayDivergence
from speculate.replay.answers import NEVER_MADE, Answer, RecordedFailure
from speculate.replay.script import write_scripts
from speculate.replay.world import World
from speculate.testing import run_virtual
from tests.replay.runs import SHOP, Call, cancel, get, session, stage, turn


def world_of(recorded, **more):
    made = stage(recorded)
    return World(SHOP, made.latency, **more), made.scripts[0]


def test_a_guess_returns_the_next_occurrences_result():
    """The result is that of the next call with the same key; after the last there is none."""
    recorded = session("s", turn(1.0, get("1", result="first")), turn(1.0, get("1", result="second")))

    async def main():
        world, script = world_of(recorded, keep_runs=True)
        state = world.enter(script)
        tool = world.tool("get_order")
        values = [(await tool(order_id="1")).value]
        for step in script.turns:
            state.announce(step)
            values.append((await tool(order_id="1")).value)
            state.answered(step, [Outcome(step.calls[0].call, await tool(order_id="1"))])
            values.append((await tool(order_id="1")).value)
        assert values == ["first", "first", "second", "second", NEVER_MADE]
        assert [run.real for run in world.runs] == [False, True, False, False, True, False, False]
        assert (await tool(order_id="1")).model_dump() == NEVER_MADE

    run_virtual(main())


def test_a_guess_that_never_comes_true_takes_the_same_time_always():
    """The draw depends on session and call alone."""

    async def main():
        world, script = world_of(session("s", turn(1.0, get("1"))))
        world.enter(script)
        tool = world.tool("get_order")
        times = []
        for _ in range(2):
            began = world.now()
            assert (await tool(order_id="other")).ok
            times.append(world.now() - began)
        assert times[0] > 0
        assert times[0] == pytest.approx(times[1])

    run_virtual(main())


def test_a_recorded_failure_is_raised_under_its_own_name():
    """ "Type: message" becomes an exception of that name; other text is kept whole."""
    recorded = session("s", turn(1.0, get("1", raised="TimeoutError: no answer"), get("2", raised="it broke: badly")))

    async def main():
        world, script = world_of(recorded)
        world.enter(script).announce(script.turns[0])
        with pytest.raises(RecordedFailure, match=r"^no answer$") as caught:
            await world.tool("get_order")(order_id="1")
        assert type(caught.value).__name__ == "TimeoutError"
        with pytest.raises(RecordedFailure, match=r"^it broke: badly$"):
            await world.tool("get_order")(order_id="2")

    run_virtual(main())


def test_few_slots_make_a_queue():
    """With one slot, two runs of half a second take a second; other tools are not held up."""
    import asyncio

    async def main():
        world, script = world_of(session("s", turn(1.0, get("1"), get("2"))), capacity={"get_order": 1})
        world.enter(script).announce(script.turns[0])
        tool = world.tool("get_order")
        await asyncio.gather(tool(order_id="1"), tool(order_id="2"))
        assert world.now() == 1.0

    run_virtual(main())


def test_a_tool_outside_any_session_is_a_divergence():
    """The world cannot know whose call it would be."""

    async def main():
        world, _ = world_of(session("s", turn(1.0, get("1"))))
        with pytest.raises(ReplayDivergence, match="outside of any session"):
            await world.tool("get_order")(order_id="1")

    run_virtual(main())


def test_a_missing_answer_is_a_divergence():
    """Every call of a turn must be answered."""

    async def main():
        world, script = world_of(session("s", turn(1.0, get("1"))))
        state = world.enter(script)
        state.announce(script.turns[0])
        with pytest.raises(ReplayDivergence, match="1 calls, 0 answers"):
            state.answered(script.turns[0], [])

    run_virtual(main())


def test_a_write_starts_once_for_each_call():
    """Two starts of a write for one announced call: one belongs to nobody."""

    async def main():
        world, script = world_of(session("s", turn(1.0, cancel("1"))))
        world.enter(script).announce(script.turns[0])
        tool = world.tool("cancel_order")
        await tool(order_id="1")
        assert world.safety.writes_launched == 0
        await tool(order_id="1")
        assert world.safety.writes_launched == 1

    run_virtual(main())


def test_identical_calls_of_a_turn_are_interchangeable():
    """Which of two equal calls gets which run is nobody's business; another turn's result is."""
    recorded = session("s", turn(1.0, get("1", result="a"), get("1", result="b")), turn(1.0, get("1", result="c")))

    async def main():
        world, script = world_of(recorded)
        state = world.enter(script)
        state.announce(script.turns[0])
        tool = world.tool("get_order")
        one, two = await tool(order_id="1"), await tool(order_id="1")
        calls = script.turns[0].calls
        state.answered(script.turns[0], [Outcome(calls[0].call, two), Outcome(calls[1].call, one)])
        assert world.safety.mismatched_results == 0
        state.announce(script.turns[1])
        state.answered(script.turns[1], [Outcome(script.turns[1].calls[0].call, one, served=Served.READY)])
        assert world.safety.mismatched_results == 1

    run_virtual(main())


def test_answers_tell_what_was_recorded():
    """A returned error is none of ours to raise, and a copy belongs to the same run."""
    recorded = session("s", turn(1.0, get("1", ok=False, result='{"error": "no such order"}')))

    async def main():
        world, script = world_of(recorded)
        world.enter(script).announce(script.turns[0])
        answer = await world.tool("get_order")(order_id="1")
        assert not answer.ok
        assert answer.value == '{"error": "no such order"}'
        assert answer.model_dump() == {"error": "no such order"}
        twin = copy.deepcopy(answer)
        assert isinstance(twin, Answer)
        assert twin is not answer
        assert twin.run is answer.run

    run_virtual(main())


def test_scripts_name_everything_once():
    """Two sessions of one id, two calls of one id, and rounds: every name stands for one thing."""
    twice = session("s", turn(None, Call("get_order", {"order_id": "1"}, None, id="x"), get("2", id="x")))
    scripts = write_scripts([twice, twice], SHOP, stage(twice).latency, rounds=2)
    assert [script.id for script in scripts] == ["s", "s#2", "s~2", "s#2~2"]
    assert [script.recorded_id for script in scripts] == ["s", "s#2", "s", "s#2"]
    assert [script.number for script in scripts] == [0, 1, 2, 3]
    assert [call.call.id for call in scripts[0].calls] == ["x", "x#2"]
    assert all(script.modelled for script in scripts)
    assert len({script.turns[0].llm_s for script in scripts}) == 4
    assert scripts[0].sequential_s == scripts[0].turns[0].llm_s + sum(call.tool_s for call in scripts[0].calls)
