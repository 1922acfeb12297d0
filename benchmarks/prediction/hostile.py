"""Hostile and odd histories: the worst single append and the worst prediction, beside a plain one in the same run.

`python -m benchmarks.prediction.hostile [--json PATH]` trains on a made-up world of its own;
`benchmarks.prediction.scale` measures the same with a large model. Results go into a history the way the runtime puts
them there, as bounded snapshots; taking the snapshot is timed apart, for a result costs that with any predictor.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.prediction.worlds.saas import SAAS
from predictors import PatternPredictor
from speculate.history import CallMade, Event, History, ModelText, ResultSeen, UserText, snapshot
from speculate.prediction import Predictor
from speculate.training.scoring import PREDICTIONS

Raw = tuple[Event, Any]  # an event, and for a result the tool's own value
ROUNDS = 3  # of which the quietest counts: noise only adds


def _asked(tool: str, value: Any, number: int = 0, arguments: dict[str, Any] | None = None) -> list[Raw]:
    id = f"h{number}"
    return [
        (CallMade(id, number, tool, {"query": f"q{number}"} if arguments is None else arguments), None),
        (ResultSeen(id, tool, True), value),
    ]


def _deep(levels: int) -> Any:
    value: Any = "bottom"
    for level in range(levels):
        value = {"next": value} if level % 2 else [value]
    return value


def _words(rng: Random, size: int) -> str:
    out: list[str] = []
    length = 0
    while length < size:
        out.append("".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(2, 9))))
        length += len(out[-1]) + 1
    return " ".join(out)


def _identifiers(rng: Random, count: int) -> list[str]:
    return [f"{rng.choice('ABCDEFGH')}{rng.randint(10**6, 10**9)}" for _ in range(count)]


ODD = (
    "\u202e\u05e9\u05dc\u05d5\u05dd \u0627\u0644\u0639\u0631\u0628\u064a\u0629 "  # right to left
    "\U0001f468\u200d\U0001f469 e\u0301\u0301\u0301 \x00 \ud800 "  # joined, piled up, half a surrogate
)


def histories(tools: Sequence[str], seed: int = 0) -> dict[str, list[Raw]]:
    """Events by what is odd about them; `tools` are some that the predictor knows."""
    rng = Random(seed)
    tool = tools[0]
    ids = _identifiers(rng, 100_000)
    hello: list[Raw] = [(UserText("Hello, please look at A12345 for me."), None)]

    def result(value: Any) -> list[Raw]:
        return [*hello, *_asked(tool, value)]

    def argument(arguments: dict[str, Any]) -> list[Raw]:
        return [*hello, *_asked(tool, "ok", 0, arguments)]

    def many(count: int, names: Sequence[str], value: Callable[[int], Any]) -> list[Raw]:
        return [*hello, *[pair for n in range(count) for pair in _asked(names[n % len(names)], value(n), n)]]

    fields = {id: n for n, id in enumerate(ids[:10_000])}
    megabyte = {
        "words": _words(rng, 1_000_000),
        "one word": "x" * 1_000_000,
        "identifiers": " ".join(ids[:90_000]),
        "lines of path:line": "\n".join(f"src/{id}/m.py:12: x" for id in ids[:40_000]),
        "digits and dashes": "1-" * 500_000,
        "opening brackets": "[" * 1_000_000,
        "a folder, then tabs": "a/\n" + "\t" * 1_000_000,
        "JSON": json.dumps([{"id": id, "n": n} for n, id in enumerate(ids[:25_000])]),
        "a table": "| a | b |\n|---|---|\n" + "\n".join(f"| {id} | {id} |" for id in ids[:40_000]),
    }
    return {
        "plain": many(18, tools, lambda n: {"id": ids[n], "state": "open"}),
        **{f"a text of one megabyte, {name}": result(text) for name, text in megabyte.items()},
        "a user's text of one megabyte": [(UserText(_words(rng, 500_000) + " ".join(ids[:45_000])), None)],
        "a model's text of one megabyte": [*hello, (ModelText(0, megabyte["words"]), None), *_asked(tool, "ok", 1)],
        "a list of 100,000 texts": result(ids),
        "a list of 100,000 numbers": result(list(range(100_000))),
        "a list of 100,000 records": result([{"id": id, "user": {"id": n}} for n, id in enumerate(ids)]),
        "nested 10,000 deep": result(_deep(10_000)),
        "10,000 fields": result(fields),
        "10,000 fields in an argument": argument({"filter": fields}),
        "10,000 arguments": argument(fields),
        "Unicode: right to left, joined, half a surrogate": [
            (UserText(ODD * 2_000), None),
            *_asked(tool, {ODD: ODD * 20_000}),
        ],
        "no text and no result": [(UserText(""), None), (ModelText(0, ""), None), *_asked(tool, None)],
        "no event but calls": [(CallMade(f"c{n}", n, tool, {}), None) for n in range(100)],
        "tools never seen": many(50, [f"stranger_{n}" for n in range(7)], lambda n: {"id": ids[n]}),
        "200 different tools": many(200, [f"tool_{n}" for n in range(200)], lambda n: {"id": ids[n]}),
        "1,000 calls of one session": many(1_000, tools, lambda n: {"id": ids[n], "at": n}),
        "50 calls in one turn": [
            *hello,
            *[(CallMade(f"p{n}", 0, tools[n % len(tools)], {"query": ids[n]}), None) for n in range(50)],
            *[(ResultSeen(f"p{n}", tools[n % len(tools)], True), {"id": ids[100 + n]}) for n in range(50)],
        ],
        "the same long list twenty times": many(20, [tool], lambda n: [{"id": id} for id in ids[:1_000]]),
        "twenty long lists": many(20, [tool], lambda n: [{"id": id} for id in ids[n * 1_000 :][:1_000]]),
    }


def _events(raw: Sequence[Raw]) -> Iterator[tuple[Event, float]]:
    """Fresh events, and the CPU microseconds of each snapshot."""
    for event, value in raw:
        if isinstance(event, ResultSeen):
            began = time.process_time_ns()
            kept = snapshot(value)
            took = (time.process_time_ns() - began) / 1e3
            yield ResultSeen(event.id, event.tool, event.ok, kept), took
        elif isinstance(event, UserText):
            yield UserText(event.text), 0.0
        elif isinstance(event, ModelText):
            yield ModelText(event.turn, event.text), 0.0
        else:
            yield CallMade(event.id, event.turn, event.tool, event.arguments), 0.0


def _us(function: Callable[..., Any], *args: Any) -> float:
    began = time.process_time_ns()
    function(*args)
    return (time.process_time_ns() - began) / 1e3


def measure(
    model: Predictor, tools: Sequence[str], rounds: int = ROUNDS, only: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """For every history: the worst append and the worst prediction after one, in CPU microseconds, the quietest round.

    `both_us`: of an append and the prediction after it. `cold_us`: a first prediction on the whole history.
    """
    rows = []
    for name, raw in histories(tools).items():
        if only and name not in only:
            continue
        best: dict[str, float] = {}
        for _ in range(rounds):
            gc.collect()
            gc.freeze()
            history = History(name)
            model.predict(history, PREDICTIONS)
            worst = dict.fromkeys(("snapshot_us", "append_us", "predict_us", "both_us"), 0.0)
            kept = []
            for event, took in _events(raw):
                kept.append(event)
                append = _us(history.append, event)
                predict = _us(model.predict, history, PREDICTIONS)
                for key, value in zip(worst, (took, append, predict, append + predict), strict=True):
                    worst[key] = max(worst[key], value)
            worst["cold_us"] = _us(
                model.predict, History(name, None, [event for event, _ in _events(raw)]), PREDICTIONS
            )
            best = {key: min(value, best.get(key, value)) for key, value in worst.items()}
            gc.unfreeze()
        rows.append({"what": name, "events": len(raw), **best})
    return rows


def print_rows(rows: Sequence[dict[str, Any]]) -> None:
    plain = next((row["both_us"] for row in rows if row["what"] == "plain"), None)
    print(f"  {'worst CPU microseconds':48} events snapshot  append predict    both  x plain    cold")
    for row in rows:
        times = f"{row['both_us'] / plain:8.1f}" if plain else "       -"
        print(
            f"  {row['what']:48} {row['events']:6} {row['snapshot_us']:8.0f} {row['append_us']:7.0f} "
            f"{row['predict_us']:7.0f} {row['both_us']:7.0f} {times} {row['cold_us']:7.0f}",
            flush=True,
        )


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prediction.hostile", description="Hostile histories.")
    parser.add_argument(
        "--sessions", type=int, default=300, metavar="N", help="made-up sessions to learn from (default 300)"
    )
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, metavar="N", help=f"the quietest counts (default {ROUNDS})"
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures to this file")
    args = parser.parse_args(argv)
    model = PatternPredictor.train([told.session for told in SAAS.sessions(args.sessions, 0)], SAAS.specs)
    rows = measure(model, [*SAAS.specs], args.rounds)
    print_rows(rows)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
