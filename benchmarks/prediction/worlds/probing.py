"""One form at a time. `python -m benchmarks.prediction.worlds.probing [--only WORD …] [--train 20] [--json PATH]`.

For every form in which a value may stand in a history: how often the call that takes it is put first, and among the
first three, after so many sessions of that kind and no others. Then, without any session, whether arguments are found
by their names alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.prediction.worlds import (
    probe_forms,
    probe_names,
    probe_servers,
    probe_shapes,
    probe_steps,
    probes,
)
from predictors import PatternPredictor
from speculate.trace import moments
from speculate.training.scoring import PREDICTIONS, judge

MODULES = (probe_forms, probe_steps, probe_shapes, probe_servers)  # importing them enters their probes


def run(says: str, train: int, dev: int, seed: int = 0) -> dict[str, Any]:
    """The shares of the sessions' last calls that came first, and among the first three; and one case."""
    world = probes.world(says)
    predictor = PatternPredictor.train([told.session for told in world.sessions(train, seed)], world.specs)
    first = third = 0
    case: dict[str, Any] = {}
    for told in world.sessions(dev, seed, first=100_000):
        for history, turn in moments(told.session):
            if turn is not told.session.turns[-1]:
                continue
            judged = judge(predictor.predict(history, PREDICTIONS), turn, world.specs)
            rank = judged.calls[-1].rank or 99
            together = len(judged.calls)  # several calls of one turn share the first places
            first += rank <= together
            third += rank <= max(3, together)
            if rank > together and not case:
                call = turn.calls[-1]
                top = [(p.prediction.tool, dict(p.prediction.arguments)) for p in judged.predictions[:3]]
                events = [repr(event) for event in history.events]
                case = {"events": events, "expected": [call.tool, dict(call.args)], "predicted": top}
    return {"what": says, "first": first / dev, "third": third / dev, "case": case}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.prediction.worlds.probing", description="One form at a time."
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="probes whose description holds a word")
    parser.add_argument("--train", type=int, default=20, metavar="N", help="sessions to learn from (default 20)")
    parser.add_argument("--dev", type=int, default=20, metavar="N", help="sessions to judge on (default 20)")
    parser.add_argument("--verbose", action="store_true", help="one case of every probe that is missed")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures to this file")
    args = parser.parse_args(argv)
    rows: list[dict[str, Any]] = []
    print(f"first  in 3  what the next call takes, after {args.train} sessions")
    for says in probes.names(args.only):
        row = run(says, args.train, args.dev)
        rows.append(row)
        print(f"{row['first']:5.2f} {row['third']:5.2f}  {says}", flush=True)
        if args.verbose and row["case"]:
            for event in row["case"]["events"]:
                print(f"             {event}")
            print(f"             expected {row['case']['expected']}\n             but      {row['case']['predicted']}")
    print("\nplace        found by name, without any session")
    for case in probe_names.CASES:
        if not args.only or any(word in case.says for word in args.only):
            place = probe_names.rank(case)
            rows.append({"what": case.says, "place": place})
            print(f"{'-' if place is None else place:>5}        {case.says}")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
