"""A session: one agent's conversation with its tools."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from speculate.calls import Outcome, ToolCall
from speculate.core import stimuli as s
from speculate.errors import RuntimeClosed, SpeculateError
from speculate.history import CallMade, History, ModelText, ResultSeen, UserText
from speculate.notices import CallStarted, SessionClosed, SessionOpened, TurnBegan, TurnEnded, UserSpoke
from speculate.runtime.calling import answer
from speculate.runtime.guessing import Guessing
from speculate.runtime.predicting import REDACTED
from speculate.runtime.tasks import TaskSet
from speculate.runtime.ticket import Ticket, within

if TYPE_CHECKING:
    from speculate.runtime.runtime import Runtime

T = TypeVar("T")

_log = logging.getLogger(__name__)

CallLike = ToolCall | tuple[str, Mapping[str, Any]]


class Session:
    """Calls go through here. Make one with `runtime.session()`, and use it as an async context manager.

    Within a session, calls that conflict run in the order they were issued; only calls that do not conflict
    overlap.
    """

    def __init__(self, runtime: Runtime, id: str, tenant: str | None) -> None:
        self.id = id
        self.tenant = tenant
        self.history = History(id, tenant)
        self.context = contextvars.copy_context()
        self.guessing = Guessing(runtime, self)
        self._runtime = runtime
        self._tasks = TaskSet()  # this session's own: the branches of a turn
        self._active: dict[int, Ticket] = {}  # real calls not yet answered, in issue order
        self._changing: dict[int, Ticket] = {}  # those of them that are no plain reads
        self._turn = -1
        self._turn_is_open = False
        self._thinks = False  # whether the application marks the model's turns
        self._turn_ended: TurnEnded | None = None  # held back until its text can no longer come
        self._idle_since = 0.0
        self._calls = 0
        self._closed = False

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def turn(self) -> int:
        """The number of the turn under way, from 0; -1 before the first."""
        return self._turn

    @property
    def runtime(self) -> Runtime:
        """The runtime this session belongs to."""
        return self._runtime

    # What the application tells

    def open(self) -> None:
        now = self._runtime.now()
        self._idle_since = now
        self._runtime.feed(s.SessionOpened(now, self.id))
        self._runtime.tell(SessionOpened(now, self.id, self.tenant))

    def saw_user(self, text: str) -> None:
        """The user typed this."""
        self.require_open()
        self._enter()
        now = self._runtime.now()
        self._idle_since = now
        self._runtime.feed(s.UserSpoke(now, self.id, text))
        self._runtime.tell(UserSpoke(now, self.id, text))
        self.guessing.add(UserText(text))

    def said(self, text: str) -> None:
        """The model said this in the turn that just ended. Predictors see it from now on."""
        self.require_open()
        if not text:
            return
        if self._turn_ended is not None:
            ended = self._turn_ended
            self._turn_ended = TurnEnded(ended.at, ended.session, ended.turn, ended.llm_s, text)
        self.guessing.add(ModelText(max(self._turn, 0), text))

    async def think(self, reply: Awaitable[T]) -> T:
        """Await the model's reply: speculation overlaps it. Returns the reply; raises what it raises."""
        self.require_open()
        self._enter()
        runtime = self._runtime
        began_at = runtime.now()
        self._thinks = True
        self._turn += 1
        self._turn_is_open = True
        self.guessing.new_turn()
        runtime.tell(TurnBegan(began_at, self.id, self._turn))
        value = await reply
        ended_at = runtime.now()
        self._turn_ended = TurnEnded(ended_at, self.id, self._turn, ended_at - began_at, None)
        return value

    def partial(self, index: int | str, tool: str | None = None, arguments: str = "") -> None:
        """A fragment of a streamed tool call: its `index` in the turn, its tool (once), a piece of its arguments.

        A read whose arguments object is closed is started at once: no guess, no waste. An open one narrows the
        prediction to what the model has already written.
        """
        self.require_open()
        self._enter()
        self.guessing.streamed(index, tool, arguments)

    # Calls

    async def call(self, tool: str, /, **arguments: Any) -> Any:
        """Make a real call: commit a speculation, join one, or run the tool. Raises what the tool raises."""
        outcome = await self.made(ToolCall(tool, arguments))
        return outcome.result()

    async def execute(self, call: ToolCall, run: Callable[[], Awaitable[Any]] | None = None) -> Outcome:
        """Make a real call. A tool's exception is in the outcome; cancellation is not held back.

        run: what to do instead of the registered tool when the call really runs (for adapters).
        Raises RuntimeClosed, or SpeculateError for a tool nobody registered.
        """
        return await answer(self._runtime, self, self._issue(call, run))

    def made(self, call: ToolCall) -> Coroutine[Any, Any, Outcome]:
        """As `execute`, for who awaits it at once: the call is issued before this returns. One coroutine less."""
        return answer(self._runtime, self, self._issue(call, None))

    async def call_all(self, calls: Iterable[CallLike]) -> list[Outcome]:
        """Make all calls of a turn. Those that do not conflict overlap; the rest keep the model's order.

        Outcomes in call order, a tool's exception in its outcome. If this is cancelled, all of them are.
        """
        wanted = [call if isinstance(call, ToolCall) else ToolCall(call[0], call[1]) for call in calls]
        for call in wanted:
            self._require_tool(call)
        if len(wanted) == 1:  # in the caller's own task, as without the runtime
            return [await answer(self._runtime, self, self._issue(wanted[0], None))]
        tickets: list[Ticket] = []
        try:
            for call in wanted:
                tickets.append(self._issue(call, None))  # noqa: PERF401  # those issued so far must be known
        except BaseException:  # none of them will run: none may stand before others
            for ticket in tickets:
                self.release(ticket)
            raise
        tasks = [self._branch(ticket) for ticket in tickets]
        try:
            return list(await asyncio.gather(*tasks))
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    def _branch(self, ticket: Ticket) -> asyncio.Task[Outcome]:
        """One call of a turn, in a task. One that is cancelled before its first step gives up its place too."""
        return self._tasks.start(
            answer(self._runtime, self, ticket),
            name=f"{ticket.call.tool} {ticket.id}",
            ended=partial(self.release, ticket),
        )

    def _issue(self, call: ToolCall, run: Callable[[], Awaitable[Any]] | None) -> Ticket:
        """Take the call's place in the order. Synchronous: the order of issue is the order of calling."""
        self.require_open()
        if run is None:
            self._require_tool(call)
        self.context = contextvars.copy_context()  # a launch carries a copy of it
        outer = within.get()
        if outer is None:
            raise SpeculateError(
                f"{call.tool} was called by a tool that runs as a guess: only real calls make real calls"
            )
        runtime = self._runtime
        now = runtime.now()
        self._begin_turn(now)
        number = runtime.next_number()
        self._calls += 1
        id = call.id or f"c{self._calls}"
        while self.guessing.knows(id):  # a provider that repeats ids must not confuse the history
            id = f"{id}-{self._calls}"
        spec = runtime.spec(call.tool)
        ticket = Ticket(number, id, self._turn, call, spec.resolve(call.arguments), now, run)
        # Reads never stand before reads: a wide turn of reads costs each of them nothing here.
        changes_something = ticket.changes_something
        before = self._active if changes_something else self._changing
        if before:
            others = [other for other in before.values() if other.number not in outer]
            ticket.blockers = tuple([other for other in others if ticket.conflicts_with(other)])
        self._active[number] = ticket
        if changes_something:
            self._changing[number] = ticket
        runtime.tickets[number] = ticket
        kept = ticket.kept_arguments()
        if spec.arguments and (sensitive := spec.sensitive_arguments()):
            kept = {name: REDACTED if name in sensitive else value for name, value in kept.items()}
        if runtime.observers.any:
            runtime.tell(CallStarted(now, self.id, id, self._turn, call.tool, kept))
        self.guessing.called(CallMade(id, self._turn, call.tool, kept))
        return ticket

    def _begin_turn(self, now: float) -> None:
        """Without `think`, calls made with no result in between are one turn; thinking is the time since then."""
        if not self._turn_is_open and not self._thinks:
            self._turn += 1
            self._turn_is_open = True
            if self._runtime.observers.any:
                self._runtime.tell(TurnBegan(self._idle_since, self.id, self._turn))
                self._turn_ended = TurnEnded(now, self.id, self._turn, now - self._idle_since, None)
        if self._turn < 0:
            self._turn = 0
        if self._turn_ended is not None:
            self._flush_turn()

    def _flush_turn(self) -> None:
        if self._turn_ended is not None:
            self._runtime.tell(self._turn_ended)
            self._turn_ended = None

    def answered(self, result: ResultSeen, now: float) -> None:
        """A real call was answered: the history moves on, and predictions follow."""
        if not self._thinks:
            self._turn_is_open = False
        self._idle_since = now
        self.guessing.answered(result)

    def release(self, ticket: Ticket) -> None:
        """The call no longer stands before others."""
        if self._active.pop(ticket.number, None) is not None:
            self._changing.pop(ticket.number, None)
            self._runtime.tickets.pop(ticket.number, None)
            ticket.release()

    def _enter(self) -> None:
        """Remember the caller's context: a launch carries a copy of it."""
        self.context = contextvars.copy_context()

    # The end

    async def close(self) -> list[str]:
        """Abort what runs, wait a bounded grace, and name what would not stop (law L8)."""
        if self._closed:
            return []
        self._closed = True
        runtime = self._runtime
        self._flush_turn()
        self.guessing.stop()
        runtime.feed(s.SessionClosed(runtime.now(), self.id))
        unstopped: list[str] = []
        try:
            unstopped = await runtime.launcher.settle(self.id, runtime.policy.grace_s, self.guessing.drafting)
        finally:  # closed all the same if whoever closes is cancelled
            runtime.sessions.pop(self.id, None)
            runtime.tell(SessionClosed(runtime.now(), self.id, tuple(unstopped)))
        if unstopped:
            _log.warning("session %s closed; these would not stop: %s", self.id, ", ".join(unstopped))
        return unstopped

    def require_open(self) -> None:
        """Raises RuntimeClosed if this session was closed."""
        if self._closed:
            raise RuntimeClosed(f"session {self.id!r} was closed; open a new one")

    def _require_tool(self, call: ToolCall) -> None:
        if call.tool not in self._runtime.tools:
            known = ", ".join(sorted(self._runtime.tools)) or "none"
            raise SpeculateError(f"no tool is registered under the name {call.tool!r}; registered: {known}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<Session {self.id!r} {state}: turn {self._turn}, {len(self._active)} calls under way>"
