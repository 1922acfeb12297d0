"""Reads of a plan that start before their turn: their arguments are known, and only a condition is not decided yet.

What is offered is a guess like any other. The gate decides; a losing branch is dropped with no effect and no state
left behind, because all it ever was is a read whose result nobody asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from speculate.calls import ToolCall
from speculate.errors import PlanError
from speculate.fanout.host import suggest, withdraw
from speculate.plan.compiled import Node
from speculate.plan.placeholders import Reference, render
from speculate.plan.schedule import State

if TYPE_CHECKING:
    from speculate.runtime.session import Session

UNCONDITIONAL_P = 0.95  # an edge that only orders: the task runs unless something fails
MAX_WRITES_LOOKED_AT = 64


class EarlyReads:
    """Watches which reads have all their arguments while something else still holds them back."""

    def __init__(self, session: Session, look_up: Callable[[Reference], Any], states: Sequence[State]) -> None:
        self._session, self._look_up, self._states = session, look_up, states
        self._nodes: dict[int, Node] = {}
        self._missing: dict[int, int] = {}  # how many results its arguments still need
        self._watchers: dict[int, list[int]] = {}
        self._writes: dict[int, Node] = {}  # the plan's writes that are not settled yet
        self._held: dict[int, None] = {}  # all arguments known, but a write of the plan comes first
        self._places: dict[str, int] = {}
        self._offered: dict[int, ToolCall] = {}  # offered, and neither begun nor ruled out yet

    def added(self, nodes: Sequence[Node], first: int) -> None:
        """Tasks were added, the first of them as number `first`."""
        fresh: list[int] = []
        for position, node in enumerate(nodes, first):
            self._places[node.id] = position
            if self._states[position] is not State.WAITING:
                continue
            if node.effect.is_write:
                self._writes[position] = node
                continue
            if node.tool is None or node.policy.retry is not None:
                continue
            sources = {self._places[reference.task] for reference in node.references}
            if not node.conditions and sources >= {*node.needs, *node.waits}:
                continue  # nothing holds it back but its arguments
            missing = [source for source in sources if not self._states[source].is_final]
            self._nodes[position] = node
            self._missing[position] = len(missing)
            for source in missing:
                self._watchers.setdefault(source, []).append(position)
            if not missing:
                fresh.append(position)
        if fresh:  # the calls whose turn it is come first
            asyncio.get_running_loop().call_soon(self._offer_all, fresh)

    def _offer_all(self, positions: list[int]) -> None:
        for position in positions:
            self._offer(position)

    def settled(self, source: int) -> None:
        """A task is done, or has failed."""
        fresh: list[int] = []
        for position in self._watchers.pop(source, ()):
            self._missing[position] -= 1
            if not self._missing[position]:
                fresh.append(position)
        if self._offered:
            self.withdraw_lost()
        if self._writes.pop(source, None) is not None:
            fresh += self._held
            self._held = {}
        if fresh:
            asyncio.get_running_loop().call_soon(self._offer_all, fresh)

    def _offer(self, position: int) -> None:
        node = self._nodes.get(position)
        if node is None or self._states[position] is not State.WAITING:
            self._nodes.pop(position, None)
            return
        if self._is_held(position, node):
            self._held[position] = None
            return
        del self._nodes[position]
        try:
            call = ToolCall(node.tool or "", render(node.tree, self._look_up))
        except PlanError:
            return  # the placeholder leads nowhere; the task will say so if its turn comes
        chance = UNCONDITIONAL_P
        for when, _ in node.conditions:
            chance *= when.p
        self._offered[position] = call
        suggest(self._session, call, chance)

    def withdraw_lost(self) -> None:
        """Whatever was offered for a task that will never run is aborted: a losing branch leaves nothing under way."""
        lost = [position for position in self._offered if self._states[position] is not State.WAITING]
        for position in lost:
            call = self._offered.pop(position)
            if self._states[position] in (State.SKIPPED, State.CANCELLED):
                withdraw(self._session, call)

    def _is_held(self, position: int, node: Node) -> bool:
        """Whether a write of this plan that must come first would only make the early result stale."""
        if len(self._writes) > MAX_WRITES_LOOKED_AT:
            return True
        claims = node.effect.possible
        return any(
            write < position and not self._states[write].is_final and claims.is_changed_by(other.effect.possible)
            for write, other in self._writes.items()
        )
