"""Sessions that share tools with few slots: what guesses do to everyone else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from speculate.calls import ToolCall
from speculate.core.launches import Launches
from speculate.core.policy import Policy
from speculate.history import CallMade, History
from speculate.replay import ReplaySettings, replay
from speculate.replay.arms import NO_LIMIT
from speculate.replay.contention import BudgetRow, Contention, budgets, limited_specs, rounds, with_capacity
from speculate.replay.driver import ArmRun, SessionRun
from tests.replay.runs import SHOP, get, guess, session, turn


@pytest.fixture(autouse=True)
def few_calls(monkeypatch):
    """A smaller sample: these tests are about what is compared, not about how precisely."""
    monkeypatch.setattr("speculate.replay.contention.ENOUGH_CALLS", 256)


class Next:
    """Guesses that order n + 1 follows order n, and much that never comes."""

    def predict(self, history: History, limit: int):
        made = [event for event in history.events if isinstance(event, CallMade)]
        last = int(made[-1].arguments["order_id"]) if made else -1
        return [guess("get_order", 0.9, order_id=str(last + 1)), guess("get_order", 0.6, order_id=f"x{len(made)}")]

    def observe(self, history: History, call: ToolCall) -> None:
        """Learns nothing."""


def browsers(count: int):
    """Sessions that look at one order after the other, half a second of thinking each."""
    return [
        session(f"b{n}", "go", *(turn(0.5, get(str(order), seconds=0.25)) for order in range(8))) for n in range(count)
    ]


def contention(policy: Policy, capacity: int = 3):
    settings = ReplaySettings(policy=policy, sessions_at_once=6, capacity={"get_order": capacity})
    return replay([], browsers(8), SHOP, Next(), settings)


def test_real_calls_wait_no_longer_than_without():
    """Under every budget, the always wrong predictor included, the p99 of real waits stays within one per cent."""
    found = contention(Policy(min_probability=0.5, max_depth=1))
    document = found.document()["contention"]
    assert list(document)[:2] == ["sessions_at_once", "capacity"]
    assert document["capacity"] == {"get_order": 3}
    assert document["calls"] == 256
    assert [row["max_in_flight"] for row in document["budgets"]] == [1, 4, 16, 32]
    for row in document["budgets"]:
        assert not row["closed"]
        assert row["speculative"]["p99_ratio"] <= 1.01
        assert row["all_wrong"]["p99_ratio"] <= 1.01
        assert row["all_wrong"]["hits"] == 0
    assert document["admitted_max_in_flight"] == 32
    assert document["budgets"][0]["speculative"]["launched"] > 0
    assert set(found.safety().values()) == {0}


def test_a_budget_that_harms_is_closed(monkeypatch):
    """A runtime that neither keeps a slot free nor gives one up makes real calls wait: its budgets are closed."""
    monkeypatch.setattr(Launches, "preempt", lambda self, tool, at: None)
    load = Launches._load

    def idle(self, *moment):
        now = load(self, *moment)
        return None if now is None else replace(now, tool_in_flight=0, tool_real=-NO_LIMIT)

    monkeypatch.setattr(Launches, "_load", idle)
    document = contention(Policy(min_probability=0.0, self_check=False, max_depth=1), capacity=1).document()[
        "contention"
    ]
    assert document["budgets"][-1]["all_wrong"]["p99_ratio"] > 1.01
    assert document["budgets"][-1]["closed"]
    assert document["admitted_max_in_flight"] < 32


def test_without_contention_there_is_no_such_key():
    """It is an extra, there only if it was asked for."""
    assert "contention" not in replay([], browsers(1), SHOP, Next()).document()
    settings = ReplaySettings(sessions_at_once=2)
    document = replay([], browsers(1), SHOP, Next(), settings).document()["contention"]
    assert document["capacity"] == {}


def test_capacities_by_name_and_for_all():
    """A name counts before "*"; the manifest is told, as an operator would who knows."""
    assert with_capacity(["a", "b"], {"*": 4, "b": 2}) == {"a": 4, "b": 2}
    assert with_capacity(["a", "b"], {"b": 2}) == {"b": 2}
    told = limited_specs(SHOP, {"get_order": 3})
    assert (told["get_order"].real_max_concurrency, told["get_order"].max_concurrency) == (3, 3)
    assert told["clock"] is SHOP["clock"]
    assert budgets(Policy(max_in_flight=1)) == (1,)
    assert rounds(0) == 1
    assert rounds(100) == 3
    assert rounds(3) == 20
    assert rounds(10_000) == 1


def test_the_first_harmful_budget_closes_those_above():
    """What is admitted lies below the first budget that harms, whatever larger ones show."""

    def arm(*waits: float) -> ArmRun:
        return ArmRun("x", [SessionRun("s", 1.0, list(waits))])

    def row(budget: int, wait: float) -> BudgetRow:
        return BudgetRow(budget, arm(wait), arm(1.0))

    made = Contention(2, {}, arm(1.0), [row(1, 1.005), row(4, 1.5), row(16, 0.9)], arm(1.0))
    assert made.admitted == 1
    assert [entry["closed"] for entry in made.document()["budgets"]] == [False, True, True]
    assert BudgetRow(1, arm(0.0), arm(0.0)).ratio_to(arm(0.0)) == 1.0
    assert BudgetRow(1, arm(0.1), arm(0.0)).ratio_to(arm(0.0)) > 1.01
