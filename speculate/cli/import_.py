"""`speculate import`: recordings of other tools to trace v1."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from speculate.cli.console import STDOUT, Bar, emit_json, progress
from speculate.errors import SpeculateError, TraceError
from speculate.importers import IMPORTERS, open_import
from speculate.trace.lines import Source
from speculate.trace.records import CallIssued, Record, ResultArrived, SessionStarted
from speculate.trace.writer import TraceWriter, encode_record

NAME = "import"
HELP = "Convert recordings of other tools (OpenTelemetry, LangSmith, Inspect, …) to trace v1."

SHOWN_PROBLEMS = 20
KEPT_PROBLEMS = 1_000
RECORDS_PER_STEP = 2_000


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="what to convert; plain or gzipped; - is standard input"
    )
    formats = "; ".join(f"{importer.name}: {importer.title}" for importer in IMPORTERS.values())
    parser.add_argument(
        "--format",
        choices=list(IMPORTERS),
        metavar="F",
        help=f"the files' format, if it is not to be found out ({formats})",
    )
    parser.add_argument("--out", metavar="OUT", help="write OUT (gzipped if it ends in .gz) instead of standard output")
    parser.add_argument("--strict", action="store_true", help="exit with 2 if any record had to be skipped")


class _Count:
    """What was found in one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.format: str | None = None
        self.found: Counter[type[Record]] = Counter()
        self.skipped = 0

    def row(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "format": self.format,
            "sessions": self.found[SessionStarted],
            "calls": self.found[CallIssued],
            "results": self.found[ResultArrived],
            "events": self.found.total(),
            "skipped": self.skipped,
        }


class _Problems:
    """The records that were skipped: the first ones said as they come, all counted."""

    def __init__(self, people: Console) -> None:
        self._people = people
        self.kept: list[TraceError] = []
        self.count = 0

    def __call__(self, problem: TraceError) -> None:
        self.count += 1
        if self.count <= SHOWN_PROBLEMS:
            self._people.print(f"skipped: {problem}", style="yellow", markup=False, soft_wrap=True)
        elif self.count == SHOWN_PROBLEMS + 1:
            self._people.print("… further ones are counted only", style="yellow")
        if self.count <= KEPT_PROBLEMS:
            self.kept.append(problem)


def run(args: argparse.Namespace, console: Console) -> int:
    _check(args)
    people = console if args.out is not None else Console(stderr=True, highlight=False)  # the trace goes to stdout
    problems = _Problems(people)
    counts: list[_Count] = []
    total = sum(os.path.getsize(file) for file in args.files if os.path.isfile(file))
    writer = TraceWriter(args.out) if args.out is not None else None
    with writer or nullcontext(), progress(people, "importing", total) as bar:
        for file in args.files:
            count = _Count(file)
            counts.append(count)
            before = problems.count
            for record in _records(file, args.format, problems, count, bar):
                if writer is not None:
                    writer.write(record)
                else:
                    sys.stdout.buffer.write(encode_record(record))
            count.skipped = problems.count - before
    sys.stdout.flush()
    _show(people, counts)
    emit_json(
        args,
        {
            "files": [count.row() for count in counts],
            "skipped": problems.count,
            "problems": [{"file": p.file, "line": p.line, "problem": p.problem} for p in problems.kept],
        },
    )
    return 2 if args.strict and problems.count else 0


def _check(args: argparse.Namespace) -> None:
    if args.out is None:
        if getattr(args, "json", None) == STDOUT:
            raise SpeculateError(
                "both the trace and --json would go to standard output; name one with --out or --json PATH"
            )
        return
    for file in args.files:
        if os.path.exists(args.out) and os.path.exists(file) and os.path.samefile(file, args.out):
            raise SpeculateError(f"--out {args.out} is one of the inputs; name another file")


def _records(file: str, format: str | None, problems: _Problems, count: _Count, bar: Bar) -> Iterator[Record]:
    with Source(file) as source:
        opened = open_import(source, format, problems)
        count.format = opened.importer.name if opened.importer is not None else None
        found = count.found
        at = 0
        for number, record in enumerate(opened.records):
            found[type(record)] += 1
            if number % RECORDS_PER_STEP == 0:
                position = source.position
                bar.advance(position - at)
                at = position
            yield record
        bar.advance(source.size - at)


def _show(people: Console, counts: list[_Count]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("file", "format", "sessions", "calls", "results", "events", "skipped"):
        table.add_column(heading, justify="left" if heading in ("file", "format") else "right", overflow="fold")
    for count in counts:
        row = {**count.row(), "file": Path(count.file).name, "format": count.format or "empty"}
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()))
    people.print(table)
    if counts and not any(count.found[CallIssued] for count in counts):
        people.print("No tool call was found in these files.", style="yellow")
