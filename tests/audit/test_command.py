"""`speculate audit` and `speculate report` from the command line."""

from __future__ import annotations

import builtins
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from speculate.audit.plan import load_settings
from speculate.cli import main
from tests.audit.runs import WEATHER, Run, five_reads, write
from tests.audit.test_known_answers import SHOP, lookup, shop
from toolspecs import Manifest


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    manifest = tmp_path / "shop.toml"
    manifest.write_text(SHOP)
    weather = tmp_path / "weather.toml"
    weather.write_text(WEATHER)
    edges = tmp_path / "edges.toml"
    edges.write_text('edges = [["find_user", "get_orders"], ["find_user", "get_weather"]]')
    return {
        "lookups": str(write(tmp_path / "lookups.jsonl", [lookup(number, 3.0) for number in range(12)])),
        "shops": str(write(tmp_path / "shops.jsonl", [shop(number) for number in range(3)])),
        "reads": str(write(tmp_path / "reads.jsonl", [five_reads(number) for number in range(2)])),
        "manifest": str(manifest),
        "weather": str(weather),
        "edges": str(edges),
        "out": str(tmp_path / "out.json"),
        "plan": str(tmp_path / "plan.toml"),
        "page": str(tmp_path / "out.html"),
    }


def test_prints_and_writes_what_it_found(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    code = main(
        ["audit", files["lookups"], "--manifest", files["manifest"], "--price", "0.01", "--plan", files["plan"],
         "--json", files["out"]]
    )  # fmt: skip
    out = capsys.readouterr().out
    assert code == 0
    assert "Speculation pays on" in out
    assert "12 sessions" in out
    assert all(len(line) <= 100 for line in out.splitlines() if "│" in line)
    found = json.loads(Path(files["out"]).read_text())
    assert list(found)[:2] == ["audit", "recommendations"]
    assert set(found["recommendations"][0]) == {"kind", "tools", "expected_saving", "why"}
    assert found["skipped_lines"] == 0
    assert len(Manifest.load(files["plan"])) == 4
    assert load_settings(files["plan"].replace(".toml", ".policy.toml")).speculation is True


def test_bare_json_is_alone_on_standard_output(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", files["reads"], "--manifest", files["weather"], "--no-replay", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["recommendations"][0]["kind"] == "fan_out"
    assert "Start with fan-out" in said.err


def test_findings_are_printed(files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", files["shops"], "--edges", files["edges"], "--no-replay"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "No manifest was given" in out
    assert "Phantom edge: find_user → get_weather" in out
    assert "Not declared, so never started early" in out
    book = ("book", {"flight": "TP-771"}, "timeout")
    run = Run("retry").user("Book TP-771").turn(book, book, llm_s=None).turn(book, book)
    many = [Run(f"tools-{number}").turn((f"get_{number}", {}, 1)) for number in range(15)]
    manifest = tmp_path / "book.toml"
    manifest.write_text('manifest = 1\n[tools.book]\neffect = "write"\nwrites = ["seat"]\nreads = []\n')
    bare = Run("bare").turn(("get_1", {}, 1), llm_s=None, tool_s=None)
    for row in bare.rows:
        row["at"] = None
    path = write(tmp_path / "retry.jsonl", [run, bare, *many])
    path.write_text("broken\n" * 8 + path.read_text())
    assert main(["audit", str(path), "--manifest", str(manifest), "--skip-broken"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Unsafe repeat: book" in out
    assert "Hidden write-write conflict: book and book in one turn, over seat" in out
    assert "Writes without a dedup key: book" in out
    assert "and 4 more" in out
    assert "Recorded:" in out
    assert "… and 3 lines more" in out
    assert "Speculation was not judged" in out


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--sample", "0"], "--sample must be at least 1"),
        (["--replay-sample", "3"], "--replay-sample must be at least 4"),
        (["--price", "-1"], "--price must be"),
        (["--price", "nan"], "--price must be"),
        (["--edges", "nowhere.toml"], "nowhere.toml: cannot be read"),
        (["--latency", "nowhere"], "nowhere"),
        (["--manifest", "nowhere.toml"], "nowhere.toml"),
        (["--predictor", "nobody"], "nobody"),
    ],
)
def test_bad_usage_is_one_line(
    files: dict[str, str], capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    assert main(["audit", files["lookups"], *arguments]) == 2
    said = capsys.readouterr().err
    assert problem in said
    assert said.count("\n") == 1


def test_a_report_of_an_audit(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", files["lookups"], "--manifest", files["manifest"], "--json", files["out"]]) == 0
    assert main(["report", files["out"]]) == 0
    assert "Wrote" in capsys.readouterr().out
    page = Path(files["page"]).read_text()
    assert page.startswith("<!doctype html>")
    runs = ["--traces", files["lookups"], "--manifest", files["manifest"], "--session", "lookup-3"]
    assert main(["report", files["out"], *runs, "--out", files["page"], "--title", "Chosen", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "audit"
    page = Path(files["page"]).read_text()
    assert "<h1>Chosen</h1>" in page
    assert "Timeline of session lookup-3" in page


def test_a_report_of_a_replay(files: dict[str, str]) -> None:
    runs = ["--train", files["lookups"], "--test", files["lookups"], "--manifest", files["manifest"]]
    assert main(["replay", *runs, "--json", files["out"]]) == 0
    assert main(["report", files["out"], "--out", files["page"]]) == 0
    assert "need the runs themselves" in Path(files["page"]).read_text()
    assert main(["report", files["out"], "--out", files["page"], "--traces", files["lookups"]]) == 0
    assert "Timeline of session" in Path(files["page"]).read_text()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--session", "x"], "name them with --traces"),
        (["--traces", "LOOKUPS", "--session", "nobody"], "there is no session of this id"),
        (["--out", "/nowhere/out.html"], "cannot be written"),
    ],
)
def test_bad_usage_of_report(
    files: dict[str, str], capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    assert main(["audit", files["lookups"], "--no-replay", "--json", files["out"]]) == 0
    capsys.readouterr()
    given = [files["lookups"] if word == "LOOKUPS" else word for word in arguments]
    assert main(["report", files["out"], *given]) == 2
    assert problem in " ".join(capsys.readouterr().err.split())


def test_the_missing_extra_is_named(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without jinja2 the command says what to install; any other missing module is a defect, and is not hidden."""
    real = builtins.__import__
    missing = "jinja2"

    def without(
        name: str,
        scope: Mapping[str, Any] | None = None,
        local: Mapping[str, Any] | None = None,
        names: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        if name == "speculate.report.page":
            raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)
        return real(name, scope, local, names, level)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["report", files["out"]]) == 2
    assert "speculate-runtime[report]" in capsys.readouterr().err
    missing = "something"
    with pytest.raises(ModuleNotFoundError):
        main(["report", files["out"]])
