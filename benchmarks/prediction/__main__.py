"""How well calls are predicted. `python -m benchmarks.prediction --traces DIR [--sets a,b] [--quick] [--json PATH]`.

DIR holds NAME.train.jsonl.gz, NAME.dev.jsonl.gz and manifests/NAME.toml. Trains on train, judges on dev; beside the
pattern predictor: the two baselines, what is installed of other projects' drafters (benchmarks/prediction/peers.py),
the same with each part removed (benchmarks/prediction/ablation.py; that it is really out is checked, and the run stops
if not), with and without chains in the replay, and with fewer sessions.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.prediction.ablation import PARTS, still_there, without
from benchmarks.prediction.chains import measure_chains, print_chains
from benchmarks.prediction.peers import installed, missing
from benchmarks.prediction.walking import Walk, quantile, walk
from predictors import MarkovPredictor, RepeatPredictor
from predictors.modelfile import to_envelope
from predictors.pattern import PatternPredictor
from speculate.trace import RecordedSession, read_sessions
from toolspecs import Manifest

CURVE = (1, 3, 10, 30, 100, 300)


def _row(name: str, found: Walk, train_s: float | None = None, calls: int = 0) -> dict[str, Any]:
    hit, waste, threshold = found.best_hit_rate()
    return {
        "what": name,
        **found.scorer.document(),
        "hit_rate": hit,
        "waste_per_hit": waste,
        "threshold": threshold,
        "index_us_p50": quantile(found.indexing_us, 0.5),
        "predict_us_p50": quantile(found.microseconds, 0.5),
        "predict_us_p99": quantile(found.microseconds, 0.99),
        "train_calls_per_s": calls / train_s if train_s else None,
    }


def _print(row: dict[str, Any]) -> None:
    def number(key: str) -> str:
        value = row[key]
        return "    -" if value is None else f"{value:5.3f}"

    speed = row["train_calls_per_s"]
    print(
        f"  {row['what']:22} {number('tool@1')} {number('exact@1')} {number('exact@3')} {number('exact@5')} "
        f"{number('brier')} {number('hit_rate')} {row['waste_per_hit']:5.2f} "
        f"{row['index_us_p50']:5.0f} "
        f"{row['predict_us_p50']:6.0f} {row['predict_us_p99']:6.0f} {'' if speed is None else f'{speed:7.0f}'}",
        flush=True,
    )


def _judge(
    name: str,
    make: Callable[[], Any],
    train: Sequence[RecordedSession],
    dev: Sequence[RecordedSession],
    specs: Manifest,
) -> tuple[dict[str, Any], Walk, Any]:
    start = time.process_time()
    model = make()
    took = time.process_time() - start
    found = walk(model, dev, specs)
    row = _row(name, found, took, sum(len(session.calls) for session in train))
    _print(row)
    return row, found, model


def _reliability(label: str, table: list[list[float]]) -> None:
    cells = [f"{p / n:.2f}>{h / n:.2f} ({n:.0f})" if n else "-" for n, p, h in table]
    print(f"  {label}: {'  '.join(cells)}")


def _set(name: str, folder: Path, quick: bool) -> dict[str, Any]:
    specs = Manifest.load(folder / "manifests" / f"{name}.toml")
    train = read_sessions(folder / f"{name}.train.jsonl.gz")
    dev = read_sessions(folder / f"{name}.dev.jsonl.gz")
    calls = sum(len(session.calls) for session in dev)
    print(f"\n{name}: {len(train)} sessions to learn from, {len(dev)} to judge ({calls} calls)")
    print(f"  {'':22} tool1 exac1 exac3 exac5 brier   hit waste  take us p50 us p99 train/s")
    out: dict[str, Any] = {"rows": [], "ablation": [], "chains": [], "curve": []}
    row, found, model = _judge("pattern", lambda: PatternPredictor.train(train, specs), train, dev, specs)
    out["rows"].append(row)
    out["model_bytes"] = len(json.dumps(to_envelope(model)))
    baselines: list[tuple[str, Any]] = [("repeat", RepeatPredictor), ("markov", MarkovPredictor)]
    for label, kind in baselines:
        out["rows"].append(_judge(label, partial(kind.train, train, specs), train, dev, specs)[0])
    for label, learn in installed():
        out["rows"].append(_judge(label, partial(learn, train, specs), train, dev, specs)[0])
    _reliability("p_next, predicted>happened (n)", found.reliability_next["all"])
    _reliability("p_use,  predicted>happened (n)", found.reliability_use)
    out["reliability"] = {"p_next": found.reliability_next["all"], "p_use": found.reliability_use}
    out["coverage"] = found.curve()
    for tool in sorted({tool for tool, _ in found.per_tool}):
        counts = {kind: count for (other, kind), count in sorted(found.per_tool.items()) if other == tool}
        print(f"  {tool}: {counts}")
    print(f"  instead of the right tool: {found.confusion.most_common(5)}")
    if not quick:
        for part in PARTS:
            with without(part):
                row, _, bare = _judge(
                    f"without {part}", lambda: PatternPredictor.train(train, specs), train, dev, specs
                )
                problem = still_there(part, bare, dev, specs)
            if problem is not None:
                raise SystemExit(f"{part} was to be removed, but {problem}")
            out["ablation"].append(row)
        out["chains"] = measure_chains(model, train, dev, specs)
        print_chains(out["chains"])
        for size in CURVE:
            if size < len(train):
                some = train[:: max(1, len(train) // size)][:size]
                row = _judge(f"{size} sessions", partial(PatternPredictor.train, some, specs), some, dev, specs)[0]
                out["curve"].append(row)
    return out


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.prediction", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--traces", type=Path, required=True, help="folder of recorded sets, split into train and dev")
    parser.add_argument("--sets", default="", help="which sets, comma-separated (default: all)")
    parser.add_argument("--quick", action="store_true", help="no ablation, no chains, no learning curve")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args(argv)
    names = (
        args.sets.split(",") if args.sets else sorted(p.name.split(".")[0] for p in args.traces.glob("*.dev.jsonl*"))
    )
    print(
        "hit: share served at waste per hit <= 1; take: us to take in the events since the last turn as they come; "
        "us: one prediction; train/s: calls a CPU second"
    )
    if absent := missing():
        print(f"left out, not installed: {', '.join(absent)} (pip install 'speculate-runtime[peers]')")
    document = {name: _set(name, args.traces, args.quick) for name in names}
    if args.json:
        args.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
