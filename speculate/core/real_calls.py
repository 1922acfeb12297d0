"""Real calls: the write gate, the match with a launch, the tool's own limit, and their end.

As in `launches`: a call's phase and the command that tells the shell change together.
"""

from __future__ import annotations

from typing import Any

from speculate.core import commands as c
from speculate.core import stimuli as s
from speculate.core.books import Books
from speculate.core.launches import Launches
from speculate.core.machine import Speculation, State, Trigger
from speculate.core.state import Phase, RealCall
from speculate.errors import InternalError
from speculate.spec import Effect

SLACK = 1.001  # a launch that takes exactly as long as the tail still answers
TAIL = 0.95  # the quantile past which a joined launch has taken longer than the call itself would have


class RealCalls:
    """Every real call of one runtime that is not answered yet."""

    __slots__ = ("_books", "_launches", "_table")

    def __init__(self, books: Books, launches: Launches) -> None:
        self._books, self._table = books, books.table
        self._launches = launches

    def called(self, stimulus: s.Called) -> None:
        books, at, call = self._books, stimulus.at, stimulus.call
        session = books.sessions[stimulus.session]
        real = RealCall(stimulus.number, stimulus.session, call, session, books.tool(call.tool))
        books.calls[stimulus.number] = real
        session.calls += 1
        if books.is_on:
            self._launches.expire(at)
            if session.predicted_at is not None:
                books.latencies.lead.add(at - session.predicted_at)
                session.predicted_at = None
            if call.key is not None and books.benefit.called(stimulus.session, call.key, at, stimulus.context):
                books.mode_changed(call.tool)
        if (call.dedup_key is None and not call.spec.confirm) or self.pass_gate(real):
            # 3. Served by a speculation, ready or running; else it runs.
            self._match(real, at, stimulus.context)

    def pass_gate(self, real: RealCall) -> bool:
        """The write gate. False: the call is answered, or waits for an answer."""
        books, call = self._books, real.call
        # 1. A repeat of a write that succeeded is answered by its first outcome.
        if call.dedup_key is not None:
            first = books.outcomes.first(real.owner, call.dedup_key)
            if first is not None:
                books.out.append(c.Reuse(real.number, first.number))
                self._finish(real)
                return False
        # 2. A write that wants the application's word.
        if call.spec.confirm and call.effect is not Effect.READ:
            real.phase = Phase.CONFIRMING
            books.out.append(c.Confirm(real.number))
            return False
        return True

    def _match(self, real: RealCall, at: float, context: Any) -> None:
        call = real.call
        if call.spec.egress == "external":
            self._disclose(real)
        found = self._table.match(real.session, call.key)
        if found is None:
            self._run(real, at)
        elif found.context != context:
            self._launches.squash(found, at, "context")
            self._run(real, at)
        elif call.effect is Effect.ABORTABLE and not call.says_the_same_as(found.call):
            self._launches.squash(found, at, "arguments")  # law L1: what is applied is the model's own words
            self._run(real, at)
        elif found.state is State.READY:
            self.serve(found, real, at, joined=False)
        else:
            self._join(real, found, at)

    def _join(self, real: RealCall, found: Speculation, at: float) -> None:
        overdue_at = self._overdue_at(found, at)
        found.fire(Trigger.CALL, at)
        found.number, found.joined_at = real.number, at
        real.phase, real.speculation = Phase.JOINED, found.id
        self._books.out.append(c.Join(real.number, found.id, overdue_at))
        real.load.joined += 1
        self._table.join(found)

    def _disclose(self, real: RealCall) -> None:
        """Its arguments go to its tool now; those of a call that was refused never did."""
        if real.call.spec.egress == "external" and self._books.is_on:
            real.owner.disclosure.sent(real.call.tool, real.call.arguments)

    def _overdue_at(self, speculation: Speculation, at: float) -> float:
        """When the joined launch has taken longer than the call itself would have (law L5).

        Nothing known of the tool's tail: at once. Waiting on a guess would rest on nothing.
        """
        tail_s = self._books.latencies.quantile(speculation.call.tool, TAIL)
        if tail_s is None:
            return at
        expires_at = speculation.launched_at + speculation.call.spec.ttl_s
        return max(at, min(speculation.launched_at + tail_s * SLACK, expires_at))

    def serve(self, speculation: Speculation, real: RealCall, at: float, *, joined: bool) -> None:
        """Hand the finished result to the real call: at once for a read, by its commit step for an abortable."""
        ran_s, hidden_s = speculation.times(at)
        if speculation.call.effect is Effect.ABORTABLE:
            real.speculation = speculation.id
            self._claim_slot(real)
            if real.call.claims.writes:
                self._begin_write(real, at)
            speculation.fire(Trigger.APPLY, at)
            speculation.number = real.number
            real.phase = Phase.APPLYING
            self._books.out.append(c.Apply(real.number, speculation.id, joined, ran_s, hidden_s))
            self._table.take_out(speculation)
            return
        speculation.fire(Trigger.COMMIT, at)
        delivery = c.Deliver(real.number, speculation.id, joined, ran_s, hidden_s)
        self._launches.commit(speculation, at, "joined" if joined else "ready", delivery)
        if real.phase is Phase.BESIDE:  # its own run is cancelled by the shell, and reports its end
            real.phase, real.speculation = Phase.RUNNING, None
        else:
            self._finish(real)

    def _run(self, real: RealCall, at: float) -> None:
        """Run the tool for this call, unless its own limit of real calls is reached (then as soon as it is not)."""
        tool, limit = real.load, real.call.spec.real_max_concurrency
        if limit is not None and tool.real + tool.joined >= limit:
            real.phase = Phase.QUEUED
            tool.queue.append(real.number)
            return
        tool.real += 1
        real.claims_slot = True
        if limit is not None and tool.real + tool.launches > limit:
            self._launches.preempt(real.call.tool, at)
        self._order_run(real, at)

    def _order_run(self, real: RealCall, at: float) -> None:
        if real.call.claims.writes:
            self._begin_write(real, at)
        real.phase = Phase.RUNNING
        self._books.out.append(c.Run(real.number))

    def _claim_slot(self, real: RealCall) -> None:
        real.load.real += 1
        real.claims_slot = True

    def _begin_write(self, real: RealCall, at: float) -> None:
        self._books.writes[real.number] = real.call.claims
        self._written(real, at)

    def _end_write(self, real: RealCall, at: float) -> None:
        if self._books.writes.pop(real.number, None) is not None:
            self._written(real, at)

    def _written(self, real: RealCall, at: float) -> None:
        """A write began or ended: what rests on what it changes is stale, launches and outcomes alike."""
        books = self._books
        if books.is_on:
            self._launches.changed_by(real.call.claims, at, but=real.speculation)
        books.forget_outcomes(books.outcomes.undone_by(real.call.claims, but=real.number))

    def confirmed(self, stimulus: s.Confirmed) -> None:
        real = self._books.calls[stimulus.number]
        if stimulus.granted:
            self._disclose(real)
            self._run(real, stimulus.at)
        else:
            self._books.out.append(c.Refuse(stimulus.number))
            self._finish(real)

    def join_overdue(self, stimulus: s.JoinOverdue) -> None:
        real = self._books.calls.get(stimulus.number)
        if real is None or real.phase is not Phase.JOINED or real.speculation is None:
            return
        speculation = self._table.entries[real.speculation]
        if speculation.call.effect is Effect.ABORTABLE:  # never twice: the real call starts afresh
            self._launches.squash(speculation, stimulus.at, "overtaken")
            return
        tool = real.load
        speculation.beside = True
        real.phase = Phase.BESIDE
        self._books.out.append(c.RunBeside(real.number))
        tool.joined -= 1  # one real call counts once: from here on by its own run
        tool.real += 1
        real.claims_slot = True

    def cancelled(self, stimulus: s.CallCancelled) -> None:
        real = self._books.calls.get(stimulus.number)
        if real is None or real.phase in (Phase.RUNNING, Phase.APPLYING):
            return  # what runs reports its own end; until then its effects stay in conflict
        if real.phase is Phase.QUEUED:
            real.load.queue.remove(real.number)
        elif real.speculation is not None and real.phase in (Phase.JOINED, Phase.BESIDE):
            self._leave_launch(real, stimulus.at, "cancelled")
        if real.phase is not Phase.BESIDE:  # beside: its own run reports its end
            self._finish(real)

    def ended(self, stimulus: s.CallEnded) -> None:
        books = self._books
        real = books.calls.get(stimulus.number)
        if real is None:
            raise InternalError(f"call {stimulus.number} ended, but is not known to run")
        at, tool = stimulus.at, real.call.tool
        if stimulus.ok is not None and real.speculation is not None:  # it ran beside a launch, and was first
            self._leave_launch(real, at, "overtaken")
        if stimulus.ok:
            if real.call.dedup_key is not None:
                self._keep_outcome(real)
            if books.is_on:
                books.latencies.observe(tool, stimulus.seconds)
                books.limits.succeeded(tool)
        elif stimulus.throttled_s is not None and books.is_on:
            books.failed(tool, stimulus.throttled_s)
        if books.writes:
            self._end_write(real, at)
        self._finish(real)

    def _leave_launch(self, real: RealCall, at: float, reason: str) -> None:
        """The call does not wait for its launch any more, which is no use then."""
        speculation = self._table.entries[real.speculation or 0]
        speculation.number = real.speculation = None
        self._launches.squash(speculation, at, reason)

    def left_by_its_launch(self, number: int | None, at: float) -> None:
        """The launch it joined is no use. A call that has gone meanwhile is None."""
        real = self._books.calls.get(number or 0)
        if real is None:
            return
        real.speculation = None
        if real.phase is Phase.JOINED:
            self._run(real, at)
        else:  # it runs beside already
            real.phase = Phase.RUNNING

    def _keep_outcome(self, real: RealCall) -> None:
        """What succeeded answers its repeats."""
        if real.call.dedup_key is not None:
            self._books.forget_outcomes(self._books.outcomes.keep(real, real.call.dedup_key))

    def _finish(self, real: RealCall) -> None:
        books = self._books
        if books.calls.pop(real.number, None) is not None:
            session = real.owner
            session.calls -= 1
            if session.closed:
                books.close_if_over(real.session, session)
        if real.claims_slot:
            real.claims_slot = False
            real.load.real -= 1
        if real.load.queue:
            self.run_next(real.call.tool)

    def run_next(self, name: str) -> None:
        """Run those that waited for the tool's own limit, as far as it allows."""
        tool = self._books.tool(name)
        while tool.queue:
            waiting = self._books.calls[tool.queue[0]]
            limit = waiting.call.spec.real_max_concurrency
            if limit is not None and tool.real + tool.joined >= limit:
                return
            tool.queue.popleft()
            self._claim_slot(waiting)
            self._order_run(waiting, self._books.now)

    # An abortable's commit step

    def applied(self, stimulus: s.Applied) -> None:
        speculation = self._table.entries[stimulus.id]
        real = self._books.calls[speculation.number or 0]
        if stimulus.ok:
            self._keep_outcome(real)
        speculation.fire(Trigger.APPLIED, stimulus.at)
        reason = "joined" if speculation.joined_at is not None else "ready"
        self._launches.commit(speculation, stimulus.at, reason)
        self._end_write(real, stimulus.at)
        self._finish(real)

    def apply_refused(self, stimulus: s.ApplyRefused) -> None:
        """What was staged is out of date and was not applied: the real call runs from the start."""
        books = self._books
        speculation = self._table.entries[stimulus.id]
        real = books.calls[speculation.number or 0]
        self._launches.refused(speculation, stimulus.at, stimulus.reason)
        real.speculation, real.phase = None, Phase.ASKED
        books.writes.pop(real.number, None)
        if real.claims_slot:
            real.claims_slot = False
            real.load.real -= 1
        self._run(real, stimulus.at)
