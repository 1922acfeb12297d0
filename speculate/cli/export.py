"""`speculate export`: recorded runs to formats that other tools draw."""

from __future__ import annotations

import argparse
import gzip
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import BinaryIO, cast

from rich.console import Console

from speculate.cli.console import STDOUT, Bar, emit_json, progress
from speculate.cli.reading import records
from speculate.errors import SpeculateError
from speculate.exporters import export_otlp, export_perfetto
from speculate.trace.sessions import RecordedSession, group_sessions

NAME = "export"
HELP = "Convert recorded runs to OpenTelemetry (OTLP JSON) or Perfetto."

FORMATS: Mapping[str, Callable[[Iterable[RecordedSession]], Iterator[str]]] = {
    "otlp": export_otlp,
    "perfetto": export_perfetto,
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("traces", nargs="+", metavar="TRACES", help="recorded runs, trace v1")
    parser.add_argument("--to", required=True, choices=list(FORMATS), help="the format to write")
    parser.add_argument("--out", metavar="OUT", help="write OUT (gzipped if it ends in .gz) instead of standard output")


def run(args: argparse.Namespace, console: Console) -> int:
    if args.out is None and getattr(args, "json", None) == STDOUT:
        raise SpeculateError(
            "both the export and --json would go to standard output; name one with --out or --json PATH"
        )
    for file in args.traces:
        if (
            args.out is not None
            and os.path.exists(args.out)
            and os.path.exists(file)
            and os.path.samefile(file, args.out)
        ):
            raise SpeculateError(f"--out {args.out} is one of the inputs; name another file")
    people = console if args.out is not None else Console(stderr=True, highlight=False)
    total = sum(os.path.getsize(file) for file in args.traces if os.path.isfile(file))
    found = {"sessions": 0, "calls": 0}

    def counted(bar: Bar) -> Iterator[RecordedSession]:
        for session in group_sessions(records(args.traces, bar)):
            found["sessions"] += 1
            found["calls"] += len(session.calls)
            yield session

    with progress(people, "exporting", total) as bar:
        pieces = FORMATS[args.to](counted(bar))
        if args.out is None:
            _write(sys.stdout.buffer, pieces)
            sys.stdout.flush()
        else:
            with _open(args.out) as stream:
                _write(stream, pieces)
    people.print(f"{found['sessions']:,} sessions, {found['calls']:,} calls written as {args.to}.")
    emit_json(args, {"format": args.to, **found})
    return 0


def _open(path: str) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "wb") if path.endswith(".gz") else open(path, "wb"))


def _write(stream: BinaryIO, pieces: Iterable[str]) -> None:
    stream.writelines(piece.encode("utf-8") for piece in pieces)
