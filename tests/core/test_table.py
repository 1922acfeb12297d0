"""The table of speculations and its parts: the store, the index of resources, the ledger, what sessions keep."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speculate.core.index import ResourceIndex
from speculate.core.ledger import Ledger
from speculate.core.machine import Speculation, State, Trigger
from speculate.core.outcomes import Outcomes
from speculate.core.state import RealCall, SessionState, ToolLoad
from speculate.core.store import ReadyStore
from speculate.core.table import SpeculationTable
from speculate.resources import Claims
from speculate.spec import Effect, ToolSpec


def speculation(id: int = 1, at: float = 0.0, *, session: str = "s", ttl_s: float = 10.0, **fields: Any) -> Speculation:
    spec = ToolSpec(fields.pop("tool", "get"), Effect.READ, reads=("order/{id}",), ttl_s=ttl_s, cost=2.0)
    call = spec.resolve({"id": fields.pop("order", id)})
    item = Speculation(id, session, call, 0.5, "test", 1, fields.pop("value_s", 1.0), None, at)
    for name, value in fields.items():
        setattr(item, name, value)
    return item


def claiming(id: int, reads: list[str], writes: list[str]) -> Speculation:
    call = ToolSpec("stage", Effect.ABORTABLE, reads=tuple(reads), writes=tuple(writes)).resolve({})
    return Speculation(id, "s", call, 0.5, "test", 1, 1.0, None, 0.0)


# The store


def test_the_least_recently_stored_makes_room() -> None:
    """And it is told, so that its launch can be squashed."""
    store = ReadyStore(2)
    first, second, third = (speculation(id) for id in (1, 2, 3))
    assert store.put(first, 1.0) == []
    assert store.put(second, 2.0) == []
    assert store.put(third, 3.0) == [first]
    assert len(store) == 2
    store.remove(second)
    store.remove(second)
    assert store.put(first, 4.0) == []


def test_each_result_grows_too_old_in_its_own_time() -> None:
    """Counted from the start of its launch, whatever order they were stored in; each is told once."""
    store = ReadyStore(8)
    short, long, late = speculation(1, ttl_s=5.0), speculation(2, ttl_s=50.0), speculation(3, at=10.0, ttl_s=5.0)
    for item in (long, short):
        store.put(item, 4.0)
    assert store.expired(4.75) == []
    assert store.expired(5.0) == [short]
    assert store.expired(10.0) == []
    store.put(late, 11.0)
    assert store.expired(60.0) == [late, long]
    assert len(store) == 0


def test_what_is_too_old_to_be_stored_is_handed_back() -> None:
    """It would lie in the table for ever: cachetools does not take it, and does not say so."""
    store = ReadyStore(2)
    item = speculation(1, at=22844.41025502959, ttl_s=5.3)
    at = item.launched_at + 5.3
    assert at - item.launched_at < 5.3, "rounded, it is not yet too old"
    assert store.put(item, at) == [item]
    assert len(store) == 0


@given(st.lists(st.tuples(st.sampled_from([1.0, 2.0, 4.0]), st.sampled_from([0.0, 0.25, 1.0, 3.0])), max_size=30))
def test_whatever_goes_in_comes_out_once(steps: list[tuple[float, float]]) -> None:
    """Evicted, expired, or still there: never lost, never twice."""
    store, at, gone = ReadyStore(3), 0.0, list[int]()
    for id, (ttl_s, seconds) in enumerate(steps):
        gone += [item.id for item in store.expired(at)]
        gone += [item.id for item in store.put(speculation(id, at, ttl_s=ttl_s), at)]
        assert len(store) <= 3
        at += seconds
    gone += [item.id for item in store.expired(at + 100.0)]
    assert sorted(gone) == list(range(len(steps)))


def test_what_was_served_leaves_nothing_behind() -> None:
    """However many results come and go long before their time: what is still there expires when it is due."""
    store = ReadyStore(1000)
    last = speculation(-1, 0.0, ttl_s=5000.0)
    store.put(last, 0.0)
    for id in range(1000):
        item = speculation(id, float(id), ttl_s=10_000.0)
        assert store.expired(float(id)) == []
        store.put(item, float(id))
        store.remove(item)
    assert len(store) == 1
    assert len(store._order) <= 2 + 64
    assert store.expired(4999.0) == []
    assert store.expired(5000.0) == [last]
    assert store.expired(50_000.0) == []


# The index


CLAIMS = st.lists(st.from_regex(r"[ab]{1,2}(/[ab]){0,2}(/?\*)?|\*", fullmatch=True), max_size=3)


@given(st.lists(st.tuples(CLAIMS, CLAIMS, st.booleans()), max_size=8), CLAIMS, CLAIMS)
def test_the_index_finds_what_looking_at_all_would(
    entries: list[tuple[list[str], list[str], bool]], reads: list[str], writes: list[str]
) -> None:
    """Each speculation that the write changes, exactly once, whatever else was added and removed."""
    index, live = ResourceIndex[int, Speculation](), list[Speculation]()
    items = [claiming(id, mine, staged) for id, (mine, staged, _) in enumerate(entries)]
    for item in items:
        index.add(item.id, item, item.call.claims)
    for item, (_, _, removed) in zip(items, entries, strict=True):
        if removed:
            index.remove(item.id)
            index.remove(item.id)
        else:
            live.append(item)
    write = Claims(tuple(reads), tuple(writes))
    found = [item.id for item in index.changed_by(write)]
    assert sorted(found) == [item.id for item in live if item.call.claims.is_changed_by(write)]
    assert len(index) == len(live)


def test_what_a_write_changes_twice_is_found_once() -> None:
    """A launch that rests on two families of resources, and on everything besides."""
    index = ResourceIndex()
    for item in (claiming(1, ["a/1", "b/1"], []), claiming(2, ["a/1", "*"], [])):
        index.add(item.id, item, item.call.claims)
    assert sorted(item.id for item in index.changed_by(Claims((), ("a/1", "b/1")))) == [1, 2]


def test_what_is_found_may_be_removed_meanwhile() -> None:
    """Squashing takes out of the index what is being walked; those that read everything come, too."""
    index = ResourceIndex()
    items = [claiming(1, ["*"], []), claiming(2, ["a/1"], ["a/1"]), claiming(3, ["a/2"], []), claiming(4, ["b"], [])]
    for item in items:
        index.add(item.id, item, item.call.claims)
    found = []
    for item in index.changed_by(Claims((), ("a/*",))):
        index.remove(item.id)
        found.append(item.id)
    assert found == [1, 2, 3]
    assert list(index.changed_by(Claims(("b",), ()))) == [], "a read changes nothing"
    assert [item.id for item in index.changed_by(Claims((), ("b*",)))] == [4]


# The table


def test_a_launch_is_matched_by_its_session_and_key_alone() -> None:
    """Law L3; and once a real call waits for it, by nobody."""
    table = SpeculationTable(4)
    item = speculation(1)
    table.enter(item)
    assert table.match("s", item.call.key) is item
    assert table.match("other", item.call.key) is None
    assert table.match("s", "get {}") is None
    assert table.match("s", None) is None
    assert table.in_flight == 1
    table.join(item)
    assert table.match("s", item.call.key) is None
    assert table.of_session("s") == [item]
    assert table.of_session("other") == []


def test_what_was_taken_out_is_neither_matched_nor_stale_nor_expired() -> None:
    """It stays in the table until it retires; a later launch of the same call is left alone."""
    table = SpeculationTable(4)
    first, second = speculation(1, order=7), speculation(2, order=7)
    write = Claims((), ("order/7",))
    table.enter(first)
    assert table.keep(first, 1.0) == []
    assert table.ready == 1
    assert list(table.changed_by(write)) == [first]
    table.take_out(first)
    assert (table.ready, list(table.changed_by(write)), table.expired(100.0)) == (0, [], [])
    assert list(table.entries) == [1]
    table.enter(second)
    table.take_out(first)
    assert table.match("s", second.call.key) is second


def test_ready_results_expire() -> None:
    """By the store's clock, which moves with the stimuli."""
    table = SpeculationTable(4)
    item = speculation(1)
    table.enter(item)
    table.keep(item, 1.0)
    assert table.expired(9.75) == []
    assert table.expired(10.0) == [item]


def test_the_cheapest_running_launch() -> None:
    """Of this tool, joined and finished ones left out; of equals the youngest."""
    table = SpeculationTable(4)
    assert table.cheapest_running("get") is None
    for item in (
        speculation(1, value_s=0.1, state=State.READY),
        speculation(2, value_s=0.1, state=State.JOINED),
        speculation(3, value_s=0.1, tool="other"),
        speculation(4, value_s=0.75),
        speculation(5, value_s=0.5),
        speculation(6, value_s=0.5),
    ):
        table.enter(item)
    cheapest = table.cheapest_running("get")
    assert cheapest is not None
    assert cheapest.id == 6


@pytest.mark.parametrize(
    ("fields", "at", "outcome", "ran_s", "hidden_s"),
    [
        ({"finished_at": 3.0}, 8.0, "committed", 3.0, 3.0),
        ({"finished_at": 3.0, "joined_at": 1.0}, 3.0, "committed", 3.0, 1.0),
        ({}, 4.0, "committed", 4.0, 4.0),
        ({"finished_at": 3.0}, 8.0, "wasted", 3.0, 0.0),
        ({}, 8.0, "wasted", None, 0.0),
    ],
)
def test_retiring_leaves_the_table_with_one_record(
    fields: dict[str, Any], at: float, outcome: str, ran_s: float | None, hidden_s: float
) -> None:
    """Law L4: the ledger and the notice say the same; hidden is what passed before the real call was made."""
    table = SpeculationTable(4)
    item = speculation(1, **fields)
    table.enter(item)
    assert (table.ledger.open, table.ledger.outstanding_cost) == (1, 2.0)
    record = table.retire(item, at, outcome, "because")
    assert (record.outcome, record.reason, record.ran_s, record.hidden_s) == (outcome, "because", ran_s, hidden_s)
    assert (record.at, record.session, record.id, record.tool, record.cost) == (at, "s", 1, "get", 2.0)
    assert (record.source, record.launched_at, record.p_use) == ("test", 0.0, 0.5)
    committed = outcome == "committed"
    assert table.ledger == Ledger(
        launched=1,
        committed=int(committed),
        wasted=int(not committed),
        launched_cost=2.0,
        committed_cost=2.0 if committed else 0.0,
        wasted_cost=0.0 if committed else 2.0,
        hidden_s=hidden_s,
        wasted_s=0.0 if committed else ran_s or 0.0,
    )
    assert (table.ledger.open, table.entries, table.match("s", item.call.key)) == (0, {}, None)
    assert table.forget_abandoned(1) is None
    with pytest.raises(KeyError):
        table.retire(item, at, outcome, "again")


def test_an_abandoned_launch_is_remembered_until_it_stops() -> None:
    """Its slot stays taken, though its record is written."""
    table = SpeculationTable(4)
    item = speculation(1)
    table.enter(item)
    table.retire(item, 5.0, "wasted", "abandoned")
    assert table.in_flight == 1
    assert table.forget_abandoned(1) is item
    assert table.forget_abandoned(1) is None


def test_the_budget_counts_what_no_real_call_has_paid_for() -> None:
    """Wasted launches stay on the account; committed ones leave it."""
    ledger = Ledger()
    for cost in (1.0, 2.0, 4.0):
        ledger.launch(cost)
    ledger.commit(2.0, 0.5)
    ledger.waste(1.0, None)
    assert (ledger.open, ledger.outstanding_cost, ledger.hidden_s, ledger.wasted_s) == (1, 5.0, 0.5, 0.0)
    ledger.waste(4.0, 3.0)
    assert (ledger.open, ledger.outstanding_cost, ledger.wasted_cost, ledger.wasted_s) == (0, 5.0, 5.0, 3.0)


def test_a_story_is_told_in_order() -> None:
    """What happened to a speculation, for the report of a defect."""
    item = speculation(1)
    item.fire(Trigger.CALL, 1.0)
    item.fire(Trigger.COMMIT, 2.5)
    assert item.story == [
        "0.000000 launch: get",
        "1.000000 call: running → joined",
        "2.500000 commit: joined → retired",
    ]


# What sessions keep


PAY = ToolSpec("pay", reads=(), writes=("order/{id}",), dedup_key="{id}")


def paid(number: int, session: SessionState, order: str) -> RealCall:
    return RealCall(number, "s", PAY.resolve({"id": order}), session, ToolLoad())


def first(outcomes: Outcomes, session: SessionState, order: str) -> int | None:
    found = outcomes.first(session, PAY.resolve({"id": order}).dedup_key or "")
    return None if found is None else found.number


def keep(outcomes: Outcomes, real: RealCall) -> list[int]:
    return list(outcomes.keep(real, real.call.dedup_key or ""))


@pytest.mark.parametrize("looks_at_all", [False, True])
def test_an_outcome_is_forgotten_when_what_it_wrote_is_written_again(looks_at_all: bool) -> None:
    """By another call, of any session; its own end leaves it. With the index and without."""
    outcomes, session, other = Outcomes(8), SessionState(), SessionState()
    if looks_at_all:
        outcomes.look_at_all()
    assert [keep(outcomes, paid(1, session, "a")), keep(outcomes, paid(2, session, "b"))] == [[], []]
    assert keep(outcomes, paid(3, other, "a")) == []
    assert list(outcomes.undone_by(Claims(writes=("order/a",)), but=1)) == [3]
    assert [first(outcomes, session, order) for order in "ab"] == [1, 2]
    assert list(outcomes.undone_by(Claims(writes=("order/c", "stock/a")), but=9)) == []
    assert list(outcomes.undone_by(Claims(writes=("order/a",)), but=9)) == [1]
    assert [first(outcomes, session, order) for order in "ab"] == [None, 2]
    assert list(outcomes.undone_by(Claims(writes=("*",)), but=9)) == [2]
    assert len(outcomes) == 0


def test_a_sessions_outcomes_are_bounded_and_the_one_asked_for_longest_ago_goes() -> None:
    """What is forgotten is told, so that its result can be forgotten too. Each session has its own places."""
    outcomes, session, other = Outcomes(2), SessionState(), SessionState()
    assert keep(outcomes, paid(1, session, "a")) == []
    assert keep(outcomes, paid(2, session, "b")) == []
    assert keep(outcomes, paid(3, other, "c")) == []
    assert first(outcomes, session, "a") == 1
    assert keep(outcomes, paid(4, session, "d")) == [2]
    assert keep(outcomes, paid(5, session, "a")) == [1], "a newer outcome of the same key takes its place"
    assert [first(outcomes, session, order) for order in "abd"] == [5, None, 4]
    assert sorted(outcomes.close(session)) == [4, 5]
    assert list(outcomes.close(session)) == list(outcomes.close(SessionState())) == []
    assert (len(outcomes), first(outcomes, other, "c")) == (1, 3)


ORDERS = st.sampled_from(["a", "b", "c", "d"])


@given(
    st.lists(
        st.tuples(st.sampled_from(["keep", "write", "write all", "ask", "close"]), st.booleans(), ORDERS), max_size=40
    )
)
def test_outcomes_are_what_a_plain_list_would_keep(steps: list[tuple[str, bool, str]]) -> None:
    """Whatever is kept, asked for, written and closed: the bound holds, and every number is told once when it goes."""
    outcomes, sessions = Outcomes(2), {True: SessionState(), False: SessionState()}
    kept: dict[bool, list[tuple[str, int]]] = {True: [], False: []}  # asked for longest ago first
    told: list[int] = []
    for number, (what, which, order) in enumerate(steps):
        mine, before = kept[which], [entry for entries in kept.values() for entry in entries]
        match what:
            case "keep":
                told = keep(outcomes, paid(number, sessions[which], order))
                mine[:] = [entry for entry in mine if entry[0] != order][-1 - (order in dict(mine)) :]
                mine.append((order, number))
                mine[:] = mine[-2:]
            case "ask":
                told, found = [], dict(mine).get(order)
                assert first(outcomes, sessions[which], order) == found
                if found is not None:
                    mine.remove((order, found))
                    mine.append((order, found))
            case "close":
                told = list(outcomes.close(sessions[which]))
                mine.clear()
            case _:
                told = list(
                    outcomes.undone_by(Claims(writes=("*" if what == "write all" else f"order/{order}",)), but=-1)
                )
                for entries in kept.values():
                    entries[:] = [] if what == "write all" else [entry for entry in entries if entry[0] != order]
        after = {entry[1] for entries in kept.values() for entry in entries}
        assert sorted(told) == sorted(entry[1] for entry in before if entry[1] not in after)
        assert len(outcomes) == len(after)
