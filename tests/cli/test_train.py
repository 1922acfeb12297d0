"""`speculate train`, from the command line to its files."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from predictors import MarkovPredictor, RepeatPredictor, load_predictor, save_predictor
from predictors.modelfile import to_envelope
from speculate.cli import main
from speculate.trace import read_sessions
from speculate.training.learning import train
from toolspecs import Manifest

ODD = Path(__file__).parent.parent / "fixtures" / "odd.jsonl"
MANIFEST = ODD.with_suffix(".toml")


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    """The same runs under other names."""
    path = tmp_path / "dev.jsonl"
    path.write_text(ODD.read_text().replace('"session": "odd', '"session": "dev'))
    return path


def speculate(*arguments: object) -> int:
    return main(["train", *map(str, arguments)])


def test_a_model_is_trained_judged_and_written(tmp_path: Path, dev: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file holds what was trained; the tables fit 100 columns; the JSON has it all."""
    model, out = tmp_path / "model.json", tmp_path / "out.json"
    assert speculate(
        ODD, "--manifest", MANIFEST, "--predictor", "markov", "--out", model, "--judge", dev, "--json", out
    ) == 0  # fmt: skip
    trained = MarkovPredictor.train(read_sessions(ODD), Manifest.load(MANIFEST))
    assert to_envelope(load_predictor(model)) == to_envelope(trained)
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines()[2:])) <= 100
    for title in ("By tool", "By argument, and where the missed values were", "Launching from p_use", "admission"):
        assert title in said
    assert "markov: trained on " in said
    document = json.loads(out.read_text())
    sessions = read_sessions(ODD)
    assert document["trained"]["sessions"] == len(sessions)
    assert (
        document["trained"]["calls"] == sum(len(session.calls) for session in sessions) == document["judged"]["calls"]
    )
    assert document["model"] == {"path": str(model), "bytes": model.stat().st_size}
    assert set(document["judged"]["prediction"]) == {"tool@1", "exact@1", "exact@3", "exact@5", "brier"}
    assert document["judged"]["prediction"]["exact@5"] > 0


def test_bare_json_is_alone_on_standard_output(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """People's words go to standard error."""
    assert speculate(
        ODD, "--manifest", MANIFEST, "--predictor", "repeat", "--explain", "--set", "window=2", "--json"
    ) == 0  # fmt: skip
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["judged"] is None
    assert document["model"] is None
    assert len(document["rules"]) == 2
    assert document["rules"][0].startswith("call 1 from the end comes again next turn ")
    assert "repeat: trained on" in captured.err


@pytest.mark.parametrize(
    ("tenants", "options", "is_said"),
    [
        (["acme"], (), True),
        (["acme", "birch"], (), True),
        (["acme", "birch", "cedar"], (), False),
        (["acme"], ("--set", "min_tenants=1"), False),
        (["acme"], ("--predictor", "repeat"), False),
        ([None], (), False),
    ],
)
def test_too_few_tenants_are_said(
    tenants: list[str | None],
    options: tuple[str, ...],
    is_said: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing that fewer than three showed is guessed with; a run without a tenant counts as one of its own."""
    events = []
    for number, tenant in enumerate(tenants * 3):
        name = f"s{number}"
        events += [
            {"v": 1, "session": name, "type": "session", "at": 0.0, "tenant": tenant},
            {"session": name, "type": "turn", "turn": 0, "at": 0.0},
            {"session": name, "type": "call", "turn": 0, "id": "c", "tool": "find", "args": {"id": "7"}, "at": 1.0},
            {"session": name, "type": "result", "id": "c", "at": 2.0, "ok": True, "result": {"ok": True}},
        ]
    runs = tmp_path / "runs.jsonl"
    runs.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    assert speculate(runs, "--manifest", MANIFEST, *options, "--out", tmp_path / "model.json") == 0
    said = capsys.readouterr().out
    assert ("--set min_tenants=1" in said) is is_said
    assert (f"These runs are of {len(tenants)} tenant" in said) is is_said


@pytest.mark.parametrize(
    ("kind", "rule"),
    [("markov", "(start) -> "), ("tournament", ": mean loss ")],
)
def test_rules_are_explained(kind: str, rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One a line."""
    extra = ["--set", 'components=["markov","repeat"]'] if kind == "tournament" else []
    assert speculate(ODD, "--manifest", MANIFEST, "--predictor", kind, "--explain", *extra) == 0
    assert rule in capsys.readouterr().out


def test_rules_about_arguments_stand_under_the_argument(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The best six of each; all of them in the JSON."""
    out = tmp_path / "out.json"
    assert speculate(
        ODD, "--manifest", MANIFEST, "--predictor", f"{__name__}:Ruled", "--explain", "--json", out
    ) == 0  # fmt: skip
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  get_order.order_id",
        *[f"     50.0%  rule {n} (right 3×, 2 tenants)" for n in range(6)],
        "           … 2 more",
        "  refund.amount",
        "    100.0%  the price (right 0.5×)",
        "  and a line",
    ]
    assert len(json.loads(out.read_text())["rules"]) == 10


@dataclass
class Rule:
    tool: str
    argument: str
    rule: str
    support: float
    precision: float
    tenants: int | None


class Ruled(RepeatPredictor):
    """A predictor with rules about arguments."""

    def explain(self) -> Any:
        many = [Rule("get_order", "order_id", f"rule {n}", 3, 0.5, 2) for n in range(8)]
        return [*many, Rule("refund", "amount", "the price", 0.5, 1.0, None), "and a line"]


def test_merging_is_training_on_all(tmp_path: Path, dev: Path) -> None:
    """Two models, and runs beside them, add up to the model trained on everything."""
    specs = Manifest.load(MANIFEST)
    one, other, out = tmp_path / "one.json", tmp_path / "other.json.gz", tmp_path / "sum.json"
    save_predictor(MarkovPredictor.train(read_sessions(ODD), specs), one)
    save_predictor(MarkovPredictor.train(read_sessions(dev), specs), other)
    assert speculate("--merge", one, other, "--out", out) == 0
    both = [*read_sessions(ODD), *read_sessions(dev)]
    assert to_envelope(load_predictor(out)) == to_envelope(MarkovPredictor.train(both, specs))
    assert speculate(dev, "--merge", one, "--manifest", MANIFEST, "--out", tmp_path / "more.json") == 0
    assert (tmp_path / "more.json").read_bytes() == out.read_bytes()


def test_any_number_of_processes_writes_the_same_file(tmp_path: Path, dev: Path) -> None:
    """Over several files; `--jobs` alone decides how long it takes."""
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    assert speculate(ODD, dev, "--manifest", MANIFEST, "--out", one, "--jobs", 1) == 0
    assert speculate(ODD, dev, "--manifest", MANIFEST, "--out", two, "--jobs", 2) == 0
    assert two.read_bytes() == one.read_bytes()


def test_a_line_that_cannot_be_read_is_named_whatever_the_number_of_processes(
    tmp_path: Path, dev: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By file and number, and no model is written."""
    lines = dev.read_text().splitlines(keepends=True)
    dev.write_text("".join([*lines[:3], '{"type": "call"}\n', *lines[3:]]))
    assert speculate(ODD, dev, "--manifest", MANIFEST, "--out", tmp_path / "model.json", "--jobs", 2) == 2
    assert f"{dev}:4" in capsys.readouterr().err
    assert not (tmp_path / "model.json").exists()
    assert speculate(ODD, "--manifest", MANIFEST, "--out", tmp_path / "model.json", "--jobs", "many") == 2
    assert "many is no number of processes" in capsys.readouterr().err


def test_the_report_is_one_file(tmp_path: Path, dev: Path) -> None:
    """With both figures, every tool, and nothing to load from elsewhere; names from the runs are escaped."""
    report = tmp_path / "report.html"
    hostile = tmp_path / "hostile.jsonl"
    hostile.write_text(dev.read_text().replace("get_order", "<script>alert(1)</script>"))
    assert speculate(
        ODD, "--manifest", MANIFEST, "--predictor", "markov", "--judge", hostile, "--report", report
    ) == 0  # fmt: skip
    page = report.read_text()
    assert page.count("<svg") == 2
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert "track_parcel" in page
    assert "src=" not in page
    assert '<link rel="' not in page
    first = page
    assert speculate(
        ODD, "--manifest", MANIFEST, "--predictor", "markov", "--judge", hostile, "--report", report
    ) == 0  # fmt: skip
    assert report.read_text() == first


def test_a_report_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs without calls: dashes, not errors; and a model that was not trained now."""
    quiet, report, model = tmp_path / "quiet.jsonl", tmp_path / "report.html", tmp_path / "model.json"
    quiet.write_text('{"v":1,"session":"q","type":"session"}\n{"session":"q","type":"turn","turn":0}\n')
    save_predictor(RepeatPredictor(), model)
    assert speculate("--merge", model, "--judge", quiet, "--manifest", MANIFEST, "--report", report) == 0
    assert "Trained before" in report.read_text()
    assert "exact@1 –" in capsys.readouterr().out


def test_recorded_drafts_are_judged_without_training(
    tmp_path: Path, dev: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody's logged guesses, one of them right."""
    drafts, out, report = tmp_path / "drafts.jsonl", tmp_path / "out.json", tmp_path / "report.html"
    guesses = [{"tool": "get_order", "args": {"order_id": "O-2"}}]
    drafts.write_text(json.dumps({"session": "dev-orders", "turn": 0, "guesses": guesses}))
    assert speculate(
        "--predictor", "recorded", "--set", f"drafts={drafts}", "--manifest", MANIFEST, "--judge", dev,
        "--report", report, "--json", out,
    ) == 0  # fmt: skip
    assert "recorded: untrained" in capsys.readouterr().out
    judged = json.loads(out.read_text())["judged"]
    assert judged["tools"]["get_order"]["exact@1"] == pytest.approx(
        1 / judged["tools"]["get_order"]["speculable_calls"]
    )
    assert "Untrained, judged on" in report.read_text()


def test_the_report_needs_its_extra(
    tmp_path: Path, dev: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said by name."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert speculate(
        ODD, "--manifest", MANIFEST, "--predictor", "repeat", "--judge", dev, "--report", tmp_path / "r.html"
    ) == 2  # fmt: skip
    assert "pip install 'speculate-runtime[report]'" in capsys.readouterr().err


def test_judging_on_what_was_trained_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """It judges memory."""
    assert speculate(ODD, "--manifest", MANIFEST, "--predictor", "repeat", "--judge", ODD) == 0
    assert "were also trained on" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "nothing to learn from"),
        ([ODD], "nothing to do with what is learned"),
        ([ODD, "--out", "m.json"], "--manifest M is needed"),
        ([ODD, "--manifest", MANIFEST, "--out", "m", "--report", "r.html"], "--report shows a judgement"),
        (["--merge", "a.json", "--out", "m", "--set", "window=2"], "--set is for training"),
        ([ODD, "--manifest", MANIFEST, "--explain", "--set", "window"], "write KEY=VALUE, as in --set window=4"),
        ([ODD, "--manifest", MANIFEST, "--out", "m", "--predictor", "markow"], "did you mean 'markov'?"),
        (
            [ODD, "--manifest", MANIFEST, "--out", "m", "--predictor", "repeat", "--set", "windw=4"],
            "the predictor 'repeat' cannot be made with windw=4: ",
        ),
        (
            [ODD, "--manifest", MANIFEST, "--out", "m", "--predictor", "repeat", "--set", "window=four"],
            "window must be a whole number of at least 1, not 'four'",
        ),
        (
            [ODD, "--manifest", MANIFEST, "--explain", "--predictor", "speculate.testing:ScriptedPredictor",
             "--set", "script=[]"],
            "a ScriptedPredictor has no rules to explain",
        ),
        (["--merge", "none.json", "--out", "m"], "none.json: cannot be read: No such file"),
        (["none.jsonl", "--manifest", MANIFEST, "--out", "m"], "none.jsonl"),
        ([ODD, "--manifest", "none.toml", "--out", "m"], "none.toml"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_clear_line(
    arguments: list[Any], problem: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With what to do, and exit code 2."""
    monkeypatch.chdir(tmp_path)
    assert speculate(*arguments) == 2
    said = capsys.readouterr().err
    assert problem in said
    assert len(said.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_only_equals_add_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kinds, settings, and compositions."""
    save_predictor(RepeatPredictor(2), tmp_path / "two.json")
    save_predictor(RepeatPredictor(3), tmp_path / "three.json")
    save_predictor(MarkovPredictor(), tmp_path / "markov.json")
    specs = Manifest.load(MANIFEST)
    for name in ("one", "other"):
        made: Any = train("mixture", read_sessions(ODD), specs, {"components": ["repeat"]})
        save_predictor(made, tmp_path / f"{name}.json")
    for files, problem in (
        (("two", "three"), "three.json cannot be merged with"),
        (("two", "markov"), "only equals add up"),
        (("one", "other"), "mixture models do not add up exactly"),
    ):
        paths = [tmp_path / f"{name}.json" for name in files]
        assert speculate("--merge", *paths, "--out", tmp_path / "sum.json") == 2
        assert problem in capsys.readouterr().err


def test_an_empty_trace_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing can be learned from it."""
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    assert speculate(empty, "--manifest", MANIFEST, "--out", tmp_path / "m.json") == 2
    assert "there is no session in it" in capsys.readouterr().err


def test_mistakes_in_a_predictor_are_not_taken_for_wrong_settings() -> None:
    """Without settings, its own exception passes."""
    with pytest.raises(TypeError):
        train("speculate.testing:ScriptedPredictor", [], {})
