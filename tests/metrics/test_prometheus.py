"""Metrics as a scraper sees them: over HTTP, read by Prometheus' own parser."""

from __future__ import annotations

import threading
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from speculate.calls import Served
from speculate.errors import SpeculateError
from speculate.metrics import METRICS, PrometheusMetrics, serve
from speculate.metrics.labels import BoundedLabel
from speculate.notices import SessionClosed, SessionOpened
from tests.metrics.notices_of_a_run import a_run, end, launch, retire, start


def scrape(url: str) -> list[Sample]:
    with urlopen(url, timeout=10) as answer:
        text = answer.read().decode()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def total(samples: list[Sample], name: str, **labels: str) -> float:
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


@pytest.fixture
def samples() -> list[Sample]:
    """What one scrape after the made-up run gives."""
    metrics = PrometheusMetrics()
    for notice in a_run():
        metrics.notice(notice)
    with serve(metrics, port=0) as server:
        return scrape(server.url)


def test_the_funnel_adds_up(samples):
    """Once the session is closed, launched = committed + wasted, and nothing is in flight."""
    launched = total(samples, "speculate_launches_total")
    committed = total(samples, "speculate_launches_retired_total", outcome="committed")
    wasted = total(samples, "speculate_launches_retired_total", outcome="wasted")
    assert (launched, committed, wasted) == (3, 2, 1)
    assert total(samples, "speculate_launches_in_flight") == 0
    assert total(samples, "speculate_calls_in_flight") == 0
    assert total(samples, "speculate_sessions_open") == 0
    assert total(samples, "speculate_sessions_opened_total") == 1


def test_calls_are_counted_by_how_they_were_served(samples):
    """Hits and misses are told apart, and a write is not speculable."""
    assert total(samples, "speculate_calls_total", served="ready", speculable="true") == 1
    assert total(samples, "speculate_calls_total", served="joined", speculable="true") == 1
    assert total(samples, "speculate_calls_total", served="ran", speculable="true") == 1
    assert total(samples, "speculate_calls_total", tool="cancel_order", speculable="false") == 1
    assert total(samples, "speculate_call_errors_total", kind="raised", tool="get_order") == 1
    assert total(samples, "speculate_call_errors_total", kind="returned", tool="cancel_order") == 1


def test_seconds_and_prices(samples):
    """Saved and wasted seconds and the price of launches are sums of the ledger's records."""
    assert total(samples, "speculate_saved_seconds_total") == 0.75
    assert total(samples, "speculate_wasted_seconds_total") == 0.75
    assert total(samples, "speculate_launch_cost_total", outcome="committed") == 4.0
    assert total(samples, "speculate_launch_cost_total", outcome="wasted") == 2.0
    assert total(samples, "speculate_call_wait_seconds_sum") == 0.75
    assert total(samples, "speculate_call_wait_seconds_count") == 4
    assert total(samples, "speculate_tool_seconds_count") == 3
    assert total(samples, "speculate_model_turn_seconds_sum") == 2.0


def test_guesses_denials_and_faults(samples):
    """Every guess is counted, with who made it and how long that took; denials carry the gate's reason."""
    assert total(samples, "speculate_predictions_total", predictor="pattern") == 2
    assert total(samples, "speculate_predict_seconds_count", predictor="pattern") == 1
    assert total(samples, "speculate_predict_seconds_bucket", le="2.5e-05") == 1
    assert total(samples, "speculate_launches_denied_total", reason="egress", tool="get_order") == 1
    assert total(samples, "speculate_faults_total", kind="predictor") == 1
    assert total(samples, "speculate_unstopped_launches_total") == 1


def test_every_metric_of_the_catalogue_is_exposed(samples):
    """The made-up run touches every metric there is, and none that is not in the catalogue."""
    exposed = {s.name for s in samples}
    expected = set()
    for metric in METRICS:
        parts = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        expected |= {metric.name + part for part in parts}
    assert exposed == expected


def test_names_follow_prometheus_conventions():
    """Counters end in _total, times in seconds, and buckets reach from milliseconds to minutes."""
    for metric in METRICS:
        assert metric.name.startswith("speculate_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.help.endswith(".")
        if metric.kind == "histogram":
            assert "_seconds" in metric.name
            assert list(metric.buckets) == sorted(metric.buckets)
    waits = next(metric for metric in METRICS if metric.name == "speculate_call_wait_seconds")
    assert waits.buckets[0] <= 0.001
    assert waits.buckets[-1] >= 300


def test_a_metric_without_labels_is_there_from_the_start():
    """A rate needs a first value: totals that nothing has touched yet are zero, not absent."""
    with serve(PrometheusMetrics(), port=0) as server:
        samples = scrape(server.url)
    present = {s.name: s.value for s in samples}
    for metric in METRICS:
        if not metric.labels:
            assert present[metric.name + ("_count" if metric.kind == "histogram" else "")] == 0


def test_a_value_on_a_bound_is_in_its_bucket():
    """Bounds are inclusive, buckets cumulative, and the last one holds everything."""
    metrics = PrometheusMetrics()
    for waited_s in (0.1, 0.5, 5000.0):
        metrics.notice(start("c"))
        metrics.notice(end("c", Served.RAN, waited_s=waited_s))
    with serve(metrics, port=0) as server:
        samples = scrape(server.url)
    buckets = {s.labels["le"]: s.value for s in samples if s.name == "speculate_call_wait_seconds_bucket"}
    assert (buckets["0.05"], buckets["0.1"], buckets["0.5"], buckets["600.0"], buckets["+Inf"]) == (0, 1, 2, 2, 3)


def test_a_cancelled_call_is_not_in_flight_for_ever():
    """A call that never got an answer leaves the gauge when its session closes."""
    metrics = PrometheusMetrics()
    for notice in (SessionOpened(0.0, "s1", None), start("c1"), start("c2"), end("c2", Served.RAN)):
        metrics.notice(notice)
    assert metrics.registry.get_sample_value("speculate_calls_in_flight") == 1
    metrics.notice(SessionClosed(1.0, "s1", ()))
    assert metrics.registry.get_sample_value("speculate_calls_in_flight") == 0


def test_two_runtimes_do_not_clash():
    """Two observers in a process have registries of their own and count apart."""
    one, other = PrometheusMetrics(), PrometheusMetrics()
    one.notice(launch(1))
    with serve(one, port=0) as first, serve(other, port=0) as second:
        assert total(scrape(first.url), "speculate_launches_total") == 1
        assert total(scrape(second.url), "speculate_launches_total") == 0


def test_a_registry_holds_one_set():
    """The same registry twice is refused with the way out."""
    registry = CollectorRegistry()
    PrometheusMetrics(registry)
    with pytest.raises(SpeculateError, match="share one PrometheusMetrics"):
        PrometheusMetrics(registry)


def test_a_model_that_makes_up_tools_makes_no_series():
    """With the tools declared, a thousand invented names are one series."""
    metrics = PrometheusMetrics(tools=["get_order"])
    for index in range(1000):
        metrics.notice(start(f"c{index}"))
        metrics.notice(end(f"c{index}", Served.RAN, tool=f"made_up_{index}"))
    metrics.notice(start("c"))
    metrics.notice(end("c", Served.RAN))
    with serve(metrics, port=0) as server:
        samples = scrape(server.url)
    tools = {s.labels["tool"]: s.value for s in samples if s.name == "speculate_calls_total"}
    assert tools == {"other": 1000, "get_order": 1}


def test_undeclared_tools_are_capped():
    """Without a list of tools the first that come are told apart, up to the limit."""
    label = BoundedLabel(2)
    assert [label(value) for value in ("a", "b", "c", "a")] == ["a", "b", "other", "a"]


def test_a_clock_that_jumped_back_counts_nothing():
    """A counter never goes down."""
    metrics = PrometheusMetrics()
    for id, outcome in ((1, "committed"), (2, "wasted")):
        metrics.notice(launch(id))
        metrics.notice(retire(id, outcome, "ready", ran_s=-5.0, hidden_s=-5.0))
    with serve(metrics, port=0) as server:
        samples = scrape(server.url)
    assert total(samples, "speculate_saved_seconds_total") == 0
    assert total(samples, "speculate_wasted_seconds_total") == 0


def test_a_launch_that_never_ended_adds_no_time():
    """A launch that would not stop has no run time to add."""
    metrics = PrometheusMetrics()
    metrics.notice(launch(1))
    metrics.notice(retire(1, "wasted", "abandoned", ran_s=None))
    assert metrics.registry.get_sample_value("speculate_wasted_seconds_total", {"tool": "get_order"}) is None


def test_the_server_stops_and_frees_its_port():
    """After close the thread is gone and nobody answers; closing again is fine."""
    metrics = PrometheusMetrics()
    before = set(threading.enumerate())  # some of another test may end meanwhile
    server = serve(metrics, port=0)
    assert repr(server) == f"<MetricsServer {server.url}>"
    scrape(server.url)
    server.close()
    server.close()
    assert set(threading.enumerate()) <= before
    with pytest.raises(URLError):
        urlopen(server.url, timeout=5)
    again = serve(metrics, port=server.port)
    again.close()


@pytest.mark.parametrize("port", ["taken", 70_000])
def test_a_port_that_cannot_be_had(port):
    """A taken or impossible port is one clear error."""
    metrics = PrometheusMetrics()
    message = r"metrics cannot be served on 127\.0\.0\.1:"
    with serve(metrics, port=0) as server, pytest.raises(SpeculateError, match=message):
        serve(metrics, port=server.port if port == "taken" else port)


def test_only_this_machine_unless_told_otherwise():
    """The default address is loopback, and an IPv6 address makes a URL that works."""
    metrics = PrometheusMetrics()
    with serve(metrics, port=0) as server:
        assert server.url.startswith("http://127.0.0.1:")
    try:
        server = serve(metrics, port=0, addr="::1")
    except SpeculateError:
        pytest.skip("this machine has no IPv6 loopback")
    with server:
        assert server.url.startswith("http://[::1]:")
        scrape(server.url)
