"""`speculate audit`: where recorded runs spend their time, and whether anything should be done about it."""

from __future__ import annotations

import argparse
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from predictors import KINDS
from speculate.audit import AuditSettings, audit, document, load_edges
from speculate.audit.plan import write_plan
from speculate.cli.console import emit_json, progress
from speculate.core.policy import Policy
from speculate.errors import SpeculateError, TraceError
from speculate.replay import load_profile, profile_names
from speculate.replay.latency import DEFAULT_PROFILE
from toolspecs import Manifest

NAME = "audit"
HELP = "Say where recorded runs spend their time, what each remedy would give, and when to stay sequential."

SHOWN_TOOLS = 12
SHOWN_PROBLEMS = 5
SHOWN_HAZARDS = 5
TITLES = {
    "fan_out": "fan-out",
    "dag": "graph (DAG)",
    "speculate": "speculation",
    "together": "both",
    "oracle": "oracle",
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("traces", nargs="+", metavar="TRACES", help="recorded runs (trace v1, plain or gzipped)")
    parser.add_argument(
        "--manifest", metavar="FILE", help="what each tool does; without it, proposed from tools' names"
    )
    parser.add_argument(
        "--latency",
        default=DEFAULT_PROFILE,
        metavar="PROFILE",
        help=f"times that were not recorded: {', '.join(profile_names())}, or a TOML file (default {DEFAULT_PROFILE})",
    )
    parser.add_argument("--edges", metavar="FILE", help="your graph of tools (TOML or JSON), to be compared")
    parser.add_argument("--plan", metavar="OUT.toml", help="write a manifest and OUT.policy.toml to start from")
    parser.add_argument("--price", type=float, metavar="P", help="money for one call of cost 1, to price waste")
    parser.add_argument("--predictor", default="pattern", metavar="NAME", help=f"{', '.join(KINDS)} (default pattern)")
    parser.add_argument(
        "--egress",
        choices=("never", "committed-values-only", "always"),
        default="committed-values-only",
        help="whether external tools may be called early (default committed-values-only)",
    )
    parser.add_argument("--no-replay", action="store_true", help="leave speculation out: much faster")
    parser.add_argument("--frontier", action="store_true", help="also sweep the admission threshold (for the report)")
    parser.add_argument(
        "--sample", type=int, default=1_000, metavar="N", help="sessions the order of calls is judged on (default 1000)"
    )
    parser.add_argument(
        "--replay-sample", type=int, default=120, metavar="N", help="sessions that are replayed (default 120)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is drawn (default 0)")
    parser.add_argument("--skip-broken", action="store_true", help="leave out lines that cannot be read, and say so")


def run(args: argparse.Namespace, console: Console) -> int:
    for name, least in (("sample", 1), ("replay_sample", 4)):
        if getattr(args, name) < least:
            raise SpeculateError(f"--{name.replace('_', '-')} must be at least {least}")
    if args.price is not None and not 0 <= args.price < float("inf"):
        raise SpeculateError("--price must be a finite number of at least 0")
    problems: list[TraceError] = []
    skipped = 0

    def skip(problem: TraceError) -> None:
        nonlocal skipped
        skipped += 1
        if len(problems) < SHOWN_PROBLEMS:
            problems.append(problem)

    settings = AuditSettings(
        profile=load_profile(args.latency),
        policy=Policy(egress=args.egress),
        predictor=args.predictor,
        seed=args.seed,
        sample=args.sample,
        replay_sample=args.replay_sample,
        speculation=not args.no_replay,
        frontier=args.frontier,
        price=args.price,
        edges=None if args.edges is None else load_edges(args.edges),
        on_problem=skip if args.skip_broken else None,
    )
    manifest = None if args.manifest is None else Manifest.load(args.manifest)
    with progress(console, "reading") as bar:

        def told(what: str, amount: int) -> None:
            bar.update(description=what)
            bar.advance(amount)

        found = audit(args.traces, manifest, settings, progress=told)
    result = document(found)
    result["skipped_lines"] = skipped
    emit_json(args, result)
    _print(result, console)
    for problem in problems:
        console.print(Text(f"skipped: {problem}"))
    if skipped > len(problems):
        console.print(f"… and {skipped - len(problems)} lines more that could not be read")
    if args.plan is not None:
        written = write_plan(found, args.plan)
        console.print(Text(f"\nWrote {written[0]} (manifest: review it) and {written[1]} (settings)."))
    return 0


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _seconds(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f} s" if value < 1 else f"{value:.1f} s"


def _print(result: dict[str, Any], console: Console) -> None:
    time = result["time"]
    console.print(
        f"{result['sessions']:,} sessions, {result['turns']:,} turns, {result['calls']:,} calls. "
        f"Model {_percent(time['model_share'])} of the time, tools {_percent(time['tool_share'])}"
        + (f", idle {_percent(time['idle']['share'])} beside it" if time["idle"] else "")
        + "."
    )
    if result["modelled"]:
        recorded = time["recorded"]
        console.print(
            f"Recorded: {_percent(recorded['model'])} of model times, {_percent(recorded['tool'])} of tool times; "
            f"the rest is modelled (profile {result['latency_profile']})."
        )
    if result["manifest_assumed"]:
        console.print("No manifest was given: what each tool does is guessed from its name. Review it (--plan) first.")
    eligible, derivable = result["eligible"], result["derivable"]
    console.print(
        f"{_percent(eligible['share'])} of the calls may start early; the arguments of "
        f"{_percent(derivable['share_of_eligible'])} of these occur earlier in their session. "
        f"{result['repeated']['calls']:,} calls repeat an earlier one."
    )
    console.print()
    console.print(_remedies(result))
    console.print()
    console.print(_tools(result))
    _print_findings(result, console)
    console.print()
    for one in result["recommendations"]:
        console.print(Text(one["why"], style="bold"))
    if "speculate" not in result["remedies"] and result["not_speculated_because"]:
        console.print(Text(f"Speculation was not judged: {result['not_speculated_because']}."))


def _remedies(result: dict[str, Any]) -> Table:
    priced = result["price"] is not None
    table = Table(title="What each remedy would give, a session", title_justify="left")
    table.add_column("remedy")
    columns = ("now", "expected", "saved", "95 % interval", "calls", "turns saved", *(["waste"] if priced else []))
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for name, one in result["remedies"].items():
        low, high = one["interval"]
        cells = [
            _seconds(one["now_s"]),
            _seconds(one["expected_s"]),
            _percent(one["saved_share"]),
            f"{_percent(low)} – {_percent(high)}",
            f"×{one['calls_amplified']:.2f}",
            f"{one['model_turns_saved']:.1f}",
        ]
        table.add_row(TITLES[name], *cells, *([f"{one['waste_cost']:.4g}"] if priced else []))
    return table


def _tools(result: dict[str, Any]) -> Table:
    table = Table(title="Tools, by time", title_justify="left")
    table.add_column("tool", overflow="fold")
    for name in ("effect", "calls", "time", "p50", "p99", "derivable", "hits"):
        table.add_column(name, justify="right" if name != "effect" else "left", no_wrap=True)
    tools = list(result["tools"].items())
    for tool, one in tools[:SHOWN_TOOLS]:
        modelled = "" if one["times_recorded"] else "~"
        speculation = one["speculation"]
        table.add_row(
            Text(tool),
            one["effect"],
            f"{one['calls']:,}",
            _percent(one["share_of_time"]),
            modelled + _seconds(one["time"]["p50_s"]),
            modelled + _seconds(one["time"]["p99_s"]),
            _percent(one["derivable"] / one["calls"]),
            "–" if speculation is None else _percent(speculation["hit_rate"]),
        )
    if len(tools) > SHOWN_TOOLS:
        table.caption = f"and {len(tools) - SHOWN_TOOLS} more"
    return table


def _print_findings(result: dict[str, Any], console: Console) -> None:
    lines = [
        f"Unsafe repeat: {hazard['tool']} is not idempotent and was called again with the same arguments "
        f"({hazard['after_failure']} after a failure, {hazard['after_success']} after a success; "
        f"{hazard['example']}). Mend: {hazard['mend']}"
        for hazard in result["hazards"][:SHOWN_HAZARDS]
    ]
    lines += [
        f"Hidden {hidden['kind']} conflict: {hidden['first']} and {hidden['second']} in one turn, over "
        f"{hidden['resource']} ({hidden['same_turn']} times; {hidden['example']})"
        for hidden in result["dependencies"]["hidden"]
        if hidden["same_turn"]
    ]
    edges = result["edges"]
    if edges is not None:
        lines += [
            f"Missed edge: {one['from']} → {one['to']}: values flow ({', '.join(one['values'])}; {one['calls']} calls)"
            for one in edges["missed"]
        ]
        lines += [
            f"Phantom edge: {one['from']} → {one['to']}: no value ever flows "
            f"({one['sessions_with_both']} sessions have both)"
            + (f"; a {one['ordered_by_resource']} conflict keeps the order" if one["ordered_by_resource"] else "")
            for one in edges["phantom"]
        ]
    if proposals := result["declare"]["proposals"]:
        lines.append(f"Not declared, so never started early: {', '.join(sorted(proposals))}")
    if missing := result["declare"]["writes_without_dedup_key"]:
        lines.append(f"Writes without a dedup key: {', '.join(one['tool'] for one in missing)}")
    if lines:
        console.print()
    for line in lines:
        console.print(Text(f"• {line}"))
