"""The benchmarks run: small, so that nobody finds out on the day the figures are wanted. No figure is asserted."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from benchmarks import overhead, run_all
from benchmarks.prediction import peers


def test_overhead_measures_every_arm(monkeypatch, capsys):
    """Each arm is measured and the table shows it; the arms are what they claim, or the run stops."""
    monkeypatch.setattr(overhead, "ROUNDS", 2)
    monkeypatch.setattr(overhead, "CALLS_A_ROUND", 20)
    monkeypatch.setattr(overhead, "SESSIONS", 3)
    monkeypatch.setattr(overhead, "TOOL_S", 0.001)
    document = overhead.measure(memory_calls=400)
    assert set(document["call"]) == {"calls", "bare_us_p50", "off", "miss", "hit", "observed"}
    assert document["sessions"]["calls"] == 30
    assert document["memory"]["calls"] == 400
    assert document["memory"]["committed"] > 0
    overhead.print_table(document)
    assert "observed" in capsys.readouterr().out


def test_a_benchmark_that_measures_something_else_stops(monkeypatch):
    """If guesses were not hits, the figures of the hit arm would be those of a miss: nothing is reported."""
    monkeypatch.setattr(overhead, "ROUNDS", 1)
    monkeypatch.setattr(overhead, "CALLS_A_ROUND", 10)
    monkeypatch.setattr(overhead.Next, "predict", lambda self, history, limit: [])
    with pytest.raises(SystemExit, match="nothing was measured"):
        asyncio.run(overhead.measure_calls())


def small(command: tuple[str, ...], **options) -> run_all.Benchmark:
    return run_all.Benchmark("small", command, **options)


def test_results_are_kept_with_their_command(monkeypatch, tmp_path, capsys):
    """A run's figures stand beside command, versions and machine; results of what was not run stay."""
    program = (
        "import json, sys; json.dump({'hits': 3, 'shares': [0.5, 0.25], 'fine': True}, open(sys.argv[1], 'w'));"
        "print('noise'); print('Result: good')"
    )
    monkeypatch.setattr(
        run_all, "BENCHMARKS", (small(("python", "-c", program, run_all.JSON), seed=5, printed_from="Result"),)
    )
    kept = tmp_path / "results.json"
    run_all.main(["--json", str(kept), "--only", "small"])
    entry = json.loads(kept.read_text(encoding="utf-8"))["small"]
    assert entry["figures"] == {
        "hits": 3, "shares": [0.5, 0.25], "fine": True, "closing_line": "Result: good", "printed": "Result: good",
    }  # fmt: skip
    assert entry["seed"] == 5
    assert entry["versions"]["speculate-runtime"]
    assert "0.5, 0.25" in capsys.readouterr().out
    run_all.main(["--json", str(kept), "--table"])
    assert json.loads(kept.read_text(encoding="utf-8"))["small"] == entry


def test_without_traces_the_rest_still_runs(monkeypatch, tmp_path, capsys):
    """What needs recorded runs is left out, and said so."""
    monkeypatch.setattr(run_all, "BENCHMARKS", (small(("python", f"{run_all.TRACES}/x.py")),))
    run_all.main(["--json", str(tmp_path / "results.json")])
    assert "left out, it needs --traces" in capsys.readouterr().err


def test_a_benchmark_that_fails_is_not_recorded(monkeypatch, tmp_path):
    """A failure stops the run with its output."""
    monkeypatch.setattr(run_all, "BENCHMARKS", (small(("python", "-c", "raise SystemExit('broken')")),))
    with pytest.raises(SystemExit, match="broken"):
        run_all.main(["--json", str(tmp_path / "results.json")])
    assert not (tmp_path / "results.json").exists()


def test_every_benchmark_is_a_command_that_exists():
    """Names are unique, and modules that are run can be found."""
    names = [benchmark.name for benchmark in run_all.BENCHMARKS]
    assert len(names) == len(set(names))
    for benchmark in run_all.BENCHMARKS:
        if benchmark.command[:2] == ("python", "-m"):
            __import__(benchmark.command[2])
            assert benchmark.command[2] in sys.modules


def test_a_peer_that_is_not_installed_is_said_to_be_left_out(monkeypatch):
    """Nobody takes a table without them for one in which they are beaten."""
    monkeypatch.setattr(
        peers, "PEERS", {"no_such_package_here": peers.SpecuNode.train, "pytest": peers.ToolAhead.train}
    )
    assert [label.split()[0] for label, _ in peers.installed()] == ["pytest"]
    assert peers.missing() == ["no_such_package_here"]
