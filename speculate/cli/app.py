"""The command line: finds the command, runs it, and turns how it ended into an exit code.

Exit codes: 0 done; 1 a check that was asked for failed; 2 bad input or usage, said in one line; 130 interrupted;
141 the reader of our output went away. A command is a module with `NAME`, `HELP`, `configure(parser)` and
`run(args, console) -> int`; only the one that is used is imported.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

from speculate import __version__
from speculate.errors import MissingExtra, SpeculateError

if TYPE_CHECKING:
    from rich.console import Console

# The module of each command, in the order `--help` lists them.
COMMANDS = {
    "demo": "speculate.cli.demo",
    "train": "speculate.cli.train",
    "replay": "speculate.cli.replay",
    "audit": "speculate.cli.audit",
    "check": "speculate.cli.check",
    "manifest": "speculate.cli.manifest",
    "import": "speculate.cli.import_",
    "export": "speculate.cli.export",
    "plan": "speculate.cli.plan",
    "report": "speculate.cli.report",
}


class Command(Protocol):
    """What a command's module offers."""

    NAME: str
    HELP: str

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace, console: Console) -> int: ...


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser with every command, or with the one called `only`: its neighbours need not be imported."""
    from speculate.cli.console import add_json_argument

    parser = argparse.ArgumentParser(
        prog="speculate",
        description="Speculative tool execution for LLM agents: start the likely next tool call early, "
        "keep it only if the model really makes it.",
    )
    parser.add_argument("--version", action="version", version=f"speculate {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        if only is not None and name != only:
            continue
        command = cast(Command, importlib.import_module(module))
        # A command may declare --json itself (to say what is in it); the meaning of --json is one everywhere.
        subparser = commands.add_parser(
            name, help=command.HELP, description=command.HELP, allow_abbrev=False, conflict_handler="resolve"
        )
        command.configure(subparser)
        add_json_argument(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def _run(argv: Sequence[str]) -> int:
    try:
        from speculate.cli.console import get_console
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "rich":
            raise
        raise MissingExtra("rich", "cli", "the command line") from error
    only = argv[0] if argv and argv[0] in (*COMMANDS, "--version") else None
    args = build_parser(only).parse_args(argv)
    code: int = args.run(args, get_console(args))
    return code


def _say(problem: str) -> None:
    sys.stderr.write(f"speculate: {' '.join(problem.split())}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own) and return its exit code."""
    try:
        code = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except SystemExit as error:  # argparse has printed the help, the version, or what is wrong
        return error.code if isinstance(error.code, int) else 2
    except SpeculateError as error:
        _say(str(error))
        return 2
    except BrokenPipeError:
        # `speculate … | head`: nobody reads on. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.filename is None:
            raise
        _say(f"{error.filename}: {error.strerror or error}")
        return 2
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    return code
