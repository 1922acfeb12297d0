"""A plan of 100,000 tasks: judged, or refused, in bounded time and memory."""

from __future__ import annotations

import pytest

from speculate.plan import InvalidPlan, Plan, Task, Toolbox, compile_plan
from speculate.spec import Effect, ToolSpec

LARGE = 100_000


@pytest.mark.parametrize(
    ("make", "size", "ok"),
    [
        (lambda n: Task(str(n), ("look", "put")[n % 2], {"id": n}), 20_000, True),
        (lambda n: Task(str(n), "undeclared", {}, after=(str(n - 1),) if n else ()), LARGE, True),
        (lambda n: Task(str(n), "undeclared", {}), 20_000, False),
        (lambda n: Task(str(n), "look", {}, after=(str((n - 1) % LARGE),)), LARGE, False),
    ],
    ids=["reads and distinct writes", "a chain of undeclared tools", "undeclared tools", "a cycle"],
)
def test_a_plan_of_a_hundred_thousand_tasks_is_judged(make, size, ok):
    toolbox = Toolbox(
        {
            "look": ToolSpec(name="look", effect=Effect.READ, reads=()),
            "put": ToolSpec(name="put", effect=Effect.WRITE, idempotent=True, reads=(), writes=("order/{id}",)),
        },
        frozenset({"look", "put", "undeclared"}),
    )
    plan = Plan(tuple(make(number) for number in range(size)))
    if ok:
        assert len(compile_plan(plan, toolbox)) == size
    else:
        with pytest.raises(InvalidPlan) as caught:
            compile_plan(plan, toolbox)
        assert len(str(caught.value)) < 10_000
