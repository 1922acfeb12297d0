"""`speculate manifest`: propose a manifest for a person to read and mend."""

from __future__ import annotations

import argparse
import importlib
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speculate.cli.console import emit_json
from speculate.errors import ManifestError, SpeculateError
from speculate.siblings import sibling

if TYPE_CHECKING:
    from rich.console import Console

    from toolspecs.proposing import Proposal

NAME = "manifest"
HELP = "Propose a manifest from an MCP server, a Python module or recorded runs. Without evidence a tool is a write."


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--from-mcp",
        metavar="FILE|COMMAND",
        help="a JSON file with the result of tools/list, or, in quotes, the command that starts a server on stdio",
    )
    source.add_argument("--from-python", metavar="MODULE", help="a module's name or a .py file; it is imported")
    source.add_argument("--from-traces", nargs="+", metavar="TRACE", help="recorded runs")
    source.add_argument("--ready", nargs="?", const="", metavar="NAME", help="print a ready manifest; alone, list them")
    parser.add_argument("--name", help="the manifest's name")
    parser.add_argument("--trust-hints", action="store_true", help="let what a server calls read-only start early")
    parser.add_argument("--output", "-o", metavar="FILE", help="write there (never over a file) instead of printing")


def run(args: argparse.Namespace, console: Console) -> int:
    """Propose, print or write, and return the exit code."""
    toolspecs = sibling("toolspecs")
    if args.ready == "":
        names = toolspecs.ready_names()
        emit_json(args, {"ready": list(names)})
        if args.json is None:
            sys.stdout.write("".join(f"{name}\n" for name in names))
        return 0
    if args.ready is not None:
        text, document = toolspecs.ready_text(args.ready), toolspecs.ready(args.ready).to_dict()
    else:
        proposal = _propose(args)
        if args.name:
            proposal.name = args.name
        text, document = proposal.to_toml(), proposal.manifest.to_dict()
    emit_json(args, document)
    if args.output is not None:
        _write(Path(args.output), text)
        console.print(f"wrote {args.output}: {len(document['tools'])} tools; read it before you use it", markup=False)
    elif args.json is None:
        sys.stdout.write(text)
    return 0


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise SpeculateError(f"{path}: exists, and may hold a person's decisions; name another file") from None


def _propose(args: argparse.Namespace) -> Proposal:
    from speculate.trace import read_sessions
    from toolspecs.mcp_listing import list_tools
    from toolspecs.proposing import from_mcp, from_python, from_traces

    if args.from_traces is not None:
        return from_traces(read_sessions(*args.from_traces), ", ".join(args.from_traces))
    if args.from_python is not None:
        return from_python(_import(args.from_python))
    source: str = args.from_mcp
    path = Path(source)
    if path.suffix == ".json" or path.is_file():
        return from_mcp(_read_json(path), path.stem, source, are_hints_trusted=args.trust_hints)
    command = shlex.split(source)
    if not command:
        raise SpeculateError("--from-mcp: name a JSON file or a command")
    name = Path(command[0]).name
    return from_mcp(list_tools(command), name, f"the MCP server {source}", are_hints_trusted=args.trust_hints)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ManifestError("no such file", file=str(path)) from None
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"not valid JSON: {error}", file=str(path)) from None


def _import(given: str) -> Any:
    """A module by name, or a file beside which its own imports work."""
    path = Path(given)
    if path.suffix == ".py":
        if not path.is_file():
            raise ManifestError("no such file", file=given)
        sys.path.insert(0, str(path.resolve().parent))
        name = path.stem
    else:
        sys.path.insert(0, str(Path.cwd()))
        name = given
    try:
        return importlib.import_module(name)
    except Exception as error:  # whatever the user's own module raises as it is imported
        raise ManifestError(f"cannot be imported: {type(error).__name__}: {error}", file=given) from error
    finally:
        sys.path.pop(0)
