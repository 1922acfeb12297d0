"""Chains in the replay: predictions that rest on results of speculations, off and on, over the same sessions.

Measured at the profile's own model times and with a model ten times as fast: while a slow model thinks, a call made
from its real parent is in time anyway, so chains can only pay where tools are slow beside the model.

`python -m benchmarks.prediction.chains --traces DIR [--sets a,b] [--latency PROFILE] [--json PATH]`
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from predictors.pattern import PatternPredictor
from speculate.calls import Served
from speculate.core.policy import Policy
from speculate.prediction import Predictor
from speculate.replay import Arm, ArmRun, LatencyModel, Stage, load_profile, run_arm, write_scripts
from speculate.replay.guessing import Recalled
from speculate.replay.judgement import Judge
from speculate.replay.result import ratio, seconds_of
from speculate.replay.running import replay_specs
from speculate.replay.script import known_times
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession, read_sessions
from toolspecs import Manifest

DEPTHS = (1, 2, 3)  # 1: no chains
SCALES = (1.0, 0.1)  # of model times


def _row(scale: float, depth: int, run: ArmRun, off: ArmRun, speculable: int) -> dict[str, Any]:
    off_s = seconds_of(off)
    return {
        "what": ("no chains" if depth == 1 else f"depth {depth}") + (f", model x {1 / scale:g}" if scale != 1 else ""),
        "max_depth": depth,
        "model_scale": scale,
        "hit_rate": ratio(run.count(Served.READY, Served.JOINED), speculable),
        "ready_rate": ratio(run.count(Served.READY), speculable),
        "launched": run.launched,
        "wasted": run.wasted,
        "waste_per_hit": ratio(run.wasted, run.committed),
        "saved_share": ratio(off_s - seconds_of(run), off_s),
    }


def measure_chains(
    model: Predictor,
    train: Sequence[RecordedSession],
    test: Sequence[RecordedSession],
    specs: Mapping[str, ToolSpec],
    profile: str = "support",
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Hits, waste and time saved for each depth; times that were not recorded come from the profile.

    Raises SystemExit if anything unsafe happened.
    """
    rows = []
    for scale in SCALES:
        stage = _stage(train, test, replay_specs(specs), profile, scale, seed)
        recalled = Recalled(model, stage.scripts, perf_counter)
        speculable = sum(call.speculable for script in stage.scripts for call in script.calls)
        off = run_arm(stage, Arm("off", Policy()))
        for depth in DEPTHS:
            run = run_arm(stage, Arm(f"depth {depth}", Policy(max_depth=depth), recalled))
            broken = {name: count for name, count in run.safety.document().items() if count}
            if broken:
                raise SystemExit(f"unsafe with chains of depth {depth}: {broken}")
            rows.append(_row(scale, depth, run, off, speculable))
    return rows


def _stage(
    train: Sequence[RecordedSession],
    test: Sequence[RecordedSession],
    specs: Mapping[str, ToolSpec],
    profile: str,
    scale: float,
    seed: int,
) -> Stage:
    """What the arms share, as a replay sets it up."""
    latency = LatencyModel.fitted(load_profile(profile), [*train, *test], seed, scale)
    known = known_times(train, latency)
    return Stage(
        scripts=write_scripts(test, specs, latency),
        specs=specs,
        latency=latency,
        judge=Judge(specs),
        tools=sorted({*specs, *(call.tool for session in [*train, *test] for call in session.calls)}),
        known_tool_s=known.tool_s,
        known_lead_s=known.lead_s,
    )


def print_chains(rows: Sequence[dict[str, Any]]) -> None:
    print(f"  {'chains, in the replay':22}   hit ready waste  saved launched")
    for row in rows:
        cells = [row[key] for key in ("hit_rate", "ready_rate", "waste_per_hit", "saved_share")]
        shown = " ".join("    -" if cell is None else f"{cell:5.3f}" for cell in cells)
        print(f"  {row['what']:22} {shown} {row['launched']:8}", flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prediction.chains", description="Chains, off and on.")
    parser.add_argument("--traces", type=Path, required=True, help="folder of recorded sets, split into train and dev")
    parser.add_argument("--sets", default="", help="which sets, comma-separated (default: all)")
    parser.add_argument("--latency", default="support", metavar="PROFILE", help="times that were not recorded")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures to this file")
    args = parser.parse_args(argv)
    names = (
        args.sets.split(",") if args.sets else sorted(p.name.split(".")[0] for p in args.traces.glob("*.dev.jsonl*"))
    )
    document = {}
    for name in names:
        specs = Manifest.load(args.traces / "manifests" / f"{name}.toml")
        train = read_sessions(args.traces / f"{name}.train.jsonl.gz")
        dev = read_sessions(args.traces / f"{name}.dev.jsonl.gz")
        print(f"\n{name}")
        document[name] = measure_chains(PatternPredictor.train(train, specs), train, dev, specs, args.latency)
        print_chains(document[name])
    if args.json:
        args.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
