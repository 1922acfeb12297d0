"""A session's timeline as lanes: what the model did, the real calls, and what was started early."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from speculate.report.charts import ticks
from speculate.report.figures import seconds

MAX_LANES = 6  # more launches at once are drawn over the last lane
HIDDEN_FROM_S = 0.0005


@dataclass(frozen=True, slots=True)
class Bar:
    """left, width: percent of the axis. style: a class of the style sheet. text: what it is, for a pointer."""

    left: float
    width: float
    style: str
    text: str


@dataclass(frozen=True, slots=True)
class Lane:
    name: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Arm:
    """One way the session could have gone. share: its length on the common axis, percent."""

    key: str
    title: str
    seconds: float
    share: float
    lanes: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    number: int
    session: str
    why: str
    arms: tuple[Arm, ...]
    ticks: tuple[tuple[float, str], ...]


SERVED = {
    "ready": ("ready", "answered at once: the result was there"),
    "joined": ("joined", "answered early: it was already running"),
    "ran": ("ran", "ran when the model asked"),
    "deduplicated": ("ready", "an earlier outcome was returned"),
    "refused": ("ran", "refused"),
}
TITLES = {"sequential": "One by one", "fan_out": "Fanned out", "speculative": "With speculation"}


def timeline(number: int, entry: Mapping[str, Any]) -> Timeline:
    """The lanes of one session, all on the axis of its longest arm."""
    arms = {name: entry[name] for name in TITLES if entry.get(name)}
    longest = max((arm["seconds"] for arm in arms.values()), default=0.0) or 1.0
    return Timeline(
        number,
        entry["session"],
        entry["why"],
        tuple(_arm(name, arm, longest) for name, arm in arms.items()),
        tuple(_ticks(longest)),
    )


def _ticks(longest: float) -> list[tuple[float, str]]:
    return [(round(100 * tick / longest, 3), f"{tick:g} s") for tick in ticks(0.0, longest)]


def _arm(name: str, arm: Mapping[str, Any], longest: float) -> Arm:
    def bar(start: float, end: float, style: str, text: str) -> Bar:
        return Bar(round(100 * start / longest, 3), round(100 * (end - start) / longest, 3), style, text)

    lanes = [
        Lane(
            "model",
            tuple(
                bar(
                    turn["start_s"], turn["end_s"], "model", f"turn {place}: {seconds(turn['end_s'] - turn['start_s'])}"
                )
                for place, turn in enumerate(arm["turns"])
            ),
        )
    ]
    calls = []
    for call in arm["calls"]:
        style, said = SERVED[call["served"]]
        waited = call["end_s"] - call["start_s"]
        calls.append((call["start_s"], call["end_s"], style, f"{call['tool']}: waited {seconds(waited)}, {said}"))
    lanes += [Lane(title, tuple(bar(*entry) for entry in row)) for title, row in _packed(calls, "calls")]
    launches = []
    for launch in arm.get("launches", ()):
        style = "committed" if launch["outcome"] == "committed" else "wasted"
        hidden = launch["hidden_s"]
        said = f"hid {seconds(hidden)}" if hidden > HIDDEN_FROM_S else launch["reason"]
        launches.append(
            (launch["start_s"], launch["end_s"], style, f"{launch['tool']} early: {launch['outcome']}, {said}")
        )
    lanes += [Lane(title, tuple(bar(*entry) for entry in row)) for title, row in _packed(launches, "early")]
    return Arm(name, TITLES[name], arm["seconds"], round(100 * arm["seconds"] / longest, 3), tuple(lanes))


Entry = tuple[float, float, str, str]


def _packed(entries: Sequence[Entry], title: str) -> list[tuple[str, list[Entry]]]:
    """Entries that overlap in as many lanes as it takes."""
    rows: list[list[Entry]] = []
    for entry in sorted(entries):
        free = next((row for row in rows if row[-1][1] <= entry[0] + 1e-9), None)
        if free is not None:
            free.append(entry)
        elif len(rows) < MAX_LANES:
            rows.append([entry])
        else:
            rows[-1].append(entry)
    return [(title if not place else "", row) for place, row in enumerate(rows)]
