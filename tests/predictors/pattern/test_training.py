"""Training leaves the process as it was, and records tell what was made of them."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from predictors.pattern.collecting import without_collection
from predictors.pattern.records import ranked
from tests.predictors.pattern.sessions import session, train


@pytest.mark.parametrize("on", [True, False])
def test_garbage_collection_is_as_before(on: bool) -> None:
    """On or off, also when a session cannot be learned from."""
    before = gc.isenabled()
    try:
        (gc.enable if on else gc.disable)()
        train(session("s", "go", ("find", {"key": "a"}, {})))
        assert gc.isenabled() is on
        with pytest.raises(KeyError), without_collection():
            assert not gc.isenabled()
            raise KeyError("broken")
        assert gc.isenabled() is on
    finally:
        (gc.enable if before else gc.disable)()


def test_a_record_is_used_by_the_last_call_made_of_all_its_fields() -> None:
    """A call of one field alone, or of a container, was not made of the record; the one after the last used leads."""
    rows: list[tuple[int, int, dict[str, Any]]] = [(3, n, {"t.a": f"a{n}", "t.b": n}) for n in range(4)]
    rows.append((3, 4, {"t.a": "a4"}))  # lacks a field
    made: list[dict[str, Any]] = [{"x": "a0", "y": 0}, {"x": "a3", "y": [3]}, {"x": "a2"}, {"x": "a1", "y": 1}]
    found = [(slot, record[1]) for slot, record in ranked(rows, {"x": "t.a", "y": "t.b"}, made)]
    assert found == [(6, 2), (0, 3), (5, 1)]
    unused = [(slot, record[1]) for slot, record in ranked(rows, {"x": "t.a", "y": "t.b"}, [])]
    assert unused == [(0, 0), (1, 1), (2, 2), (2, 3)]
