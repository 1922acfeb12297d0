"""Plans run through the real runtime, under the virtual clock."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from speculate.core.policy import Policy
from speculate.fanout import CallRefused, Hedge, Limits, Retry
from speculate.plan import (
    Handoff,
    InvalidPlan,
    Plan,
    PlanFailed,
    PlanRun,
    State,
    Task,
    TaskPolicy,
    Undo,
    When,
    run_plan,
)
from speculate.spec import Effect, ToolSpec
from speculate.testing import FakeTool


def now() -> float:
    return asyncio.get_running_loop().time()


async def sleeper(seconds: float = 1.0, value: Any = None, **_: Any) -> Any:
    await asyncio.sleep(seconds)
    return value


async def broken(seconds: float = 1.0, **_: Any) -> Any:
    await asyncio.sleep(seconds)
    raise ValueError("broken")


async def echo(**arguments: Any) -> Any:
    return arguments


async def stubborn(seconds: float) -> str:
    until = now() + seconds
    while now() < until:
        try:
            await asyncio.sleep(until - now())
        except asyncio.CancelledError:
            continue
    return "at last"


TOOLS = {"sleeper": sleeper, "broken": broken, "echo": echo, "stubborn": stubborn}


def task(id: str, tool: str = "sleeper", **settings: Any) -> Task:
    return Task(id, tool, **settings)


def states(outcome) -> dict[str, str]:
    return {id: each.state.value for id, each in outcome.tasks.items()}


def test_placeholders_keep_their_type_alone_and_are_written_into_text(run):
    async def use(session):
        plan = Plan(
            (
                task("1", arguments={"seconds": 1.0, "value": {"orders": [{"id": 7, "tags": ["a"]}]}}),
                task(
                    "2",
                    "echo",
                    arguments={"id": "$1.orders[0].id", "text": "order $1.orders[-1].id: $1.orders[0]", "price": "$$5"},
                ),
            )
        )
        outcome = await run_plan(session, plan)
        assert outcome.result() == {"id": 7, "text": 'order 7: {"id": 7, "tags": ["a"]}', "price": "$5"}
        assert outcome.tasks["2"].consumed == ("$1.orders[0].id", "$1.orders[-1].id", "$1.orders[0]")
        assert outcome.tasks["2"].waited_for == ("1",)
        assert outcome.seconds == now() == 1.0

    run(TOOLS, use)


def test_two_tasks_fed_by_one_result_cannot_change_each_others_input(run):
    async def greedy(items: list[int]) -> int:
        items.clear()
        await asyncio.sleep(1.0)
        return len(items)

    async def use(session):
        plan = Plan(
            (
                task("1", arguments={"value": [1, 2]}),
                task("2", "greedy", arguments={"items": "$1"}),
                task("3", "echo", arguments={"items": "$1"}, after=("2",)),
            ),
        )
        outcome = await run_plan(session, plan)
        assert outcome.value == {"items": [1, 2]}
        assert outcome.tasks["1"].value == [1, 2]

    run({**TOOLS, "greedy": greedy}, use)


def test_five_two_second_reads_take_two_seconds(run):
    async def use(session):
        searches = [task(str(number), arguments={"seconds": 2.0, "value": number}) for number in range(1, 6)]
        compare = task("6", "echo", arguments={"all": ["$1", "$2", "$3", "$4", "$5"]})
        outcome = await run_plan(session, Plan((*searches, compare)))
        assert outcome.value == {"all": [1, 2, 3, 4, 5]}
        assert outcome.seconds == 2.0

    run(TOOLS, use)


def test_a_failed_task_fails_only_what_depends_on_it(run):
    async def use(session):
        plan = Plan(
            (
                task("1", "broken"),
                task("2", arguments={"value": "$1"}),
                task("3", arguments={"value": "$2.x"}),
                task("4", arguments={"seconds": 3.0}),
                task("5", "echo", arguments={"of": "$4"}),
            ),
            name="shop",
        )
        outcome = await run_plan(session, plan)
        assert states(outcome) == {"1": "failed", "2": "skipped", "3": "skipped", "4": "done", "5": "done"}
        assert outcome.tasks["3"].poisoned_by == "1"
        assert outcome.tasks["3"].reason == "task 1 failed, and task 2 with it"
        with pytest.raises(PlanFailed, match="ValueError: broken") as caught:
            outcome.result()
        assert isinstance(caught.value.__cause__, ValueError)
        story = outcome.story()
        assert story.index("task 1:") < story.index("task 4:") < story.index("task 2:")
        assert "because of 1" in story

    run(TOOLS, use)


def test_the_story_is_one_line_per_task_in_the_order_they_ended(run):
    async def use(session):
        plan = Plan(
            (
                task("slow", arguments={"seconds": 3.0, "value": 1}),
                task("quick", arguments={"seconds": 1.0, "value": 2}),
                task("both", "echo", arguments={"a": "$slow", "b": "$quick"}),
            ),
            name="trip",
        )
        outcome = await run_plan(session, plan, limits=Limits(total=1))
        lines = outcome.story().splitlines()
        assert lines[0] == "trip: succeeded in 4.00 s"
        assert lines[1] == "    0.00 – 3.00 s  task slow: sleeper(seconds=3.0, value=1); done"
        assert "waited 3.00 s for a slot" in lines[2]
        assert lines[3].endswith("done; waited for slow, quick, the last was quick; used $slow, $quick")

    run(TOOLS, use)


def test_a_condition_takes_one_branch_and_a_join_goes_on_behind_it(run):
    async def use(session):
        plan = Plan(
            (
                task("1", "echo", arguments={"status": "open"}),
                task("open", "echo", arguments={"was": "$1.status"}, when=(When("$1.status", "equals", "open"),)),
                task("closed", "echo", when=(When("$1.status", "differs", "open"),)),
                task("after_closed", "echo", after=("closed",)),
                task("join", "echo", arguments={"a": "$open.was", "b": "$closed.was"}, needs="any"),
            ),
            result="$join",
        )
        outcome = await run_plan(session, plan)
        assert outcome.result() == {"a": "open", "b": None}
        assert states(outcome) == {
            "1": "done",
            "open": "done",
            "closed": "skipped",
            "after_closed": "skipped",
            "join": "done",
        }
        assert outcome.tasks["closed"].reason == "the condition $1.status differs 'open' does not hold"
        assert outcome.tasks["after_closed"].poisoned_by == "closed"

    run(TOOLS, use)


def test_a_join_none_of_whose_branches_ran_is_skipped(run):
    async def use(session):
        plan = Plan(
            (
                task("1", "broken"),
                task("2", "broken", arguments={"seconds": 2.0}),
                task("3", "echo", after=("1", "2"), needs="any"),
            )
        )
        outcome = await run_plan(session, plan)
        assert states(outcome)["3"] == "skipped"

    run(TOOLS, use)


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        (When("$1.n", "above", 3), True),
        (When("$1.n", "below", 3), False),
        (When("$1.text", "above", 3), False),
        (When("$1.n", "one_of", [5, 6]), True),
        (When("$1.text", "contains", "bc"), True),
        (When("$1.n", "contains", 1), False),
        (When("$1.nothing", "exists"), False),
        (When("$1.nothing", "exists", value=False), True),
        (When("$1.n"), True),
        (When("$1.n", test=lambda n: n == 5), True),
    ],
)
def test_what_conditions_can_ask(run, when, holds):
    async def use(session):
        plan = Plan((task("1", "echo", arguments={"n": 5, "text": "abc"}), task("2", "echo", when=(when,))))
        assert states(await run_plan(session, plan))["2"] == ("done" if holds else "skipped")
        assert str(when)

    run(TOOLS, use)


def test_a_condition_that_raises_or_a_placeholder_that_leads_nowhere_fails_its_task_only(run):
    async def use(session):
        plan = Plan(
            (
                task("1", "echo", arguments={"n": 5}),
                task("2", "echo", when=(When("$1.n", test=lambda n: n["x"]),)),
                task("3", "echo", arguments={"x": "$1.m.z"}),
                task("4", "echo", when=(When("$1.m", "equals", 1),)),
                task("5", "echo", arguments={"x": "$1.n"}),
            )
        )
        outcome = await run_plan(session, plan)
        assert states(outcome) == {"1": "done", "2": "failed", "3": "failed", "4": "failed", "5": "done"}
        assert "raised TypeError" in outcome.tasks["2"].reason
        assert outcome.tasks["3"].reason == "$1.m.z: .m is not there; the result has n"

    run(TOOLS, use)


def test_an_optional_task_that_fails_is_null_to_what_uses_it(run):
    async def use(session):
        plan = Plan(
            (
                task("1", "broken", policy=TaskPolicy(optional=True)),
                task("2", "echo", arguments={"x": "$1.deep"}),
            )
        )
        outcome = await run_plan(session, plan)
        assert outcome.result() == {"x": None}

    run(TOOLS, use)


def test_a_handoff_runs_another_plan_in_a_tasks_place(run):
    async def use(session):
        inner = Plan(
            (
                task("1", arguments={"seconds": 1.0, "value": "hello $input.who.name"}),
                task("2", "echo", arguments={"text": "$1", "fixed": "$input.fixed"}),
            ),
            name="greet",
        )
        plan = Plan(
            (
                task("1", "echo", arguments={"name": "Ada"}),
                Handoff("2", inner, inputs={"who": "$1", "fixed": 3}),
                task("3", "echo", arguments={"said": "$2.text"}),
            )
        )
        outcome = await run_plan(session, plan)
        assert outcome.result() == {"said": "hello Ada"}
        assert outcome.tasks["2"].value == {"text": "hello Ada", "fixed": 3}
        assert outcome.tasks["2/1"].ok

    run(TOOLS, use)


def test_a_handoff_that_is_not_taken_runs_nothing(run):
    async def use(session):
        inner = Plan((task("1", "echo"), task("2", "echo", after=("1",)), task("3", "echo")))
        plan = Plan((task("1", "echo", arguments={"go": False}), Handoff("2", inner, when=(When("$1.go"),))))
        outcome = await run_plan(session, plan)
        assert states(outcome) == {"1": "done", "2/1": "skipped", "2/2": "skipped", "2/3": "skipped", "2": "skipped"}

    run(TOOLS, use)


def test_a_task_that_hangs_fails_at_its_timeout_and_holds_nobody(run):
    async def use(session):
        plan = Plan(
            (
                task("1", "stubborn", arguments={"seconds": 50.0}, policy=TaskPolicy(timeout_s=2.0)),
                task("2", "sleeper"),
                task("3", "echo", after=("1",)),
            )
        )
        outcome = await run_plan(session, plan, limits=Limits(total=1))
        assert states(outcome) == {"1": "failed", "2": "done", "3": "skipped"}
        assert outcome.tasks["1"].still_running
        assert now() == 3.5
        assert "ignores its cancellation" in outcome.story()

    run(TOOLS, use, policy=Policy(grace_s=0.5))


def test_a_tool_that_cancels_itself_has_failed(run):
    async def odd() -> None:
        raise asyncio.CancelledError

    async def use(session):
        outcome = await run_plan(session, Plan((task("1", "odd"), task("2", "echo"))))
        assert states(outcome) == {"1": "failed", "2": "done"}

    run({**TOOLS, "odd": odd}, use)


def test_a_deadline_cancels_what_is_not_done(run):
    async def use(session):
        plan = Plan((task("1"), task("2", arguments={"seconds": 9.0}), task("3", "echo", after=("2",))))
        outcome = await run_plan(session, plan, deadline_s=2.0)
        assert states(outcome) == {"1": "done", "2": "cancelled", "3": "cancelled"}
        assert outcome.problems == ("it was not done within 2 s",)
        assert outcome.tasks["2"].reason == "it was not done within 2 s"
        assert not outcome.ok
        assert now() == 2.0

    run(TOOLS, use)


def test_cancelling_the_caller_leaves_nothing_running(run):
    tool = FakeTool(seconds=9.0)

    async def use(session):
        plan = Plan(
            [task(id, "slow", arguments={"n": id}, after=after) for id, after in (("1", ()), ("2", ()), ("3", ("1",)))]
        )
        running = asyncio.create_task(run_plan(session, plan, start_early=False))
        await asyncio.sleep(1.0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert tool.cancelled == 2
        await asyncio.sleep(50.0)
        assert len(tool.started) == 2

    run({"slow": tool}, use)


def test_retries_are_the_tasks_own(run):
    tries: list[int] = []

    async def flaky() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise TimeoutError
        return "ok"

    async def use(session):
        plan = Plan((task("1", "flaky", policy=TaskPolicy(retry=Retry(first_s=0.0))),))
        outcome = await run_plan(session, plan)
        assert outcome.result() == "ok"
        assert outcome.tasks["1"].attempts == 3
        assert "in 3 attempts" in outcome.story()

    run({"flaky": flaky}, use)


BOOK = ToolSpec(name="book", effect=Effect.WRITE, reads=(), writes=("seat/{seat}",), compensate="unbook")
UNBOOK = ToolSpec(name="unbook", effect=Effect.WRITE, reads=(), writes=("seat/*",))
PAY = ToolSpec(name="pay", effect=Effect.WRITE, reads=(), writes=("card",))


class Shop:
    """Books and unbooks; notes what was done."""

    def __init__(self) -> None:
        self.log: list[Any] = []

    def tools(self) -> dict[str, Any]:
        async def book(seat: str) -> dict[str, str]:
            self.log.append(("book", seat))
            return {"booking": f"b-{seat}"}

        async def unbook(booking: str) -> None:
            self.log.append(("unbook", booking))
            if booking == "b-9":
                raise ValueError("too late")

        async def pay(amount: int) -> None:
            self.log.append(("pay", amount))
            raise RuntimeError("declined")

        return {**TOOLS, "book": book, "unbook": unbook, "pay": pay}


SPECS = {"book": BOOK, "unbook": UNBOOK, "pay": PAY}


def test_a_failed_plans_writes_are_undone_the_last_first(run):
    shop = Shop()

    async def use(session):
        plan = Plan(
            (
                task("a", "book", arguments={"seat": "1"}),
                task("b", "book", arguments={"seat": "9"}, after=("a",)),
                task("c", "book", arguments={"seat": "3"}, after=("b",)),
                task("d", "pay", arguments={"amount": 5}, after=("c",)),
            )
        )
        outcome = await run_plan(session, plan)
        assert [each.task for each in outcome.compensations] == ["c", "b", "a"]
        assert [write.id for write in outcome.writes] == ["a", "b", "c"]
        assert [write.id for write in outcome.standing_writes] == ["b"]
        assert [write.id for write in outcome.uncertain_writes] == ["d"]
        story = outcome.story()
        assert "task b could not be undone (ValueError: too late) by unbook(booking='b-9')" in story
        assert "writes that stand: b" in story
        assert "writes that may have happened: d" in story

    run(shop.tools(), use, SPECS)
    assert shop.log[4:] == [("unbook", "b-3"), ("unbook", "b-9"), ("unbook", "b-1")]


def test_what_undoes_a_task_may_be_said_by_the_task(run):
    shop = Shop()

    async def use(session):
        undo = TaskPolicy(undo=Undo("unbook", {"booking": "$a.booking"}))
        bad = TaskPolicy(undo=Undo("unbook", {"booking": "$b.nothing"}))
        plan = Plan(
            (
                task("a", "book", arguments={"seat": "1"}, policy=undo),
                task("b", "book", arguments={"seat": "2"}, policy=bad, after=("a",)),
                task("c", "pay", arguments={"amount": 5}, after=("a", "b")),
            )
        )
        outcome = await run_plan(session, plan)
        assert [each.ok for each in outcome.compensations] == [False, True]
        assert not (await run_plan(session, plan, compensate=False)).compensations

    run(shop.tools(), use, SPECS)


def test_a_plan_that_succeeds_undoes_nothing_and_a_cancelled_one_starts_nothing_more(run):
    shop = Shop()

    async def use(session):
        book = task("a", "book", arguments={"seat": "1"})
        assert not (await run_plan(session, Plan((book,)))).compensations
        outcome = await run_plan(session, Plan((book, task("b", arguments={"seconds": 9.0}))), deadline_s=1.0)
        assert not outcome.compensations
        assert [write.id for write in outcome.standing_writes] == ["a"]

    run(shop.tools(), use, SPECS)
    assert shop.log == [("book", "1"), ("book", "1")]


def test_a_write_that_is_not_confirmed_has_failed_and_did_not_run(run):
    spec = ToolSpec(name="pay", effect=Effect.WRITE, reads=(), writes=("card",), confirm=True)
    tool = FakeTool()

    async def use(session):
        outcome = await run_plan(session, Plan((task("1", "pay"), task("2", "echo", after=("1",)))))
        assert isinstance(outcome.tasks["1"].error, CallRefused)
        assert not outcome.uncertain_writes
        assert states(outcome) == {"1": "failed", "2": "skipped"}

    run({**TOOLS, "pay": tool}, use, {"pay": spec})
    assert not tool.started


def test_a_plan_that_does_not_compile_runs_nothing(run):
    tool = FakeTool()

    async def use(session):
        with pytest.raises(InvalidPlan):
            await run_plan(session, Plan((task("1", "slow"), task("2", "slow", after=("9",)))))

    run({"slow": tool}, use)
    assert not tool.started


def test_a_branch_whose_arguments_are_known_starts_before_its_condition_is_decided(run):
    taken, lost = FakeTool("taken", seconds=3.0), FakeTool("lost", seconds=3.0)

    async def use(session):
        session._runtime.seed_latency("taken", [3.0] * 20)
        plan = Plan(
            (
                task("1", arguments={"seconds": 2.0, "value": "left"}),
                task("2", "taken", arguments={"n": 1}, when=(When("$1", "equals", "left"),)),
                task("3", "lost", arguments={"n": 1}, when=(When("$1", "equals", "right"),)),
            ),
            result="$2",
        )
        outcome = await run_plan(session, plan)
        assert outcome.result() == "taken"
        assert outcome.seconds == 3.0
        assert states(outcome) == {"1": "done", "2": "done", "3": "skipped"}
        assert "started early" in outcome.story()
        results = [event for event in session.history.events if getattr(event, "value", None) == "lost"]
        assert not results

    run({**TOOLS, "taken": taken, "lost": lost}, use, policy=Policy(min_probability=0.1))
    assert len(taken.started) == len(lost.started) == 1
    assert (taken.cancelled, lost.cancelled) == (0, 1)  # at once when its condition is decided, not when it ends


def test_no_write_and_nothing_behind_a_conflicting_write_starts_early(run):
    shop = Shop()
    look = FakeTool("seat", seconds=3.0)
    specs = {**SPECS, "look": ToolSpec(name="look", effect=Effect.READ, reads=("seat/{seat}",))}

    async def use(session):
        plan = Plan(
            (
                task("1", arguments={"seconds": 2.0, "value": "no"}),
                task("2", "book", arguments={"seat": "1"}, when=(When("$1", "equals", "yes"),)),
                task("3", "book", arguments={"seat": "2"}, after=("1",)),
                task("4", "look", arguments={"seat": "2"}, after=("3",), when=(When("$1", "equals", "no"),)),
            )
        )
        outcome = await run_plan(session, plan, conflicts="order")
        assert outcome.ok
        assert now() == 5.0

    run({**shop.tools(), "look": look}, use, specs, policy=Policy(min_probability=0.1))
    assert shop.log == [("book", "2")]
    assert len(look.started) == 1


def test_tasks_may_be_added_while_others_run(run):
    from speculate.plan.compile import compile_plan
    from speculate.plan.host import toolbox_of

    async def use(session):
        plan = compile_plan(Plan((task("1"), task("2", after=("1",)))), toolbox_of(session))
        under_way = PlanRun(session)
        under_way.add(plan.nodes[:1])
        await under_way.settled()
        assert under_way.state(0) is State.DONE
        under_way.add(plan.nodes[1:])
        under_way.end_of_plan()
        assert (await under_way.outcome()).ok
        assert now() == 2.0

    run(TOOLS, use)


def test_what_undoes_a_write_takes_its_arguments_where_its_parameters_are_not_known(run):
    log: list[Any] = []

    async def undo(**arguments: Any) -> None:
        log.append(arguments)

    async def book(seat: str) -> str:
        return "booked"

    specs = {
        "book": ToolSpec(name="book", effect=Effect.WRITE, reads=(), writes=("seat/{seat}",), compensate="undo"),
        "undo": ToolSpec(name="undo", effect=Effect.WRITE, reads=(), writes=("seat/*",)),
        "nothing": ToolSpec(name="nothing", effect=Effect.WRITE, reads=(), writes=("n",)),
        "lost": ToolSpec(name="lost", effect=Effect.WRITE, reads=(), writes=("l",), compensate="not_there"),
        "asks": ToolSpec(name="asks", effect=Effect.WRITE, reads=(), writes=("a",), compensate="confirmed"),
        "confirmed": ToolSpec(name="confirmed", effect=Effect.WRITE, reads=(), writes=("a",), confirm=True),
    }

    async def use(session):
        plan = Plan(
            (
                task("1", "book", arguments={"seat": "1"}),
                task("2", "nothing", after=("1",)),
                task("3", "lost", after=("2",)),
                task("4", "asks", after=("3",)),
                task("5", "broken", after=("4",)),
            )
        )
        outcome = await run_plan(session, plan)
        assert [(each.task, each.ok) for each in outcome.compensations] == [("4", False), ("3", False), ("1", True)]
        assert isinstance(outcome.compensations[0].error, CallRefused)
        assert "no tool is registered" in str(outcome.compensations[1].error)

    others = {name: FakeTool() for name in ("nothing", "lost", "asks", "confirmed")}

    async def confirm(call: Any) -> bool:
        return False

    run({**TOOLS, "book": book, "undo": undo, **others}, use, specs, confirmer=confirm)
    assert log == [{"seat": "1"}]


def test_a_session_that_closes_fails_what_is_left_and_a_hanging_tool_fails_in_the_end(run):
    async def hang() -> None:
        await asyncio.Event().wait()

    async def use(session):
        outcome = await run_plan(session, Plan((task("1", "hang"), task("2", "echo"))))
        assert states(outcome) == {"1": "failed", "2": "done"}
        assert now() == 600.0
        plan = Plan((task("1"), task("2", "echo", after=("1",)), task("3", policy=TaskPolicy(retry=Retry()))))
        under_way = asyncio.create_task(run_plan(session, plan))
        await asyncio.sleep(0.5)
        await session.close()
        outcome = await under_way
        assert states(outcome)["2"] == "failed"
        assert "closed" in outcome.tasks["2"].reason

    run({**TOOLS, "hang": hang}, use)


def test_an_empty_plan_and_a_result_that_leads_nowhere_have_clear_outcomes(run):
    async def use(session):
        outcome = await run_plan(session, Plan(()))
        assert outcome.ok
        assert outcome.value == {}
        outcome = await run_plan(session, Plan((task("1", "echo", arguments={"a": 1}),), result="$1.b"))
        assert outcome.problems == ("the plan's result: $1.b: .b is not there; the result has a",)
        with pytest.raises(PlanFailed):
            outcome.result()

    run(TOOLS, use)


def test_being_put_in_order_does_not_make_a_result_one_that_is_used(run):
    async def use(session):
        plan = Plan((task("1", "undeclared"), task("2", "undeclared")))
        outcome = await run_plan(session, plan, conflicts="order")
        assert outcome.result() == {"1": None, "2": None}
        assert outcome.tasks["2"].waited_for == ("1",)

    run({"undeclared": FakeTool(seconds=1.0)}, use, {"undeclared": ToolSpec.undeclared("undeclared")})


def test_an_early_read_whose_placeholder_leads_nowhere_or_whose_runtime_does_not_speculate_is_not_offered(run):
    look = FakeTool("x", seconds=1.0)

    async def use(session):
        plan = Plan(
            (
                task("0", "echo", arguments={"n": 1}),
                task("1", arguments={"seconds": 2.0, "value": True}),
                task("2", "look", arguments={"n": "$0.m"}, when=(When("$1"),)),
                task("3", "look", arguments={"n": "$0.n"}, when=(When("$1"),)),
            )
        )
        outcome = await run_plan(session, plan)
        assert states(outcome) == {"0": "done", "1": "done", "2": "failed", "3": "done"}
        assert now() == 3.0

    run({**TOOLS, "look": look}, use, policy=Policy(min_probability=0.1), speculation=False)
    assert len(look.started) == 1


def test_schemas_given_by_hand_join_those_of_the_signatures(run):
    from speculate.plan import ToolSchema
    from speculate.plan.host import toolbox_of

    async def use(session):
        session._runtime.seed_latency("sleeper", [2.0] * 8)
        toolbox = toolbox_of(session, {"echo": ToolSchema({"type": "object", "required": ["x"]})})
        assert toolbox.schemas["echo"].input == {"type": "object", "required": ["x"]}
        assert toolbox.schemas["sleeper"].names() == ("seconds", "value")
        assert dict(toolbox.seconds) == {"sleeper": 2.0}
        assert len(toolbox_of(session).schemas) == len(TOOLS)

    run(TOOLS, use)


def test_a_hedged_task_answers_with_the_quicker_of_two_requests(run):
    seconds = [9.0, 1.0]

    async def tail() -> float:
        took = seconds.pop(0)
        await asyncio.sleep(took)
        return took

    async def use(session):
        outcome = await run_plan(session, Plan((task("1", "tail", policy=TaskPolicy(hedge=Hedge(2.0))),)))
        assert outcome.result() == 1.0
        assert now() == 3.0

    run({"tail": tail}, use)


def test_what_a_task_answers_after_its_timeout_changes_nothing(run):
    async def use(session):
        plan = Plan(
            (
                task("1", "stubborn", arguments={"seconds": 3.0}, policy=TaskPolicy(timeout_s=1.0)),
                task("2", arguments={"seconds": 5.0}),
            )
        )
        outcome = await run_plan(session, plan)
        late = outcome.tasks["1"]
        assert (late.state, late.ended_s, late.value, late.served) == (State.FAILED, 1.0, None, None)
        assert not late.still_running

    run(TOOLS, use)
