"""Records told by their state: the first that is open, those that failed."""

from __future__ import annotations

from typing import Any

import pytest

from predictors.pattern.conditions import MAX_CONDITIONS, conditions_of
from tests.predictors.pattern.sessions import history, session, train


def test_conditions_are_offered_beside_what_tells_records_apart() -> None:
    """Under each recurring value; the first record's own apart, since it is likely anyway; values stand in no path."""
    rows = [("a-1", "paid"), ("a-2", "open"), ("a-3", "paid"), ("a-4", "open")]
    items = [item for n, (id, state) in enumerate(rows, 1) for item in (("t[].id", id, n), ("t[].state", state, n))]
    found = conditions_of(items, [])
    assert [value for _, value, _ in found] == ["a-1", "a-2", "a-3", "a-4"]
    paths = list(dict.fromkeys(path for path, _, _ in found))
    assert len(paths) == 2
    assert [path.endswith("^") for path in paths] == [True, False]
    assert not any("paid" in path or "open" in path for path in paths)
    flags = [("t[].done", n == 2, n) for n in range(1, 5)]
    assert len(conditions_of([item for item in items if item[0] == "t[].id"], flags)) == 4
    assert conditions_of([("t.id", "a", 0)], []) == []
    assert conditions_of([item for item in items if item[0] == "t[].state"], []) == []
    assert conditions_of([(path.replace("[]", ".*"), value, n) for path, value, n in items], [("t.*.x", True, 1)]) == []
    long = [("t[].id", n, n) for n in range(1, 200)] + [("t[].s", "xy"[n % 2], n) for n in range(1, 199)]
    assert len(conditions_of(long, [])) == MAX_CONDITIONS


@pytest.mark.parametrize("as_text", [False, True])
def test_the_record_in_a_learned_state_is_predicted(as_text: bool) -> None:
    """Wherever in the list it stands; a session whose list begins with it is no exception."""

    def told(number: int, bad: int) -> tuple[Any, str]:
        ids = [f"kd-{number}{n}" for n in range(5)]
        states = ["failed" if n == bad else "passed" for n in range(5)]
        if as_text:
            return "\n".join(f"[{id}] Some run - {state}" for id, state in zip(ids, states, strict=True)), ids[bad]
        return [{"id": id, "state": state} for id, state in zip(ids, states, strict=True)], ids[bad]

    def run(number: int) -> Any:
        result, wanted = told(number, number % 5)
        return session(f"s{number}", "go", ("find", {}, result), ("file", {"run": wanted}, "x"))

    predictor = train(*map(run, range(100, 120)))
    for bad in (0, 3):
        result, wanted = told(777, bad)
        made = predictor.predict(history("go", ("find", {}, result)), 9)
        assert next(each.arguments for each in made if each.tool == "file") == {"run": wanted}
