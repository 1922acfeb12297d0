"""Hand-made runs whose right answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from speculate.audit import AuditSettings, audit, document, load_edges
from tests.audit.runs import CHAIN, WEATHER, Run, chain, five_reads, write
from toolspecs import Manifest


def judged(path: Path, manifest: str | None, **settings: Any) -> dict[str, Any]:
    specs = None if manifest is None else Manifest.loads(manifest)
    return document(audit([path], specs, AuditSettings(**settings)))


@pytest.mark.parametrize("count", [1, 6])
@pytest.mark.parametrize("llm_s", [0.0, 0.5])
def test_five_independent_reads_are_one_fan_out(tmp_path: Path, count: int, llm_s: float) -> None:
    """Ten seconds of tools become two, and four of five turns with calls are saved."""
    path = write(tmp_path / "five.jsonl", [five_reads(number, llm_s) for number in range(count)])
    found = judged(path, WEATHER)
    first = found["recommendations"][0]
    assert first["kind"] == "fan_out"
    assert first["tools"] == ["weather"]
    fan_out = found["remedies"]["fan_out"]
    assert fan_out["now_s"] == pytest.approx(10 + 6 * llm_s)
    assert fan_out["expected_s"] == pytest.approx(2 + 2 * llm_s)
    assert fan_out["model_turns_saved"] == 4
    assert fan_out["calls_amplified"] == 1
    assert first["expected_saving"][0] > 0.6
    assert found["dependencies"]["adjacent"]["independent"] == 4 * count


def test_reads_of_one_turn_that_ran_one_after_the_other_are_a_fan_out(tmp_path: Path) -> None:
    """One turn, five calls, recorded end to end: the order is the framework's, not the model's."""
    found = judged(write(tmp_path / "turn.jsonl", [five_reads(number, 1.0) for number in range(3)]), WEATHER)
    assert found["time"]["calls_of_a_turn_overlap"] is False
    serial = (
        Run("serial")
        .user("Lisbon, Oslo")
        .turn(("weather", {"city": "Lisbon"}, {"sky": "clear"}), ("weather", {"city": "Oslo"}, {"sky": "grey"}))
    )
    found = judged(write(tmp_path / "serial.jsonl", [serial]), WEATHER)
    assert found["time"]["overlap_is_recorded"] is True
    assert found["remedies"]["fan_out"]["now_s"] == pytest.approx(4.0)
    assert found["remedies"]["fan_out"]["expected_s"] == pytest.approx(2.0)


def test_calls_that_already_overlap_gain_nothing(tmp_path: Path) -> None:
    """What the recording shows to run side by side is not promised again."""
    runs = [five_reads(number, 1.0, together=True) for number in range(3)]
    found = judged(write(tmp_path / "together.jsonl", runs), WEATHER)
    assert found["time"]["calls_of_a_turn_overlap"] is True
    assert found["remedies"]["fan_out"]["saved_share"] == 0
    assert [one["kind"] for one in found["recommendations"]] == ["stay_sequential"]


@pytest.mark.parametrize("count", [1, 8])
def test_an_irreducible_chain_stays_sequential(tmp_path: Path, count: int) -> None:
    """Every call needs the result before it: the critical path is all of it."""
    found = judged(write(tmp_path / "chain.jsonl", [chain(number) for number in range(count)]), CHAIN)
    assert [one["kind"] for one in found["recommendations"]] == ["stay_sequential"]
    assert "critical path is the floor" in found["recommendations"][0]["why"]
    assert found["time"]["critical_path_share"] == 1.0
    assert found["remedies"]["fan_out"]["saved_share"] == 0
    edges = found["dependencies"]["edges"]
    assert (edges[0]["from"], edges[0]["to"], edges[0]["path"]) == ("follow", "follow", "follow.next")
    assert edges[0]["calls"] == 4 * count


def test_a_chain_of_small_numbers_is_still_a_chain(tmp_path: Path) -> None:
    """A small number says nothing by itself; that it comes from the same field every time does."""
    runs = []
    for number in range(3):
        run = Run(f"pages-{number}").user("Read all pages.")
        for page in range(1, 6):
            run.turn(("page", {"page": page}, {"next": page + 1, "text": "words"}))
        runs.append(run)
    manifest = 'manifest = 1\n[tools.page]\neffect = "read"\nreads = ["page/{page}"]\n'
    found = judged(write(tmp_path / "pages.jsonl", runs), manifest)
    assert [one["kind"] for one in found["recommendations"]] == ["stay_sequential"]
    assert found["dependencies"]["edges"] == []


def test_a_hidden_write_write_conflict_is_found_and_keeps_the_order(tmp_path: Path) -> None:
    """Two writes share no value, but a resource; they are reported, and never fanned out."""
    manifest = """
manifest = 1
[tools.set_price]
effect = "write"
writes = ["item/{item}"]
reads = []
[tools.set_stock]
effect = "write"
writes = ["item/*"]
reads = []
[tools.log_visit]
effect = "write"
writes = ["visits"]
reads = []
"""
    run = (
        Run("hidden")
        .user("Update item bolt-77.")
        .turn(
            ("set_price", {"item": "bolt-77", "price": 512}, "done"),
            ("set_stock", {"sku": "bolt-77", "count": 300}, "done"),
            ("log_visit", {"page": "bolt-77"}, "done"),
        )
    )
    found = judged(write(tmp_path / "hidden.jsonl", [run]), manifest)
    hidden = found["dependencies"]["hidden"]
    assert [(one["first"], one["second"], one["kind"], one["same_turn"]) for one in hidden] == [
        ("set_price", "set_stock", "write-write", 1)
    ]
    assert hidden[0]["resource"] == "item/*"
    # The two in conflict take 4 s whatever is done; only the third may run beside them.
    assert found["remedies"]["fan_out"]["expected_s"] == pytest.approx(4.0)


SHOP = """
manifest = 1
[tools.find_user]
effect = "read"
reads = ["user-index"]
[tools.get_orders]
effect = "read"
reads = ["order/*"]
[tools.get_weather]
effect = "read"
reads = ["weather"]
[tools.get_invoice]
effect = "read"
reads = ["invoice/*"]
"""


def shop(number: int) -> Run:
    return (
        Run(f"shop-{number}")
        .user(f"What did person{number}@example.org order, and how is the weather in Lisbon?")
        .turn(("find_user", {"email": f"person{number}@example.org"}, {"user_id": f"u-{number}-778"}))
        .turn(("get_orders", {"user_id": f"u-{number}-778"}, {"orders": [{"invoice": f"inv-{number}-31"}]}))
        .turn(("get_weather", {"city": "Lisbon"}, {"sky": "clear"}))
        .turn(("get_invoice", {"invoice": f"inv-{number}-31"}, {"total": 99.5}))
    )


def test_missed_and_phantom_edges(tmp_path: Path) -> None:
    """A graph that orders what nothing connects, and leaves out what a value connects, hears of both."""
    edges = tmp_path / "edges.toml"
    edges.write_text(
        'edges = [["find_user", "get_orders"], ["find_user", "get_weather"], ["get_weather", "get_invoice"]]'
    )
    path = write(tmp_path / "shop.jsonl", [shop(number) for number in range(3)])
    found = judged(path, SHOP, edges=load_edges(edges))["edges"]
    assert [(one["from"], one["to"]) for one in found["missed"]] == [("get_orders", "get_invoice")]
    assert found["missed"][0]["values"] == ["get_orders.orders[].invoice → invoice"]
    assert [(one["from"], one["to"]) for one in found["phantom"]] == [
        ("find_user", "get_weather"),
        ("get_weather", "get_invoice"),
    ]
    assert found["phantom"][0]["sessions_with_both"] == 3
    assert found["confirmed"] == [["find_user", "get_orders"]]


def test_an_edge_that_follows_over_two_others_is_not_missed(tmp_path: Path) -> None:
    """Order is transitive: what a path enforces needs no edge of its own."""
    edges = frozenset({("find_user", "get_orders"), ("get_orders", "get_weather"), ("get_weather", "get_invoice")})
    path = write(tmp_path / "shop.jsonl", [shop(0)])
    assert judged(path, SHOP, edges=edges)["edges"]["missed"] == []


def test_non_idempotent_retries_are_flagged(tmp_path: Path) -> None:
    """A booking made again after an error, and again after a success, without a guard."""
    manifest = """
manifest = 1
[tools.book]
effect = "write"
writes = ["seat/*"]
[tools.cancel]
effect = "write"
idempotent = true
writes = ["seat/*"]
"""
    book = ("book", {"flight": "TP-771", "seat": "12A"}, "timeout")
    run = (
        Run("retry")
        .user("Book 12A on TP-771.")
        .turn(book, ok=False)
        .turn(("book", {"flight": "TP-771", "seat": "12A"}, "booked"))
        .turn(("book", {"flight": "TP-771", "seat": "12A"}, "booked"))
        .turn(("cancel", {"flight": "TP-771"}, "ok"))
        .turn(("cancel", {"flight": "TP-771"}, "ok"))
    )
    hazards = judged(write(tmp_path / "retry.jsonl", [run]), manifest)["hazards"]
    assert [(one["tool"], one["after_failure"], one["after_success"]) for one in hazards] == [("book", 1, 1)]
    assert hazards[0]["mend"] == 'dedup_key = "{flight} {seat}"'
    assert "session retry, turn 1, call c2" in hazards[0]["example"]


def lookup(number: int, llm_s: float) -> Run:
    """A user, then their one order: always the next thing asked for."""
    return (
        Run(f"lookup-{number}")
        .user(f"Where is the parcel of person{number}@example.org?")
        .turn(("find_user", {"email": f"person{number}@example.org"}, {"user_id": f"u-{number}-778"}), llm_s=llm_s)
        .turn(("get_orders", {"user_id": f"u-{number}-778"}, {"orders": [f"#W{number}881"]}), llm_s=llm_s)
        .turn(("get_invoice", {"order": f"#W{number}881"}, {"total": 99.5}), llm_s=llm_s)
        .turn(llm_s=llm_s, text="It is on its way.")
    )


def test_speculation_pays_on_a_predictable_path(tmp_path: Path) -> None:
    """Two-second reads under three-second thinking, each next call certain: nearly all of it is hidden."""
    path = write(tmp_path / "lookup.jsonl", [lookup(number, 3.0) for number in range(24)])
    found = judged(path, SHOP)
    kinds = [one["kind"] for one in found["recommendations"]]
    assert kinds == ["speculate"]
    one = found["recommendations"][0]
    assert set(one["tools"]) <= {"find_user", "get_orders", "get_invoice"}
    assert {"get_orders", "get_invoice"} <= set(one["tools"])
    low, high = one["expected_saving"]
    oracle = found["remedies"]["oracle"]["saved_share"]
    assert 0.15 < low <= high <= oracle + 0.01
    speculation = found["speculation"]
    assert speculation["safety"] == {
        "writes_launched": 0,
        "undeclared_launched": 0,
        "stale_delivered": 0,
        "mismatched_results": 0,
    }
    assert speculation["sweep"][0]["saved_share"] > speculation["sweep"][-1]["saved_share"]
    assert found["timelines"][0]["speculative"]["seconds"] < found["timelines"][0]["sequential"]["seconds"]
