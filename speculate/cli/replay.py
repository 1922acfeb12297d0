"""`speculate replay`: what speculation would have done on recorded runs."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from predictors import KINDS, load_predictor
from speculate.cli.console import emit_json, progress
from speculate.core.policy import Policy
from speculate.errors import SpeculateError
from speculate.prediction import Predictor
from speculate.replay.latency import DEFAULT_PROFILE, load_profile, profile_names
from speculate.replay.running import ReplaySettings, replay
from speculate.replay.tables import print_result
from speculate.replay.thresholds import broken, parse_threshold
from speculate.trace import read_sessions
from toolspecs import Manifest

NAME = "replay"
HELP = "Show what speculation would have done on recorded runs, beside what an oracle would have."


def configure(parser: argparse.ArgumentParser) -> None:
    runs = parser.add_argument_group("runs")
    runs.add_argument("--train", nargs="+", default=[], metavar="TRACES", help="recorded runs to learn from")
    runs.add_argument("--test", nargs="+", required=True, metavar="TRACES", help="recorded runs to replay")
    runs.add_argument("--manifest", required=True, metavar="FILE", help="what each tool does (TOML or JSON)")
    runs.add_argument(
        "--latency",
        default=DEFAULT_PROFILE,
        metavar="PROFILE",
        help=f"times that were not recorded: {', '.join(profile_names())}, or a TOML file (default {DEFAULT_PROFILE})",
    )
    runs.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is drawn (default 0)")
    guess = parser.add_argument_group("guessing")
    guess.add_argument(
        "--predictor",
        default="pattern",
        metavar="NAME|FILE",
        help=f"{', '.join(KINDS)}, or a model file, which needs no --train (default pattern)",
    )
    guess.add_argument("--online", action="store_true", help="go on learning from the runs that are replayed")
    guess.add_argument(
        "--min-probability", type=float, metavar="P", help="launch at this p_use, in place of the value rule"
    )
    guess.add_argument(
        "--egress",
        choices=("never", "committed-values-only", "always"),
        default="committed-values-only",
        help="whether external tools may be called early (default committed-values-only)",
    )
    guess.add_argument("--frontier", action="store_true", help="sweep the admission threshold")
    crowd = parser.add_argument_group("contention")
    crowd.add_argument("--sessions-at-once", type=int, default=1, metavar="N", help="sessions that share the tools")
    crowd.add_argument(
        "--capacity",
        nargs="+",
        action="extend",
        default=[],
        metavar="TOOL=N",
        help="slots of a tool ('*=N': of every tool)",
    )
    checks = parser.add_argument_group("checks (exit code 1 where one fails; safety is always checked)")
    for option, word in (("--fail-under", "below"), ("--fail-over", "above")):
        checks.add_argument(
            option,
            nargs="+",
            action="extend",
            default=[],
            metavar="KEY=VALUE",
            help=f"fail if this number of the JSON is {word} VALUE, as in speculation.hit_rate=0.5",
        )


def run(args: argparse.Namespace, console: Console) -> int:
    limits = [parse_threshold(text) for text in args.fail_under]
    limits += [parse_threshold(text, is_ceiling=True) for text in args.fail_over]
    settings = _settings(args)
    manifest = Manifest.load(args.manifest)
    predictor = _predictor(args)
    train, test = read_sessions(*args.train), read_sessions(*args.test)
    if not test:
        raise SpeculateError(f"{', '.join(args.test)}: there is no session to replay")
    with progress(console, "replaying", settings.sessions_to_play(test)) as bar:
        found = replay(train, test, manifest, predictor, settings, progress=bar.advance)
    document = found.document()
    emit_json(args, document)
    print_result(console, document, settings.profile.name)
    problems = broken(limits, document)
    problems += [f"safety.{name} is {count}, not 0" for name, count in document["safety"].items() if count]
    for problem in problems:
        console.print(f"Failed: {problem}", style="bold red")
    return 1 if problems else 0


def _settings(args: argparse.Namespace) -> ReplaySettings:
    try:
        return ReplaySettings(
            policy=Policy(egress=args.egress, min_probability=args.min_probability),
            profile=load_profile(args.latency),
            seed=args.seed,
            frontier=args.frontier,
            online=args.online,
            sessions_at_once=args.sessions_at_once,
            capacity=_capacity(args.capacity),
        )
    except ValueError as error:
        raise SpeculateError(str(error)) from error


def _capacity(pairs: Iterable[str]) -> dict[str, int]:
    out = {}
    for pair in pairs:
        tool, _, slots = pair.rpartition("=")
        if not tool or not slots.isdecimal():
            raise SpeculateError(f"--capacity {pair}: write TOOL=N, as in search=4, or '*=4' for every tool")
        out[tool] = int(slots)
    return out


def _predictor(args: argparse.Namespace) -> str | Predictor:
    name: str = args.predictor
    if name not in KINDS and (Path(name).suffix in (".json", ".gz") or Path(name).is_file()):
        return load_predictor(name)
    if not args.train:
        raise SpeculateError(f"--predictor {name} has to learn: name runs with --train, or a model file")
    return name
