"""The page: its figures are the JSON's, it needs no network, and what was recorded cannot break out of it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from speculate.report import ReportError, Source, load
from speculate.report.figures import count, decimal, factor, microseconds, percent, seconds
from speculate.report.inputs import kind_of
from speculate.report.page import render
from tests.report.conftest import HOSTILE, Made
from tests.report.pages import disagreements, read


def test_every_figure_of_an_audit_is_the_jsons(made: Made) -> None:
    """No figure is computed on the way to the page, and none points at nothing by mistake."""
    page = read(render(load(made.folder / "audit.json")))
    assert len(page.figures) > 150
    assert disagreements(page, {"input": made.audit}) == []
    absent = {shown.place for shown in page.figures if shown.value == "null"}
    assert all("/tokens_saved" in place or "/waste_per_hit" in place for place in absent), absent


def test_every_figure_of_a_replay_is_the_jsons(made: Made) -> None:
    """With the runs beside it, each figure names which of the two documents it came from."""
    source = load(made.folder / "replay.json")
    page = read(render(source, made.audit))
    assert disagreements(page, {"input": made.replay, "detail": made.audit}) == []
    assert {shown.origin for shown in page.figures} == {"input", "detail"}
    alone = read(render(source))
    assert disagreements(alone, {"input": made.replay}) == []
    assert "timelines" not in alone.ids
    assert {"advice", "speculation", "safety"} <= set(alone.ids)


def test_the_page_needs_no_network_and_runs_no_script(made: Made) -> None:
    """Links stay within the page; the only script elements hold JSON."""
    page = read(render(load(made.folder / "audit.json")))
    assert [link for link in page.links if not link.startswith(("#", "data:,"))] == []
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert page.scripts == ["application/json"]
    assert "http" not in render(load(made.folder / "audit.json")).partition('<script type="application/json"')[0]


def test_hostile_recordings_stay_text(made: Made) -> None:
    """A tool named like markup is shown as its name."""
    html = render(load(made.folder / "audit.json"), title=HOSTILE)
    page = read(html)
    assert HOSTILE not in html
    assert page.handlers == []
    assert "img" not in page.tags


def test_the_embedded_json_is_the_input(made: Made) -> None:
    html = render(load(made.folder / "audit.json"))
    embedded = html.partition('<script type="application/json" id="input">')[2].partition("</script>")[0]
    assert json.loads(embedded) == made.audit


def test_an_audit_without_a_replay_is_drawn(made: Made) -> None:
    """Advice, time and timelines are there; what was not judged says why."""
    document = copy.deepcopy(made.audit)
    document |= {"speculation": None, "not_speculated_because": "it was not asked for"}
    document["remedies"] = {name: document["remedies"][name] for name in ("fan_out", "dag", "oracle")}
    for tool in document["tools"].values():
        tool["speculation"] = None
    for entry in document["timelines"]:
        entry["speculative"] = None
    document["recommendations"] = [
        {"kind": "stay_sequential", "tools": [], "expected_saving": [0.0, 0.01], "why": "Stay sequential."}
    ]
    html = render(Source("audit", "audit", document))
    assert "Speculation was not judged: it was not asked for" in html
    assert "Nothing was replayed" in html
    assert disagreements(read(html), {"input": document}) == []


def test_findings_are_on_the_page(made: Made) -> None:
    html = render(load(made.folder / "audit.json"))
    assert "Phantom edge" in html
    assert "find_user → pay" in html
    assert "Unsafe repeat" in html
    assert "dedup_key" in html


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{", "not JSON"), ("{}", "neither an audit nor a replay"), ("[1]", "neither"), (None, "cannot be read")],
)
def test_what_is_no_result_is_refused_by_name(tmp_path: Any, text: str | None, problem: str) -> None:
    path = tmp_path / "in.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ReportError, match=problem) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_kinds_are_told_by_their_keys(made: Made) -> None:
    assert kind_of(made.audit, "a") == "audit"
    assert kind_of(made.replay, "r") == "replay"


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (percent, 0.1234, "12.3\u00a0%"),
        (percent, 0.0001, "<0.1\u00a0%"),
        (percent, -0.0001, ">−0.1\u00a0%"),
        (percent, -0.05, "−5.0\u00a0%"),
        (seconds, 0.0, "0.00 s"),
        (seconds, 0.00002, "20 µs"),
        (seconds, 0.0123, "12 ms"),
        (seconds, 2.345, "2.35 s"),
        (seconds, 97.68, "97.7 s"),
        (seconds, 1200.0, "20.0 min"),
        (seconds, 7200.0, "2.0 h"),
        (seconds, -3.0, "−3.00 s"),
        (count, 12345, "12,345"),
        (decimal, -1.5, "−1.50"),
        (factor, 1.049, "1.05×"),
        (microseconds, 311.0, "311 µs"),
    ],
)
def test_figures_are_written_for_people(write: Any, value: float, text: str) -> None:
    assert write(value) == text
