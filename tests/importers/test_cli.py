"""`speculate import` and `speculate export` as a user types them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from speculate.cli.app import main
from speculate.trace import read_sessions, read_trace

FIXTURES = Path(__file__).parent / "fixtures"
ODD = Path(__file__).parent.parent / "fixtures" / "odd.jsonl"


class Terminal(io.StringIO):
    """Standard input or output with the bytes that go through it."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer: io.BytesIO = io.BytesIO()


def test_files_of_any_format_become_one_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, report = tmp_path / "all.jsonl.gz", tmp_path / "report.json"
    files = [str(FIXTURES / name) for name in ("otel.jsonl", "inspect.eval", "openai.json", "mcp.jsonl")]
    assert main(["import", *files, "--out", str(out), "--json", str(report)]) == 0
    assert len(read_sessions(out)) == 4
    document = json.loads(report.read_text())
    assert [(file["format"], file["calls"], file["skipped"]) for file in document["files"]] == [
        ("otel", 3, 0), ("inspect", 3, 0), ("openai", 3, 0), ("mcp", 3, 0),
    ]  # fmt: skip
    table = capsys.readouterr().out
    assert "openai.json" in table
    assert max(map(len, table.splitlines())) <= 100


def test_without_out_the_trace_goes_to_standard_output(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what is for people to standard error."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["import", str(FIXTURES / "anthropic.jsonl"), "--format", "anthropic"]) == 0
    path = tmp_path / "t.jsonl"
    path.write_bytes(terminal.buffer.getvalue())
    assert len(list(read_trace(path))) == 12
    assert "anthropic.jsonl" in capsys.readouterr().err


def test_what_is_skipped_is_said_counted_and_strict_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Twenty by name, all by number."""
    path, out, report = tmp_path / "bad.jsonl", tmp_path / "out.jsonl", tmp_path / "report.json"
    path.write_bytes(ODD.read_bytes() + b"{torn\n" * 30)
    arguments = ["import", str(path), "--out", str(out), "--json", str(report)]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert f"skipped: {path}:89: not JSON" in said
    assert said.count("skipped: ") == 20
    assert "further ones are counted only" in said
    document = json.loads(report.read_text())
    assert (document["skipped"], len(document["problems"]), document["files"][0]["skipped"]) == (30, 30, 30)
    assert document["problems"][0]["line"] == 89
    assert main([*arguments, "--strict"]) == 2


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["import", "IN", "--out", "IN"], "--out IN is one of the inputs"),
        (["import", "IN", "--json"], "both the trace and --json would go to standard output"),
        (["import", "none.jsonl", "--out", "x"], "none.jsonl: cannot be opened: No such file"),
        (["export", "IN", "--to", "otlp", "--out", "IN"], "--out IN is one of the inputs"),
        (["export", "IN", "--to", "otlp", "--json"], "both the export and --json would go to standard output"),
        (["export", "none.jsonl", "--to", "perfetto", "--out", "x"], "none.jsonl: cannot be opened"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    problem: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "IN").write_bytes(ODD.read_bytes())
    assert main(arguments) == 2
    assert problem in capsys.readouterr().err
    assert (tmp_path / "IN").read_bytes() == ODD.read_bytes()


def test_a_file_without_calls_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "e.jsonl").touch()
    assert main(["import", str(tmp_path / "e.jsonl"), "--out", str(tmp_path / "o.jsonl")]) == 0
    assert "No tool call was found" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["out.json", "out.json.gz"])
def test_traces_are_exported_and_imported_again(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    out, back, report = tmp_path / name, tmp_path / "back.jsonl", tmp_path / "r.json"
    assert main(["export", str(ODD), "--to", "otlp", "--out", str(out), "--json", str(report)]) == 0
    assert "4 sessions, 31 calls written as otlp" in capsys.readouterr().out
    assert json.loads(report.read_text()) == {"format": "otlp", "sessions": 4, "calls": 31}
    assert main(["import", str(out), "--out", str(back), "--strict"]) == 0
    assert sum(len(session.calls) for session in read_sessions(back)) == 31


def test_perfetto_to_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["export", str(ODD), "--to", "perfetto"]) == 0
    assert len(json.loads(terminal.buffer.getvalue())["traceEvents"]) > 40
