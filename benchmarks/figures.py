"""Figures in prose, tied to the results they come from.

A figure stands between two comments that Markdown does not show: `<!--=PATH FORMAT-->FIGURE<!--=-->`. PATH leads
through benchmarks/results.json (BENCHMARK/KEY/KEY…), and FORMAT is how Python formats the value there, "\\n" standing
for a new line. PATH may also be `table/NAME`, one of the tables made here from several results. So
`python -m benchmarks.run_all --rewrite` can put the current figures in, and a test can tell a figure that is stale.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results.json"

_MARKED = re.compile(r"<!--=(?P<path>[^{\\\n]+?) (?P<format>[{\\][^\n]*?)-->(?P<figure>.*?)<!--=-->", re.DOTALL)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LOOKS_MEASURED = re.compile(r"\d[\d,.]*\s?(?:%|µs|ms\b|s\b|MB\b|×|times\b|calls\b|passed\b)")

# Recorded runs by the name of their files, and what a reader should know of them.
RECORDED = {
    "airline": "airline service, 14 tools",
    "retail": "retail service, 16 tools",
    "hotpotqa": "questions over Wikipedia, 3 tools",
    "swe_bash": "software engineering, one shell",
}
ARMS = {
    "off": "speculation off",
    "miss": "a miss: the guess was wrong",
    "hit": "a hit: the result was ready",
    "observed": "a hit, with metrics and recorder",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One marked figure: what stands there and what ought to."""

    path: str
    shown: str
    expected: str


def _recorded_runs(results: Mapping[str, Any]) -> str:
    rows = [
        "| agent and tools | calls | hit rate | wasted per hit | time saved (95 % interval) | an oracle would save |",
        "|---|---|---|---|---|---|",
    ]
    for name, what in RECORDED.items():
        calls, hit_rate, waste, saved, low, high, oracle = (
            _shown(format, lookup(results, f"replay {name}/{path}"))
            for path, format in (
                ("calls", "{:,}"),
                ("speculation/hit_rate", "{:.0%}"),
                ("speculation/waste_per_hit", "{:.2f}"),
                ("latency/saved_share", "{:.1%}"),
                ("latency/ci95/0", "{:.1%}"),
                ("latency/ci95/1", "{:.1%}"),
                ("latency/oracle_share", "{:.1%}"),
            )
        )
        rows.append(f"| {what} | {calls} | {hit_rate} | {waste} | {saved} ({low} to {high}) | {oracle} |")
    return "\n".join(rows)


def _prediction(results: Mapping[str, Any]) -> str:
    rows = [
        "| agent and tools | first guess right | one of three | best other, of three | taking in a turn | a guess |",
        "|---|---|---|---|---|---|",
    ]
    for name, what in RECORDED.items():
        pattern, *others = lookup(results, f"prediction/{name}/rows")
        best = max(others, key=lambda row: row["exact@3"])
        rows.append(
            f"| {what} | {pattern['exact@1']:.0%} | {pattern['exact@3']:.0%} | {best['exact@3']:.0%} ({best['what']}) "
            f"| {pattern['index_us_p50']:.0f} µs | {pattern['predict_us_p50']:.0f} µs |"
        )
    return "\n".join(rows)


def _cost_of_a_call(results: Mapping[str, Any]) -> str:
    rows = ["| a call through the runtime | added, median | p99 |", "|---|---|---|"]
    for arm, what in ARMS.items():
        figures = lookup(results, f"overhead/call/{arm}")
        rows.append(f"| {what} | {figures['added_us_p50']:.0f} µs | {figures['us_p99']:.0f} µs |")
    return "\n".join(rows)


def lookup(results: Mapping[str, Any], path: str) -> Any:
    """The value at `path`. Raises KeyError naming the path."""
    benchmark, *keys = path.split("/")
    if benchmark == "table":
        return TABLES[keys[0]](results)
    value: Any = results
    for key in (benchmark, "figures", *keys):
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, ValueError, TypeError):
            raise KeyError(f"there is no {path!r} in {RESULTS.name} (no {key!r})") from None
    return value


def _shown(format: str, value: Any) -> str:
    """The value as a text shows it; a dash where there was nothing to measure."""
    return "–" if value is None else format.replace("\\n", "\n").format(value)


def figures(text: str, results: Mapping[str, Any]) -> Iterator[Figure]:
    """The marked figures of a text. Raises KeyError for one that no result has."""
    for match in _MARKED.finditer(text):
        value = lookup(results, match["path"])
        yield Figure(match["path"], match["figure"], _shown(match["format"], value))


def rewrite(text: str, results: Mapping[str, Any]) -> str:
    """The text with the current figures in it."""

    def current(match: re.Match[str]) -> str:
        value = lookup(results, match["path"])
        figure = _shown(match["format"], value)
        return f"<!--={match['path']} {match['format']}-->{figure}<!--=-->"

    return _MARKED.sub(current, text)


def unmarked(text: str) -> list[str]:
    """Numbers in prose that look measured and are not tied to a result."""
    prose = _FENCED.sub("", _MARKED.sub("", text))
    return [match.group() for match in _LOOKS_MEASURED.finditer(re.sub(r"`[^`\n]*`", "", prose))]


def _reading(results: Mapping[str, Any]) -> str:
    rows = ["| recordings | events a second | peak memory |", "|---|---|---|"]
    imported, audited = (lookup(results, name) for name in ("import/events_per_s", "audit/events_per_s"))
    memory = [lookup(results, f"{name}/peak_mb") for name in ("import", "audit")]
    rows.append(f"| import, OpenTelemetry spans | {imported:,.0f} | {memory[0]:.0f} MB |")
    rows.append(f"| audit | {audited:,.0f} | {memory[1]:.0f} MB |")
    return "\n".join(rows)


TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "prediction": _prediction,
    "recorded runs": _recorded_runs,
    "cost of a call": _cost_of_a_call,
    "reading recordings": _reading,
}


def documents() -> list[Path]:
    """The texts that may show figures."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
