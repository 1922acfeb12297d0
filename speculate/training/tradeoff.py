"""Precision against coverage: what every threshold on `p_use` would launch, and what admission would choose.

A sketch of replay, in turns instead of seconds: a launch waits until its call is made, a conflicting write makes it
stale, or eight turns (`outlook.HORIZON_TURNS`) have passed; no budget, no limits, no egress. `speculate replay` has
the real thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from speculate.core.latency import Latencies
from speculate.core.policy import Policy
from speculate.prediction import Prediction
from speculate.spec import ResolvedCall, ToolSpec
from speculate.trace import RecordedSession
from speculate.training.outlook import Outlook
from speculate.training.scoring import is_speculable, ratio

THRESHOLDS = tuple(round(step * 0.05, 2) for step in range(20))


@dataclass(frozen=True, slots=True)
class _Candidate:
    tool: str
    key: str
    p_use: float
    turn: int
    used: int | None  # the turn that makes the call, if it is still fresh then
    last: int  # the last turn at which a launch would still wait


@dataclass(slots=True)
class Point:
    """Launches that one way of choosing would make."""

    launched: int = 0
    committed: int = 0

    def document(self, calls: int) -> dict[str, Any]:
        return {
            "launched": self.launched,
            "committed": self.committed,
            "coverage": ratio(self.committed, calls),
            "precision": ratio(self.committed, self.launched),
            "waste_per_hit": ratio(self.launched - self.committed, self.committed),
        }


def recorded_latencies(sessions: Iterable[RecordedSession], policy: Policy) -> Latencies:
    """Tool and model times as far as they were recorded; the policy's priors where they were not."""
    latencies = Latencies(policy.prior_tool_s, policy.prior_lead_s)
    for session in sessions:
        for turn in session.turns:
            if turn.record.llm_s is not None:
                latencies.lead.add(turn.record.llm_s)
            for call in turn.calls:
                result = turn.results.get(call.id)
                if result is not None and result.tool_s is not None:
                    latencies.observe(call.tool, result.tool_s)
    return latencies


def break_even(spec: ToolSpec, policy: Policy, latencies: Latencies) -> float:
    """The least `p_use` that admission's value rule launches at: p·hidden > (1 - p)·cost·wasted_cost_s + overhead_s.

    1 where no probability pays.
    """
    price = spec.cost * policy.wasted_cost_s
    gain = latencies.hidden_s(spec.name) + price
    return min(1.0, (price + policy.overhead_s) / gain) if gain else 1.0


class Tradeoff:
    """Adds up sessions; then `document()` has the curve, admission's point on it, and the break-even per tool."""

    def __init__(self, policy: Policy, latencies: Latencies) -> None:
        self._policy, self._latencies = policy, latencies
        self._sessions: list[list[_Candidate]] = []
        self._break_even: dict[str, float] = {}
        self.calls = 0  # speculable ones
        self.policy_name = "value" if policy.min_probability is None else f"p_use >= {policy.min_probability:g}"

    def open(self) -> list[_Candidate]:
        """A new session's candidates, to be filled by `add`."""
        self._sessions.append([])
        return self._sessions[-1]

    def add(
        self, into: list[_Candidate], prediction: Prediction, resolved: ResolvedCall, outlook: Outlook, turn: int
    ) -> None:
        """One prediction made just before `turn`."""
        if resolved.key is None or not is_speculable(resolved):
            return
        if prediction.tool not in self._break_even:
            self._break_even[prediction.tool] = break_even(resolved.spec, self._policy, self._latencies)
        used = outlook.next_use(resolved, turn)
        last = outlook.last_fresh(resolved, turn) if used is None else used
        into.append(_Candidate(prediction.tool, resolved.key, prediction.p_use, turn, used, last))

    def _point(self, chosen: Callable[[_Candidate], bool]) -> Point:
        point = Point()
        for session in self._sessions:
            waiting: dict[str, int] = {}  # key -> the last turn at which a launch of it still waits
            for candidate in session:
                if not chosen(candidate) or waiting.get(candidate.key, -1) >= candidate.turn:
                    continue
                point.launched += 1
                point.committed += candidate.used is not None
                waiting[candidate.key] = candidate.last
        return point

    def document(self) -> dict[str, Any]:
        """As JSON. `admission` is what the policy would choose with every tool's own break-even."""

        def at(threshold: float) -> Point:
            return self._point(lambda candidate: candidate.p_use >= threshold)

        minimum = self._policy.min_probability
        admitted = (
            at(minimum)
            if minimum is not None
            else self._point(lambda candidate: candidate.p_use > self._break_even[candidate.tool])
        )
        return {
            "curve": [{"min_probability": t, **at(t).document(self.calls)} for t in THRESHOLDS],
            "admission": {
                "rule": self.policy_name,
                **admitted.document(self.calls),
                "break_even": {tool: self._break_even[tool] for tool in sorted(self._break_even)},
            },
        }
