"""What the reader takes, what it skips, and what it refuses with file, line and mend."""

from __future__ import annotations

import gzip
import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from speculate.errors import TraceError
from speculate.trace import (
    CallIssued,
    Record,
    ResultArrived,
    SessionEnded,
    SessionStarted,
    TurnTaken,
    UserSaid,
    lines,
    read_trace,
    read_traces,
)

CALL = {"session": "s", "type": "call", "turn": 0, "id": "c1", "tool": "get", "args": {"id": 1}, "at": 1.5}
END = {"session": "s", "type": "end", "at": 9}


def write(path: Path, *rows: Any, newline: str = "\n") -> Path:
    path.write_bytes(b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + newline.encode() for r in rows))
    return path


def read(path: Path) -> list[Record]:
    return list(read_trace(path))


def test_every_type_is_read_with_all_its_fields(tmp_path: Path) -> None:
    """Each of the six types arrives as its record, integers of seconds as floats."""
    path = write(
        tmp_path / "t.jsonl",
        {"v": 1, "session": "s", "type": "session", "at": 0, "task": "T", "model": "M", "dataset": "D", "tenant": "N"},
        {"session": "s", "type": "user", "at": 0.0, "text": "hi"},
        {
            "session": "s",
            "type": "turn",
            "turn": 0,
            "at": 0.0,
            "llm_s": 2,
            "text": "x",
            "tokens_in": 1,
            "tokens_out": 2,
        },
        CALL,
        {"session": "s", "type": "result", "id": "c1", "at": 2.0, "tool_s": 0.5, "ok": True, "result": [1]},
        END,
    )
    assert read(path) == [
        SessionStarted("s", 0.0, "T", "M", "D", "N"),
        UserSaid("s", "hi", 0.0),
        TurnTaken("s", 0, 0.0, 2.0, "x", 1, 2),
        CallIssued("s", 0, "c1", "get", {"id": 1}, 1.5),
        ResultArrived("s", "c1", 2.0, 0.5, True, [1]),
        SessionEnded("s", 9.0),
    ]


def test_unknown_fields_are_kept_and_unknown_types_skipped(tmp_path: Path) -> None:
    """A later release's additions lose nothing and break nothing."""
    path = write(tmp_path / "t.jsonl", {**CALL, "shard": 3}, {"type": "weather", "sky": "grey"}, END)
    call, end = read(path)
    assert isinstance(call, CallIssued)
    assert call.extra == {"shard": 3}
    assert isinstance(end, SessionEnded)


def test_arguments_that_are_no_object_stand_raw(tmp_path: Path) -> None:
    """A list, a text, null: kept under "_raw", told by is_raw."""
    path = write(tmp_path / "t.jsonl", {**CALL, "args": [1]}, {**CALL, "args": None}, CALL)
    raw_list, raw_null, plain = (r for r in read(path) if isinstance(r, CallIssued))
    assert (raw_list.args, raw_list.is_raw) == ({"_raw": [1]}, True)
    assert (raw_null.args, raw_null.is_raw) == ({"_raw": None}, True)
    assert not plain.is_raw


def test_a_result_may_be_null_missing_cut_or_an_error(tmp_path: Path) -> None:
    """Recorded null and not recorded differ; `raised` is never ok."""
    result = {"session": "s", "type": "result", "id": "c1"}
    path = write(
        tmp_path / "t.jsonl",
        {**result, "result": None},
        result,
        {**result, "result": "ab", "cut": True},
        {**result, "ok": False, "result": "no"},
        {**result, "raised": "KeyError: x"},
    )
    null, missing, cut, returned, raised = (r for r in read(path) if isinstance(r, ResultArrived))
    assert (null.known, missing.known) == (True, False)
    assert cut.cut
    assert (returned.ok, returned.raised) == (False, None)
    assert (raised.ok, raised.raised) == (False, "KeyError: x")


def test_byte_order_mark_carriage_returns_and_blank_lines_are_taken(tmp_path: Path) -> None:
    """Files that went through other people's editors."""
    path = tmp_path / "t.jsonl"
    path.write_bytes(
        b"\xef\xbb\xbf" + json.dumps(CALL).encode() + b"\r\n\r\n   \n" + json.dumps(END).encode() + b"\r\n"
    )
    assert [type(r) for r in read(path)] == [CallIssued, SessionEnded]


@pytest.mark.parametrize("name", ["t.jsonl.gz", "t.jsonl"])
def test_gzip_is_told_by_its_content(tmp_path: Path, name: str) -> None:
    """Whatever the file is called."""
    path = tmp_path / name
    path.write_bytes(gzip.compress((json.dumps(CALL) + "\n").encode()))
    assert len(read(path)) == 1
    write(path, CALL, END)
    assert len(read(path)) == 2


def test_an_empty_file_is_an_empty_trace(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.touch()
    assert read(path) == []


def test_several_files_follow_each_other(tmp_path: Path) -> None:
    paths = [write(tmp_path / "a.jsonl", CALL), write(tmp_path / "b.jsonl", END)]
    assert [type(r) for r in read_traces(paths)] == [CallIssued, SessionEnded]


@pytest.mark.parametrize("torn", [b'{"session": "s", "ty', '{"session": "ü'.encode()[:-1], b"\0" * 64])
def test_a_torn_last_line_is_skipped_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, torn: bytes
) -> None:
    """Cut anywhere, in the middle of a character too; or the zeros a crashed file system leaves."""
    path = write(tmp_path / "t.jsonl", CALL)
    with path.open("ab") as stream:
        stream.write(torn)
    assert len(read(path)) == 1
    assert f"{path}:2: torn last line skipped" in caplog.text


def test_a_whole_last_line_needs_no_newline(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps(CALL) + "\n" + json.dumps(END))
    assert len(read(path)) == 2


def test_a_truncated_gzip_gives_its_whole_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A compressed file that ends early is a torn last line too."""
    path = tmp_path / "t.jsonl.gz"
    rows = "".join(json.dumps({**CALL, "id": f"c{i}", "args": {"x": os.urandom(8).hex()}}) + "\n" for i in range(2000))
    path.write_bytes(gzip.compress(rows.encode())[:-5000])
    with caplog.at_level(logging.WARNING):
        records = read(path)
    assert 100 < len(records) < 2000
    assert [r.id for r in records if isinstance(r, CallIssued)] == [f"c{i}" for i in range(len(records))]
    assert "ends early" in caplog.text


def test_a_damaged_gzip_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl.gz"
    packed = bytearray(gzip.compress((json.dumps(CALL) + "\n").encode() * 9))
    packed[-8] ^= 0xFF  # the checksum
    path.write_bytes(packed)
    with pytest.raises(TraceError, match=r"t\.jsonl\.gz:10: cannot be read further: CRC check failed"):
        read(path)


def test_a_line_torn_in_the_middle_is_refused_with_its_mend(tmp_path: Path) -> None:
    """Silently losing a line from within would change what the run was."""
    path = write(tmp_path / "t.jsonl", CALL, b'{"session": "s", "type"', END)
    with pytest.raises(TraceError, match=r"t\.jsonl:2: not JSON: .*speculate import FILE --out") as caught:
        read(path)
    assert (caught.value.file, caught.value.line) == (str(path), 2)


def test_a_torn_line_that_the_next_recorder_marked_is_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A killed process's last line, in a file another process went on with."""
    path = write(tmp_path / "t.jsonl", CALL, b'{"session": "s", "type"', {"type": "torn"}, END)
    assert [type(r) for r in read(path)] == [CallIssued, SessionEnded]
    assert ":2: torn line skipped" in caplog.text


def test_problems_can_be_collected_instead(tmp_path: Path) -> None:
    """Each bad line is told, in order, and the others are read."""
    path = write(
        tmp_path / "t.jsonl", b"{", b"}", CALL, {"type": "call"}, b"\xff\xfe", END, b"[1]", newline="\n"
    )  # fmt: skip
    problems: list[TraceError] = []
    assert [type(r) for r in read_trace(path, problems.append)] == [CallIssued, SessionEnded]
    assert [p.line for p in problems] == [1, 2, 4, 5, 7]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ([1, 2], "must be a JSON object"),
        ({"v": 2, **CALL}, "trace version 2; this release reads version 1"),
        ({"v": True, **CALL}, "trace version true"),
        ({"session": "s"}, "'type' is missing"),
        ({"type": "end"}, "'session' is missing"),
        ({**CALL, "session": 7}, "'session' must be a string, not 7"),
        ({**CALL, "at": "noon"}, "'at' must be a finite number of seconds or null, not \"noon\""),
        ({**CALL, "at": True}, "'at' must be"),
        ({**CALL, "at": 10**400}, "'at' is beyond every clock"),
        ({**CALL, "turn": -1}, "'turn' must be a whole number of at least 0, not -1"),
        ({**CALL, "turn": 1.0}, "'turn' must be a whole number"),
        ({**CALL, "turn": True}, "'turn' must be a whole number"),
        ({**CALL, "id": None}, "'id' must be a string, not null"),
        ({**CALL, "tool": {"name": "x"}}, "'tool' must be a string, not an object"),
        ({**CALL, "tool": "x" * 5, "id": ["y"]}, "'id' must be a string, not an array"),
        ({k: v for k, v in CALL.items() if k != "args"}, "'args' is missing"),
        ({k: v for k, v in CALL.items() if k != "turn"}, "'turn' is missing"),
        ({"session": "s", "type": "user", "text": 5}, "'text' must be a string or null"),
        ({"session": "s", "type": "turn", "turn": 0, "llm_s": -0.5}, "'llm_s' must be a finite number of at least 0"),
        ({"session": "s", "type": "turn", "turn": 0, "tokens_in": 1.5}, "'tokens_in' must be a whole number"),
        ({"session": "s", "type": "result", "id": "c", "ok": "yes"}, "'ok' must be true or false, not \"yes\""),
        ({"session": "s", "type": "result", "id": "c", "tool_s": 10**400}, "'tool_s' is beyond every clock"),
        ({"session": "s", "type": "result", "id": "c", "tool_s": "x" * 99}, "…"),
        (b'{"session": "s", "type": "user", "text": "x", "at": NaN}', "NaN is not JSON"),
        (b'{"session": "s", "type": "user", "text": "x", "y": -Infinity}', "-Infinity is not JSON"),
        (b'{"session": "s", "type": "user", "text": "x", "at": 1e999}', "'at' must be a finite number"),
        (b'{"session": "s", "type": "user", "text": "\xff"}', "not UTF-8 at byte 43"),
        (b'{"a": ' * 10_000 + b"1" + b"}" * 10_000, "nested too deep"),
        (b'{"n": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_what_is_not_trace_v1_is_refused(tmp_path: Path, row: Any, problem: str) -> None:
    """Named by file, line and field; `on_problem` skips just that line."""
    path = write(tmp_path / "t.jsonl", CALL, row, END)
    with pytest.raises(TraceError) as caught:
        read(path)
    assert problem in str(caught.value)
    assert str(caught.value).startswith(f"{path}:2: ")
    problems: list[TraceError] = []
    assert len(list(read_trace(path, problems.append))) == 2
    assert len(problems) == 1


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"none\.jsonl: cannot be opened: No such file"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(TraceError, match="is a directory; name the files in it"):
        read(tmp_path)


def test_a_huge_line_is_read_and_a_monstrous_one_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """50 MB in one result is somebody's real run; a limit keeps a file without line ends from taking all memory."""
    row = {"session": "s", "type": "result", "id": "c1", "result": "x" * 50_000_000}
    path = write(tmp_path / "t.jsonl", row, END)
    first, _ = read(path)
    assert isinstance(first, ResultArrived)
    assert len(first.result) == 50_000_000
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1 << 20)
    with pytest.raises(TraceError, match=r":1: a line of more than 1 MiB"):
        read(path)


def test_two_bad_lines_in_a_row_and_one_at_the_end_are_each_told(tmp_path: Path) -> None:
    """The look ahead for a recorder's mark loses none."""
    path = write(tmp_path / "t.jsonl", b"{", b"{", CALL, b"{")
    problems: list[TraceError] = []
    assert len(list(read_trace(path, problems.append))) == 1
    assert [p.line for p in problems] == [1, 2, 4]


def test_progress_can_be_followed(tmp_path: Path) -> None:
    """Bytes on disk, also once closed."""
    path = write(tmp_path / "t.jsonl", CALL, END)
    with lines.Source(path) as source:
        assert source.size == path.stat().st_size
        assert source.read(4) == b'{"se'
        assert len(list(lines.numbered_lines(source))) == 2
        assert source.position > 0
    assert source.position == source.size
