"""Tools nobody has met. `python -m benchmarks.prediction.worlds [--worlds a,b] [--train N] [--dev N] [--json PATH]`.

Made-up agents over made-up tools, drawn from a seed. Every world knows which of its calls could have been foreseen:
`derivable` is the share of speculable calls whose arguments were not made up by the model, `foreseeable` the exact@1
of someone who knows the generator's own weights. Then the classes of derivable calls that were not among the first
three predictions: which argument was wrong, and where its right value stood in the history.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.prediction.worlds import WORLDS
from benchmarks.prediction.worlds.judging import judge_world

COLUMNS = (
    ("tool@1", "tool1"),
    ("exact@1", "exac1"),
    ("exact@3", "exac3"),
    ("brier", "brier"),
    ("hit_rate", "  hit"),
    ("waste_per_hit", "waste"),
)


def print_world(name: str, document: dict[str, Any], shown: int, verbose: bool) -> None:
    """One world's table and its classes of misses."""
    print(f"\n{name}: {document['says']}")
    print(
        f"  {document['calls']} calls, {document['speculable_calls']} speculable; ceiling: "
        f"derivable {document['derivable']:.3f}, foreseeable first {document['foreseeable']:.3f}"
    )
    print(f"  {'':10}" + " ".join(short for _, short in COLUMNS) + "  us p50 us p99")
    for row in document["rows"]:
        cells = " ".join("    -" if row[key] is None else f"{row[key]:5.3f}" for key, _ in COLUMNS)
        print(f"  {row['what']:10}{cells}  {row['predict_us_p50']:6.0f} {row['predict_us_p99']:6.0f}")
    print("  derivable calls not among the first three, by class:")
    for miss in document["misses"][:shown]:
        print(f"    {miss['count']:4}  {miss['what']}")
        for session, call, top in miss["cases"] if verbose else ():
            print(f"          {session}: {call} but {top}")
    if document["wrong_tools"]:
        print(
            "  tool called <> tool put first: "
            + ", ".join(f"{e['what']} {e['count']}" for e in document["wrong_tools"])
        )


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prediction.worlds", description="Tools nobody has met.")
    parser.add_argument("--worlds", default=",".join(WORLDS), help=f"comma-separated (default: {','.join(WORLDS)})")
    parser.add_argument("--train", type=int, default=60, metavar="N", help="sessions to learn from (default 60)")
    parser.add_argument("--dev", type=int, default=60, metavar="N", help="sessions to judge on (default 60)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is drawn (default 0)")
    parser.add_argument("--misses", type=int, default=12, metavar="N", help="classes of misses to show (default 12)")
    parser.add_argument("--verbose", action="store_true", help="with cases of every class shown")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures to this file")
    args = parser.parse_args(argv)
    names = args.worlds.split(",")
    unknown = sorted(set(names) - set(WORLDS))
    if unknown:
        parser.error(f"no world is called {unknown[0]!r}; there are {', '.join(WORLDS)}")
    document = {}
    for name in names:
        document[name] = judge_world(WORLDS[name], args.train, args.dev, args.seed)
        print_world(name, document[name], args.misses, args.verbose)
    if args.json:
        args.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
