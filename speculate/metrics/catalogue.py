"""Every metric there is: name, kind, labels, meaning. The observer, the reference and the dashboard follow it.

Counters, not ratios: a hit rate is a query over two counters, right for any time range and over any number of
processes. No label carries a session, an argument or a result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# The calls of agents take from a fraction of a millisecond (a ready result) to minutes (a build, a research query).
WAIT_BUCKETS_S = (
    0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
)  # fmt: skip
# A predictor is asked on the event loop: microseconds are normal, milliseconds are too many.
PREDICT_BUCKETS_S = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as it is exposed. `buckets` are upper bounds in seconds, for histograms."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()


METRICS: tuple[Metric, ...] = (
    Metric(
        "speculate_predictions_total",
        "counter",
        ("predictor",),
        "Calls a predictor guessed, whether or not they were launched.",
    ),
    Metric(
        "speculate_predict_seconds",
        "histogram",
        ("predictor",),
        "Time one run of a predictor took on the event loop.",
        PREDICT_BUCKETS_S,
    ),
    Metric(
        "speculate_launches_denied_total",
        "counter",
        ("tool", "reason"),
        "Guessed calls that the admission gate did not launch, by its reason.",
    ),
    Metric(
        "speculate_launches_total",
        "counter",
        ("tool", "source"),
        "Calls launched ahead of the model, by who guessed them.",
    ),
    Metric(
        "speculate_launches_retired_total",
        "counter",
        ("tool", "outcome", "reason"),
        "Launches that ended, each once: committed (a real call used it) or wasted, and why.",
    ),
    Metric(
        "speculate_launches_in_flight",
        "gauge",
        (),
        "Launches not retired yet: running, or ready and waiting for their call.",
    ),
    Metric(
        "speculate_launch_cost_total",
        "counter",
        ("outcome",),
        "Price of retired launches, in the manifest's own unit of cost.",
    ),
    Metric(
        "speculate_saved_seconds_total",
        "counter",
        ("tool",),
        "Waiting that committed launches spared real calls.",
    ),
    Metric(
        "speculate_wasted_seconds_total",
        "counter",
        ("tool",),
        "Tool time that launches used for which no real call came.",
    ),
    Metric(
        "speculate_calls_total",
        "counter",
        ("tool", "served", "speculable"),
        "Real calls by how they were served: ready and joined are hits, ran is a miss.",
    ),
    Metric(
        "speculate_call_errors_total",
        "counter",
        ("tool", "kind"),
        "Real calls that failed: the tool returned an error, or it raised.",
    ),
    Metric(
        "speculate_calls_in_flight",
        "gauge",
        (),
        "Real calls that have not been answered yet.",
    ),
    Metric(
        "speculate_call_wait_seconds",
        "histogram",
        ("served",),
        "Time the caller of a real call waited for its answer.",
        WAIT_BUCKETS_S,
    ),
    Metric(
        "speculate_tool_seconds",
        "histogram",
        ("tool",),
        "Time the tool itself took for the result that a real call got.",
        WAIT_BUCKETS_S,
    ),
    Metric(
        "speculate_model_turn_seconds",
        "histogram",
        (),
        "Time the model took for a turn: what speculation can hide work under.",
        WAIT_BUCKETS_S,
    ),
    Metric(
        "speculate_sessions_opened_total",
        "counter",
        (),
        "Sessions opened.",
    ),
    Metric(
        "speculate_sessions_open",
        "gauge",
        (),
        "Sessions open now.",
    ),
    Metric(
        "speculate_unstopped_launches_total",
        "counter",
        (),
        "Launches and drafts that did not stop within the grace when their session closed.",
    ),
    Metric(
        "speculate_faults_total",
        "counter",
        ("kind",),
        "Faults that were contained: a predictor or observer that failed, a tool whose launches were closed.",
    ),
)  # fmt: skip


def reference() -> str:
    """The table of docs/metrics.md, one row a metric."""
    rows = ["| name | kind | labels | meaning |", "|---|---|---|---|"]
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
        rows.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(rows)
