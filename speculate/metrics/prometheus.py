"""The observer that counts: notices in, Prometheus metrics out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from speculate.errors import SpeculateError
from speculate.metrics.catalogue import METRICS
from speculate.metrics.labels import BoundedLabel
from speculate.notices import (
    CallEnded,
    CallStarted,
    Fault,
    LaunchDenied,
    Launched,
    LaunchRetired,
    Notice,
    PredictionsMade,
    SessionClosed,
    SessionOpened,
    TurnEnded,
)

MAX_TOOLS = 100
MAX_NAMES = 50  # predictors, reasons, kinds of fault: sets that are closed, or ought to be


class PrometheusMetrics:
    """Counts what one runtime, or several, tell it. Pass it as an observer, and `serve` it or its `registry`.

    registry: where the metrics are registered; by default one of its own, so two runtimes in a process do not
    clash. tools: the tools to tell apart, such as a manifest; any other is "other". Without it, the first 100
    tools seen are told apart. Raises SpeculateError if the registry already holds such metrics.
    """

    def __init__(self, registry: CollectorRegistry | None = None, *, tools: Iterable[str] = ()) -> None:
        self.registry = CollectorRegistry() if registry is None else registry
        self._tool = BoundedLabel(MAX_TOOLS, tools)
        self._predictor = BoundedLabel(MAX_NAMES)
        self._source = BoundedLabel(MAX_NAMES)
        self._reason = BoundedLabel(MAX_NAMES)
        self._fault = BoundedLabel(MAX_NAMES)
        self._children: dict[tuple[str, ...], Any] = {}
        self._metrics: dict[str, Any] = {}
        try:
            for metric in METRICS:
                if metric.kind == "counter":
                    made: Any = Counter(metric.name, metric.help, metric.labels, registry=self.registry)
                elif metric.kind == "gauge":
                    made = Gauge(metric.name, metric.help, metric.labels, registry=self.registry)
                else:
                    made = Histogram(
                        metric.name, metric.help, metric.labels, registry=self.registry, buckets=metric.buckets
                    )
                self._metrics[metric.name] = made
        except ValueError as error:
            raise SpeculateError(
                "this registry already holds the metrics of a runtime; share one PrometheusMetrics between the "
                "runtimes, or give each a registry of its own"
            ) from error
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            PredictionsMade: self._predictions_made,
            LaunchDenied: self._launch_denied,
            Launched: self._launched,
            LaunchRetired: self._launch_retired,
            CallStarted: self._call_started,
            CallEnded: self._call_ended,
            TurnEnded: self._turn_ended,
            SessionOpened: self._session_opened,
            SessionClosed: self._session_closed,
            Fault: self._faulted,
        }

    def notice(self, notice: Notice) -> None:
        """Count one notice. Kinds that no metric is made of are passed over.

        A counter refuses to go down, and raising would switch this observer off: a clock that jumped back counts 0.
        """
        handler = self._handlers.get(type(notice))
        if handler is not None:
            handler(notice)

    def _of(self, *key: str) -> Any:
        """The metric `key[0]` with the label values `key[1:]`; looking children up is prometheus_client's cost."""
        child = self._children.get(key)
        if child is None:
            metric = self._metrics[key[0]]
            child = self._children[key] = metric.labels(*key[1:]) if len(key) > 1 else metric
        return child

    def _predictions_made(self, notice: PredictionsMade) -> None:
        predictor = self._predictor(notice.predictor)
        self._of("speculate_predictions_total", predictor).inc(len(notice.predictions))
        self._of("speculate_predict_seconds", predictor).observe(notice.seconds)

    def _launch_denied(self, notice: LaunchDenied) -> None:
        self._of("speculate_launches_denied_total", self._tool(notice.tool), self._reason(notice.reason)).inc()

    def _launched(self, notice: Launched) -> None:
        self._of("speculate_launches_total", self._tool(notice.tool), self._source(notice.source)).inc()
        self._of("speculate_launches_in_flight").inc()

    def _launch_retired(self, notice: LaunchRetired) -> None:
        tool = self._tool(notice.tool)
        self._of("speculate_launches_retired_total", tool, notice.outcome, self._reason(notice.reason)).inc()
        self._of("speculate_launches_in_flight").dec()
        self._of("speculate_launch_cost_total", notice.outcome).inc(notice.cost)
        if notice.outcome == "committed":
            self._of("speculate_saved_seconds_total", tool).inc(max(0.0, notice.hidden_s))
        elif notice.ran_s is not None:
            self._of("speculate_wasted_seconds_total", tool).inc(max(0.0, notice.ran_s))

    def _call_started(self, notice: CallStarted) -> None:
        self._of("speculate_calls_in_flight").inc()

    def _call_ended(self, notice: CallEnded) -> None:
        tool, served = self._tool(notice.tool), notice.served.value
        self._of("speculate_calls_total", tool, served, "true" if notice.speculable else "false").inc()
        self._of("speculate_calls_in_flight").dec()
        self._of("speculate_call_wait_seconds", served).observe(notice.waited_s)
        if notice.tool_s is not None:
            self._of("speculate_tool_seconds", tool).observe(notice.tool_s)
        if not notice.ok:
            kind = "returned" if notice.raised is None else "raised"
            self._of("speculate_call_errors_total", tool, kind).inc()

    def _turn_ended(self, notice: TurnEnded) -> None:
        self._of("speculate_model_turn_seconds").observe(notice.llm_s)

    def _session_opened(self, notice: SessionOpened) -> None:
        self._of("speculate_sessions_opened_total").inc()
        self._of("speculate_sessions_open").inc()

    def _session_closed(self, notice: SessionClosed) -> None:
        self._of("speculate_sessions_open").dec()
        self._of("speculate_unstopped_launches_total").inc(len(notice.unstopped))

    def _faulted(self, notice: Fault) -> None:
        self._of("speculate_faults_total", self._fault(notice.kind)).inc()
