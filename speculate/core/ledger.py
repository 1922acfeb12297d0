"""The account of every launch: launched = committed + wasted + still in the table, always (law L4)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Ledger:
    """Running totals. Costs in the manifest's relative units, times in seconds."""

    launched: int = 0
    committed: int = 0
    wasted: int = 0
    launched_cost: float = 0.0
    committed_cost: float = 0.0
    wasted_cost: float = 0.0
    hidden_s: float = 0.0
    wasted_s: float = 0.0

    @property
    def open(self) -> int:
        """Launches that have not retired."""
        return self.launched - self.committed - self.wasted

    @property
    def outstanding_cost(self) -> float:
        """Cost of launches that no real call has paid for: what a budget limits."""
        return self.launched_cost - self.committed_cost

    def launch(self, cost: float) -> None:
        self.launched += 1
        self.launched_cost += cost

    def commit(self, cost: float, hidden_s: float) -> None:
        self.committed += 1
        self.committed_cost += cost
        self.hidden_s += hidden_s

    def waste(self, cost: float, ran_s: float | None) -> None:
        self.wasted += 1
        self.wasted_cost += cost
        self.wasted_s += ran_s or 0.0
