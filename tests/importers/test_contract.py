"""One suite over every importer, on files the real SDKs wrote (tests/importers/real/), and on damaged ones."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speculate.errors import TraceError
from speculate.importers import IMPORTERS, Importer, Item, detect, import_file
from speculate.importers.documents import items
from speculate.trace import (
    CallIssued,
    Record,
    RecordedSession,
    ResultArrived,
    SessionEnded,
    SessionStarted,
    TurnTaken,
    UserSaid,
    encode_record,
    group_sessions,
)
from speculate.trace.lines import Source
from speculate.trace.rows import decode_json, record_of
from tests.importers.real import scenario

FIXTURES = Path(__file__).parent / "fixtures"
PLAYED = {  # the scenario, as each SDK wrote it
    "otel.jsonl": "otel",
    "openinference.jsonl": "openinference",
    "langsmith.jsonl": "langsmith",
    "openai.json": "openai",
    "anthropic.jsonl": "anthropic",
    "inspect.json": "inspect",
    "inspect.eval": "inspect",
    "mcp.jsonl": "mcp",
}
TIMED = {"otel.jsonl", "openinference.jsonl", "langsmith.jsonl", "inspect.json", "inspect.eval", "mcp.jsonl"}
WITHOUT_MODEL = {"mcp.jsonl"}
TRACE_LINES = [
    json.loads(line) for line in (FIXTURES.parent.parent / "fixtures" / "odd.jsonl").read_text().splitlines()
]


def refuse(problem: TraceError) -> None:
    raise AssertionError(problem)


def raw_items(name: str) -> list[Item]:
    with Source(FIXTURES / name) as source:
        return list(items(source, lambda problem, line: refuse(TraceError(problem))))


def load(path: Path, **settings: Any) -> list[Record]:
    return list(import_file(path, on_problem=settings.pop("on_problem", refuse), **settings))


def one_session(path: Path) -> RecordedSession:
    (session,) = group_sessions(load(path))
    return session


def check_trace(records: Iterable[Record]) -> None:
    """Whatever the source, the records are trace v1: written and read back equal, sessions opened and ended once."""
    open_sessions: set[str] = set()
    waiting: set[tuple[str, str]] = set()
    for record in records:
        assert record_of(decode_json(encode_record(record))) == record
        if isinstance(record, SessionStarted):
            assert record.session not in open_sessions
            open_sessions.add(record.session)
            continue
        assert record.session in open_sessions
        if isinstance(record, SessionEnded):
            open_sessions.remove(record.session)
        elif isinstance(record, CallIssued):
            assert (record.session, record.id) not in waiting
            waiting.add((record.session, record.id))
        elif isinstance(record, ResultArrived):
            waiting.remove((record.session, record.id))
    assert not open_sessions


@pytest.mark.parametrize("name", PLAYED)
def test_the_format_is_detected(name: str) -> None:
    format = PLAYED[name]
    if name.endswith(".eval"):
        return  # an archive is known by its first bytes
    found = detect(raw_items(name))
    assert found is IMPORTERS[format]
    assert isinstance(found, Importer)


def check_played(name: str, session: RecordedSession) -> None:
    """The scenario is found in full: the user, the turns, their calls in order, what came of them."""
    users = [step.text for step in session.steps if isinstance(step, UserSaid)]
    texts = [turn.record.text for turn in session.turns]
    calls = [[(call.tool, call.args) for call in turn.calls] for turn in session.turns]
    if name in WITHOUT_MODEL:
        assert calls == [[(tool, args) for _, tool, args in turn] for turn in scenario.TURNS[:2]]
        assert users == []
    else:
        assert calls == [[(tool, args) for _, tool, args in turn] for turn in scenario.TURNS]
        assert users == [scenario.USER]
        assert session.start.task == scenario.USER
        assert texts == [scenario.FIRST_TEXT, None, scenario.LAST_TEXT]
    results = [turn.results[call.id] for turn in session.turns for call in turn.calls]
    assert [result.ok for result in results] == [True, True, name == "openai.json"]  # that format knows no errors
    for result, order in zip(results[:2], ("O-1", "O-2"), strict=True):
        value = result.result if isinstance(result.result, dict) else json.loads(result.result)
        assert value == scenario.get_order(order)
    failed = results[2]
    if name != "mcp.jsonl":  # its server hides what a crash was
        assert scenario.PROBLEM in (failed.raised or str(failed.result))


@pytest.mark.parametrize("name", PLAYED)
def test_the_played_run_is_found_in_full(name: str) -> None:
    check_played(name, one_session(FIXTURES / name))


@pytest.mark.parametrize("name", PLAYED)
def test_times_are_recorded_or_null(name: str) -> None:
    """Where the format has times every call has them, in order; where it has none, none is made up."""
    session = one_session(FIXTURES / name)
    calls = [(call, turn.results[call.id]) for turn in session.turns for call in turn.calls]
    if name not in TIMED:
        assert session.start.at is None
        assert all(call.at is None and result.at is None and result.tool_s is None for call, result in calls)
        assert all(turn.record.at is None and turn.record.llm_s is None for turn in session.turns)
        return
    assert session.start.at == 0.0
    for call, result in calls:
        assert call.at is not None
        assert result.at is not None
        assert result.tool_s is not None
        assert 0 <= call.at <= result.at
        assert 0 <= result.tool_s <= result.at - call.at + 1e-3
    if name not in WITHOUT_MODEL:
        assert all(turn.record.at is not None and turn.record.llm_s is not None for turn in session.turns)


@pytest.mark.parametrize("name", PLAYED)
def test_what_comes_out_is_trace_v1(name: str) -> None:
    check_trace(load(FIXTURES / name))


@pytest.mark.parametrize("name", [name for name in PLAYED if not name.endswith(".eval")])
def test_gzipped_and_with_a_mark_it_is_the_same(name: str, tmp_path: Path) -> None:
    """Compressed; with a byte order mark and Windows line ends."""
    expected = load(FIXTURES / name)
    packed = tmp_path / name
    packed.write_bytes(gzip.compress((FIXTURES / name).read_bytes()))
    assert load(packed) == expected
    packed.write_bytes(b"\xef\xbb\xbf" + (FIXTURES / name).read_bytes().replace(b"\n", b"\r\n"))
    assert load(packed) == expected


@pytest.mark.parametrize("name", [name for name in PLAYED if name.endswith(".jsonl")])
@pytest.mark.parametrize("indent", [None, 2])
def test_as_one_array_it_is_the_same(name: str, indent: int | None, tmp_path: Path) -> None:
    """The records of JSON Lines as one JSON document, on one line and pretty-printed."""
    rows = [json.loads(line) for line in (FIXTURES / name).read_text().splitlines() if line]
    path = tmp_path / name
    path.write_text(json.dumps(rows, indent=indent))
    assert load(path) == load(FIXTURES / name)


@pytest.mark.parametrize("name", [name for name in PLAYED if name.endswith(".jsonl")])
def test_a_broken_line_is_told_and_skipped(name: str, tmp_path: Path) -> None:
    """With file and line; the records around it stay."""
    lines = (FIXTURES / name).read_bytes().splitlines(keepends=True)
    path = tmp_path / name
    path.write_bytes(b"".join([lines[0], b'{"torn": tr\n', b"no json at all\n", *lines[1:], b'{"last": ']))
    problems: list[TraceError] = []
    assert load(path, on_problem=problems.append) == load(FIXTURES / name)
    last = len(lines) + 3
    assert [(problem.file, problem.line) for problem in problems] == [(str(path), line) for line in (2, 3, last)]
    with pytest.raises(TraceError, match=rf"{name}:2: not JSON"):
        list(import_file(path))


def _damaged(value: Any, choose: Any) -> Any:
    """A copy of the record with one value inside it replaced or taken away."""
    value = copy.deepcopy(value)
    at = value
    while True:
        keys: list[Any] = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            return value
        key = choose(st.sampled_from(keys))
        if isinstance(at[key], (dict, list)) and at[key] and choose(st.booleans()):
            at = at[key]
            continue
        if choose(st.booleans()):
            del at[key]
        else:
            at[key] = choose(st.sampled_from([None, 7, -1, 1.5, True, "", "x", [], [1], {}, {"type": "x"}, [[None]]]))
        return value


RECORDS: dict[str, list[Item]] = {name: raw_items(name) for name in PLAYED if not name.endswith(".eval")}
RECORDS["claude-code"] = [
    Item(number, json.loads(line), len(line))
    for number, line in enumerate((FIXTURES / "claude_code.jsonl").read_text().splitlines(), start=1)
]
RECORDS["trace"] = [Item(number, row, 100) for number, row in enumerate(TRACE_LINES, start=1)]
NAMES = {**PLAYED, "claude-code": "claude-code", "trace": "trace"}


@pytest.mark.parametrize("name", RECORDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_records_are_told_never_raised(name: str, data: st.DataObject) -> None:
    """Any value anywhere may be missing or of another type: what comes out is trace v1 all the same."""
    records = list(RECORDS[name])
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(records) - 1))
        item = records[index]
        if not isinstance(item.value, (dict, list)):
            continue
        value = _damaged(item.value, data.draw)
        records[index] = Item(item.line, value, item.size, item.container, item.context, item.group, item.prefix)
    importer = IMPORTERS[NAMES[name]]
    for item in records:
        importer.recognizes(item)
    converted = list(importer.convert(copy.deepcopy(records), "file", lambda problem, line: None))
    if name != "trace":  # which converts what it is given, records without a session's start too
        check_trace(converted)
    else:
        assert all(isinstance(record, Record) for record in converted)


@pytest.mark.parametrize("importer", IMPORTERS.values(), ids=lambda importer: importer.name)
@settings(max_examples=30, deadline=None)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    )
)
def test_records_of_nothing_known_are_told_never_raised(importer: Importer, value: Any) -> None:
    """Each importer stands any JSON value."""
    item = Item(1, value, 10)
    importer.recognizes(item)
    check_trace(importer.convert([item, item], "file", lambda problem, line: None))


def test_a_turn_taken_has_its_tokens() -> None:
    """Where the source counts them."""
    for name in ("otel.jsonl", "openinference.jsonl", "langsmith.jsonl", "inspect.json"):
        tokens = [(r.tokens_in, r.tokens_out) for r in load(FIXTURES / name) if isinstance(r, TurnTaken)]
        assert tokens == [(100, 10), (101, 10), (102, 10)]
