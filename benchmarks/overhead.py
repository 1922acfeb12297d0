"""What the runtime costs: `python -m benchmarks.overhead [--json PATH]`.

Ratios within one run, since a microsecond is not the same from one machine to the next. The arms take turns in
short rounds, so that a busy moment of the machine falls on all of them.

call      the time of one `await session.call(...)` against `await tool(...)`: a hit is ready when the call comes, a
          miss was guessed wrong. What runs between calls (predicting, launching) overlaps the model's thinking and is
          shown apart, as `aside`.
sessions  a thousand sessions at once on one loop, each with calls of 10 ms, against the same calls without the runtime.
memory    the process's resident memory over many calls in many sessions.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import platform
import statistics
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

from speculate import Effect, History, Policy, Prediction, Runtime, ToolCall, ToolSpec
from speculate.history import CallMade
from speculate.metrics import PrometheusMetrics
from speculate.notices import Observer
from speculate.recorder import TraceRecorder

SPECS = {"get": ToolSpec("get", effect=Effect.READ, reads=("item/{number}",))}
POLICY = Policy(min_probability=0.0, self_check=False, predict_limit_s=None)
ROUNDS = 40
CALLS_A_ROUND = 250
SESSIONS = 1_000
CALLS_A_SESSION = 10
TOOL_S = 0.01


async def get(number: int) -> dict[str, Any]:
    """A tool that takes no time: all that is measured is the runtime."""
    return {"number": number, "status": "ready"}


async def get_slowly(number: int) -> dict[str, Any]:
    """A tool that takes 10 ms."""
    await asyncio.sleep(TOOL_S)
    return {"number": number, "status": "ready"}


class Next:
    """Guesses the number after the last one; `offset` 1 is always right, anything else always wrong."""

    def __init__(self, offset: int) -> None:
        self.offset = offset

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        for event in reversed(history.events):
            if type(event) is CallMade:
                number = event.arguments["number"] + self.offset
                return [Prediction("get", {"number": number}, 0.9, 0.9)]
        return []

    def observe(self, history: History, call: ToolCall) -> None:
        """Learns nothing."""


def make_runtime(arm: str, tool: Any = get, observers: Sequence[Observer] = ()) -> Runtime:
    """The runtime of an arm: off, miss, hit, or observed (a hit with observers)."""
    offset = {"off": None, "miss": -1_000_000, "hit": 1, "observed": 1}[arm]
    return Runtime(
        {"get": tool},
        manifest=SPECS,
        predictor=None if offset is None else Next(offset),
        policy=POLICY,
        speculation=offset is not None,
        observers=observers,
    )


async def bare_round() -> list[float]:
    taken = []
    for number in range(CALLS_A_ROUND):
        began = perf_counter()
        await get(number=number)
        taken.append(perf_counter() - began)
    return taken


async def round_of(runtime: Runtime, name: str) -> tuple[list[float], float]:
    """Seconds of each call, and of all that ran between the calls."""
    taken = []
    began_round = perf_counter()
    async with runtime.session(name) as session:
        for number in range(CALLS_A_ROUND):
            began = perf_counter()
            await session.call("get", number=number)
            taken.append(perf_counter() - began)
            for _ in range(4):  # as many turns of the loop as predicting and launching take
                await asyncio.sleep(0)
    return taken, perf_counter() - began_round - sum(taken)


async def measure_calls() -> dict[str, Any]:
    """Median and p99 of each arm, in microseconds."""
    arms = ("off", "miss", "hit", "observed")
    seconds: dict[str, list[float]] = {"bare": [], **{arm: [] for arm in arms}}
    aside = dict.fromkeys(arms, 0.0)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as closing:
        recorder = TraceRecorder(Path(folder) / "runs.jsonl", max_queued=1_000_000)
        closing.callback(recorder.close)
        observers = {"observed": (PrometheusMetrics(tools=SPECS), recorder)}
        runtimes = {arm: make_runtime(arm, observers=observers.get(arm, ())) for arm in arms}
        for index in range(-2, ROUNDS):
            gc.collect()
            gc.disable()
            taken = await bare_round()
            if index >= 0:  # the first rounds warm up
                seconds["bare"] += taken
            for arm, runtime in runtimes.items():
                taken, between = await round_of(runtime, f"{arm} {index}")
                if index >= 0:
                    seconds[arm] += taken
                    aside[arm] += between
            gc.enable()
        for arm, runtime in runtimes.items():
            await runtime.close()
            calls, committed = (ROUNDS + 2) * CALLS_A_ROUND, runtime.ledger.committed
            right = {"off": 0, "miss": 0}.get(arm, calls - ROUNDS - 2)  # nobody guesses a session's first call
            if committed != right:
                raise SystemExit(f"{arm}: {committed} of {calls} calls were hits, not {right}; nothing was measured")
    bare = statistics.median(seconds["bare"]) * 1e6
    document: dict[str, Any] = {"calls": ROUNDS * CALLS_A_ROUND, "bare_us_p50": round(bare, 3)}
    for arm in arms:
        cuts = statistics.quantiles(seconds[arm], n=100)
        document[arm] = {
            "us_p50": round(cuts[49] * 1e6, 1),
            "us_p99": round(cuts[98] * 1e6, 1),
            "added_us_p50": round(cuts[49] * 1e6 - bare, 1),
            "times_bare": round(cuts[49] * 1e6 / bare),
            "aside_us": round(aside[arm] / (ROUNDS * CALLS_A_ROUND) * 1e6, 1),
            "share_of_10ms": round((cuts[49] * 1e6 - bare) / 1e4, 5),
        }
    return document


async def measure_sessions() -> dict[str, Any]:
    """A thousand sessions at once, with and without the runtime."""

    async def bare() -> None:
        for number in range(CALLS_A_SESSION):
            await get_slowly(number=number)

    async def through(runtime: Runtime) -> None:
        async with runtime.session() as session:
            for number in range(CALLS_A_SESSION):
                await session.call("get", number=number)

    began = perf_counter()
    await asyncio.gather(*(bare() for _ in range(SESSIONS)))
    bare_s = perf_counter() - began
    document: dict[str, Any] = {"sessions": SESSIONS, "calls": SESSIONS * CALLS_A_SESSION, "bare_s": round(bare_s, 3)}
    for arm in ("off", "hit"):
        async with make_runtime(arm, get_slowly) as runtime:
            began = perf_counter()
            await asyncio.gather(*(through(runtime) for _ in range(SESSIONS)))
            took = perf_counter() - began
        document[arm] = {"seconds": round(took, 3), "calls_a_second": round(SESSIONS * CALLS_A_SESSION / took)}
    return document


def resident_mb() -> float:
    """Resident memory of this process now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def measure_memory(calls: int) -> dict[str, Any]:
    """Resident memory after a tenth of the calls and after all; every second guess is wrong."""

    class Alternating(Next):
        def predict(self, history: History, limit: int) -> Sequence[Prediction]:
            self.offset = 1 if len(history) % 4 else 1_000_000
            return super().predict(history, limit)

    metrics = PrometheusMetrics(tools=SPECS)
    runtime = Runtime({"get": get}, SPECS, Alternating(1), policy=POLICY, observers=[metrics])
    made, early = 0, 0.0
    began = perf_counter()
    while made < calls:
        async with runtime.session() as session:
            for number in range(made, made + 200):
                await session.call("get", number=number)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            made += 200
        if not early and made >= calls / 10:
            early = resident_mb()
    took = perf_counter() - began
    ledger = runtime.ledger
    await runtime.close()
    return {
        "calls": made,
        "committed": ledger.committed,
        "wasted": ledger.wasted,
        "mb_after_a_tenth": round(early, 1),
        "mb_at_the_end": round(resident_mb(), 1),
        "calls_a_second": round(made / took),
    }


def print_table(document: dict[str, Any]) -> None:
    calls, sessions, memory = document["call"], document["sessions"], document["memory"]
    print(f"one call ({calls['calls']:,} an arm); bare await: {calls['bare_us_p50']} us")
    columns = f"{'p50 us':>10}{'p99 us':>10}{'added p50':>12}{'times bare':>12}{'aside us':>10}"
    print(f"{'':<10}{columns}{'of a 10 ms call':>18}")
    for arm in ("off", "miss", "hit", "observed"):
        row = calls[arm]
        print(
            f"{arm:<10}{row['us_p50']:>10}{row['us_p99']:>10}{row['added_us_p50']:>12}{row['times_bare']:>12}{row['aside_us']:>10}"
            f"{row['share_of_10ms']:>18.2%}"
        )
    print(f"\n{sessions['sessions']:,} sessions at once, {sessions['calls']:,} calls of 10 ms")
    print(f"{'bare':<10}{sessions['bare_s']:>10} s")
    for arm in ("off", "hit"):
        print(f"{arm:<10}{sessions[arm]['seconds']:>10} s {sessions[arm]['calls_a_second']:>10,} calls a second")
    if memory is not None:
        print(
            f"\n{memory['calls']:,} calls ({memory['committed']:,} committed, {memory['wasted']:,} launches wasted): "
            f"{memory['mb_after_a_tenth']} MB after a tenth, {memory['mb_at_the_end']} MB at the end"
        )


def measure(memory_calls: int) -> dict[str, Any]:
    """Everything this module measures."""
    return {
        "python": platform.python_version(),
        "call": asyncio.run(measure_calls()),
        "sessions": asyncio.run(measure_sessions()),
        "memory": asyncio.run(measure_memory(memory_calls)) if memory_calls else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--memory-calls", type=int, default=100_000, help="0 leaves memory out (default 100000)")
    parser.add_argument("--json", type=Path, metavar="PATH")
    args = parser.parse_args()
    document = measure(args.memory_calls)
    print_table(document)
    if args.json is not None:
        args.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
