"""Short cuts in counting and fitting give what the long way gives."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import log
from random import Random
from typing import Any

import pytest

from predictors.pattern import indexing, part, training
from predictors.pattern.calibration import PULL, _hessian, _there, fit, probability, score
from predictors.pattern.counts import Counts, without
from predictors.pattern.digest import Digest
from predictors.pattern.folders import ROOT
from predictors.pattern.indexing import Indexer
from predictors.pattern.part import Part
from predictors.pattern.sealing import names_in
from predictors.pattern.state import State
from predictors.pattern.tallying import Tally
from predictors.pattern.weighing import entries_of
from speculate.history import ResultSeen
from tests.predictors.pattern.sessions import SPECS
from tests.predictors.pattern.test_bounding import ALL_RUNS


def _counted(start: int, stop: int) -> Counts:
    return Part.count(ALL_RUNS[start:stop], SPECS, min_tenants=1, sample=0).counts  # all names in clear


def _tables(counts: Counts) -> dict[str, Any]:
    return {name: getattr(counts, name) for name in Counts.__slots__}


def _without_nothing(value: Any) -> Any:
    """Rows that hold nothing but zeros, and tables that hold nothing but such rows, left out."""
    if isinstance(value, dict):
        return {key: found for key, item in value.items() if (found := _without_nothing(item))}
    return value if not isinstance(value, list) or any(value) else None


def test_sessions_taken_out_of_counts_leave_those_of_the_others() -> None:
    """And the counts they were taken out of are as they were; what these have no row for stays away."""
    whole, own = _counted(0, 24), _counted(0, 9)
    before = repr(_tables(whole))
    assert _without_nothing(_tables(without(whole, own))) == _without_nothing(_tables(_counted(9, 24)))
    assert repr(_tables(whole)) == before
    short = Counts()
    short.sessions, short.offers = 3, {"find": {"user": [3, 1]}}  # as from a file: trailing zeros are left out
    own = Counts()
    own.offers = {"find": {"user": [1, 0, 0, 1], "model": [1, 0, 0, 0]}, "user": {"user": [1]}}
    assert without(short, own).offers == {"find": {"user": [2, 1, 0, -1]}}


@pytest.mark.parametrize("at_once", [1, 3])
def test_entries_weigh_the_same_however_many_are_looked_at_at_once(at_once: int) -> None:
    """One by one online, thousands when a model is bounded."""
    counted = Part.count(ALL_RUNS, SPECS, min_tenants=3, sample=0)
    found = []
    for size in (at_once, 4_096):
        entries = list(entries_of(counted.counts, counted.vault, counted.names, size))
        assert max(len(each.keys) for each in entries) <= size
        found.append([
            (id(each.where), key, priority, weight, tuple(each.shared[place]) if each.shared else ())
            for each in entries
            for place, (key, priority, weight) in enumerate(zip(each.keys, each.priorities, each.weights, strict=True))
        ])  # fmt: skip
    assert found[0] == found[1]


def test_what_is_tallied_is_poured_once() -> None:
    """Turns of several tools in one row, slots of several pools at once, taken back for one of them."""
    tally = Tally(Counts())
    tally.counts.offers = {"find": {"a": [1]}}
    for _ in range(2):
        tally.turn(("find", "user"), ["", "x"], ["u1"])
    tally.turn((), ["x"], [])
    for _ in range(3):
        tally.held(("a", "b"), {("find", (0, 5)): 1})
    tally.moved("find", [("b", (0, 5), (0, 6))])
    tally.session(["a", "b"])
    tally.session(["b"])
    for _ in range(2):
        tally.pour()
        assert tally.counts.contexts == {"": {"": 2, "find": 2, "user": 2}, "x": {"": 3, "find": 2, "user": 2}}
        assert tally.counts.words == {"u1": {"": 2, "find": 2, "user": 2}}
        rows = tally.counts.offers["find"]
        assert [rows["a"][slot] for slot in (0, 5)] == [4, 3]
        assert [rows["b"][slot] for slot in (0, 5, 6)] == [3, 2, 1]
        assert tally.counts.reach == {"": {"a": [1, 1], "b": [2, 2]}}


def test_zeros_left_out_change_no_sum() -> None:
    """Neither in columns that are nothing but zeros, nor without any."""
    random = Random(3)
    columns = [[random.choice([0.0, random.random()]) if share else 1.0 for _ in range(40)] for share in range(5)]
    columns.append([0.0] * 40)
    bends = [random.random() for _ in range(40)]
    found = _hessian(_there(columns), bends, PULL)
    for i, one in enumerate(columns):
        for j, other in enumerate(columns):
            expected = sum(b * x * y for b, x, y in zip(bends, one, other, strict=True)) + (PULL if i == j else 0)
            assert found[i][j] == pytest.approx(expected, abs=1e-12)
    assert fit([], (1.0, 2.0)) == (1.0, 2.0)


@pytest.mark.parametrize("count", [40, 1_000])
def test_weights_are_those_that_no_small_change_betters(count: int) -> None:
    """Few rows, and enough that a part of them goes first; kinds of rows that never happen included."""
    random = Random(count)
    rows = []
    for _ in range(count):
        features = (1.0, random.gauss(0, 2), float(random.random() < 0.1), 1.0)
        rows.append((features, not features[2] and random.random() < probability(features[1] - 1)))
    start = (0.0, 0.5, 0.0, -1.0)

    def loss(weights: Sequence[float]) -> float:
        found = sum(PULL / 2 * (w - s) ** 2 for w, s in zip(weights, start, strict=True))
        for features, happened in rows:
            p = probability(score(weights, features))
            found -= log(p if happened else 1 - p)
        return found

    weights = fit(rows, start)
    for place in range(len(start)):
        for change in (-0.02, 0.02):
            assert loss([w + change * (n == place) for n, w in enumerate(weights)]) > loss(weights)


@pytest.mark.parametrize("count", [0, 3, 4, 8, 9])
def test_sessions_counted_a_few_together_are_counted_as_all_together(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are left over, and whether what does not fit is dropped on the way."""
    whole = Part.count(iter(ALL_RUNS[:count]), SPECS, max_bytes=12_000).to_document()
    monkeypatch.setattr(part, "SESSIONS_AT_ONCE", 2)
    monkeypatch.setattr(part, "SESSIONS_BETWEEN", 4)
    assert Part.count(iter(ALL_RUNS[:count]), SPECS, max_bytes=12_000).to_document() == whole


def test_a_session_that_is_only_counted_is_counted_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only guesses rest on is left out of it, and nothing else."""
    found = Part.count(ALL_RUNS, SPECS, sample=4).to_document()
    states = []

    def whole(year: str | None = None, is_counted: bool = False) -> State:
        assert is_counted
        states.append(State(year))
        return states[-1]

    monkeypatch.setattr(training, "State", whole)
    assert Part.count(ALL_RUNS, SPECS, sample=4).to_document() == found
    assert any(state.local for state in states)


def test_what_is_counted_keeps_no_values_for_its_sample() -> None:
    """Sessions are digested at the end: those that stay, as they would have been one by one."""
    part = Part.count(ALL_RUNS, SPECS, sample=4)
    assert {*map(type, part.sample.digests.values())} == {Digest}
    key = part.sample.hashes()[0]
    alone = [Part.count([run], SPECS, sample=4).sample for run in ALL_RUNS]
    assert part.sample.get(key) == next(sample.get(key) for sample in alone if key in sample.digests)


def test_paths_whose_names_all_know_are_looked_at_once_and_not_kept() -> None:
    """A name that is open stays so, however many more show it; memory holds no more of it than of what is counted."""
    trainer = training.Trainer(SPECS, 1, 0)
    for run in ALL_RUNS:
        trainer.add(run)
    assert any("." in path for path in trainer._open_paths)
    assert all(map(trainer.names.is_open, chain.from_iterable(map(names_in, trainer._open_paths))))
    trainer.pour()
    assert not trainer._open_paths


def _result(value: Any, ok: bool = True) -> ResultSeen:
    return ResultSeen("c1", "find", ok, value)


def test_a_result_that_comes_again_offers_what_it_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is like it came before: other types, another order, an error, another year, a folder; and while what is
    kept is forgotten again and again."""
    monkeypatch.setattr(indexing, "MAX_RESULTS", 4)
    values: list[Any] = [
        {"n": 1}, {"n": True}, {"n": 1.0}, {"n": "1"}, {"n": -0.0}, {"n": 0.0}, {"n": [1, 2]}, {"n": [2, 1]}, None, "",
        {"note": "the parcel is due to arrive on May 5"}, {"file": "b/c.txt", "kind": "plain text"},
        [{"name": "red chair", "id": 7}],
        {"text": "x" * (indexing.MAX_RESULT + 1)}, {"odd": object()}, {"odd": object(), "n": 5}, {"text": "\ud800"},
        [{"file": "/a/docs/read.txt"}],
    ]  # fmt: skip
    keeping, plain = Indexer(keeps_results=True), Indexer()
    folders: list[dict[str, str]] = [{}, {ROOT: "/a"}, {"c1": "/d"}]
    for _ in range(2):
        for value in values:
            for ok in (True, False):
                for year in ("2023", "2024"):
                    for folder in folders:
                        event = _result(value, ok)
                        found, expected = (each.index(event, year, folder) for each in (keeping, plain))
                        assert repr(found) == repr(expected)
    below = [plain.index(_result(values[-1]), None, folder).labels for folder in folders[:2]]
    assert below[0] == below[1]  # what is put below a folder is a path: nobody calls a thing so
    kept = [keeping.index(_result(values[0]), None).items for _ in range(2)]
    assert kept[0] is kept[1]
    large = [keeping.index(_result({"text": "x" * (indexing.MAX_RESULT + 1)}), None).items for _ in range(2)]
    assert large[0] is not large[1]
