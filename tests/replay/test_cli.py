"""`speculate replay` as a person or a pipeline runs it."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from predictors import RepeatPredictor, save_predictor
from speculate.cli import main
from speculate.replay.tables import print_result

FIXTURES = Path(__file__).parents[1] / "fixtures"
TRACES, MANIFEST = str(FIXTURES / "odd.jsonl"), str(FIXTURES / "odd.toml")


def command(*more: str) -> int:
    return main(["replay", "--test", TRACES, "--manifest", MANIFEST, "--train", TRACES, "--predictor", "repeat", *more])


@pytest.fixture(autouse=True)
def few_calls(monkeypatch):
    """A smaller sample where sessions contend."""
    monkeypatch.setattr("speculate.replay.contention.ENOUGH_CALLS", 40)


def test_the_table_fits_and_shows_the_arms_beside_each_other(capsys):
    """A hundred columns; off, speculative, oracle and foresight; the safety line; exit code 0."""
    assert command("--frontier", "--sessions-at-once", "2", "--capacity", "*=2", "get_order=3") == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 100
    for word in ("off", "speculative", "oracle", "foresight", "all wrong", "Hit rate", "waste per hit"):
        assert word in out
    assert "Safety: 0 writes launched, 0 undeclared launched, 0 stale delivered, 0 mismatched results." in out
    assert "0.95" in out
    assert "2 sessions at once" in out
    assert "are drawn (profile support)" in out


def test_the_json_is_written(tmp_path, capsys):
    """`--json PATH` writes the document; the same seed gives the same but for overhead."""
    documents = []
    for name in ("one.json", "two.json"):
        assert command("--seed", "3", "--latency", "coding", "--egress", "always", "--json", str(tmp_path / name)) == 0
        documents.append(json.loads((tmp_path / name).read_text()))
    for document in documents:
        del document["overhead"]
    assert documents[0] == documents[1]
    assert documents[0]["safety"]["mismatched_results"] == 0
    capsys.readouterr()
    assert command("--online", "--min-probability", "0.5", "--json") == 0
    assert json.loads(capsys.readouterr().out)["sessions"] == 4


def test_a_limit_that_is_broken_fails(capsys):
    """`--fail-under` and `--fail-over` name what they found, and the exit code is 1."""
    assert command("--fail-under", "speculation.hit_rate=0.99", "--fail-over", "speculation.waste_per_hit=0.001") == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "Failed: speculation.hit_rate is" in out
    assert "not at least 0.99" in out
    assert "speculation.waste_per_hit is" in out
    assert command("--fail-under", "speculation.hit_rate=0", "calls=3") == 0


def test_unsafe_is_always_a_failure(capsys, monkeypatch):
    """A safety count that is not zero fails without being asked for."""
    monkeypatch.setattr(
        "speculate.replay.running.Replay.safety",
        lambda self: {
            "writes_launched": 2,
            "undeclared_launched": 0,
            "stale_delivered": 0,
            "mismatched_results": 0,
        },
    )
    assert command() == 1
    assert "Failed: safety.writes_launched is 2, not 0" in capsys.readouterr().out


def test_a_model_file_needs_no_training(tmp_path, capsys):
    """`--predictor FILE` loads what was trained before."""
    model = tmp_path / "model.json"
    save_predictor(RepeatPredictor(), model)
    assert main(["replay", "--test", TRACES, "--manifest", MANIFEST, "--predictor", str(model)]) == 0
    assert "Hit rate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--test", TRACES, "--manifest", MANIFEST], "name runs with --train"),
        (["--train", TRACES, "--test", TRACES, "--manifest", MANIFEST, "--predictor", "guesswork"], "guesswork"),
        (["--train", TRACES, "--test", TRACES, "--manifest", "no.toml"], "no.toml"),
        (["--train", "no.jsonl", "--test", TRACES, "--manifest", MANIFEST], "no.jsonl"),
        (["--train", TRACES, "--test", "/dev/null", "--manifest", MANIFEST], "no session to replay"),
        (["--train", TRACES, "--test", TRACES, "--manifest", MANIFEST, "--latency", "slow"], "slow: cannot be read"),
        (["--train", TRACES, "--test", TRACES, "--manifest", MANIFEST, "--min-probability", "2"], "min_probability"),
        (["--train", TRACES, "--test", TRACES, "--manifest", MANIFEST, "--sessions-at-once", "0"], "sessions_at_once"),
        (["--train", TRACES, "--test", TRACES, "--manifest", MANIFEST, "--capacity", "x"], "write TOOL=N"),
        (["--train", TRACES, "--test", TRACES, "--manifest", MANIFEST, "--capacity", "x=0"], "at least 1"),
        (["--train", TRACES, "--test", TRACES, "--manifest", MANIFEST, "--capacity", "x=2"], "no tool is called"),
        (["--train", TRACES, "--test", TRACES, "--manifest", MANIFEST, "--fail-under", "x=1"], "has no number 'x'"),
    ],
)
def test_bad_input_is_one_line(arguments, problem, capsys):
    """Exit code 2, and a line on stderr that names what is wrong."""
    assert main(["replay", *arguments]) == 2
    error = capsys.readouterr().err
    assert problem in error
    assert len(error.splitlines()) == 1


def closed_document() -> dict:
    waits = {"p50_s": 0.5, "p95_s": 1.0, "p99_s": 250.0, "p99_ratio": 1.2, "switched_off": [], "hits": 0, "launched": 9}
    return {
        "sessions": 1, "calls": 0, "speculable_calls": 0, "modelled": False,
        "prediction": dict.fromkeys(("tool@1", "exact@1", "exact@3", "exact@5", "brier")),
        "speculation": {"hit_rate": None, "ready_rate": None, "launched": 0, "committed": 0, "wasted": 0,
                        "waste_per_hit": None},
        "latency": {"sequential_s": 0.0, "speculative_s": 0.0, "oracle_s": 0.0, "foresight_s": 0.0,
                    "saved_share": None, "oracle_share": None, "captured": None, "p50_speedup": None,
                    "wait_p99_ratio": None, "ci95": [None, None]},
        "controls": {"off_s": 0.0, "all_wrong_s": 0.0},
        "safety": dict.fromkeys(("writes_launched", "undeclared_launched", "stale_delivered", "mismatched_results"), 1),
        "frontier": [{"min_probability": 0.0, "hit_rate": None, "waste_per_hit": None, "saved_share": None}],
        "overhead": {"predict_us_p50": None, "predict_us_p99": None, "call_us_p50": None, "train_s": 0.0},
        "contention": {
            "sessions_at_once": 2, "capacity": {f"tool-number-{n}": 2 for n in range(9)}, "calls": 0,
            "off": {"p50_s": None, "p95_s": None, "p99_s": None},
            "budgets": [{"max_in_flight": 1, "speculative": waits, "all_wrong": waits, "closed": False},
                        {"max_in_flight": 4, "speculative": waits, "all_wrong": waits, "closed": True}],
            "admitted_max_in_flight": 0,
            "free_running": {**waits, "saved_share": None},
        },
    }  # fmt: skip


@pytest.mark.parametrize(("admitted", "words"), [(0, "no launches"), (1, "at most 1 launches at once")])
def test_a_closed_budget_and_missing_numbers_are_said(admitted, words):
    """Null is a dash; a budget that closed itself says to what."""
    stream = StringIO()
    document = closed_document()
    document["contention"]["admitted_max_in_flight"] = admitted
    print_result(Console(file=stream, width=100), document, "support")
    out = " ".join(stream.getvalue().split())
    assert f"The budget is closed to {words}" in out
    assert "are drawn" not in out
    assert "9 tools limited" in out
    assert "–" in out
    assert max(map(len, stream.getvalue().splitlines())) <= 100
