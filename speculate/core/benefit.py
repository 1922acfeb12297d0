"""The self-check: does launching this tool early pay, by what really came of it?

Each tool's realised net benefit in seconds, hidden time minus the price of waste, decays with every launch. A
tool whose balance falls below the margin is switched to shadow: predicted and scored, never launched. Shadow
launches are booked as if they had run, so the tool comes back as soon as it would have paid again.
"""

from __future__ import annotations

from dataclasses import dataclass

DECAY = 0.97  # per retired launch: about the last 33 count
EVIDENCE = 12  # retired launches before a verdict
SHADOWS_PER_TOOL = 64


@dataclass(slots=True)
class _Balance:
    net_s: float = 0.0
    weight: float = 0.0
    seen: int = 0
    shadow: bool = False


class Benefit:
    """Balances by tool, and the shadow launches under way."""

    __slots__ = ("_balances", "_shadows", "_wasted_cost_s")

    def __init__(self, wasted_cost_s: float) -> None:
        self._wasted_cost_s = wasted_cost_s
        self._balances: dict[str, _Balance] = {}
        # (session, key) -> (tool, booked at, expires at, hidden seconds if used, cost)
        self._shadows: dict[tuple[str, str], tuple[str, float, float, float, float]] = {}

    def is_shadow(self, tool: str) -> bool:
        balance = self._balances.get(tool)
        return balance is not None and balance.shadow

    def commit(self, tool: str, hidden_s: float) -> bool:
        """Book a commit; True if the tool's mode changed."""
        return self._book(tool, hidden_s)

    def waste(self, tool: str, cost: float) -> bool:
        """Book a wasted launch; True if the tool's mode changed."""
        return self._book(tool, -cost * self._wasted_cost_s)

    def _book(self, tool: str, seconds: float) -> bool:
        balance = self._balances.setdefault(tool, _Balance())
        balance.net_s = balance.net_s * DECAY + seconds
        balance.weight = balance.weight * DECAY + 1.0
        balance.seen += 1
        if balance.seen < EVIDENCE:
            return False
        mean = balance.net_s / balance.weight
        # Hysteresis: out below zero, back only when clearly above, so that noise does not flap.
        margin = 0.05 * self._wasted_cost_s
        if balance.shadow and mean > margin:
            balance.shadow = False
            return True
        if not balance.shadow and mean < -margin:
            balance.shadow = True
            return True
        return False

    def book_shadow(
        self, session: str, key: str, tool: str, at: float, expires_at: float, hidden_s: float, cost: float
    ) -> None:
        """A launch that was not made because its tool is in shadow.

        What grew too old unasked is booked as waste first. It cannot change the mode: waste lowers no balance to
        where a tool in shadow comes back.
        """
        for entry in [entry for entry, (of, _, ends, _, _) in self._shadows.items() if of == tool and at > ends]:
            self.waste(tool, self._shadows.pop(entry)[4])
        if (session, key) in self._shadows:
            return
        if sum(entry[0] == tool for entry in self._shadows.values()) >= SHADOWS_PER_TOOL:
            return
        self._shadows[session, key] = (tool, at, expires_at, hidden_s, cost)

    def called(self, session: str, key: str, at: float) -> bool:
        """A real call: a shadow launch that would have served it pays. True if the tool's mode changed."""
        entry = self._shadows.pop((session, key), None)
        if entry is None:
            return False
        tool, booked_at, expires_at, hidden_s, cost = entry
        if at > expires_at:
            return self.waste(tool, cost)
        return self.commit(tool, min(hidden_s, at - booked_at))

    def close(self, session: str) -> list[str]:
        """The session's remaining shadow launches would have been waste. Names tools whose mode changed."""
        changed: list[str] = []
        for entry in [entry for entry in self._shadows if entry[0] == session]:
            tool, _, _, _, cost = self._shadows.pop(entry)
            if self.waste(tool, cost):
                changed.append(tool)
        return changed
