"""`speculate check`: is the manifest right, and what does it permit?"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from speculate.cli.console import emit_json, progress
from speculate.siblings import sibling

if TYPE_CHECKING:
    from rich.console import Console

    from toolspecs.checking import CheckReport

NAME = "check"
HELP = "Check a manifest, alone or against recorded runs: what it misses, and what would be started early."


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("manifest", metavar="MANIFEST", help="a manifest file (TOML or JSON), or ready:NAME")
    parser.add_argument("--against", nargs="+", default=[], metavar="TRACE", help="recorded runs to hold it against")
    parser.add_argument("--strict", action="store_true", help="exit 1 where a problem is found (notes are none)")


def run(args: argparse.Namespace, console: Console) -> int:
    """Check, print, and return the exit code."""
    toolspecs = sibling("toolspecs")
    from speculate.trace import group_sessions, read_trace
    from toolspecs.checking import check

    given: str = args.manifest
    ready = given.removeprefix("ready:") if given.startswith("ready:") else None
    manifest = toolspecs.ready(ready) if ready is not None else toolspecs.Manifest.load(given)
    sessions = []
    with progress(console, "reading", total=len(args.against)) as bar:
        for path in args.against:
            sessions += list(group_sessions(read_trace(path)))
            bar.advance()
    report = check(manifest, sessions)
    emit_json(args, {"manifest": given, "name": manifest.name, **report.to_json()})
    _print(console, manifest.name, report)
    return 1 if args.strict and report.problems else 0


def _print(console: Console, name: str, report: CheckReport) -> None:
    table = Table(
        title=f"{escape(name)}: what would be started early", title_justify="left", width=min(console.width, 100)
    )
    table.add_column("tool", overflow="fold")
    table.add_column("effect", overflow="fold", max_width=34)
    table.add_column("calls", justify="right")
    table.add_column("early", justify="right")
    table.add_column("why not (calls)", overflow="fold")
    for use in report.uses:
        share = f"{use.speculable / use.calls:.0%}" if use.calls else "-"
        reasons = [f"{reason} ({count})" for reason, count in use.why_not.most_common(3)]
        reasons += [f"· {reason} ({count})" for reason, count in use.details.most_common(3)]
        table.add_row(escape(use.tool), escape(use.effect), str(use.calls), share, escape("\n".join(reasons)))
    console.print(table)
    calls, speculable = sum(use.calls for use in report.uses), sum(use.speculable for use in report.uses)
    if calls:
        share = f"{speculable} of {calls} calls ({speculable / calls:.0%})"
        console.print(f"{share} in {report.sessions} sessions may be started early")
    for finding in report.findings:
        colour = "red" if finding.severity.value == "problem" else "yellow"
        where = f"{finding.tool}.{finding.field}" if finding.field else finding.tool
        console.print(f"[{colour}]{finding.severity.value}[/]: {escape(where)}: {escape(finding.says)}")
    if not report.findings:
        console.print("no problem found")
