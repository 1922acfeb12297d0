"""Compiling: every problem is found, named with its task and its mend, and a huge plan takes no more than it must."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from speculate.errors import PlanError
from speculate.fanout import Hedge, Limits, Retry
from speculate.plan import Handoff, InvalidPlan, Plan, Task, TaskPolicy, Toolbox, ToolSchema, Undo, When, compile_plan
from speculate.plan.compiled import CompiledPlan, EdgeKind
from speculate.plan.conflicts import ConflictOrder, ordered_pairs, unordered_conflicts
from speculate.plan.findings import Findings
from speculate.plan.graph import descendants, successors_of
from speculate.resources import Claims
from speculate.spec import Effect, EffectRule, ToolSpec


class Order(BaseModel):
    id: str
    items: list[int]


async def get_order(order_id: str, verbose: bool = False) -> Order:
    raise AssertionError


async def count(items: list[int], limit: int = 5) -> int:
    raise AssertionError


async def cancel_order(order_id: str) -> None:
    raise AssertionError


async def mail(to: str) -> None:
    raise AssertionError


async def anything(**arguments: Any) -> Any:
    raise AssertionError


SPECS = {
    "get_order": ToolSpec(name="get_order", effect=Effect.READ, reads=("order/{order_id}",)),
    "count": ToolSpec(name="count", effect=Effect.READ, reads=()),
    "cancel_order": ToolSpec(
        name="cancel_order", effect=Effect.WRITE, idempotent=True, reads=(), writes=("order/{order_id}",)
    ),
    "mail": ToolSpec(name="mail", effect=Effect.WRITE, reads=(), writes=("mail/{to}",)),
    "wipe": ToolSpec(name="wipe", effect=Effect.WRITE, idempotent=True, reads=(), writes=("order/*",)),
    "shell": ToolSpec(
        name="shell",
        effect=Effect.WRITE,
        when=(EffectRule(lambda arguments: arguments.get("command") == "ls", Effect.READ, reads=()),),
    ),
}
TOOLS = {
    "get_order": get_order,
    "count": count,
    "cancel_order": cancel_order,
    "mail": mail,
    "wipe": anything,
    "shell": anything,
    "undeclared": anything,
}
TOOLBOX = Toolbox.of_functions(TOOLS, SPECS)


def compiled(*tasks: Task | Handoff, ordered: bool = False, result: Any = None, **settings: Any) -> CompiledPlan:
    return compile_plan(Plan(tasks, name="p", ordered=ordered, result=result), TOOLBOX, **settings)


def errors(*tasks: Task | Handoff, **settings: Any) -> list[str]:
    with pytest.raises(InvalidPlan) as caught:
        compiled(*tasks, **settings)
    return [str(finding) for finding in caught.value.findings]


def order(id: str, order_id: Any = "1", **settings: Any) -> Task:
    return Task(id, "get_order", {"order_id": order_id}, **settings)


@pytest.mark.parametrize(
    ("tasks", "settings", "words"),
    [
        ((order("1"), order("1")), {}, ("task '1'", "two tasks have this id", "give each its own")),
        ((Task("1", "get_ordr"),), {}, ("there is no tool 'get_ordr'", "did you mean 'get_order'?")),
        ((Task("1", "zzz"),), {}, ("there is no tool 'zzz'", "there are: cancel_order")),
        ((order("1", "$9.id"),), {}, ("$9.id names no task", "write $$ for a dollar sign")),
        ((order("1", after=("9",)),), {}, ("`after` '9' names no task", "name a task of the plan")),
        ((order("1", "$1.id"),), {}, ("$1.id is the task itself",)),
        ((order("1", "$2.id"), order("2")), {"ordered": True}, ("$2.id names a later task", "earlier ones only")),
        (
            (order("1", after=("2",)), order("2", after=("3",)), order("3", after=("1",))),
            {},
            ("task '1': waits for itself: 1 → 2 → 3 → 1", "take out one of these edges"),
        ),
        ((Task("1", "get_order", {"order_id": 5}),), {}, ("argument order_id of get_order: 5 is passed", "string")),
        ((Task("1", "get_order"),), {}, ("argument order_id of get_order: is required and missing",)),
        ((order("1"), Task("2", "get_order", {"order_id": "$1.items"})), {}, ("$1.items gives array", "string")),
        ((order("1"), Task("2", "count", {"items": "see $1"})), {}, ("text is passed where array is wanted",)),
        (
            (Task("1", "cancel_order", {"order_id": "7"}), order("2", "7")),
            {},
            ("task '2'", "conflict over 'order/7'", "add '1' to `after`"),
        ),
        (
            (Task("0", "count", {"items": [1]}), Task("1", "wipe", {}), order("2", "x$0")),
            {},
            ("task '2'", "conflict over 'order/…'"),
        ),
        (
            (
                order("0"),
                Task("1", "cancel_order", {"order_id": "$0.id"}),
                Task("2", "cancel_order", {"order_id": "$0.id"}),
            ),
            {},
            ("conflict over 'order/…'",),
        ),
        ((Task("1", "undeclared"), Task("2", "undeclared")), {}, ("conflict over everything",)),
        (
            (Task("1", "mail", {"to": "a"}), Task("2", "mail", {"to": "b"})),
            {},
            ("task '2'", "may not be repeated", "declare idempotent = true and a dedup_key"),
        ),
        (
            (Task("1", "mail", {"to": "a"}, policy=TaskPolicy(retry=Retry())),),
            {},
            ("has a retry, but mail is not idempotent",),
        ),
        (
            (Task("1", "cancel_order", {"order_id": "1"}, policy=TaskPolicy(hedge=Hedge(1.0))),),
            {},
            ("has a hedge, but cancel_order is no idempotent read",),
        ),
        ((order("1", policy=TaskPolicy(undo=Undo("nix"))),), {}, ("is undone by 'nix', which is no tool",)),
        ((order("1"),), {"result": "$2"}, ("the plan's result asks for $2",)),
        ((order("1", "$input.x"),), {}, ("$input.x is not handed in (nothing is)",)),
        (
            (Handoff("1", Plan((order("1", "$input.x.y"),)), {"x": "text"}),),
            {},
            ("$input.x is 'text', which has no parts",),
        ),
        (
            (Handoff("1", Plan((order("1", "$input.x.y"),)), {"x": {"z": 1}}),),
            {},
            ("$input.x.y is not there; the result has z",),
        ),
        (
            (Handoff("1", Plan((order("1", when=(When("$input.x"),)),)), {"x": 1}),),
            {},
            ("a condition is asked of a handed-in constant",),
        ),
        ((Handoff("1", Plan((order("1"),), result="$input.y")),), {}, ("$input.y is not handed in",)),
    ],
)
def test_what_is_wrong_is_named_with_its_task_and_its_mend(tasks, settings, words):
    found = errors(*tasks, **settings)
    assert len(found) == 1
    for word in words:
        assert word in found[0]


def test_all_problems_come_at_once_and_a_long_list_is_cut():
    with pytest.raises(InvalidPlan, match="p: 3 problems") as caught:
        compiled(Task("1", "nix"), order("2", "$7"), Task("3", "count", {"items": 3}))
    assert isinstance(caught.value, PlanError)
    assert caught.value.task == "1"
    with pytest.raises(InvalidPlan, match="and 81 more") as caught:
        compiled(*[Task(str(n), "nix") for n in range(500)])
    assert "400 more of this kind" in str(caught.value.findings[-1])


def test_a_value_too_deep_is_a_problem_not_a_crash():
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    assert "nested deeper" in errors(Task("1", "undeclared", {"x": deep}))[0]
    assert "nested deeper" in errors(order("1"), result=deep)[0]
    inner = Plan((order("1"),), result=deep)
    assert "nested deeper" in errors(Handoff("1", inner))[0]


def test_handoffs_are_bounded():
    plan = Plan((order("1"),))
    for _ in range(20):
        plan = Plan((Handoff("1", plan),))
    with pytest.raises(InvalidPlan, match="nest deeper than 16"):
        compile_plan(plan, TOOLBOX)


def test_a_placeholder_without_an_edge_gets_one_and_it_is_reported():
    plan = compiled(order("1"), order("2"), Task("3", "count", {"items": "$1.items"}, after=("2",)))
    assert ("1", "3") in plan.added
    notes = [str(finding) for finding in plan.findings if finding.severity == "note"]
    assert notes == ["task '3': $1 is used without an edge; the edge was added; name it in `after`"]


def test_an_edge_for_nothing_is_a_warning_and_one_between_conflicting_tasks_is_not():
    plan = compiled(
        order("1"), order("2", after=("1",)), Task("3", "cancel_order", {"order_id": "1"}, after=("1", "2"))
    )
    assert [finding.code for finding in plan.warnings] == ["phantom-edge"]
    assert "uses nothing of it" in str(plan.warnings[0])


def test_a_path_the_result_does_not_have_is_a_warning():
    toolbox = Toolbox.of_functions(TOOLS, SPECS)
    plan = compile_plan(Plan((order("1"), Task("2", "undeclared", {"x": "$1.oders", "y": "$1.id"}))), toolbox)
    assert ".oders is not declared; there are: id, items" in str(plan.warnings[0])


def test_what_might_conflict_for_an_unknown_value_is_put_in_order_and_said():
    plan = compiled(
        order("a"),
        order("b", "2"),
        Task("1", "cancel_order", {"order_id": "$a.id"}),
        Task("2", "cancel_order", {"order_id": "$b.id"}),
    )
    orders = [edge for edge in plan.edges if edge.kind is EdgeKind.ORDER]
    pairs = {(plan.nodes[edge.source].id, plan.nodes[edge.target].id) for edge in orders}
    assert pairs == {("b", "1"), ("1", "2")}
    assert {finding.code for finding in plan.warnings} == {"added-order"}
    assert plan.nodes[plan.index["2"]].waits == (plan.index["1"],)


def test_conflicts_may_be_put_in_the_plans_order_instead():
    plan = compiled(Task("1", "mail", {"to": "a"}), Task("2", "mail", {"to": "b"}), order("3"), conflicts="order")
    assert plan.added == (("1", "2"),)
    assert not plan.warnings


def test_a_tool_whose_effect_hangs_on_an_unknown_value_is_taken_for_the_worst():
    plan = compiled(
        order("1"), Task("2", "shell", {"command": "$1.id"}), Task("3", "shell", {"command": "ls"}), order("4")
    )
    assert plan.nodes[plan.index["2"]].effect.is_write
    assert not plan.nodes[plan.index["3"]].effect.is_write
    assert ("2", "4") in plan.added


def test_the_critical_path_and_the_makespan_come_from_the_tools_durations():
    toolbox = Toolbox(SPECS, frozenset(TOOLS), seconds={"get_order": 2.0, "count": 5.0}, default_s=1.0)
    tasks = (
        order("1"),
        order("2"),
        Task("3", "count", {"items": "$1.items"}),
        Handoff("4", Plan((Task("x", "cancel_order", {"order_id": "$input.id"}),)), {"id": "$3"}),
    )
    plan = compile_plan(Plan(tasks), toolbox)
    assert plan.critical_path == ("1", "3", "4/x", "4")
    assert (plan.critical_path_s, plan.makespan_s, plan.total_s) == (8.0, 8.0, 10.0)
    assert compile_plan(Plan(tasks), toolbox, limits=Limits(total=1)).makespan_s == 10.0
    assert [plan.nodes[sink].id for sink in plan.sinks()] == ["2", "4"]
    assert len(plan) == 5
    assert compile_plan(Plan(()), toolbox).makespan_s == 0.0


@pytest.mark.parametrize(
    "make",
    [
        lambda: Task("a b", "t"),
        lambda: Task("input", "t"),
        lambda: Task("1", "t", after="2"),
        lambda: Task("1", "t", needs="some"),
        lambda: When("status"),
        lambda: When("$1", "is"),
        lambda: When("$1", p=2.0),
        lambda: TaskPolicy(timeout_s=0),
    ],
)
def test_values_that_mean_nothing_are_refused(make):
    with pytest.raises(PlanError):
        make()


NAMES = ["*", "a/*", "a/1", "a/2", "b/*", "b/1", "ab"]
CLAIMS = st.builds(
    Claims,
    st.lists(st.sampled_from(NAMES), max_size=2).map(tuple),
    st.lists(st.sampled_from(NAMES), max_size=2).map(tuple),
)


@settings(max_examples=150)
@given(st.lists(CLAIMS, max_size=14), st.integers(0, 2**32))
def test_the_conflicts_found_are_exactly_those_that_comparing_every_pair_finds(claims, seed):
    draw = random.Random(seed)
    before = [
        sorted({draw.randrange(task) for _ in range(draw.randrange(3))}) if task else [] for task in range(len(claims))
    ]
    behind = successors_of(before)
    everything = range(len(claims))
    reached = [descendants(behind, [task]) for task in everything]
    expected = {
        (one, other)
        for one in everything
        for other in range(one + 1, len(claims))
        if other not in reached[one] and claims[one].conflicts_with(claims[other])
    }
    assert set(unordered_conflicts(before, behind, everything, claims, 1000)) == expected
    pairs = [(one, other) for one in everything for other in range(one + 1, len(claims))]
    is_ordered = ordered_pairs(before, everything, pairs)
    assert all(is_ordered((one, other)) == (other in reached[one]) for one, other in pairs)


@settings(max_examples=150)
@given(st.lists(CLAIMS, max_size=14))
def test_the_order_given_leaves_no_conflicting_pair_unordered_and_orders_no_other_directly(claims):
    board = ConflictOrder()
    before = [board.place(task, each) for task, each in enumerate(claims)]
    behind = successors_of(before)
    for task, sources in enumerate(before):
        assert all(claims[source].conflicts_with(claims[task]) for source in sources)
    assert unordered_conflicts(before, behind, range(len(claims)), claims, 1000) == []


def test_an_order_that_would_take_too_long_to_find_is_refused():
    board = ConflictOrder(budget=1000)
    for task in range(500):
        board.place(task, Claims(writes=(f"a/{task}",)))
    board.place(500, Claims(reads=("*",)))
    with pytest.raises(PlanError, match="declare narrower"):
        board.place(501, Claims(reads=("*",)))


def test_findings_of_one_kind_are_counted_past_a_limit():
    findings = Findings(limit=2)
    for number in range(5):
        findings.add("warning", "x", f"w{number}")
    findings.error("y", "bad", "mend")
    assert [str(finding) for finding in findings.all()] == [
        "bad; mend",
        "w0",
        "w1",
        "3 more of this kind (x); mend the ones listed first",
    ]


def test_schemas_given_by_hand_are_used_and_order_positional_arguments():
    schema = ToolSchema({"type": "object", "properties": {"b": {}, "a": {}}})
    assert schema.names() == ("b", "a")
    assert ToolSchema().names() == ()
