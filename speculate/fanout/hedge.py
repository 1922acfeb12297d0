"""Hedged requests: a second one for a read that takes unusually long (Dean, Barroso, "The Tail at Scale", 2013)."""

from __future__ import annotations

from dataclasses import dataclass

from speculate.errors import SpeculateError


@dataclass(frozen=True, slots=True)
class Hedge:
    """Send a second request after `after_s` seconds; None: after the tool's recorded p95 (none while too few runs
    are recorded). The first to succeed answers, the other is aborted. For idempotent reads only.
    """

    after_s: float | None = None
    quantile: float = 0.95

    def __post_init__(self) -> None:
        if self.after_s is not None and not self.after_s >= 0:
            raise SpeculateError(f"hedge: after_s must be at least 0 seconds, not {self.after_s!r}")
        if not 0 < self.quantile < 1:
            raise SpeculateError(f"hedge: quantile must lie between 0 and 1, not {self.quantile!r}")
