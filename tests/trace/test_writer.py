"""What is written reads back equal, whatever the records hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speculate.errors import TraceError
from speculate.trace import (
    CallIssued,
    Record,
    ResultArrived,
    SessionEnded,
    SessionStarted,
    TraceWriter,
    TurnTaken,
    UserSaid,
    encode_record,
    read_trace,
)
from speculate.trace.rows import decode_json, record_of

texts = st.text(max_size=8)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
instants = st.none() | st.floats(-1e9, 1e9)
seconds = st.none() | st.floats(0, 1e9)
counts = st.none() | st.integers(0, 10**9)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4).map(lambda name: "x-" + name)
extras = st.dictionaries(names, json_values, max_size=2)
arguments = st.dictionaries(st.text(max_size=5), json_values, max_size=3)
records: st.SearchStrategy[Record] = st.one_of(
    st.builds(
        SessionStarted, texts, instants, st.none() | texts, st.none() | texts, st.none() | texts,
        st.none() | texts, extras,
    ),
    st.builds(UserSaid, texts, texts, instants, extras),
    st.builds(TurnTaken, texts, st.integers(0, 99), instants, seconds, st.none() | texts, counts, counts, extras),
    st.builds(CallIssued, texts, st.integers(0, 99), texts, texts, arguments, instants, extras),
    st.builds(ResultArrived, texts, texts, instants, seconds, st.booleans(), json_values, st.just(True),
              st.none(), st.booleans(), extras),
    st.builds(ResultArrived, texts, texts, instants, seconds, st.just(False), st.none(), st.just(False), texts,
              st.just(False), extras),
    st.builds(SessionEnded, texts, instants, extras),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(records)
def test_every_record_survives_the_round_trip(record: Record) -> None:
    """One line, no newline within, and the same record again: half surrogates and all."""
    line = encode_record(record)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert record_of(decode_json(line)) == record


@pytest.mark.parametrize(
    "value",
    [float("nan"), object(), {1, 2}, 10**5000, b"bytes", [float("inf")]],
    ids=lambda value: type(value).__name__,
)
def test_what_json_cannot_say_is_null_and_marked(value: Any) -> None:
    """A cut result; arguments that stand raw, never taken for a call that could be guessed."""
    result = json.loads(encode_record(ResultArrived("s", "c", result={"a": value, "b": 1})))
    assert result["result"] in ({"a": None, "b": 1}, {"a": [None], "b": 1})
    assert result["cut"] is True
    call = record_of(decode_json(encode_record(CallIssued("s", 0, "c", "t", {"a": value}))))
    assert isinstance(call, CallIssued)
    assert call.is_raw


def test_tuples_and_deep_nesting_are_written_as_far_as_json_goes() -> None:
    deep: Any = "bottom"
    for _ in range(10_000):
        deep = [deep]
    row = json.loads(encode_record(ResultArrived("s", "c", result=deep)))
    assert row["cut"] is True
    row = json.loads(encode_record(ResultArrived("s", "c", result=(1, "half \ud800 pair", float("nan")))))
    assert row["result"] == [1, "half \ud800 pair", None]


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz"])
def test_a_file_is_written_and_read_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    written: list[Record] = [SessionStarted("s", 0.0, task="ü"), SessionEnded("s", 1.0)]
    with TraceWriter(path) as writer:
        for record in written:
            writer.write(record)
    assert writer.written == 2
    assert list(read_trace(path)) == written
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="cannot be written: No such file"):
        TraceWriter(tmp_path / "none" / "t.jsonl")
    writer = TraceWriter("/dev/full")
    big = UserSaid("s", "x" * 1_000_000)
    with pytest.raises(TraceError, match="/dev/full: cannot be written: No space left"), writer:
        writer.write(big)
