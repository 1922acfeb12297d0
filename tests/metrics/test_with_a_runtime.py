"""Metrics and spans of a real runtime, on the virtual loop: they agree with the runtime's own ledger."""

from __future__ import annotations

import asyncio
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from speculate import Effect, Policy, Prediction, Runtime, ToolCall, ToolSpec
from speculate.history import CallMade
from speculate.metrics import PrometheusMetrics, serve
from speculate.testing import FakeTool, ScriptedPredictor, run_virtual

SPECS = {
    "get": ToolSpec("get", effect=Effect.READ, reads=("item/{n}",)),
    "put": ToolSpec("put", effect=Effect.WRITE, writes=("item/{n}",)),
}


def next_two(history):
    """Right about every item but each third, and always wrong about the other guess."""
    last = max((event.arguments["n"] for event in history.events if isinstance(event, CallMade)), default=-1)
    right = last + 1 if last % 3 else last + 100
    return [Prediction("get", {"n": right}, 0.8, 0.8), Prediction("get", {"n": -right}, 0.1, 0.1)]


def read_over_http(metrics: PrometheusMetrics) -> dict[str, float]:
    """Sums by sample name, and by name and the labels that tests ask for."""
    with serve(metrics, port=0) as server, urlopen(server.url, timeout=10) as answer:
        text = answer.read().decode()
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            names = [sample.name, *(f"{sample.name} {value}" for value in sample.labels.values())]
            for name in names:
                sums[name] = sums.get(name, 0.0) + sample.value
    return sums


async def sessions_through(metrics: PrometheusMetrics) -> Runtime:
    runtime = Runtime(
        {"get": FakeTool(answer=lambda n: {"n": n}, seconds=0.5), "put": FakeTool(answer="ok", seconds=0.25)},
        manifest=SPECS,
        predictor=ScriptedPredictor(next_two),
        policy=Policy(min_probability=0.0, self_check=False, max_depth=1, predict_limit_s=None),
        observers=[metrics],
    )

    async def one() -> None:
        async with runtime.session(user="go") as session:
            for n in range(6):
                await session.think(asyncio.sleep(1.0))
                await session.call("get", n=n)
            await session.call_all([ToolCall("put", {"n": 5}), ToolCall("get", {"n": 5})])

    async with runtime:
        await asyncio.gather(one(), one())
    return runtime


def test_metrics_agree_with_the_ledger():
    """After closing, launched = committed + wasted, to the launch and to the second."""
    metrics = PrometheusMetrics(tools=SPECS)
    ledger = run_virtual(sessions_through(metrics)).ledger
    sums = read_over_http(metrics)
    assert ledger.committed > 0
    assert ledger.wasted > 0
    assert sums["speculate_launches_total"] == ledger.launched
    assert sums["speculate_launches_retired_total committed"] == ledger.committed
    assert sums["speculate_launches_retired_total wasted"] == ledger.wasted
    assert sums["speculate_saved_seconds_total"] == pytest.approx(ledger.hidden_s)
    assert sums["speculate_wasted_seconds_total"] == pytest.approx(ledger.wasted_s)
    assert sums["speculate_launches_in_flight"] == sums["speculate_calls_in_flight"] == 0
    assert sums["speculate_sessions_open"] == 0
    assert sums["speculate_calls_total"] == 2 * 8
    assert sums["speculate_calls_total ready"] + sums.get("speculate_calls_total joined", 0) == ledger.committed
    assert sums["speculate_model_turn_seconds_sum"] == 2 * 6 * 1.0


def test_one_observer_for_two_runtimes():
    """Two runtimes that share an observer add up; with one each they stand apart."""
    shared, apart = PrometheusMetrics(), PrometheusMetrics()
    first = run_virtual(sessions_through(shared)).ledger
    second = run_virtual(sessions_through(shared)).ledger
    run_virtual(sessions_through(apart))
    assert read_over_http(shared)["speculate_launches_total"] == first.launched + second.launched
    assert read_over_http(apart)["speculate_launches_total"] == first.launched
