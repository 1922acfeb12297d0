"""The operator's settings: how much is risked for how much time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EgressPolicy = Literal["never", "committed-values-only", "always"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What admission, budgets and the shell go by. Times in seconds, costs in the manifest's relative units.

    egress: whether a tool declared `egress = "external"` may be launched early ("committed-values-only": every
        argument value already went to that tool in a real call of the session, or the user typed it).
    min_probability: a plain threshold on `p_use` in place of the value rule; None means the value rule.
    wasted_cost_s: seconds of waiting one is ready to pay to save one wasted call of cost 1 (the value rule:
        launch if p_use · E[min(tool, lead)] > (1 - p_use) · cost · wasted_cost_s + overhead_s).
    overhead_s: what launching and committing costs the loop.
    prior_tool_s, prior_lead_s: assumed until a tool, or the model's thinking, has been timed.
    max_in_flight, max_in_flight_per_session: launches running at once.
    launches_per_minute, budget: None means unlimited; the budget counts the cost of launches not committed.
    error_streak, cooldown_s: so many failed launches in a row, or one 429, close a tool for so long.
    self_check: switch a tool to shadow when its launches do not pay, and back when they would have.
    min_tenants: a learned constant is used only if so many distinct tenants showed it.
    max_depth: 1 predicts from real results only; 2 also from finished speculations, and so on.
    predictions: how many guesses are asked for at a moment.
    store_size: finished results kept at once, over all sessions; the least recently stored is evicted.
    outcomes_size: outcomes of writes with a dedup key that a session keeps for repeats; the one asked for longest ago
        is forgotten, and its repeat runs.
    predict_limit_s: a prediction that takes longer on the real clock counts as a fault; None means no limit.
    draft_timeout_s: when an asynchronous draft is abandoned.
    fault_limit: faults in a row after which a predictor, drafter or observer is switched off.
    grace_s: how long closing waits for aborted work.
    """

    egress: EgressPolicy = "committed-values-only"
    min_probability: float | None = None
    wasted_cost_s: float = 0.5
    overhead_s: float = 0.0005
    prior_tool_s: float = 1.0
    prior_lead_s: float = 2.0
    max_in_flight: int = 32
    max_in_flight_per_session: int = 8
    launches_per_minute: int | None = None
    budget: float | None = None
    error_streak: int = 3
    cooldown_s: float = 30.0
    self_check: bool = True
    min_tenants: int = 1
    max_depth: int = 2
    predictions: int = 8
    store_size: int = 4096
    outcomes_size: int = 1024
    predict_limit_s: float | None = 0.25
    draft_timeout_s: float = 30.0
    fault_limit: int = 3
    grace_s: float = 1.0

    def __post_init__(self) -> None:
        if self.egress not in ("never", "committed-values-only", "always"):
            raise ValueError(f'egress must be "never", "committed-values-only" or "always", not {self.egress!r}')
        if self.min_probability is not None and not 0 <= self.min_probability <= 1:
            raise ValueError(f"min_probability must be between 0 and 1, not {self.min_probability!r}")
        for name in ("wasted_cost_s", "overhead_s", "prior_tool_s", "prior_lead_s", "cooldown_s", "grace_s"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be a finite number of at least 0, not {getattr(self, name)!r}")
        if not self.draft_timeout_s > 0:
            raise ValueError(f"draft_timeout_s must be above 0, not {self.draft_timeout_s!r}")
        for name in ("max_in_flight", "max_in_flight_per_session", "predictions", "max_depth", "min_tenants"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)!r}")
        for name in ("launches_per_minute", "budget", "predict_limit_s"):
            if getattr(self, name) is not None and not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be None or at least 0, not {getattr(self, name)!r}")
        for name in ("store_size", "outcomes_size", "error_streak", "fault_limit"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)!r}")
