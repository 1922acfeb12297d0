"""Charts and lanes: what is drawn where."""

from __future__ import annotations

import re

import pytest

from speculate.report.charts import Axis, Series, legend, line_chart, nice_step, ticks
from speculate.report.lanes import MAX_LANES, timeline


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0.0, 47.0, [0, 10, 20, 30, 40])]
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


def test_steps_are_one_two_five_or_ten() -> None:
    assert [nice_step(span, 5) for span in (4.0, 9.0, 20.0, 45.0)] == [1, 2, 5, 10]


def places(svg: str) -> list[tuple[float, float]]:
    return [tuple(map(float, pair.split(","))) for pair in re.search(r'points="([^"]+)"', svg)[1].split()]  # type: ignore[index,misc]


def test_a_line_goes_up_when_values_do() -> None:
    """Larger is further right and further up; nothing leaves the drawing."""
    svg = line_chart(
        "gain", Axis("x", str), Axis("y", str, 0.0), [Series("a", ((0.0, 0.0), (1.0, 0.5), (2.0, 1.0)), "gain")]
    )
    found = places(svg)
    assert [x for x, _ in found] == sorted(x for x, _ in found)
    assert [y for _, y in found] == sorted((y for _, y in found), reverse=True)
    assert 'aria-label="gain"' in svg


def test_a_single_point_is_a_dot_and_flat_lines_are_drawn() -> None:
    svg = line_chart("one", Axis("x", str), Axis("y", str), [Series("a", ((1.0, 1.0),), "gain")], [(1.0, "p50")])
    assert svg.count("<circle") == 1
    assert ">p50<" in svg
    assert "a: 1.0, 1.0" in svg


def test_names_in_charts_are_text() -> None:
    series = Series("<b>", ((1.0, 1.0), (4.0, 2.0)), "gain", dots=True)
    svg = line_chart("<i>", Axis("<u>", str, 1.0, 16.0, (1.0, 4.0), is_log=True), Axis("y", str), [series])
    for tag in ("<b>", "<i>", "<u>"):
        assert tag not in svg + legend([series])


def launch(start: float, end: float, outcome: str = "wasted", hidden_s: float = 0.0) -> dict[str, object]:
    return {"tool": "t", "start_s": start, "end_s": end, "outcome": outcome, "reason": "unused", "hidden_s": hidden_s}


def test_lanes_hold_what_overlaps_apart_and_share_one_axis() -> None:
    call = {"tool": "t", "start_s": 2.0, "end_s": 4.0, "tool_s": 2.0, "served": "ran"}
    turns = [{"start_s": 0.0, "end_s": 2.0}]
    entry = {
        "session": "s",
        "why": "asked for",
        "sequential": {"seconds": 8.0, "turns": turns, "calls": [call, {**call, "start_s": 4.0, "end_s": 8.0}]},
        "fan_out": {"seconds": 4.0, "turns": turns, "calls": [call, call]},
        "speculative": {
            "seconds": 2.0,
            "turns": turns,
            "calls": [{**call, "end_s": 2.0, "served": "ready"}, {**call, "end_s": 3.0, "served": "joined"}],
            "launches": [launch(0.0, 2.0, "committed", 2.0), *(launch(0.0, 1.0) for _ in range(MAX_LANES + 2))],
        },
    }
    drawn = timeline(0, entry)
    sequential, fanned, early = drawn.arms
    assert [lane.name for lane in sequential.lanes] == ["model", "calls"]
    assert [lane.name for lane in fanned.lanes] == ["model", "calls", ""]
    assert [lane.name for lane in early.lanes] == ["model", "calls", "early", *[""] * (MAX_LANES - 1)]
    assert (sequential.share, fanned.share, early.share) == (100.0, 50.0, 25.0)
    assert sequential.lanes[1].bars[1].left == 50.0
    assert sequential.lanes[1].bars[1].width == 50.0
    styles = [bar.style for lane in early.lanes[2:] for bar in lane.bars]
    assert styles.count("committed") == 1
    assert len(styles) == MAX_LANES + 3
    assert any("hid 2.00 s" in bar.text for lane in early.lanes for bar in lane.bars)
