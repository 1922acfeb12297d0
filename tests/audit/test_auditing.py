"""The pass and its edges: odd recordings, missing times, samples, memory, the same answer every time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from speculate.audit import Audit, AuditSettings, audit, document
from speculate.audit.auditing import Specs
from speculate.audit.tallies import MAX_TOOLS, STEPS
from speculate.errors import SpeculateError, TraceError
from speculate.trace import CallIssued
from tests.audit.runs import WEATHER, Run, five_reads, write
from tests.audit.test_known_answers import SHOP, lookup
from toolspecs import Manifest

ODD = Path(__file__).parent.parent / "fixtures" / "odd.jsonl"
QUICK = AuditSettings(speculation=False)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "runs.jsonl", [lookup(number, 3.0) for number in range(8)])
    once, again = (
        json.dumps(document(audit([path], Manifest.loads(SHOP), AuditSettings(seed=3, frontier=True))))
        for _ in range(2)
    )
    assert once == again
    assert json.loads(once)["speculation"]["frontier"][0]["min_probability"] == 0.0


def test_odd_recordings_are_audited() -> None:
    """Raw arguments, missing results, cut results, repeated ids: nothing raises, with and without a manifest."""
    for manifest in (None, Manifest.load(ODD.with_suffix(".toml"))):
        found = document(audit([ODD], manifest, AuditSettings()))
        assert found["sessions"] > 0
        json.dumps(found, allow_nan=False)


def test_times_that_were_not_recorded_are_modelled_and_said_to_be(tmp_path: Path) -> None:
    run = Run("bare").user("Lisbon").turn(("weather", {"city": "Lisbon"}, {"sky": "clear"}), llm_s=None, tool_s=None)
    for row in run.rows:
        row["at"] = None
    found = document(audit([write(tmp_path / "bare.jsonl", [run])], Manifest.loads(WEATHER), QUICK))
    assert found["modelled"] is True
    assert found["time"]["recorded"] == {"model": 0.0, "tool": 0.0}
    assert found["tools"]["weather"]["times_recorded"] == 0
    assert found["tools"]["weather"]["time"]["p50_s"] == pytest.approx(0.8)
    assert found["time"]["idle"] is None


def test_idle_time_is_what_neither_model_nor_tools_took(tmp_path: Path) -> None:
    run = Run("idle").user("Lisbon").turn(("weather", {"city": "Lisbon"}, {"sky": "clear"}), llm_s=1.0)
    run.now += 7.0
    run.user("And Oslo?").turn(("weather", {"city": "Oslo"}, {"sky": "grey"}), llm_s=1.0)
    found = document(audit([write(tmp_path / "idle.jsonl", [run])], Manifest.loads(WEATHER), QUICK))
    assert found["modelled"] is False
    assert found["time"]["idle"] == {"sessions": 1, "seconds": 7.0, "share": pytest.approx(7 / 13, abs=1e-6)}
    assert found["time"]["model_share"] == pytest.approx(2 / 6, abs=1e-6)


def test_shares_and_rules_of_derivable_arguments(tmp_path: Path) -> None:
    path = write(tmp_path / "runs.jsonl", [lookup(number, 3.0) for number in range(4)])
    found = document(audit([path], Manifest.loads(SHOP), QUICK))
    assert found["eligible"] == {"calls": 12, "share": 1.0, "why_not": {}}
    assert found["derivable"]["share_of_eligible"] == 1.0
    rules = {slot: one["rules"][0] for slot, one in found["derivable"]["arguments"].items()}
    assert rules["find_user.email"] == {"from": "user", "rule": "what the user typed", "count": 4}
    assert rules["get_orders.user_id"] == {"from": "result", "rule": "find_user.user_id", "count": 4}
    assert rules["get_invoice.order"] == {"from": "result", "rule": "get_orders.orders[]", "count": 4}


def test_a_fan_out_over_part_of_a_list_counts_the_whole_list(tmp_path: Path) -> None:
    """Two of four orders were looked at; who fans out before looking calls all four. Its turns' tokens are saved."""
    orders = [f"#W77{place}1" for place in range(4)]
    run = Run("list").user("My orders?").turn(("get_orders", {}, {"orders": orders}), llm_s=1.0, tokens_in=100)
    for order in orders[:2]:
        run.turn(("get_invoice", {"order": order}, {"total": 99}), llm_s=1.0, tokens_in=200)
    found = document(
        audit([write(tmp_path / "l.jsonl", [run])], Manifest.loads(SHOP), AuditSettings(speculation=False, price=0.5))
    )
    fan_out = found["remedies"]["fan_out"]
    assert found["dependencies"]["fan_outs"][0]["extra_calls"] == 2
    assert fan_out["calls_amplified"] == pytest.approx(5 / 3, abs=1e-6)
    assert fan_out["waste_cost"] == 1.0
    assert fan_out["tokens_saved"] == 200
    assert fan_out["model_turns_saved"] == 1


def test_nothing_moves_across_an_error_a_write_or_a_person(tmp_path: Path) -> None:
    """Two reads of known cities, with something in between that the second may have waited for."""
    manifest = Manifest.loads(WEATHER + '[tools.save]\neffect = "write"\n')

    def between(name: str) -> Run:
        run = Run(name).user("Compare Lisbon and Oslo.")
        run.turn(("weather", {"city": "Lisbon"}, "failed"), ok=name != "error")
        if name == "write":
            run.turn(("save", {"city": "Lisbon"}, "saved"))
        if name == "person":
            run.user("Go on.")
        return run.turn(("weather", {"city": "Oslo"}, {"sky": "grey"}))

    for name, is_free in (("nothing", True), ("error", False), ("write", False), ("person", False)):
        found = document(audit([write(tmp_path / f"{name}.jsonl", [between(name)])], manifest, QUICK))
        assert (found["remedies"]["fan_out"]["saved_share"] > 0) is is_free, name


def test_branches_that_only_wait_for_each_other_are_a_graph(tmp_path: Path) -> None:
    """Two chains of two, taken in turns: a graph runs them side by side, level by level."""
    manifest = Manifest.loads(
        'manifest = 1\n[tools.find]\neffect = "read"\nreads = ["a"]\n[tools.load]\neffect = "read"\nreads = ["b"]\n'
    )
    runs = []
    for number in range(3):
        run = Run(f"branches-{number}").user(f"Compare left-{number}77 and right-{number}77.")
        for side in ("left", "right"):
            run.turn(("find", {"name": f"{side}-{number}77"}, {"id": f"{side}-id-{number}"}), llm_s=1.0)
            run.turn(("load", {"id": f"{side}-id-{number}"}, {"size": 300}), llm_s=1.0)
        runs.append(run)
    found = document(audit([write(tmp_path / "b.jsonl", runs)], manifest, QUICK))
    assert [one["kind"] for one in found["recommendations"]] == ["dag", "fan_out"]
    assert found["recommendations"][0]["tools"] == ["find", "load"]
    assert found["remedies"]["dag"]["now_s"] == pytest.approx(12.0)
    assert found["remedies"]["dag"]["expected_s"] == pytest.approx(6.0)
    assert found["dependencies"]["planned_ahead"]["expected_s"] == pytest.approx(5.0)
    assert found["time"]["critical_path_share"] == 0.5


def test_samples_are_bounded_and_sums_are_not(tmp_path: Path) -> None:
    path = write(tmp_path / "many.jsonl", [five_reads(number) for number in range(30)])
    found = audit([path, path], Manifest.loads(WEATHER), AuditSettings(sample=7, replay_sample=5))
    assert found.collected.tallies.sessions == 60
    assert len(found.timed) == 7
    assert len(found.collected.sessions) == 5
    assert document(found)["calls"] == 300


def test_made_up_tool_names_do_not_fill_the_memory() -> None:
    specs = Specs(None)
    for number in range(MAX_TOOLS + 50):
        spec = specs.of(CallIssued("s", 0, "c", f"get_thing_{number}", {}))
    assert len(specs) == MAX_TOOLS
    assert spec.declared is False
    assert specs["get_thing_0"].declared is True
    assert next(iter(specs)) == "get_thing_0"


def test_long_sessions_count_their_last_turns_together(tmp_path: Path) -> None:
    run = Run("long").user("Lisbon")
    for number in range(STEPS + 5):
        run.turn(("weather", {"city": f"place-{number}"}, {"sky": "clear"}), llm_s=1.0)
    steps = document(audit([write(tmp_path / "long.jsonl", [run])], Manifest.loads(WEATHER), QUICK))["steps"]
    assert len(steps) == STEPS + 1
    assert (steps[-1]["and_later"], steps[-1]["turns"]) == (True, 5)


def test_broken_lines_raise_or_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "runs.jsonl", [five_reads(0)])
    path.write_text("nonsense\n" + path.read_text())
    with pytest.raises(TraceError, match=r"runs.jsonl:1"):
        audit([path], None, QUICK)
    told: list[TraceError] = []
    found = audit([path], None, AuditSettings(speculation=False, on_problem=told.append))
    assert found.collected.tallies.sessions == 1
    assert len(told) == 1


def test_nothing_to_audit_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_text("")
    with pytest.raises(SpeculateError, match="no session in"):
        audit([path])


def test_what_may_not_start_early_is_not_replayed(tmp_path: Path) -> None:
    manifest = Manifest.loads('manifest = 1\n[tools.weather]\neffect = "write"\n')
    path = write(tmp_path / "w.jsonl", [five_reads(number) for number in range(6)])
    found: Audit = audit([path], manifest)
    assert found.speculated is None
    shown: dict[str, Any] = document(found)
    assert shown["not_speculated_because"] == "no call may be started early"
    assert "speculation was not judged" in shown["recommendations"][0]["why"]
    assert shown["eligible"]["why_not"] == {"write": 30}


def test_sessions_asked_for_are_drawn(tmp_path: Path) -> None:
    path = write(tmp_path / "runs.jsonl", [lookup(number, 3.0) for number in range(12)])
    for speculation in (True, False):
        settings = AuditSettings(draw=("lookup-7",), replay_sample=6, speculation=speculation)
        found = document(audit([path], Manifest.loads(SHOP), settings))["timelines"]
        assert [(one["session"], one["why"]) for one in found] == [("lookup-7", "asked for")]
        assert (found[0]["speculative"] is not None) is speculation
        assert found[0]["sequential"]["seconds"] == pytest.approx(18.0)


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    path = write(tmp_path / "runs.jsonl", [lookup(number, 3.0) for number in range(6)])
    audit([path], Manifest.loads(SHOP), progress=lambda what, amount: told.append(what))
    assert told.count("reading") == 6
    assert "replaying" in told


def test_free_text_that_several_tasks_share_is_a_constant(tmp_path: Path) -> None:
    """The same words in runs of one task are what that task is about; in runs of several they are the application's."""
    manifest = Manifest.loads('manifest = 1\n[tools.ask]\neffect = "read"\nreads = ["faq"]\n')
    questions = ("which rules apply to parcels sent abroad by sea", "how long does a refund usually take to arrive")

    def asked(name: str, task: str) -> Run:
        run = Run(name, task=task).user("Help.")
        for question in questions:
            run.turn(("ask", {"question": question}, "as agreed"), llm_s=1.0)
        return run

    same = write(tmp_path / "same.jsonl", [asked(f"s{number}", "one") for number in range(4)])
    several = write(tmp_path / "several.jsonl", [asked(f"s{number}", f"task {number}") for number in range(4)])
    assert document(audit([same], manifest, QUICK))["remedies"]["fan_out"]["saved_share"] == 0
    assert document(audit([several], manifest, QUICK))["remedies"]["fan_out"]["saved_share"] == 0.5


def test_a_gain_that_is_not_certain_is_no_advice(tmp_path: Path) -> None:
    """One of four sessions could be fanned out: the interval reaches down to nothing."""
    runs = [five_reads(0, 1.0), *(five_reads(number, 1.0, together=True) for number in range(1, 4))]
    for run in runs[1:]:
        run.turn(llm_s=20.0)
    found = document(audit([write(tmp_path / "few.jsonl", runs)], Manifest.loads(WEATHER), QUICK))
    only = found["recommendations"]
    assert [one["kind"] for one in only] == ["stay_sequential"]
    assert "do not make it certain" in only[0]["why"]
    assert only[0]["why"].endswith("Judged on 4 sessions only.")
