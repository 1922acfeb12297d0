"""Records out of lines and out of documents, in bounded memory, each with its line."""

from __future__ import annotations

import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from speculate.errors import TraceError
from speculate.importers import documents, import_file, open_import
from speculate.importers.documents import Item, items
from speculate.trace.lines import Source
from speculate.trace.records import CallIssued

Problems = list[tuple[str, int | None]]


def read(path: Path, problems: Problems | None = None) -> list[Item]:
    told: Problems = problems if problems is not None else []
    with Source(path) as source:
        found = list(items(source, lambda problem, line: told.append((problem, line))))
    if problems is None:
        assert told == []
    return found


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


OTLP = {
    "resourceSpans": [
        {
            "resource": {"a": 1},
            "scopeSpans": [{"scope": {"name": "x"}, "spans": [{"n": 1}, {"n": 2}]}, {"spans": []}],
        },
        {"scopeSpans": [{"spans": [{"n": 3}]}], "schemaUrl": "late"},
    ]
}


@pytest.mark.parametrize("indent", [None, 1])
def test_the_records_of_a_container_come_one_by_one(tmp_path: Path, indent: int | None) -> None:
    """Whether in memory or streamed; what stood before them in the document is their context."""
    found = read(write(tmp_path / "d.json", json.dumps(OTLP, indent=indent)))
    assert [item.value for item in found] == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert {item.container for item in found} == {("resourceSpans", "scopeSpans", "spans")}
    assert found[0].context["resource"] == {"a": 1}
    assert found[0].context["scope"] == {"name": "x"}
    assert all(item.size > 0 for item in found)


def test_lines_of_a_document_are_counted(tmp_path: Path) -> None:
    text = '{\n "eval": {"task": "t"},\n "samples": [\n\n  {"id": 1,\n   "epoch": 1},\n  {"id": 2}\n ]\n}\n'
    found = read(write(tmp_path / "d.json", text))
    assert [(item.line, item.value["id"]) for item in found] == [(5, 1), (7, 2)]
    assert found[0].context == {"eval": {"task": "t"}}


def test_arrays_group_what_stands_in_them(tmp_path: Path) -> None:
    """An array of arrays is several conversations; lines of their own are one."""
    rows = [[{"a": 1}, {"a": 2}], [{"a": 3}]]
    for indent in (None, 1):
        groups = [item.group for item in read(write(tmp_path / "d.json", json.dumps(rows, indent=indent)))]
        assert groups[0] == groups[1] != groups[2]
    lines = write(tmp_path / "d.jsonl", '[{"a": 1}, {"a": 2}]\n[{"a": 3}]\n')
    groups = [item.group for item in read(lines)]
    assert groups[0] == groups[1] != groups[2]
    assert [item.group for item in read(write(tmp_path / "e.jsonl", '{"a": 1}\n{"a": 2}\n'))] == [0, 0]


def test_a_document_of_several_objects(tmp_path: Path) -> None:
    """Pretty-printed objects one after the other, a plain value among them."""
    text = '{\n "a": 1\n}\n{\n "a": 2\n}\n17\n'
    assert [item.value for item in read(write(tmp_path / "d.json", text))] == [{"a": 1}, {"a": 2}, 17]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_values_cut_anywhere_by_a_chunk_are_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """Texts with escapes and multi-byte characters, numbers, literals: wherever the window ends."""
    monkeypatch.setattr(documents, "CHUNK_BYTES", chunk)
    rows: list[Any] = [{'ü\n"': 'a\\"b€😀', "n": -12.5e3, "t": [True, None, 1234567]}, {"n": 99}]
    text = json.dumps({"x": "y" * 100, "runs": rows}, indent=1, ensure_ascii=False)
    assert [item.value for item in read(write(tmp_path / "d.json", text))] == rows


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ('{\n"runs": [\n{"a": 1},\n{"a": }\n]}', "not JSON: Expecting value", 4),
        ('{\n"runs": [\n{"a": 1},\n{"a": "b', "the file ends early", 4),
        ('{\n"runs": [\n{"a": 1},', "the file ends early", 3),
        ('{\n"runs": [\n{"a": 1} {"a": 2}]}', "',' expected, not '{'", 3),
        ('{\n"runs": [\n{"a": 1}], 7: 1}', "a key must be a string", 3),
        ('{\n"runs": [\n{"a": 1}\n,{"a": NaN}]}', "NaN is not JSON", 4),
        ('{\n"runs": [\n{"a": 1}\n,' + "[" * 100_000, "nested too deep", 4),
        (b'{\n"runs": [\n{"a": 1}\n,{"a": "\xff\xff\xff\xff"}]}', "not UTF-8", 4),
    ],
)
def test_a_broken_document_is_told_with_its_line(tmp_path: Path, text: str | bytes, problem: str, line: int) -> None:
    """What came before the break stays."""
    problems: Problems = []
    found = read(write(tmp_path / "d.json", text), problems)
    assert len(found) == 1
    ((told, at),) = problems
    assert problem in told
    assert "what follows in this file is lost" in told
    assert at == line


def test_one_monstrous_record_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_LINE_BYTES", 1000)
    monkeypatch.setattr(documents, "CHUNK_BYTES", 100)
    problems: Problems = []
    found = read(write(tmp_path / "d.json", '{\n"runs": [{"a": 1}, {"a": "' + "x" * 10_000 + '"}]}'), problems)
    assert len(found) == 1
    assert "one record of more than" in problems[0][0]


def test_a_document_on_one_long_line_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Minified, gigabytes perhaps: never held whole."""
    monkeypatch.setattr(documents, "LONG_LINE_BYTES", 50)
    rows = [{"n": number} for number in range(100)]
    found = read(write(tmp_path / "d.json", json.dumps({"runs": rows})))
    assert [item.value for item in found] == rows
    assert {item.container for item in found} == {("runs",)}


def test_log_lines_carry_their_prefix(tmp_path: Path) -> None:
    path = write(tmp_path / "mcp.log", '2025-06-01T10:00:00Z [info] sent {"jsonrpc": "2.0"}\n# a comment\n')
    problems: Problems = []
    (item,) = read(path, problems)
    assert item.prefix == "2025-06-01T10:00:00Z [info] sent "
    assert problems == [("not JSON: no record on this line", 2)]


class Failing(io.BytesIO):
    """A disk that breaks."""

    def readline(self, *_: Any) -> bytes:
        raise OSError(5, "Input/output error")

    read = readline


@pytest.mark.parametrize("text", ['{"a": 1}\n{"a": 2}\n', '{\n"runs": [1]}'])
def test_a_file_that_cannot_be_read_on_is_told(tmp_path: Path, text: str) -> None:
    """An error of the disk, in lines and in a document."""
    problems: Problems = []
    with Source(write(tmp_path / "x", text)) as source:
        found = items(source, lambda problem, line: problems.append((problem, line)))
        intact, source._stream = source._stream, Failing()
        assert [item.value for item in found] in ([{"a": 1}], [])
        source._stream = intact
    assert "cannot be read further: Input/output error" in problems[0][0]


def test_an_unknown_format_is_said_with_the_known_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", '{"hello": "world"}\n')
    with pytest.raises(TraceError, match=r"x\.jsonl: none of the known formats \(trace, openinference, .*--format"):
        list(import_file(path))
    with pytest.raises(TraceError, match="unknown format 'csv'"):
        list(import_file(path, "csv"))
    assert list(import_file(write(tmp_path / "empty.json", "\n\n"))) == []


def test_a_pipe_will_do(tmp_path: Path) -> None:
    """Nothing is sought in or opened twice."""
    fixture = (Path(__file__).parent / "fixtures" / "otel.jsonl").read_bytes()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(fixture,))
    writer.start()
    with Source(pipe) as source:
        assert (source.size, source.position) == (0, 0)
        records = list(open_import(source).records)
    writer.join()
    assert sum(isinstance(record, CallIssued) for record in records) == 3
