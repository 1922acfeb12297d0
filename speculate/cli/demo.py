"""`speculate demo`: a real agent loop on this machine, speculation off and on. No key, no network."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from speculate.cli.console import emit_json
from speculate.demo.show import Answered, Event, Result, Scraped, Serving, Show, Step

NAME = "demo"
HELP = "Run a real agent loop on this machine with speculation off and on, then replay its runs."


def _count(value: str) -> int:
    number = int(value)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {value}")
    return number


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tasks", type=_count, default=8, metavar="N", help="how many tasks to show (default 8)")
    parser.add_argument(
        "--training", type=_count, default=32, metavar="N", help="how many runs to record and learn from (default 32)"
    )
    parser.add_argument("--seed", type=int, default=7, help="everything made up follows from it (default 7)")
    parser.add_argument(
        "--pace",
        type=float,
        default=1.0,
        metavar="FACTOR",
        help="factor on all times of model and services (default 1)",
    )
    parser.add_argument("--port", type=int, default=0, help="of the metrics endpoint (default: any that is free)")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("demo-output"),
        metavar="FOLDER",
        help="where recordings, model and database go; made anew (default demo-output)",
    )


def run(args: argparse.Namespace, console: Console) -> int:
    """Run the demo; exit code 1 if the two arms differ in an answer or in what they left behind."""
    console.print(
        "A support agent for a small shop: HTTP services on 127.0.0.1, orders in SQLite, policies in files.\n"
        "A scripted policy stands in for the model and takes time to think. No key, no network.\n"
    )
    show = Show(
        args.output,
        lambda event: _tell(console, event),
        seed=args.seed,
        tasks=args.tasks,
        training=args.training,
        pace=args.pace,
        port=args.port,
    )
    result = show.run()
    _summarize(console, result)
    emit_json(args, result.to_document())
    return 0 if result.same_answers and result.same_world else 1


def _tell(console: Console, event: Event) -> None:
    match event:
        case Step():
            console.print(f"[bold]{event.text}[/bold]")
        case Answered():
            console.print(f"  {event.task.id}  {event.seconds:5.2f} s  {event.task.question}", markup=False)
        case Serving():
            console.print(f"  live metrics while it runs: {event.url}", markup=False)
        case Scraped():
            rate = event.hits / event.speculable if event.speculable else 0.0
            console.print(
                f"           [dim]metrics so far: hit rate {rate:.0%} ({event.hits} of {event.speculable} reads), "
                f"{event.launched} launched[/dim]"
            )


def _summarize(console: Console, result: Result) -> None:
    table = Table(title="The same tasks, off and on", title_justify="left", min_width=60)
    for column, justify in (
        ("task", "left"),
        ("off", "right"),
        ("on", "right"),
        ("saved", "right"),
        ("answer", "left"),
    ):
        table.add_column(column, justify=justify, no_wrap=column != "answer")  # type: ignore[arg-type]  # rich's literal
    for task in result.tasks:
        off, on = result.off.seconds[task.id], result.on.seconds[task.id]
        table.add_row(task.id, f"{off:.2f} s", f"{on:.2f} s", f"{1 - on / off:.0%}", result.on.answers[task.id])
    table.add_section()
    off_s, on_s = result.off.total_s, result.on.total_s
    table.add_row("all", f"{off_s:.2f} s", f"{on_s:.2f} s", f"{result.saved_share:.0%}", "")
    console.print()
    console.print(table)
    ledger = result.on.ledger
    served = ", ".join(f"{count} {how.value}" for how, count in result.on.served.items())
    foretold = result.replay["latency"]["saved_share"]
    lines = (
        ("answers", "the same" if result.same_answers else "[red]NOT the same[/red]"),
        ("database", "left the same" if result.same_world else "[red]NOT left the same[/red]"),
        ("real calls", served),
        ("launches", f"{ledger.launched} = {ledger.committed} committed + {ledger.wasted} wasted"),
        ("waiting hidden", f"{ledger.hidden_s:.2f} s; tool time wasted {ledger.wasted_s:.2f} s"),
        (
            "replay",
            f"foretells {foretold:.0%} saved from the recording without speculation; {result.saved_share:.0%} measured",
        ),
    )
    for name, text in lines:
        console.print(f"{name:<15} {text}")
    folder = result.folder
    console.print(
        f"\nThe recordings are in {folder}/. Try\n"
        f"  speculate replay --train {folder}/training.jsonl --test {folder}/off.jsonl --manifest {folder}/shop.toml\n"
        f"  speculate audit {folder}/training.jsonl --manifest {folder}/shop.toml",
        markup=False,
        soft_wrap=True,
    )
