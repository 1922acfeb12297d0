"""Plans that are dispatched while they are written, in the shapes of the LLMCompiler paper."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from speculate.calls import ToolCall
from speculate.errors import PlanError, SpeculateError
from speculate.history import CallMade
from speculate.plan import Finish, PlanFailed, PlanningContext, Replan, run_planned
from speculate.plan.readers import NumberedReader
from speculate.spec import Effect, ToolSpec
from speculate.testing import FakeTool


def now() -> float:
    return asyncio.get_running_loop().time()


async def search(query: str, seconds: float = 2.0) -> str:
    await asyncio.sleep(seconds)
    return f"about {query}"


async def math(expression: str, context: list[Any] | None = None) -> float:
    await asyncio.sleep(1.0)
    return float(eval(expression, {"__builtins__": {}}))


async def hang() -> None:
    await asyncio.Event().wait()


TOOLS = {"search": search, "math": math, "hang": hang}


def writes(*rounds: str, seconds_a_line: float = 0.0) -> Any:
    """A planner that writes these texts, one a round, a few characters at a time."""

    async def planner(context: PlanningContext) -> AsyncIterator[str]:
        text = rounds[context.round]
        context.used(100, 20)
        for line in text.splitlines(keepends=True):
            await asyncio.sleep(seconds_a_line)
            for start in range(0, len(line), 7):
                yield line[start : start + 7]

    return planner


async def finish_with_all(context: PlanningContext) -> Finish:
    return Finish(dict(context.results))


def test_parallel_search_and_compare(run):
    text = "".join(f'{n}. search("film {n}")\n' for n in range(1, 6)) + "6. join()<END_OF_PLAN>\n"

    async def use(session):
        outcome = await run_planned(session, writes(text), finish_with_all)
        assert outcome.result() == {str(n): f"about film {n}" for n in range(1, 6)}
        assert now() == 2.0
        assert (outcome.cost.turns, outcome.cost.one_call_turns) == (1, 6)
        assert (outcome.cost.tokens_in, outcome.cost.tokens_out) == (100, 20)
        assert outcome.cost.one_call_tokens_in is not None
        assert outcome.cost.one_call_tokens_in > 600

    run(TOOLS, use)


def test_tasks_start_while_the_planner_still_writes(run):
    text = '1. search("a")\n2. search("b")\n3. search("c")\n'

    async def use(session):
        outcome = await run_planned(session, writes(text, seconds_a_line=1.0))
        starts = [outcome.plan.tasks[id].started_s for id in "123"]
        assert starts == [1.0, 2.0, 3.0]
        assert now() == 5.0
        assert outcome.answer == {"1": "about a", "2": "about b", "3": "about c"}

    run(TOOLS, use)


def test_chained_arithmetic(run):
    text = (
        'Thought: add, then double.\n1. math("2 + 3")\n2. math("$1 * 2", ["$1"])\n'
        '3. math("${2} - $1", context=[$1, $2])\n4. join()\n'
    )

    async def use(session):
        outcome = await run_planned(session, writes(text))
        assert outcome.result() == 5.0
        assert now() == 3.0
        assert "used $2, $1" in outcome.story()

    run(TOOLS, use)


def test_a_replanning_game_goes_on_from_what_is_known(run):
    first, second = '1. math("1 + 1")\n2. join()\n', '1. math("1 + 1")\n2. math("$1 * 10")\n3. math("1 + 1")\n'

    async def join(context: PlanningContext) -> Finish | Replan:
        context.used(50, 5)
        if "2" not in context.results:
            assert context.next_id == 2
            return Replan("go on")
        assert context.feedback == "go on"
        return Finish(context.results["2"])

    async def use(session):
        outcome = await run_planned(session, writes(first, second), join)
        assert outcome.result() == 20.0
        assert outcome.rounds == 2
        assert outcome.plan.tasks["3"].carried_from == "1"
        assert outcome.plan.tasks["3"].value == 2.0
        assert "carried over from 1" in outcome.story()
        assert outcome.cost.turns == 4
        assert sum(isinstance(event, CallMade) for event in session.history.events) == 2

    run(TOOLS, use)


def test_a_write_is_not_run_twice_by_a_replan_and_stale_reads_are_forgotten(run):
    log: list[str] = []

    async def put(n: int) -> str:
        log.append("put")
        return "put"

    async def get() -> int:
        log.append("get")
        return len(log)

    async def join(context: PlanningContext) -> Finish | Replan:
        return Replan() if context.round == 0 else Finish(dict(context.results))

    specs = {
        "put": ToolSpec(name="put", effect=Effect.WRITE, reads=(), writes=("x",)),
        "get": ToolSpec(name="get", effect=Effect.READ, reads=("x",)),
    }

    async def use(session):
        text = "1. get()\n2. put(1)\n3. get()\n", "4. put(1)\n5. get()\n"
        outcome = await run_planned(session, writes(*text), join)
        assert outcome.answer == {"1": 1, "2": "put", "3": 3, "4": "put", "5": 3}
        assert [write.id for write in outcome.plan.writes] == ["2"]

    run({"put": put, "get": get}, use, specs)
    assert log == ["get", "put", "get"]


def test_a_read_that_a_write_came_after_is_made_again(run):
    log: list[str] = []

    async def put() -> None:
        log.append("put")

    async def get() -> int:
        log.append("get")
        return len(log)

    async def join(context: PlanningContext) -> Finish | Replan:
        return Replan() if context.round == 0 else Finish(dict(context.results))

    specs = {
        "put": ToolSpec(name="put", effect=Effect.WRITE, reads=(), writes=("x",)),
        "get": ToolSpec(name="get", effect=Effect.READ, reads=("x",)),
    }

    async def use(session):
        outcome = await run_planned(session, writes("1. get()\n2. put()\n", "3. get()\n"), join)
        assert outcome.answer == {"1": 1, "2": None, "3": 3}

    run({"put": put, "get": get}, use, specs)


def test_replans_are_bounded(run):
    async def join(context: PlanningContext) -> Replan:
        return Replan()

    async def use(session):
        text = ['1. search("a")\n', '2. search("b")\n', '3. search("c")\n']
        outcome = await run_planned(session, writes(*text), join, max_replans=2)
        assert not outcome.ok
        assert outcome.rounds == 3
        with pytest.raises(PlanFailed, match="more than 2 replans"):
            outcome.result()

    run(TOOLS, use)


def test_a_malformed_line_leaves_the_rest_running(run):
    text = '1. search("a")\n2. search("b\n3. fly("c")\n4. search("$2")\n5. search("d", 1.0, 3)\n6. search("$1")\n'

    async def use(session):
        outcome = await run_planned(session, writes(text), finish_with_all)
        assert outcome.result() == {"1": "about a", "6": "about about a"}
        found = [str(each) for each in outcome.malformed]
        assert [each.split(":")[0].split(",")[0] for each in found] == ["line 2", "line 3", "task 4", "line 5"]
        assert "write name=value" in found[1]
        assert "'2' names no earlier task" in found[2]
        assert "by position; it has query, seconds" in found[3]
        assert "not a task: line 2" in outcome.story()

    run(TOOLS, use)


def test_a_malformed_line_stops_the_plan_where_the_caller_says_so(run):
    async def use(session):
        text = '1. search("a")\n2. search("b\n3. search("c")\n'
        outcome = await run_planned(session, writes(text, seconds_a_line=0.5), on_malformed="stop")
        assert not outcome.ok
        assert outcome.plan.tasks["1"].state.value == "cancelled"
        assert "3" not in outcome.plan.tasks
        assert now() == 1.0
        with pytest.raises(SpeculateError, match="on_malformed"):
            await run_planned(session, writes(text), on_malformed="ignore")

    run(TOOLS, use)


def test_a_planner_that_stops_mid_line_is_a_clear_outcome(run):
    async def use(session):
        outcome = await run_planned(session, writes('1. search("a")\n2. search("b'), finish_with_all)
        assert outcome.result() == {"1": "about a"}
        assert str(outcome.malformed[0]) == "line 2, '2. search(\"b': the planner stopped in the middle of it"

    run(TOOLS, use)


def test_a_planner_that_raises_lets_what_it_wrote_finish(run):
    async def planner(context: PlanningContext) -> AsyncIterator[str]:
        yield '1. search("a")\n2. sea'
        raise ConnectionError("lost")

    async def use(session):
        outcome = await run_planned(session, planner)
        assert outcome.plan.problems == ("the planner failed: ConnectionError: lost",)
        assert outcome.plan.tasks["1"].ok
        assert not outcome.ok

    run(TOOLS, use)


def test_a_planner_or_a_tool_that_hangs_ends_at_the_deadline(run):
    async def planner(context: PlanningContext) -> AsyncIterator[str]:
        yield "1. hang()\n"
        await asyncio.Event().wait()

    async def use(session):
        outcome = await run_planned(session, planner, deadline_s=4.0)
        assert not outcome.ok
        assert outcome.plan.problems == ("it was not done within 4 s",)
        assert now() == 4.0

    run(TOOLS, use)


def test_cancelling_a_planned_run_leaves_nothing_running(run):
    tool = FakeTool(seconds=50.0)

    async def use(session):
        running = asyncio.create_task(run_planned(session, writes("1. slow()\n2. slow(n=1)\n")))
        await asyncio.sleep(1.0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert tool.cancelled == 2

    run({"slow": tool}, use)


def test_a_planner_that_never_stops_is_stopped(run):
    async def planner(context: PlanningContext) -> AsyncIterator[str]:
        number = 0
        while True:
            number += 1
            yield f'{number}. search("{number}")\n'

    async def use(session):
        outcome = await run_planned(session, planner, max_tasks=50)
        assert "more than 50 tasks" in outcome.plan.problems[0]
        assert len(outcome.plan.tasks) == 50

    run(TOOLS, use)


def test_plans_come_as_json_lines_and_as_a_turns_calls(run):
    async def lines(context: PlanningContext) -> AsyncIterator[str]:
        yield '{"id": 1, "tool": "search", "arguments": {"query": "a"}}\n\n```\nnonsense\n{"id": "2", "tool": "se'
        yield 'arch", "arguments": {"query": "$1"}, "when": [{"of": "$1", "contains": "a"}]}\n'
        yield '{"join": true}\n{"id": 3}\n'

    async def calls(context: PlanningContext) -> AsyncIterator[Any]:
        yield ToolCall("search", {"query": "a"})
        yield {"id": "x", "function": {"name": "search", "arguments": '{"query": "$1"}'}}
        yield {"name": "search", "input": {"query": "c"}}
        yield {"name": "search", "arguments": "{"}
        yield {"function": 3}

    async def use(session):
        fly = await run_planned(session, writes("1. fly(q='a')\n"))
        assert "there is no tool 'fly'" in str(fly.malformed[0])
        outcome = await run_planned(session, lines, reads="jsonl")
        assert outcome.answer == "about about a"
        assert len(outcome.malformed) == 1
        outcome = await run_planned(session, calls, reads="calls")
        assert outcome.answer == {"2": "about about a", "3": "about c"}
        assert len(outcome.malformed) == 2
        outcome = await run_planned(session, writes("1. search(q='a')\n"), reads=lambda context: NumberedReader())
        assert "is required and missing" in str(outcome.malformed[0])
        with pytest.raises(PlanError, match="reads is"):
            await run_planned(session, writes(""), reads="yaml")

    run(TOOLS, use)


def test_conflicting_tasks_of_a_stream_run_in_the_order_they_were_written(run):
    running: list[str] = []

    async def write(id: str) -> None:
        assert not running
        running.append(id)
        await asyncio.sleep(1.0)
        running.remove(id)

    async def use(session):
        outcome = await run_planned(session, writes('1. write("a")\n2. write("a")\n3. search("b")\n'))
        assert outcome.ok
        assert outcome.plan.tasks["2"].waited_for == ("1",)
        assert now() == 2.0

    run({**TOOLS, "write": write}, use)


def test_a_join_step_that_answers_nonsense_is_an_error(run):
    async def join(context: PlanningContext) -> Any:
        return 5

    async def use(session):
        with pytest.raises(PlanError, match="answers Finish"):
            await run_planned(session, writes("1. join()\n"), join)

    run(TOOLS, use)


def test_failures_and_ids_that_are_taken_are_told(run):
    async def broken() -> None:
        raise ValueError("no")

    async def join(context: PlanningContext) -> Finish | Replan:
        return Replan() if context.round == 0 else Finish((dict(context.failures), len(context.malformed)))

    async def use(session):
        outcome = await run_planned(session, writes("1. broken()\n2. search($1)\n", '1. search("x")\n'), join)
        failures, malformed = outcome.result()
        assert failures == {"1": "ValueError: no", "2": "task 1 failed"}
        assert malformed == 1
        assert "go on numbering" in str(outcome.malformed[0])

    run({**TOOLS, "broken": broken}, use)


def test_a_plan_from_a_planner_may_hand_off_and_retry_only_where_it_is_safe(run):
    from speculate.fanout import Hedge, Retry
    from speculate.plan import Handoff, Plan, Task, TaskPolicy

    class Given:
        def feed(self, piece: Any) -> list[Any]:
            return [piece]

        def end(self) -> list[Any]:
            return []

    async def planner(context: PlanningContext) -> AsyncIterator[Any]:
        inner = Plan((Task("1", "search", {"query": "$input.q"}),))
        yield Task("1", "search", {"query": "a"}, policy=TaskPolicy(optional=True))
        yield Handoff("2", inner, {"q": "$1"})
        yield Task("3", "write", {"id": 1}, policy=TaskPolicy(retry=Retry(), hedge=Hedge()))

    async def use(session):
        outcome = await run_planned(session, planner, reads=lambda context: Given())
        assert outcome.answer == "about about a"
        assert "not idempotent" in str(outcome.malformed[0])
        assert "no idempotent read" in str(outcome.malformed[0])

    run({**TOOLS, "write": FakeTool()}, use)
