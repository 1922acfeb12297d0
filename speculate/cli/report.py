"""`speculate report`: one page about an audit or a replay, to be read anywhere."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from speculate.audit import AuditSettings, audit, document
from speculate.cli.console import emit_json, progress
from speculate.errors import MissingExtra, SpeculateError
from speculate.replay import load_profile, profile_names
from speculate.replay.latency import DEFAULT_PROFILE
from speculate.report import load
from toolspecs import Manifest

NAME = "report"
HELP = "Draw an audit or a replay as one self-contained HTML page."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="IN.json", help="what speculate audit or speculate replay wrote with --json")
    parser.add_argument("--out", metavar="OUT.html", help="where to write the page (default: IN.html)")
    parser.add_argument("--title", metavar="TEXT", help="the page's title")
    runs = parser.add_argument_group("the runs themselves, for what the JSON does not hold (timelines above all)")
    runs.add_argument("--traces", nargs="+", default=[], metavar="TRACES", help="the recorded runs it was made of")
    runs.add_argument("--manifest", metavar="FILE", help="what each tool does")
    runs.add_argument("--session", action="append", default=[], metavar="ID", help="draw this session (repeatable)")
    runs.add_argument(
        "--latency",
        default=DEFAULT_PROFILE,
        metavar="PROFILE",
        help=f"times that were not recorded: {', '.join(profile_names())}, or a TOML file (default {DEFAULT_PROFILE})",
    )
    runs.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is drawn at random (default 0)")


def run(args: argparse.Namespace, console: Console) -> int:
    try:
        from speculate.report.page import render
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("jinja2", "markupsafe"):
            raise
        raise MissingExtra(error.name or "jinja2", "report", "the report") from error
    source = load(args.input)
    if not args.traces and (args.manifest or args.session):
        raise SpeculateError("--manifest and --session say how to read runs: name them with --traces")
    detail = _detail(args, console) if args.traces else None
    if detail is not None and source.kind == "audit":
        source = type(source)(source.name, source.kind, {**source.document, "timelines": detail["timelines"]})
    out = Path(args.out) if args.out is not None else Path(args.input).with_suffix(".html")
    page = render(source, None if source.kind == "audit" else detail, args.title)
    try:
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise SpeculateError(f"--out {out}: cannot be written: {error.strerror or error}") from error
    emit_json(args, {"report": str(out), "kind": source.kind, "bytes": len(page.encode("utf-8"))})
    console.print(Text(f"Wrote {out} ({len(page) // 1024} KiB, {source.kind})."))
    return 0


def _detail(args: argparse.Namespace, console: Console) -> dict[str, Any]:
    """An audit of the runs, with the sessions that were asked for among those drawn. Raises SpeculateError."""
    settings = AuditSettings(profile=load_profile(args.latency), seed=args.seed, draw=tuple(args.session))
    manifest = None if args.manifest is None else Manifest.load(args.manifest)
    with progress(console, "reading") as bar:

        def told(what: str, amount: int) -> None:
            bar.update(description=what)
            bar.advance(amount)

        found = document(audit(args.traces, manifest, settings, progress=told))
    drawn = {entry["session"] for entry in found["timelines"]}
    for id in args.session:
        if id not in drawn:
            raise SpeculateError(f"--session {id}: there is no session of this id in the traces, or it makes no call")
    return found
