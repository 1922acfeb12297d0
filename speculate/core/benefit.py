"""The self-check: does launching this tool early pay, by what really came of it?

Each tool's realised net benefit in seconds, hidden time minus the price of waste, decays with every launch. A
tool whose balance falls below the margin is switched to shadow: predicted and scored, never launched. Shadow
launches are booked as if they had run, so the tool comes back as soon as it would have paid again. What would have
spoilt a launch spoils them too: time, a conflicting write, other context variables, the end of the session.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from speculate.core.index import ResourceIndex
from speculate.resources import Claims

DECAY = 0.97  # per retired launch: about the last 33 count
EVIDENCE = 12  # retired launches before a verdict
SHADOWS_PER_TOOL = 64


@dataclass(slots=True)
class _Balance:
    net_s: float = 0.0
    weight: float = 0.0
    seen: int = 0
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Shadow:
    """A launch that was not made because its tool is in shadow. `hidden_s`: what it would hide at most."""

    session: str
    key: str
    tool: str
    claims: Claims
    cost: float
    hidden_s: float
    booked_at: float
    expires_at: float
    context: Any = None


class Benefit:
    """Balances by tool, and the shadow launches under way."""

    __slots__ = ("_balances", "_index", "_shadows", "_wasted_cost_s")

    def __init__(self, wasted_cost_s: float) -> None:
        self._wasted_cost_s = wasted_cost_s
        self._balances: dict[str, _Balance] = {}
        self._shadows: dict[tuple[str, str], Shadow] = {}  # by session and key
        self._index: ResourceIndex[tuple[str, str], Shadow] = ResourceIndex()

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

    def book_shadow(self, shadow: Shadow) -> None:
        """A launch that was not made because its tool is in shadow.

        What grew too old unasked is booked as waste first. It cannot change the mode: waste lowers no balance to
        where a tool in shadow comes back.
        """
        mine = [entry for entry, other in self._shadows.items() if other.tool == shadow.tool]
        for entry in mine:
            if shadow.booked_at > self._shadows[entry].expires_at:
                self._spoil((entry,))
        entry = (shadow.session, shadow.key)
        if entry in self._shadows:
            return
        if sum(other in self._shadows for other in mine) >= SHADOWS_PER_TOOL:
            return
        self._shadows[entry] = shadow
        self._index.add(entry, shadow, shadow.claims)

    def called(self, session: str, key: str, at: float, context: Any = None) -> bool:
        """A real call: a shadow launch that would have served it pays. True if the tool's mode changed."""
        shadow = self._shadows.get((session, key))
        if shadow is None:
            return False
        if at > shadow.expires_at or shadow.context != context:
            return bool(self._spoil(((session, key),)))
        self._take((session, key))
        return self.commit(shadow.tool, min(shadow.hidden_s, at - shadow.booked_at))

    def written(self, write: Claims) -> list[str]:
        """A write began or ended: what rests on what it changes is stale. Names tools whose mode changed."""
        return self._spoil((shadow.session, shadow.key) for shadow in self._index.changed_by(write))

    def close(self, session: str) -> list[str]:
        """The session's remaining shadow launches would have been waste. Names tools whose mode changed."""
        return self._spoil([entry for entry in self._shadows if entry[0] == session])

    def _spoil(self, entries: Iterable[tuple[str, str]]) -> list[str]:
        return [shadow.tool for shadow in map(self._take, entries) if self.waste(shadow.tool, shadow.cost)]

    def _take(self, entry: tuple[str, str]) -> Shadow:
        self._index.remove(entry)
        return self._shadows.pop(entry)

    @property
    def shadows(self) -> int:
        """Shadow launches under way."""
        return len(self._shadows)
