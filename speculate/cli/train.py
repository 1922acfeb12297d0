"""`speculate train`: learn a predictor from recorded runs, and judge it on others."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.table import Table

from speculate.cli.console import Bar, emit_json, progress
from speculate.cli.reading import records
from speculate.errors import SpeculateError
from speculate.prediction import Predictor
from speculate.siblings import sibling
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession, read_sessions
from speculate.trace.sessions import group_sessions
from speculate.training.explaining import lines, rules_of
from speculate.training.judging import judge_predictor
from speculate.training.learning import train
from speculate.training.page import number, percent, render

NAME = "train"
HELP = "Learn a predictor from recorded runs, and judge it on runs it has not seen."

_NAME_WIDTH = 31  # leaves room for seven columns of numbers in a hundred
_ROWS = 12  # of a table; all rows are in --json and --report


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("traces", nargs="*", metavar="TRACES", help="recorded runs to learn from (trace v1, also .gz)")
    parser.add_argument("--manifest", metavar="M", help="what each tool does; needed to learn and to judge")
    parser.add_argument("--out", metavar="MODEL", help="write the model file (gzipped if it ends in .gz)")
    parser.add_argument(
        "--predictor",
        default=None,
        metavar="NAME",
        help="pattern (the default), markov, repeat, tournament, mixture, or package.module:Class",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="KEY=VALUE",
        help="a setting of the predictor; the value as JSON, or as text if it is none",
    )
    parser.add_argument(
        "--merge", nargs="+", default=[], metavar="MODEL", help="add up trained models (and TRACES, if any), exactly"
    )
    parser.add_argument(
        "--jobs",
        type=_jobs,
        default=None,
        metavar="N",
        help="learn in N processes (default: one for each core, if there is enough to gain); the model is the same",
    )
    parser.add_argument("--judge", nargs="+", default=[], metavar="DEV", help="judge on these runs")
    parser.add_argument("--explain", action="store_true", help="say what was learned, rule by rule")
    parser.add_argument("--report", metavar="HTML", help="write the judgement as one HTML file (needs --judge)")


def _jobs(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of processes: 1 or more")
    return int(text)


@dataclass(slots=True)
class _Learned:
    """The runs that were learned from, as they went by."""

    calls: int = 0
    ids: set[str] = field(default_factory=set)
    tenants: set[str | None] = field(default_factory=set)
    sessions: int = 0


def run(args: argparse.Namespace, console: Console) -> int:
    _check(args)
    specs: Mapping[str, ToolSpec] = sibling("toolspecs").Manifest.load(args.manifest) if args.manifest else {}
    learned = _Learned()
    started = perf_counter()
    predictor = _learn(args, learned, specs, console)
    train_s = perf_counter() - started
    document: dict[str, Any] = {
        "predictor": getattr(predictor, "KIND", type(predictor).__name__),
        "trained": {"sessions": learned.sessions, "calls": learned.calls, "train_s": train_s}
        if learned.sessions
        else None,
        "merged": list(args.merge),
        "model": None,
        "judged": None,
    }
    rules = rules_of(predictor) if args.explain else None
    if rules is not None:
        document["rules"] = rules
    if args.out:
        sibling("predictors").save_predictor(predictor, args.out)
        document["model"] = {"path": args.out, "bytes": Path(args.out).stat().st_size}
    _say_learned(console, document)
    _say_sealed(console, predictor, learned)
    for line in lines(rules or ()):
        console.print(line, markup=False, soft_wrap=True)
    if args.judge:
        document["judged"] = _judged(args, predictor, learned.ids, specs, console)
        _say_judged(console, document["judged"])
    if args.report:
        page = render(document)
        Path(args.report).write_text(page, encoding="utf-8")
        console.print(f"Report: {args.report}", markup=False, soft_wrap=True)
    emit_json(args, document)
    return 0


def _check(args: argparse.Namespace) -> None:
    """What makes no sense together. Raises SpeculateError."""
    if not (args.traces or args.merge or args.predictor):
        raise SpeculateError("nothing to learn from: name recorded runs, or models to --merge")
    if not (args.out or args.judge or args.explain):
        raise SpeculateError("nothing to do with what is learned: add --out MODEL, --judge DEV or --explain")
    if (args.traces or args.judge) and not args.manifest:
        raise SpeculateError("--manifest M is needed: it says which tools may be launched, and what is never learned")
    if args.report and not args.judge:
        raise SpeculateError("--report shows a judgement: add --judge DEV, runs that were not trained on")
    if args.settings and not (args.traces or args.predictor):
        raise SpeculateError("--set is for training; models that are merged keep their settings")


def _read(paths: Sequence[str]) -> list[RecordedSession]:
    sessions = read_sessions(*paths)
    if not sessions:
        raise SpeculateError(f"{', '.join(paths)}: there is no session in it")
    return sessions


def _settings(pairs: Sequence[str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            raise SpeculateError(f"--set {pair}: write KEY=VALUE, as in --set window=4")
        try:
            settings[key] = json.loads(value)
        except ValueError:
            settings[key] = value
    return settings


def _learn(args: argparse.Namespace, learned: _Learned, specs: Mapping[str, ToolSpec], console: Console) -> Predictor:
    """Trained, merged, or both; without any runs as it comes, untrained."""
    ours = sibling("predictors")
    models = [ours.load_predictor(path) for path in args.merge]
    names = list(args.merge)
    if args.traces or args.predictor:
        name = args.predictor or (models[0].KIND if models else "pattern")
        total = sum(os.path.getsize(path) for path in args.traces if os.path.isfile(path))
        with progress(console, "learning", total) as bar:
            sessions = _arriving(args.traces, learned, bar)
            models.append(train(name, sessions, specs, _settings(args.settings), jobs=args.jobs))
            for _ in sessions:  # what cannot be trained has not looked at them
                pass
        if args.traces and not learned.sessions:
            raise SpeculateError(f"{', '.join(args.traces)}: there is no session in it")
        names.append("what was learned from the traces")
    merged: Predictor = ours.merge(models, names)
    return merged


def _arriving(paths: Sequence[str], learned: _Learned, bar: Bar) -> Iterator[RecordedSession]:
    """The sessions as they are read, so that memory holds those that are open. The bar follows the files."""
    for session in group_sessions(records(paths, bar)):
        learned.sessions += 1
        learned.calls += len(session.calls)
        learned.ids.add(session.id)
        learned.tenants.add(session.start.tenant)
        yield session


def _say_sealed(console: Console, predictor: Predictor, learned: _Learned) -> None:
    """Who learns from one customer's runs alone would wonder where the constants are."""
    needed = getattr(predictor, "min_tenants", 0)
    if None in learned.tenants or not 0 < len(learned.tenants) < needed:
        return
    count = f"{len(learned.tenants)} tenant{'s' * (len(learned.tenants) != 1)}"
    console.print(
        f"These runs are of {count}: constants, and names the manifest does not tell, are guessed with only once "
        f"{needed} tenants showed them. Where there is nobody to keep them from: --set min_tenants=1",
        style="yellow", markup=False, soft_wrap=True,
    )  # fmt: skip


def _judged(
    args: argparse.Namespace,
    predictor: Predictor,
    trained: AbstractSet[str],
    specs: Mapping[str, ToolSpec],
    console: Console,
) -> dict[str, Any]:
    sessions = _read(args.judge)
    shared = trained & {session.id for session in sessions}
    if shared:
        console.print(
            f"{len(shared)} of these runs were also trained on (such as {min(shared)}): "
            "this judges memory, not prediction",
            style="yellow", markup=False, soft_wrap=True,
        )  # fmt: skip
    with progress(console, "judging", len(sessions)) as bar:
        return judge_predictor(predictor, sessions, specs, progress=bar.advance).document()


def _say_learned(console: Console, document: Mapping[str, Any]) -> None:
    kind, trained, model = document["predictor"], document["trained"], document["model"]
    told = []
    if trained is not None:
        rate = trained["calls"] / trained["train_s"] if trained["train_s"] else 0.0
        told.append(
            f"trained on {trained['sessions']:,} runs, {trained['calls']:,} calls in {trained['train_s']:.2f} s "
            f"({rate:,.0f} calls/s)"
        )
    elif not document["merged"]:
        told.append("untrained")
    if document["merged"]:
        told.append(f"merged from {len(document['merged'])} model{'s' * (len(document['merged']) != 1)}")
    console.print(f"{kind}: {', '.join(told)}", markup=False, soft_wrap=True)
    if model is not None:
        console.print(f"Model: {model['path']} ({model['bytes'] / 1000:,.1f} kB)", markup=False, soft_wrap=True)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        if index == 0 or column == "expected instead":
            table.add_column(column, overflow="ellipsis", no_wrap=True, max_width=_NAME_WIDTH)
        else:  # numbers are shown whole: it is names that give way
            table.add_column(column, justify="right", no_wrap=True, min_width=len(column))
    return table


def _add_rows(console: Console, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    for row in rows[:_ROWS]:
        table.add_row(*map(str, row))
    console.print()
    console.print(table)
    if len(rows) > _ROWS:
        console.print(f"… {len(rows) - _ROWS} more in --json and --report", style="dim")


def _say_judged(console: Console, judged: Mapping[str, Any]) -> None:
    """The judgement as tables of at most 100 columns."""
    scores, tradeoff = judged["prediction"], judged["tradeoff"]
    console.print(
        f"\nJudged on {judged['sessions']:,} runs: {judged['calls']:,} calls, "
        f"{judged['speculable_calls']:,} could be launched"
    )
    summary = " · ".join(f"{name} {percent(scores[name])}" for name in ("exact@1", "exact@3", "exact@5", "tool@1"))
    brier = "–" if scores["brier"] is None else f"{scores['brier']:.4f}"
    errors = " and ".join(f"{percent(judged['reliability'][name]['error'])} ({name})" for name in ("p_next", "p_use"))
    console.print(f"{summary} · Brier {brier}")
    console.print(f"Probabilities are off by {errors} on average")

    table = _table("By tool", "tool", "calls", "launchable", "exact@1", "exact@3", "exact@5")
    rows: list[Sequence[Any]] = [
        (tool, row["calls"], row["speculable_calls"], *(percent(row[f"exact@{k}"]) for k in (1, 3, 5)))
        for tool, row in judged["tools"].items()
    ]
    _add_rows(console, table, rows)

    columns = ("argument", "values", "first", "first 3", "not there", "no rule", "ranked low", "no tool")
    kinds = ("not in history", "no rule finds it", "ranked too low", "tool not expected")
    rows = [
        (
            f"{row['tool']}.{row['argument']}", row["values"], percent(row["exact@1"]), percent(row["exact@3"]),
            *(row["misses"][kind] or "·" for kind in kinds),
        )
        for row in judged["arguments"]
    ]  # fmt: skip
    _add_rows(console, _table("By argument, and where the missed values were", *columns), rows)

    if judged["confusion"]:
        rows = [(row["tool"], row["expected"], row["turns"]) for row in judged["confusion"]]
        _add_rows(console, _table("Which tool instead", "called", "expected instead", "turns"), rows)

    table = _table("Launching from p_use", "at least", "launches", "coverage", "precision", "waste per hit")
    points = [(f"{row['min_probability']:.2f}", row) for row in tradeoff["curve"][::2]]
    rows = [
        (name, row["launched"], percent(row["coverage"]), percent(row["precision"]), number(row["waste_per_hit"]))
        for name, row in [*points, ("admission", tradeoff["admission"])]
    ]
    _add_rows(console, table, rows)
