"""`speculate plan show FILE`: check a plan and draw it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from speculate.cli.console import add_json_argument, emit_json
from speculate.errors import SpeculateError
from speculate.fanout.limits import Limits
from speculate.plan import InvalidPlan, Plan, Toolbox, compile_plan, load_plan
from speculate.plan.draw import document, finding_document, html, mermaid, terminal
from speculate.plan.model import Handoff
from speculate.siblings import sibling
from speculate.spec import ToolSpec

if TYPE_CHECKING:
    from rich.console import Console

NAME = "plan"
HELP = "check a plan (DAG) of tool calls before it runs, and draw it"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser("show", help="check a plan and draw it", description="Check a plan and draw it.")
    show.add_argument("file", metavar="FILE", help="the plan, .json or .toml")
    show.add_argument("--manifest", metavar="FILE", help="what the tools do; without it every tool counts as a write")
    show.add_argument(
        "--format", choices=("terminal", "mermaid", "html"), default="terminal", help="how to draw it (terminal)"
    )
    show.add_argument("--output", "-o", metavar="FILE", help="write the drawing to FILE")
    show.add_argument(
        "--order", action="store_true", help="put conflicting tasks in the plan's order instead of refusing the plan"
    )
    show.add_argument("--slots", type=int, metavar="N", help="predict the time with at most N calls at once")
    show.add_argument(
        "--seconds", action="append", default=[], metavar="TOOL=S", help="how long a tool takes (1 s if not said)"
    )
    add_json_argument(show)


def run(args: argparse.Namespace, console: Console) -> int:
    """Check and draw. Exit code 1: the plan does not compile."""
    plan = load_plan(args.file)
    toolbox = _toolbox(plan, args.manifest, _seconds(args.seconds))
    try:
        compiled = compile_plan(
            plan, toolbox, limits=Limits(total=args.slots), conflicts="order" if args.order else "refuse"
        )
    except InvalidPlan as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        emit_json(args, {"name": plan.name, "findings": [finding_document(each) for each in error.findings]})
        return 1
    if args.format == "terminal" and args.output is None:
        console.print(terminal(compiled))
    else:
        text = {"mermaid": mermaid, "html": html, "terminal": _as_plain_text}[args.format](compiled)
        if args.output is None:
            console.file.write(text)
        else:
            _write(Path(args.output), text)
    emit_json(args, document(compiled))
    return 0


def _as_plain_text(compiled: object) -> str:
    from io import StringIO

    from rich.console import Console

    from speculate.plan.compiled import CompiledPlan

    if not isinstance(compiled, CompiledPlan):
        raise TypeError("a compiled plan is wanted")
    buffer = StringIO()
    Console(file=buffer, width=100).print(terminal(compiled))
    return buffer.getvalue()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SpeculateError(f"{path}: cannot be written: {error.strerror or error}") from error


def _toolbox(plan: Plan, manifest: str | None, seconds: dict[str, float]) -> Toolbox:
    specs: dict[str, ToolSpec] = {}
    if manifest is not None:
        loaded = sibling("toolspecs").Manifest.load(manifest)
        specs = {name: loaded[name] for name in loaded}
    # Without code at hand, any tool the plan names is taken to exist unless a manifest says which there are.
    names = frozenset(specs) if manifest is not None else frozenset(_tools(plan))
    return Toolbox(specs, names, seconds=seconds)


def _tools(plan: Plan) -> set[str]:
    found: set[str] = set()
    for task in plan.tasks:
        if isinstance(task, Handoff):
            found |= _tools(task.plan)
        else:
            found.add(task.tool)
            if task.policy.undo is not None:
                found.add(task.policy.undo.tool)
    return found


def _seconds(given: list[str]) -> dict[str, float]:
    out: dict[str, float] = {}
    for text in given:
        tool, _, value = text.partition("=")
        try:
            out[tool] = float(value)
        except ValueError:
            raise SpeculateError(f"--seconds {text}: write TOOL=SECONDS, as in search=2.5") from None
    return out
