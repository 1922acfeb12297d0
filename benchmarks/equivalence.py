"""Lossless, over as many steps as you have patience for: random sessions with speculation on and off, compared.

`python -m benchmarks.equivalence --steps 300000`. The test suite plays the same worlds, a few thousand steps of them.
Ends with exit code 1 at the first difference, naming the seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from tests.runtime.worlds import ITEMS, changes_of, play

STEPS_A_SESSION = 25


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000, help="turns of agents to play (each twice)")
    parser.add_argument("--seed", type=int, default=1_000)
    parser.add_argument("--json", metavar="OUT", help="write the figures to this file")
    args = parser.parse_args()
    steps = hits = launched = sessions = 0
    seed, began = args.seed, time.perf_counter()
    while steps < args.steps:
        seen_on, state_on, log_on, runtime = play(seed, STEPS_A_SESSION, speculation=True)
        seen_off, state_off, log_off, _ = play(seed, STEPS_A_SESSION, speculation=False)
        same_changes = all(changes_of(log_on, item) == changes_of(log_off, item) for item in ITEMS)
        if seen_on != seen_off or state_on != state_off or not same_changes:
            print(f"seed {seed}: what the agents saw, or the final state, differs", file=sys.stderr)
            return 1
        steps += STEPS_A_SESSION * len(seen_on)
        sessions += len(seen_on)
        hits += runtime.ledger.committed
        launched += runtime.ledger.launched
        seed += 1
    figures = {
        "steps": steps,
        "sessions": sessions,
        "launched": launched,
        "hits": hits,
        "differences": 0,
        "seed": args.seed,
        "seconds": round(time.perf_counter() - began, 1),
    }
    print(f"{steps:,} steps of {sessions:,} sessions: no difference; {launched:,} launches, {hits:,} of them served")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
