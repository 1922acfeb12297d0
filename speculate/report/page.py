"""The page: one self-contained HTML file, drawn from an audit's or a replay's JSON. Needs no network and no script."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from speculate.report.charts import Axis, Series, legend, line_chart
from speculate.report.figures import Figures
from speculate.report.inputs import Source
from speculate.report.lanes import Timeline, timeline

KINDS = {
    "stay_sequential": ("Stay sequential", "The critical path is the floor"),
    "fan_out": ("Fan-out", "Calls that nothing kept apart, made together"),
    "dag": ("Graph of calls", "Each call as soon as its inputs are there"),
    "speculate": ("Speculation", "The likely next call, started early"),
}
REMEDIES = {
    "fan_out": ("Fan-out", "ran"),
    "dag": ("Graph (DAG)", "ran"),
    "speculate": ("Speculation", "ready"),
    "together": ("Fan-out + speculation", "ready"),
    "oracle": ("Oracle: every next turn known", "oracle"),
}
DENIALS = {
    "value": "not worth its risk",
    "duplicate": "already running or ready",
    "write": "it would write",
    "conflict": "a conflicting write runs",
    "egress": "its arguments may not leave yet",
    "taint": "its arguments come from an untrusted result",
    "not-idempotent": "not idempotent",
    "undeclared": "nobody declared the tool",
    "shadow": "the tool does not pay: predicted, not launched",
    "veto": "the operator's veto",
    "budget": "the budget",
}
SHOWN_TOOLS = 14
SHOWN_EDGES = 12
SCALES = {1.0: "1", 0.5: "½", 0.25: "¼", 0.125: "⅛", 0.0625: "1⁄16"}
MIN_AXIS_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart with its legend."""

    svg: Markup
    legend: Markup


def render(source: Source, detail: Mapping[str, Any] | None = None, title: str | None = None) -> str:
    """The HTML. `detail`: an audit of the runs a replay was made of, for what its JSON does not hold."""
    document = source.document
    is_audit = source.kind == "audit"
    more: Mapping[str, Any] | None = document if is_audit else detail
    fig = Figures(document, "input")
    more_fig = fig if is_audit else Figures(detail or {}, "detail")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["soft"] = _soft
    files = resources.files("speculate.report")
    template = environment.from_string((files / "page.html.j2").read_text(encoding="utf-8"))
    speculation = None if more is None else more["speculation"]
    return template.render(
        style=Markup((files / "page.css").read_text(encoding="utf-8")),  # noqa: S704  # our own file
        title=title or _title(source),
        manifest=Path(document["manifest"]).name if is_audit and document["manifest"] else None,
        is_audit=is_audit,
        document=document,
        more=more,
        fig=fig,
        more_fig=more_fig,
        kinds=KINDS,
        remedies=REMEDIES,
        denials=DENIALS,
        widest=_widest(more),
        tools=_tools(more),
        steps=_steps(more),
        funnel=_funnel(document if not is_audit else speculation, speculation),
        timelines=_timelines(more),
        reliability=_reliability(speculation),
        frontier=_frontier(
            document["frontier"] if not is_audit else (speculation or {}).get("frontier", []), fig, is_audit
        ),
        speedups=_speedups(speculation),
        sweep=_sweep(speculation),
        shown_edges=SHOWN_EDGES,
        embedded={"input": _embedded(document), "detail": None if is_audit or detail is None else _embedded(detail)},
    )


_BREAKS = re.compile(r"(?<=[_./\]}])(?=[A-Za-z0-9{\[])")


def _soft(name: str) -> Markup:
    """A long name that may be broken after its separators, where a line is too short for it."""
    return Markup("<wbr>").join(_BREAKS.split(name))


def _title(source: Source) -> str:
    """What the page is about: the traces' names, where the JSON has them."""
    if source.kind == "replay":
        return f"Replay: {source.name}"
    names = [Path(trace).name.removesuffix(".gz").removesuffix(".jsonl") for trace in source.document["traces"]]
    return f"Audit: {', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"


def _embedded(document: Mapping[str, Any]) -> Markup:
    """JSON that no HTML parser can mistake for markup."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704  # every sign that means something to HTML was replaced


def _widest(more: Mapping[str, Any] | None) -> float:
    """The share of the time at the right end of the remedies' bars."""
    if more is None:
        return 1.0
    shares = [max(one["saved_share"], one["interval"][1]) for one in more["remedies"].values()]
    return float(max(*shares, MIN_AXIS_SHARE)) * 1.05


def _tools(more: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Tools by time; widths are percent of the widest."""
    if more is None:
        return []
    tools = list(more["tools"].items())[:SHOWN_TOOLS]
    widest = max((one["share_of_time"] or 0.0 for _, one in tools), default=0.0) or 1.0
    rows = []
    for name, one in tools:
        speculation = one["speculation"] or {"committed": 0, "wasted": 0, "launched": 0}
        launches = max((t["speculation"]["launched"] for _, t in tools if t["speculation"]), default=0) or 1
        rows.append(
            {
                "name": name,
                "effect": one["effect"],
                "width": round(100 * (one["share_of_time"] or 0.0) / widest, 2),
                "modelled": not one["times_recorded"],
                "committed": round(100 * speculation["committed"] / launches, 2),
                "wasted": round(100 * speculation["wasted"] / launches, 2),
                "launched": speculation["launched"],
                "has_speculation": one["speculation"] is not None and one["speculation"]["eligible_calls"] > 0,
            }
        )
    return rows


def _steps(more: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if more is None:
        return []
    seconds = [(step["mean_model_s"] or 0.0, step["mean_tool_s"] or 0.0) for step in more["steps"]]
    highest = max((model + tool for model, tool in seconds), default=0.0) or 1.0
    return [
        {
            "name": f"{step['step'] + 1}{'+' if step['and_later'] else ''}",
            "model": round(100 * seconds[number][0] / highest, 2),
            "tool": round(100 * seconds[number][1] / highest, 2),
            "number": number,
        }
        for number, step in enumerate(more["steps"])
    ]


@dataclass(frozen=True, slots=True)
class Stage:
    """One bar of the funnel. path: where its figure stands. width: percent of the widest."""

    title: str
    path: tuple[str, ...]
    origin: str
    width: float
    style: str


def _funnel(top: Mapping[str, Any] | None, detail: Mapping[str, Any] | None) -> list[Stage]:
    """From the calls a session makes to what was committed and what was wasted."""
    if top is None:
        return []
    is_replay = "speculation" in top
    prefix: tuple[str, ...] = () if is_replay else ("speculation",)
    inner: tuple[str, ...] = ("speculation",)
    found = top["speculation"] if is_replay else top
    stages = [
        ("Calls the model made", (*prefix, "calls"), "input", top["calls"], "plain"),
        ("… that may start early", (*prefix, "speculable_calls"), "input", top["speculable_calls"], "plain"),
        ("Launched", (*inner, "launched"), "input", found["launched"], "launched"),
        ("Committed", (*inner, "committed"), "input", found["committed"], "ready"),
    ]
    if detail is not None and not is_replay:
        stages += [
            ("… ready when asked", (*inner, "ready"), "input", detail["ready"], "ready"),
            ("… joined while running", (*inner, "joined"), "input", detail["joined"], "joined"),
        ]
    stages.append(("Wasted", (*inner, "wasted"), "input", found["wasted"], "wasted"))
    widest = max(value for _, _, _, value, _ in stages) or 1
    return [
        Stage(title, path, origin, round(100 * value / widest, 2), style)
        for title, path, origin, value, style in stages
    ]


def _timelines(more: Mapping[str, Any] | None) -> list[Timeline]:
    return [] if more is None else [timeline(number, entry) for number, entry in enumerate(more["timelines"])]


def _whole(value: float) -> str:
    return f"{100 * value:.0f} %".replace("-", "−")


def _reliability(speculation: Mapping[str, Any] | None) -> Drawing | None:
    if not speculation or not speculation["reliability"]:
        return None
    bins = speculation["reliability"]
    most = max(one["predictions"] for one in bins)
    said = Series(
        "predictions",
        tuple((one["expected"], one["happened"]) for one in bins),
        "gain",
        dots=True,
        sizes=tuple(2.5 + 6.5 * (one["predictions"] / most) ** 0.5 for one in bins),
    )
    even = Series("perfectly calibrated", ((0.0, 0.0), (1.0, 1.0)), "even")
    fixed = (0.0, 0.25, 0.5, 0.75, 1.0)
    return Drawing(
        line_chart(
            "How often predictions came true, over the probability they were given",
            Axis("predicted probability", _whole, 0.0, 1.0, fixed),
            Axis("came true", _whole, 0.0, 1.0, fixed),
            [even, said],
        ),
        legend([said, even]),
    )


def _frontier(rows: Sequence[Mapping[str, Any]], fig: Figures, is_audit: bool) -> Drawing | None:
    """Gain over the admission threshold, beside what knowing every next turn would give."""
    known = [row for row in rows if row["saved_share"] is not None]
    if not known:
        return None
    oracle = fig.value("remedies", "oracle", "saved_share") if is_audit else fig.value("latency", "oracle_share")
    gain = Series("saved", tuple((row["min_probability"], row["saved_share"]) for row in known), "gain", dots=True)
    series = [gain]
    if oracle is not None:
        series.append(Series("oracle", ((0.0, oracle), (known[-1]["min_probability"], oracle)), "oracle"))
    low = min(0.0, *(row["saved_share"] for row in known))
    return Drawing(
        line_chart(
            "Share of the time saved over the admission threshold, against the oracle",
            Axis("launch only above this probability", _whole, 0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0)),
            Axis("saved", percent_tick, low),
            series,
        ),
        legend(series),
    )


def percent_tick(value: float) -> str:
    """A tick of a share: as few digits as tell it from its neighbours."""
    return f"{100 * value:g} %".replace("-", "−")


def _speedups(speculation: Mapping[str, Any] | None) -> Drawing | None:
    """Every session's speed-up in order: a point says how many sessions gained at most so much."""
    if not speculation or not speculation["speedups"]:
        return None
    points = tuple((one["speedup"], one["share"]) for one in speculation["speedups"])
    line = Series("sessions", points, "gain")
    marks = [(speculation["p50_speedup"], "p50"), (speculation["p99_speedup"], "p99")]
    if speculation["p99_speedup"] - speculation["p50_speedup"] < 0.01:
        marks = marks[:1]
    return Drawing(
        line_chart(
            "Share of sessions over the speed-up they gained at most",
            Axis("speed-up of a session", lambda value: f"{value:g}×", min(1.0, points[0][0])),
            Axis("share of sessions", _whole, 0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0)),
            [line],
            marks,
        ),
        legend([line]),
    )


def _sweep(speculation: Mapping[str, Any] | None) -> Drawing | None:
    if not speculation or not speculation["sweep"]:
        return None
    points = [point for point in speculation["sweep"] if point["saved_share"] is not None]
    series = [
        Series("speculation", tuple((1 / p["model_scale"], p["saved_share"]) for p in points), "gain", dots=True),
        Series("oracle", tuple((1 / p["model_scale"], p["oracle_share"]) for p in points), "oracle", dots=True),
    ]
    low = min(0.0, *(point["saved_share"] for point in points))
    return Drawing(
        line_chart(
            "Share of the time saved, over how much faster the model is",
            Axis(
                "time the model takes",
                lambda value: SCALES.get(1 / value, f"{1 / value:g}"),
                1.0,
                16.0,
                (1.0, 2.0, 4.0, 8.0, 16.0),
                is_log=True,
            ),
            Axis("saved", percent_tick, low),
            series,
        ),
        legend(series),
    )
