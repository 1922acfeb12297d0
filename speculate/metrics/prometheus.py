"""The observer that counts: notices in, Prometheus metrics out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry

from speculate.errors import SpeculateError
from speculate.metrics.catalogue import METRICS
from speculate.metrics.labels import BoundedLabel
from speculate.metrics.tally import Tally
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
        self._unanswered: dict[str, int] = {}  # open sessions: their calls in flight
        tally = Tally(METRICS)
        try:
            self.registry.register(tally)
        except ValueError as error:
            raise SpeculateError(
                "this registry already holds the metrics of a runtime; share one PrometheusMetrics between the "
                "runtimes, or give each a registry of its own"
            ) from error
        self._guessed = tally.count("speculate_predictions_total")
        self._predict_s = tally.spread("speculate_predict_seconds")
        self._denied = tally.count("speculate_launches_denied_total")
        self._launches = tally.count("speculate_launches_total")
        self._retired = tally.count("speculate_launches_retired_total")
        self._launches_in_flight = tally.count("speculate_launches_in_flight")
        self._cost = tally.count("speculate_launch_cost_total")
        self._saved_s = tally.count("speculate_saved_seconds_total")
        self._wasted_s = tally.count("speculate_wasted_seconds_total")
        self._calls = tally.count("speculate_calls_total")
        self._errors = tally.count("speculate_call_errors_total")
        self._calls_in_flight = tally.count("speculate_calls_in_flight")
        self._wait_s = tally.spread("speculate_call_wait_seconds")
        self._tool_s = tally.spread("speculate_tool_seconds")
        self._model_s = tally.spread("speculate_model_turn_seconds")
        self._opened = tally.count("speculate_sessions_opened_total")
        self._open = tally.count("speculate_sessions_open")
        self._unstopped = tally.count("speculate_unstopped_launches_total")
        self._faults = tally.count("speculate_faults_total")
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
        """Count one notice. Kinds that no metric is made of are passed over; a clock that jumped back counts 0."""
        handler = self._handlers.get(type(notice))
        if handler is not None:
            handler(notice)

    def _predictions_made(self, notice: PredictionsMade) -> None:
        predictor = (self._predictor(notice.predictor),)
        self._guessed.add(predictor, len(notice.predictions))
        self._predict_s.observe(predictor, notice.seconds)

    def _launch_denied(self, notice: LaunchDenied) -> None:
        self._denied.add((self._tool(notice.tool), self._reason(notice.reason)))

    def _launched(self, notice: Launched) -> None:
        self._launches.add((self._tool(notice.tool), self._source(notice.source)))
        self._launches_in_flight.add()

    def _launch_retired(self, notice: LaunchRetired) -> None:
        tool = self._tool(notice.tool)
        self._retired.add((tool, notice.outcome, self._reason(notice.reason)))
        self._launches_in_flight.add((), -1.0)
        self._cost.add((notice.outcome,), notice.cost)
        if notice.outcome == "committed":
            self._saved_s.add((tool,), max(0.0, notice.hidden_s))
        elif notice.ran_s is not None:
            self._wasted_s.add((tool,), max(0.0, notice.ran_s))

    def _call_started(self, notice: CallStarted) -> None:
        self._calls_in_flight.add()
        self._unanswered[notice.session] = self._unanswered.get(notice.session, 0) + 1

    def _call_ended(self, notice: CallEnded) -> None:
        tool, served = self._tool(notice.tool), notice.served.value
        self._calls.add((tool, served, "true" if notice.speculable else "false"))
        self._answer(notice.session, 1)
        self._wait_s.observe((served,), notice.waited_s)
        if notice.tool_s is not None:
            self._tool_s.observe((tool,), notice.tool_s)
        if not notice.ok:
            self._errors.add((tool, "returned" if notice.raised is None else "raised"))

    def _answer(self, session: str, calls: int) -> None:
        self._calls_in_flight.add((), -float(calls))
        self._unanswered[session] = self._unanswered.get(session, 0) - calls

    def _turn_ended(self, notice: TurnEnded) -> None:
        self._model_s.observe((), notice.llm_s)

    def _session_opened(self, notice: SessionOpened) -> None:
        self._opened.add()
        self._open.add()

    def _session_closed(self, notice: SessionClosed) -> None:
        self._open.add((), -1.0)
        # A call that the application cancelled has no end of its own.
        self._answer(notice.session, self._unanswered.get(notice.session, 0))
        del self._unanswered[notice.session]
        self._unstopped.add((), len(notice.unstopped))

    def _faulted(self, notice: Fault) -> None:
        self._faults.add((self._fault(notice.kind),))
