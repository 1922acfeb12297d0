"""The scheduler's laws, over random graphs, without any event loop."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plans.graphs import random_graph, simulate, skipped_by
from speculate.errors import InternalError, SpeculateError
from speculate.fanout.limits import Limits, Slots
from speculate.plan.schedule import Scheduler, State
from speculate.resources import Claims

SEEDS = st.integers(0, 2**32)


@given(SEEDS, st.integers(1, 60), st.sampled_from([None, 1, 2, 5]), st.floats(0, 0.3))
def test_every_task_at_most_once_never_before_its_inputs_and_failures_skip_exactly_the_descendants(
    seed, tasks, slots, failing
):
    draw = random.Random(seed)
    graph = random_graph(draw, tasks)
    would_fail = frozenset(task for task in range(tasks) if draw.random() < failing)
    trace = simulate(graph, slots, fails=would_fail, check=True)
    failed = frozenset(task for task, state in enumerate(trace.states) if state is State.FAILED)
    assert failed <= would_fail
    skipped = {task for task, state in enumerate(trace.states) if state is State.SKIPPED}
    assert skipped == skipped_by(graph, failed)
    assert set(trace.start) == set(range(tasks)) - skipped
    for task, start in trace.start.items():
        assert all(trace.end[source] <= start for source in graph.predecessors[task])
    assert slots is None or trace.most_at_once <= slots


@settings(max_examples=30)
@given(SEEDS, st.integers(1, 500))
def test_with_unlimited_slots_the_makespan_is_the_critical_path(seed, tasks):
    graph = random_graph(random.Random(seed), tasks)
    assert simulate(graph).makespan <= 1.02 * graph.critical_s()


def test_with_limited_slots_it_stays_within_grahams_bound_and_below_first_come_on_average():
    draw = random.Random(20)
    ours = theirs = 0.0
    for _ in range(200):
        graph = random_graph(draw, draw.randrange(20, 150), draw.choice((1.0, 2.0, 3.0)))
        slots = draw.choice((2, 3, 4, 8))
        lower = max(graph.critical_s(), sum(graph.seconds) / slots)
        makespan = simulate(graph, slots).makespan
        assert makespan <= (2 - 1 / slots) * lower
        ours += makespan / lower
        theirs += simulate(graph, slots, first_come=True).makespan / lower
    assert ours < theirs


def test_the_longest_remaining_path_goes_first_and_may_grow_while_waiting():
    scheduler = Scheduler({"total": 1})
    for priority in (1.0, 5.0, 3.0):
        scheduler.add(priority=priority, keys=("total",))
    assert scheduler.poke().start == [1]
    assert scheduler.lift(0, 9.0)
    assert not scheduler.lift(1, 9.0)
    assert scheduler.lift(2, 1.0)
    assert scheduler.succeeded(1).start == [0]
    assert scheduler.succeeded(0).start == [2]
    assert "1 running" in repr(scheduler)


def test_what_only_waits_runs_after_a_failure_and_what_needs_any_after_the_first_success():
    scheduler = Scheduler()
    first, second = scheduler.add(), scheduler.add()
    waits, any_of = scheduler.add(waits=[first]), scheduler.add([first, second], needs_any=True)
    assert scheduler.poke().start == [first, second]
    assert scheduler.failed(first).start == [waits]
    assert scheduler.succeeded(second).start == [any_of]
    assert scheduler.add([second]) == 4
    assert scheduler.add([first]) == 5
    assert scheduler.add([first], needs_any=True) == 6
    step = scheduler.poke()
    assert step.start == [4]
    assert step.skipped == [(5, first), (6, first)]


def test_a_declined_task_is_skipped_with_what_needs_it():
    scheduler = Scheduler()
    first = scheduler.add()
    second = scheduler.add([first])
    third = scheduler.add([second], needs_any=True)
    scheduler.poke()
    assert scheduler.declined(first).skipped == [(second, first), (third, second)]
    assert scheduler.is_settled


def test_nothing_starts_after_cancel():
    scheduler = Scheduler({"total": 1})
    for _ in range(3):
        scheduler.add(keys=("total",))
    scheduler.add([0])
    assert scheduler.poke().start == [0]
    scheduler.add()  # ready, but not yet started
    assert scheduler.cancel() == [0]
    scheduler.add()
    assert scheduler.is_cancelled
    assert scheduler.poke().start == []
    assert scheduler.released(0).start == []
    assert set(scheduler.states) == {State.CANCELLED}
    scheduler.check()


def test_a_task_that_still_runs_after_it_failed_holds_its_slot_until_it_is_released():
    scheduler = Scheduler({"total": 1})
    scheduler.add(keys=("total",))
    scheduler.add(keys=("total",))
    scheduler.poke()
    assert scheduler.failed(0, still_runs=True).start == []
    assert scheduler.released(0).start == [1]
    assert scheduler.released(0).start == []


def test_what_cannot_happen_is_refused():
    scheduler = Scheduler()
    scheduler.add()
    scheduler.add([0])
    with pytest.raises(InternalError):
        scheduler.succeeded(1)
    scheduler._settled = 5
    with pytest.raises(InternalError, match="number of settled"):
        scheduler.check()
    scheduler._settled = 0
    scheduler._blockers[1] = 2
    with pytest.raises(InternalError, match="blockers"):
        scheduler.check()
    scheduler.states[0], scheduler._settled = State.DONE, 1
    with pytest.raises(InternalError, match="still holds"):
        scheduler.check()
    with pytest.raises(InternalError, match="cannot become"):
        scheduler._settle(0, State.FAILED)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sets(st.sampled_from("abc"))), max_size=40),
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 3), min_size=3),
    SEEDS,
)
def test_slots_never_overflow_and_never_idle_while_somebody_could_run(wanted, capacities, seed):
    draw = random.Random(seed)
    slots = Slots(capacities)
    for item, (rank, keys) in enumerate(wanted):
        slots.push(item, rank, tuple(sorted(keys)))
    running = slots.take()
    waiting = set(range(len(wanted))) - set(running)
    assert "waiting" in repr(slots)
    while running:
        used = {key: sum(key in wanted[item][1] for item in running) for key in capacities}
        assert all(used[key] <= capacities[key] for key in capacities)
        for item in waiting:
            assert any(used[key] == capacities[key] for key in wanted[item][1])
        item = running.pop(draw.randrange(len(running)))
        started = slots.release(item)
        waiting -= set(started)
        running += started
    assert not waiting
    assert slots.waiting == 0


def test_limits_name_what_is_wrong_and_know_what_falls_under_them():
    with pytest.raises(SpeculateError, match="at least 1"):
        Limits(total=0)
    with pytest.raises(SpeculateError, match="only at the end"):
        Limits(resources={"a*b": 1})
    limits = Limits(total=2, tools={"t": 1}, resources={"db/*": 3})
    assert limits.capacities() == {"tool:t": 1, "resource:db/*": 3, "total": 2}
    assert limits.keys_of("t", Claims(reads=("db/users",))) == ("total", "tool:t", "resource:db/*")
