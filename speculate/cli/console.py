"""What every command prints with: the console, `--json`, and a progress bar for a person who is watching."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from speculate.errors import SpeculateError

WIDTH = 100  # tables are laid out for this many columns wherever the output is no terminal
STDOUT = "-"
_INPUT_SUFFIXES = (".jsonl", ".gz", ".toml", ".ndjson")


def get_console(args: argparse.Namespace | None = None) -> Console:
    """The console for people. With a bare `--json`, standard output belongs to the JSON: people read on stderr."""
    on_stderr = getattr(args, "json", None) == STDOUT
    stream = sys.stderr if on_stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else WIDTH
    return Console(stderr=on_stderr, width=width, highlight=False)


def _json_target(value: str) -> str:
    if value.endswith(_INPUT_SUFFIXES):
        raise argparse.ArgumentTypeError(
            f"{value} looks like an input, and would be overwritten; put a bare --json last, or name a .json file"
        )
    return value


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--json [PATH]`. The app does so for every command, after the command's own arguments."""
    parser.add_argument(
        "--json",
        nargs="?",
        const=STDOUT,
        type=_json_target,
        metavar="PATH",
        help="write the result as JSON to PATH; without PATH, to standard output",
    )


def emit_json(args: argparse.Namespace, document: Any) -> None:
    """Write `document` where `--json` asked for it; nothing if it did not. Raises SpeculateError."""
    target = getattr(args, "json", None)
    if target is None:
        return
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if target == STDOUT:
        sys.stdout.write(text)
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise SpeculateError(f"--json {target}: cannot be written: {error.strerror or error}") from error


class Bar:
    """A running progress bar, or nothing at all where nobody watches."""

    def __init__(self, progress: Progress | None, task: Any) -> None:
        self._progress, self._task = progress, task

    def advance(self, amount: float = 1) -> None:
        if self._progress is not None:
            self._progress.advance(self._task, amount)

    def update(
        self, completed: float | None = None, total: float | None = None, description: str | None = None
    ) -> None:
        if self._progress is not None:
            self._progress.update(self._task, completed=completed, total=total, description=description)


@contextmanager
def progress(console: Console, description: str, total: float | None = None) -> Iterator[Bar]:
    """A progress bar on stderr while the block runs, if a terminal is there to show it; gone afterwards.

    `total` None means that the amount of work is not known.
    """
    if not sys.stderr.isatty() or console.quiet:
        yield Bar(None, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as running:
        yield Bar(running, running.add_task(description, total=total))
