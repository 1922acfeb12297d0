"""Launches, from the gate to the one way out of the table.

What is decided and what is ordered change together: between an entry of the table and its command stands nothing
that could fail, so that `retreat` can tell from the two what the shell has been told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speculate.core import commands as c
from speculate.core import stimuli as s
from speculate.core.admission import Admit, Load, Reason, admit
from speculate.core.benefit import Shadow
from speculate.core.books import Books
from speculate.core.machine import Speculation, State, Trigger
from speculate.core.state import SessionState
from speculate.errors import InternalError
from speculate.notices import LaunchDenied, Launched
from speculate.resources import Claims

if TYPE_CHECKING:
    from speculate.core.real_calls import RealCalls


class Launches:
    """Every launch of one runtime."""

    __slots__ = ("_books", "_next_id", "_real_calls", "_table")

    def __init__(self, books: Books) -> None:
        self._books, self._table = books, books.table
        self._real_calls: RealCalls
        self._next_id = 0

    def know(self, real_calls: RealCalls) -> None:
        """The other room: a launch that is no use makes the call that waits for it run."""
        self._real_calls = real_calls

    # Predictions and admission

    def predicted(self, stimulus: s.Predicted) -> None:
        books, at = self._books, stimulus.at
        session = books.sessions.get(stimulus.session)
        if session is None or session.closed or not books.is_on:
            return  # it closed while a draft was on its way
        self.expire(at)
        if session.predicted_at is None:
            session.predicted_at = at

        def load(candidate: s.Candidate) -> Load | None:
            return self._load(stimulus.session, session, at, candidate)

        for candidate in stimulus.candidates:
            verdict = admit(candidate, books.policy, session.disclosure, load)
            if isinstance(verdict, Admit):
                self._launch(candidate, verdict.value_s, stimulus, session)
                continue
            books.out.append(LaunchDenied(at, stimulus.session, candidate.call.tool, verdict.reason.value))
            if verdict.reason is Reason.SHADOW:
                self._book_shadow(candidate, stimulus)

    def _load(self, session_id: str, session: SessionState, at: float, candidate: s.Candidate) -> Load | None:
        books, call = self._books, candidate.call
        if self._table.match(session_id, call.key) is not None:
            return None
        tool = books.tool(call.tool)
        return Load(
            conflict=any(call.claims.is_changed_by(write) for write in books.writes.values()),
            hidden_s=books.latencies.hidden_s(call.tool),
            shadow=books.policy.self_check and books.benefit.is_shadow(call.tool),
            closed=books.limits.is_closed(call.tool, at),
            in_flight=self._table.in_flight,
            session_in_flight=session.in_flight,
            tool_in_flight=tool.launches - tool.joined,
            tool_real=tool.real + tool.joined,
            launches_last_minute=books.limits.launches_last_minute(at),
            outstanding_cost=self._table.ledger.outstanding_cost,
        )

    def _launch(self, candidate: s.Candidate, value_s: float, stimulus: s.Predicted, session: SessionState) -> None:
        books, call, at = self._books, candidate.call, stimulus.at
        if call.key is None or not call.speculable:  # L1, L2 once more, where it counts
            raise InternalError(f"{call.tool} may not be launched: {call.why_not}")
        self._next_id += 1
        id = self._next_id
        speculation = Speculation(
            id=id,
            session=stimulus.session,
            call=call,
            p_use=candidate.p_use,
            source=candidate.source,
            depth=candidate.depth,
            value_s=value_s,
            context=stimulus.context,
            launched_at=at,
        )
        tool = books.tool(call.tool)
        books.limits.launched(at)
        self._table.enter(speculation)
        session.in_flight += 1
        tool.launches += 1
        books.out.append(c.Launch(id, stimulus.session, call, candidate.depth, candidate.p_use, stimulus.origin))
        books.out.append(Launched(at, stimulus.session, id, call.tool, candidate.source, candidate.p_use))

    def _book_shadow(self, candidate: s.Candidate, stimulus: s.Predicted) -> None:
        call, at = candidate.call, stimulus.at
        self._books.benefit.book_shadow(
            Shadow(
                session=stimulus.session,
                key=call.key or "",
                tool=call.tool,
                claims=call.claims,
                cost=call.spec.cost,
                hidden_s=self._books.latencies.hidden_s(call.tool),
                booked_at=at,
                expires_at=at + call.spec.ttl_s,
                context=stimulus.context,
            )
        )

    def withdrawn(self, stimulus: s.Withdrawn) -> None:
        found = self._table.match(stimulus.session, stimulus.key)
        if found is not None and found.source == stimulus.source:  # another source's guess stays
            self.squash(found, stimulus.at, "withdrawn")

    # What becomes of them

    def finished(self, stimulus: s.LaunchFinished) -> None:
        books, at = self._books, stimulus.at
        speculation = self._ended(stimulus.id)
        if speculation is None:  # abandoned long ago: what it returned, or staged, still goes
            books.out.append(c.Discard(stimulus.id))
            return
        speculation.finished_at = at
        if books.is_on:
            self.expire(at)
        if speculation.state is not State.SQUASHED:
            books.latencies.observe(speculation.call.tool, at - speculation.launched_at)
            books.limits.succeeded(speculation.call.tool)
        match speculation.state:
            case State.SQUASHED:
                speculation.fire(Trigger.FINISH, at)
                self._waste(speculation, at, speculation.reason, c.Discard(speculation.id))
            case State.JOINED if speculation.has_expired(at):
                self._release_joined(speculation, at)
                speculation.fire(Trigger.FAIL, at)
                self._waste(speculation, at, "expired", c.Discard(speculation.id))
            case State.JOINED:
                real = books.calls[speculation.number or 0]
                self._leave_joined(speculation)
                self._real_calls.serve(speculation, real, at, joined=True)
            case _:
                speculation.fire(Trigger.FINISH, at)
                # Reckoned as the store does, which would drop it without a word.
                if at >= speculation.launched_at + speculation.call.spec.ttl_s:
                    self.squash(speculation, at, "expired")
                    return
                for evicted in self._table.keep(speculation, at):
                    self.squash(evicted, at, "evicted")

    def failed(self, stimulus: s.LaunchFailed) -> None:
        at = stimulus.at
        speculation = self._ended(stimulus.id)
        if speculation is None:
            return
        speculation.finished_at = at
        reason = speculation.reason or stimulus.reason
        raised = stimulus.reason == "raised" and speculation.state is not State.SQUASHED
        if speculation.state is State.JOINED:
            self._release_joined(speculation, at)
        speculation.fire(Trigger.FAIL, at)
        self._waste(speculation, at, reason)
        if raised:
            self._books.failed(speculation.call.tool, stimulus.throttled_s)

    def overdue(self, stimulus: s.LaunchOverdue) -> None:
        speculation = self._table.entries.get(stimulus.id)
        if speculation is not None and speculation.state in (State.RUNNING, State.JOINED):
            self.squash(speculation, stimulus.at, "timeout")
            self._books.failed(speculation.call.tool, None)

    def _ended(self, id: int) -> Speculation | None:
        """A launch's task ended: its slot is free. None if it had been abandoned long ago."""
        speculation = self._table.entries.get(id)
        if speculation is None:
            speculation = self._table.forget_abandoned(id)
            if speculation is None:
                raise InternalError(f"launch {id} ended twice")
            self._free_slot(speculation)
            return None
        self._free_slot(speculation)
        return speculation

    def _free_slot(self, speculation: Speculation) -> None:
        books = self._books
        tool = books.tool(speculation.call.tool)
        self._table.in_flight -= 1
        tool.launches -= 1
        session = books.sessions.get(speculation.session)
        if session is not None:
            session.in_flight -= 1

    def _release_joined(self, speculation: Speculation, at: float) -> None:
        """The launch that a real call waited for is no use: the call runs at once (laws L5, L6)."""
        self._leave_joined(speculation)
        number, speculation.number = speculation.number, None
        self._real_calls.left_by_its_launch(number, at)

    def _leave_joined(self, speculation: Speculation) -> None:
        if not speculation.beside:
            self._books.tool(speculation.call.tool).joined -= 1

    def abandoned(self, stimulus: s.Abandoned) -> None:
        speculation = self._table.entries.get(stimulus.id)
        if speculation is None or speculation.state is not State.SQUASHED:
            return
        speculation.fire(Trigger.ABANDON, stimulus.at)
        self._waste(speculation, stimulus.at, "abandoned")

    # The way out of the table

    def squash(self, speculation: Speculation, at: float, reason: str) -> None:
        """It is wrong or stale. A ready one retires now; a running one when its task has ended."""
        match speculation.state:
            case State.READY:
                speculation.fire(Trigger.SQUASH, at)
                self._waste(speculation, at, reason, c.Discard(speculation.id))
            case State.RUNNING | State.JOINED:
                joined = speculation.state is State.JOINED
                speculation.reason = reason
                speculation.fire(Trigger.SQUASH, at)
                self._books.out.append(c.Abort(speculation.id))
                self._table.take_out(speculation)
                if joined:
                    self._release_joined(speculation, at)
            case _:  # squashed already, or applied for a real call: past deciding
                pass

    def commit(self, speculation: Speculation, at: float, reason: str, delivery: c.Deliver | None = None) -> None:
        """It served a real call. One ledger record, exactly once (law L4), and what it did for the tool's balance."""
        books = self._books
        record = self._table.retire(speculation, at, "committed", reason)
        books.out.append(record)
        if delivery is not None:
            books.out.append(delivery)
        if books.is_on and books.benefit.commit(record.tool, record.hidden_s):
            books.mode_changed(record.tool)

    def refused(self, speculation: Speculation, at: float, reason: str) -> None:
        """What was staged could not be applied."""
        speculation.fire(Trigger.REFUSE, at)
        self._waste(speculation, at, reason)

    def _waste(self, speculation: Speculation, at: float, reason: str, discard: c.Discard | None = None) -> None:
        books = self._books
        record = self._table.retire(speculation, at, "wasted", reason)
        books.out.append(record)
        if discard is not None:
            books.out.append(discard)
        if books.is_on and books.benefit.waste(record.tool, record.cost):
            books.mode_changed(record.tool)

    def expire(self, at: float) -> None:
        """Ready results that have grown too old go (law L3)."""
        for speculation in self._table.expired(at):
            self.squash(speculation, at, "expired")

    def changed_by(self, write: Claims, at: float, *, but: int | None) -> None:
        """A write began or ended: whatever rests on what it changes is stale (law L3), shadow launches too."""
        for speculation in self._table.changed_by(write):
            if speculation.id != but:
                self.squash(speculation, at, "conflict")
        for tool in self._books.benefit.written(write):
            self._books.mode_changed(tool)

    def preempt(self, tool: str, at: float) -> None:
        """A real call needs the capacity: the cheapest guess at this tool is aborted. Nobody waits for that."""
        cheapest = self._table.cheapest_running(tool)
        if cheapest is not None:
            self.squash(cheapest, at, "preempted")
