"""What a large model costs. `python -m benchmarks.prediction.scale --traces DIR [--sets a,b] [--sessions N]`.

DIR holds NAME.train.jsonl.gz, NAME.dev.jsonl.gz and manifests/NAME.toml. Makes N distinct sessions of each set
(benchmarks/prediction/renaming.py), trains on them, and measures in CPU time of this process: training, the model
file, loading it, and predicting on histories of 40 events, made of the dev sessions in the same way. Appending an
event and predicting are timed apart: a predictor may do its work in either, and does it best while a tool runs or the
user types, so that predictions for which the model is asked next are listed by themselves, too.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.prediction.hostile import measure as measure_hostile
from benchmarks.prediction.hostile import print_rows
from benchmarks.prediction.renaming import many
from benchmarks.prediction.walking import quantile
from predictors.modelfile import load_predictor, save_predictor
from predictors.pattern import PatternPredictor, predictor, training
from speculate.history import CallMade, Event, History, ResultSeen, UserText
from speculate.prediction import Predictor
from speculate.trace import RecordedSession, moments, read_sessions
from speculate.training.scoring import PREDICTIONS, untrusted_tools
from toolspecs import Manifest

EVENTS = 40
TIMED_EVENTS = 6  # the last of the 40, one at a time
HISTORIES = 240
COLD = 4  # every fourth history is kept for the first prediction on a history never seen
WARMING = 20  # histories before any is timed: a fresh model works its rules out when they are first needed
LOADS = 5


LABELS = {
    "append": "append an event",
    "predict": "predict after it",
    "result": "  after a result",
    "user": "  after the user's text",
    "both": "both",
    "again": "predict again, nothing new",
    "cold": f"first prediction, {EVENTS} events unseen",
    "fresh": "the same, of a model just made",
}


@contextmanager
def timed(name: str, *modules: Any) -> Iterator[list[float]]:
    """The CPU seconds of every call of `name`, wherever these modules hold it."""
    found: list[float] = []

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **named: Any) -> Any:
            began = time.process_time()
            try:
                return function(*args, **named)
            finally:
                found.append(time.process_time() - began)

        return wrapped

    with ExitStack() as stack:
        for module in modules:
            if hasattr(module, name):
                stack.enter_context(patch.object(module, name, wrap(getattr(module, name))))
        yield found


def measure_training(sessions: Sequence[RecordedSession], specs: Manifest) -> tuple[PatternPredictor, dict[str, float]]:
    """The model of these sessions, and calls a CPU second: in all, counting alone; and what calibrating took."""
    calls = sum(len(session.calls) for session in sessions)
    gc.collect()
    with timed("calibrate", training, predictor) as calibrating:
        began = time.process_time()
        model = PatternPredictor.train(sessions, specs)
        took = time.process_time() - began
    counting = max(1e-9, took - sum(calibrating))
    return model, {
        "sessions": len(sessions),
        "calls": calls,
        "train_calls_per_s": calls / took,
        "count_calls_per_s": calls / counting,
        "count_s": counting,
        "calibrate_s": sum(calibrating),
    }


def measure_file(model: PatternPredictor) -> dict[str, float]:
    """Bytes of the model file, plain and gzipped, and the median milliseconds of loading it."""
    out: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for label, name in (("model", "model.json"), ("model_gz", "model.json.gz")):
            path = Path(folder) / name
            save_predictor(model, path)
            out[f"{label}_bytes"] = path.stat().st_size
            took = []
            for _ in range(LOADS):
                gc.collect()
                began = time.process_time()
                load_predictor(path)
                took.append((time.process_time() - began) * 1e3)
            out[f"{label}_load_ms"] = quantile(took, 0.5)
    return out


def histories(sessions: Sequence[RecordedSession], untrusted: frozenset[str], count: int) -> list[list[Event]]:
    """Lists of EVENTS events that end where a turn is due; sessions too short for that are played on into the next."""
    found: list[list[Event]] = []
    events: list[Event] = []
    for number, session in enumerate(sessions):
        taken = 0
        for history, _ in moments(session, untrusted):
            for event in history.events[taken:]:
                if isinstance(event, (CallMade, ResultSeen)):
                    event = replace(event, id=f"{event.id}-{number}")
                events.append(event)
            taken = len(history.events)
            if len(events) >= EVENTS:
                found.append(events[-EVENTS:])
                events = []
                break  # a history of each session
        if len(found) == count:
            break
    return found


def _us(function: Callable[..., Any], *args: Any) -> float:
    began = time.process_time_ns()
    function(*args)
    return (time.process_time_ns() - began) / 1e3


def measure_prediction(model: Predictor, made: Sequence[Sequence[Event]]) -> dict[str, list[float]]:
    """CPU microseconds of appending an event, of predicting after it, of both, of a repeat, of a first prediction on
    a history, and of the model's very first."""
    out: dict[str, list[float]] = {name: [] for name in LABELS}
    gc.collect()
    gc.freeze()  # the recorded runs held in memory here are no part of what a prediction costs
    try:
        for number, events in enumerate(made[:WARMING]):
            took = _us(model.predict, History(f"first-{number}", None, events), PREDICTIONS)
            if not number:
                out["fresh"].append(took)
            history = History(f"warming-{number}")
            for event in events:
                history.append(event)
                model.predict(history, PREDICTIONS)
        for number, events in enumerate(made[WARMING:]):
            if number % COLD == 0:
                history = History(f"cold-{number}", None, events)
                out["cold"].append(_us(model.predict, history, PREDICTIONS))
                continue
            history = History(f"warm-{number}", None, events[:-TIMED_EVENTS])
            model.predict(history, PREDICTIONS)
            for event in events[-TIMED_EVENTS:]:
                append = _us(history.append, event)
                predict = _us(model.predict, history, PREDICTIONS)
                out["append"].append(append)
                out["predict"].append(predict)
                if isinstance(event, (ResultSeen, UserText)):  # somebody waits: the model is asked next
                    out["result" if isinstance(event, ResultSeen) else "user"].append(predict)
                out["both"].append(append + predict)
                out["again"].append(_us(model.predict, history, PREDICTIONS))
    finally:
        gc.unfreeze()
    return out


def measure(name: str, folder: Path, count: int, hostile: bool = True) -> dict[str, Any]:
    """All figures of one set."""
    specs = Manifest.load(folder / "manifests" / f"{name}.toml")
    train = read_sessions(folder / f"{name}.train.jsonl.gz")
    dev = read_sessions(folder / f"{name}.dev.jsonl.gz")
    model, document = measure_training(many(train, count), specs)
    document |= measure_file(model)
    copies = many(dev, (HISTORIES + WARMING) * 4, seed=1, like=train)
    times = measure_prediction(model, histories(copies, untrusted_tools(specs), HISTORIES + WARMING))
    out: dict[str, Any] = dict(document)
    out["prediction"] = [
        {"what": key, "count": len(took), **{f"us_p{int(q * 100)}": quantile(took, q) for q in (0.5, 0.9, 0.99)}}
        for key, took in times.items()
    ]
    if hostile:
        out["hostile"] = measure_hostile(model, [*specs])
    return out


def print_set(name: str, found: dict[str, Any]) -> None:
    print(f"\n{name}: {found['sessions']} distinct sessions, {found['calls']} calls")
    print(
        f"  training {found['train_calls_per_s']:,.0f} calls/s (counting {found['count_calls_per_s']:,.0f} calls/s in "
        f"{found['count_s']:.2f} s, then calibrating {found['calibrate_s']:.2f} s)"
    )
    print(
        f"  model {found['model_bytes'] / 1e6:.2f} MB, {found['model_gz_bytes'] / 1e6:.2f} MB gzipped; "
        f"loads in {found['model_load_ms']:.0f} ms, gzipped {found['model_gz_load_ms']:.0f} ms"
    )
    print(f"  {'CPU microseconds':36}    p50    p90    p99  count")
    for row in found["prediction"]:
        times = " ".join(f"{row[key]:6.0f}" for key in ("us_p50", "us_p90", "us_p99"))
        print(f"  {LABELS[row['what']]:36} {times} {row['count']:6}", flush=True)
    if "hostile" in found:
        print_rows(found["hostile"])


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.prediction.scale", description="What a large model costs."
    )
    parser.add_argument("--traces", type=Path, required=True, help="folder of recorded sets, split into train and dev")
    parser.add_argument("--sets", default="", help="which sets, comma-separated (default: all)")
    parser.add_argument("--sessions", type=int, default=1000, metavar="N", help="sessions to learn from (default 1000)")
    parser.add_argument("--no-hostile", action="store_true", help="leave the hostile histories out")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures to this file")
    args = parser.parse_args(argv)
    names = (
        args.sets.split(",") if args.sets else sorted(p.name.split(".")[0] for p in args.traces.glob("*.dev.jsonl*"))
    )
    document = {}
    for name in names:
        document[name] = measure(name, args.traces, args.sessions, not args.no_hostile)
        print_set(name, document[name])
    if args.json:
        args.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
