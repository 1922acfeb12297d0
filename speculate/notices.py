"""What observers are told: the funnel, the ledger, and the run itself, as frozen values.

Metrics, the trace recorder and OpenTelemetry are observers. One that raises is counted and switched off
(law L9). Notices are sent on the event loop's thread, so an observer must be quick: count, or put in a queue.
All `at` are seconds on the runtime's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from speculate.calls import Served
from speculate.prediction import Prediction
from speculate.values import quick


@dataclass(frozen=True, slots=True)
class SessionOpened:
    at: float
    session: str
    tenant: str | None


@dataclass(frozen=True, slots=True)
class UserSpoke:
    at: float
    session: str
    text: str


@dataclass(frozen=True, slots=True)
class TurnBegan:
    """The model was asked."""

    at: float
    session: str
    turn: int


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The model answered after `llm_s` seconds. `text` is what it said, where the application told us."""

    at: float
    session: str
    turn: int
    llm_s: float
    text: str | None


@dataclass(frozen=True, slots=True)
class PredictionsMade:
    """One run of a predictor: `seconds` it took on the real clock, and before it `indexing_s` to take in the events
    appended since the last one (see `History`)."""

    at: float
    session: str
    predictor: str
    predictions: tuple[Prediction, ...]
    seconds: float
    indexing_s: float = 0.0


@quick
@dataclass(frozen=True, slots=True)
class LaunchDenied:
    """A candidate was not launched. `reason` is one of the admission gate's reasons, a closed set."""

    at: float
    session: str
    tool: str
    reason: str


@quick
@dataclass(frozen=True, slots=True)
class Launched:
    """`source` is the name of the predictor (or "stream" for an early issue, "plan" for a plan's branch)."""

    at: float
    session: str
    id: int
    tool: str
    source: str
    p_use: float


@quick
@dataclass(frozen=True, slots=True)
class LaunchRetired:
    """The ledger record of one launch, written exactly once.

    outcome: "committed" or "wasted". reason: for a commit "ready" or "joined"; for waste "unused", "expired",
    "conflict", "evicted", "raised", "timeout", "preempted", "cancelled", "overtaken", "context", "withdrawn",
    "closed", "abandoned", "fault". ran_s: seconds it ran (None: it never ended). hidden_s: seconds of the real
    call's wait it saved (0 for waste). cost: the manifest's relative price of the call.
    """

    at: float
    session: str
    id: int
    tool: str
    source: str
    outcome: str
    reason: str
    launched_at: float
    ran_s: float | None
    hidden_s: float
    cost: float
    p_use: float


@quick
@dataclass(frozen=True, slots=True)
class CallStarted:
    """A real call was issued by the model, in `turn`. Sensitive arguments are already replaced."""

    at: float
    session: str
    id: str
    turn: int
    tool: str
    arguments: Mapping[str, Any]


@quick
@dataclass(frozen=True, slots=True)
class CallEnded:
    """A real call was answered. `snapshot` is bounded (see history.snapshot); `cut` says that it is not whole.

    tool_s: seconds the tool itself took for the result served, where known. hidden_s: seconds saved by a hit.
    ok False with raised None: the tool returned an error. waited_s: seconds the caller waited.
    """

    at: float
    session: str
    id: str
    turn: int
    tool: str
    served: Served
    speculable: bool
    ok: bool
    snapshot: Any
    cut: bool
    raised: str | None
    waited_s: float
    tool_s: float | None
    hidden_s: float


@dataclass(frozen=True, slots=True)
class Fault:
    """Something was contained: kind is "predictor", "observer", "drafter", "tool-closed", "self-check" or "core".

    "core": a defect in the runtime itself; nothing is launched any more, and real calls go on.
    """

    at: float
    session: str | None
    kind: str
    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """`unstopped`: what did not stop within the grace: launches as "tool id", drafts as "draft drafter session"."""

    at: float
    session: str
    unstopped: tuple[str, ...]


Notice = (
    SessionOpened
    | UserSpoke
    | TurnBegan
    | TurnEnded
    | PredictionsMade
    | LaunchDenied
    | Launched
    | LaunchRetired
    | CallStarted
    | CallEnded
    | Fault
    | SessionClosed
)


@runtime_checkable
class Observer(Protocol):
    """Is told everything, in order. Must be quick and must not raise."""

    def notice(self, notice: Notice) -> None: ...
