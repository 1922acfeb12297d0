"""One real call on its way through the shell."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future as ThreadFuture
from contextvars import ContextVar
from typing import Any

from speculate.calls import ToolCall
from speculate.core.commands import Command
from speculate.history import take_snapshot
from speculate.runtime.tools import own
from speculate.spec import ResolvedCall

SHORT = 1_000  # characters of a call's key
_FLAT = frozenset({str, int, float, bool, type(None)})

# The real calls within which this code runs, outermost first; None within a guess. A call made by a tool, or by
# whoever confirms, does not wait for the very call it is part of.
within: ContextVar[tuple[int, ...] | None] = ContextVar("speculate_within", default=())


class Ticket:
    """A real call from when it is issued until it is answered: its place in the order, and the brain's word."""

    __slots__ = (
        "_arguments",
        "_arrived",
        "_commands",
        "_done",
        "_is_flat",
        "blockers",
        "call",
        "id",
        "issued_at",
        "number",
        "override",
        "ran_s",
        "resolved",
        "reused",
        "thread",
        "turn",
    )

    def __init__(
        self,
        number: int,
        id: str,
        turn: int,
        call: ToolCall,
        resolved: ResolvedCall,
        issued_at: float,
        override: Callable[[], Awaitable[Any]] | None,
    ) -> None:
        self.number, self.id, self.turn = number, id, turn
        self.call, self.resolved, self.issued_at, self.override = call, resolved, issued_at, override
        self._is_flat = _FLAT.issuperset(map(type, call.arguments.values()))  # then a copy of it is one of all
        self._arguments = self._copied(call.arguments)
        self.blockers: tuple[Ticket, ...] = ()
        self.reused: Any = None  # the outcome of the write that it repeats
        self.thread: ThreadFuture[Any] | None = None  # in which a sync tool runs for it
        self.ran_s = 0.0  # how long the tool ran for it
        self._commands: list[Command] = []  # in the brain's order; one may come before the last was read
        self._arrived: asyncio.Future[None] | None = None
        self._done: asyncio.Future[None] | bool | None = None

    @property
    def changes_something(self) -> bool:
        """Whether anything may have to wait for it: all but a plain read."""
        return bool(self.resolved.claims.writes) or self.resolved.dedup_key is not None

    def _copied(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if not self._is_flat and type(arguments) is dict and self.resolved.key is not None:
            copied: dict[str, Any] = own(arguments)
            return copied
        return dict(arguments)

    def kept_arguments(self) -> dict[str, Any]:
        """The arguments as history and observers see them: a bounded copy."""
        key = self.resolved.key
        if self._is_flat and key is not None and len(key) <= SHORT and not self.resolved.spec.arguments:
            return dict(self._arguments)  # all of them are in the key, which bounds them
        kept: dict[str, Any] | None = take_snapshot(self._arguments)[0]
        return kept or {}

    def own_arguments(self) -> dict[str, Any]:
        """The arguments as they were when the call was issued, which is what was judged and confirmed."""
        return self._copied(self._arguments)

    def conflicts_with(self, other: Ticket) -> bool:
        """Whether the two may not overlap: one changes what the other uses, or they are repeats of one write."""
        mine, theirs = self.resolved, other.resolved
        if mine.dedup_key is not None and mine.dedup_key == theirs.dedup_key:
            return True
        if not mine.claims.writes and not theirs.claims.writes:
            return False
        return mine.claims.conflicts_with(theirs.claims)

    def put(self, command: Command) -> None:
        """The brain's word for this call."""
        self._commands.append(command)
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    def take(self) -> Command | None:
        return self._commands.pop(0) if self._commands else None

    def arrival(self) -> asyncio.Future[None]:
        """Done as soon as there is a word; ask again for the next."""
        if self._arrived is None or self._arrived.done():
            self._arrived = asyncio.get_running_loop().create_future()
            if self._commands:
                self._arrived.set_result(None)
        return self._arrived

    async def next(self) -> Command:
        """The brain's next word."""
        while (command := self.take()) is None:
            await self.arrival()
        return command

    def release(self) -> None:
        """The call is answered: what had to wait for it may go on."""
        if isinstance(self._done, asyncio.Future):
            if not self._done.done():
                self._done.set_result(None)
        else:
            self._done = True

    async def released(self) -> None:
        if self._done is True:
            return
        if self._done is None:
            self._done = asyncio.get_running_loop().create_future()
        if isinstance(self._done, asyncio.Future):
            await asyncio.shield(self._done)  # several calls may wait for this one; one may be cancelled
