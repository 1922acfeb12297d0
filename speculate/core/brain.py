"""The brain: stimuli in, commands out. No asyncio, no clock, no randomness, no I/O.

Everything that decides about a speculation lives in this package, and the laws are kept here:

L1  Every write that runs belongs to exactly one real call. `Run`, `RunBeside` and `Apply` are ordered only for a
    call that was `Called`; `Launch` only for what its manifest entry permits.
L2  A launch needs an entry that permits it at the moment of launch (`admission.admit`, first block).
L3  A result is delivered at most once, to a call with the identical key, in its session, at most ttl_s after its
    launch began, and only if no conflicting write, by any session, began, ran or ended since (`_invalidate` at
    begin and end; `_load` refuses to launch while one runs).
L4  Every launch retires exactly once: launched = committed + wasted (`_retire` is the one way out of the table).
L5  A real call waits for nothing speculative but the launch it joined, and past the tool's p95 it runs beside it.
L6  A launch that raised is never delivered (`LaunchFailed` → the real call runs).
L7  What is delivered belongs to the caller alone: the shell's part (one `Deliver` per launch is ours).
L8  Closing a session squashes what it has; what does not stop is abandoned, its slot still taken.
L9  Predictors, observers and drafters are the shell's to contain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from speculate.core import commands as c
from speculate.core import stimuli as s
from speculate.core.admission import Admit, Load, Reason, admit
from speculate.core.benefit import Benefit
from speculate.core.latency import Latencies
from speculate.core.ledger import Ledger
from speculate.core.limits import Limits
from speculate.core.machine import Speculation, State, Trigger
from speculate.core.policy import Policy
from speculate.core.state import Phase, RealCall, SessionState, ToolLoad
from speculate.core.table import SpeculationTable
from speculate.errors import InternalError
from speculate.notices import Fault, LaunchDenied, Launched
from speculate.resources import Claims
from speculate.spec import Effect

SLACK = 1.001  # a launch that takes exactly as long as the tail still answers
TAIL = 0.95  # the quantile past which a joined launch has taken longer than the call itself would have


class Brain:
    """The state of every speculation and every real call of one runtime. See the module's header for the laws."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.latencies = Latencies(policy.prior_tool_s, policy.prior_lead_s)
        self._table = SpeculationTable(policy.store_size)
        self._sessions: dict[str, SessionState] = {}
        self._calls: dict[int, RealCall] = {}
        self._writes: dict[int, Claims] = {}  # real calls that write and run
        self._tools: dict[str, ToolLoad] = {}
        self._benefit = Benefit(policy.wasted_cost_s)
        self._limits = Limits(policy)
        self._next_id = 0
        self._now = 0.0
        self._out: list[c.Command] = []
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            s.SessionOpened: self._session_opened,
            s.SessionClosed: self._session_closed,
            s.UserSpoke: self._user_spoke,
            s.Predicted: self._predicted,
            s.Withdrawn: self._withdrawn,
            s.Called: self._called,
            s.Confirmed: self._confirmed,
            s.JoinOverdue: self._join_overdue,
            s.CallCancelled: self._call_cancelled,
            s.CallEnded: self._call_ended,
            s.UntrustedSeen: self._untrusted_seen,
            s.LaunchFinished: self._launch_finished,
            s.LaunchFailed: self._launch_failed,
            s.LaunchOverdue: self._launch_overdue,
            s.Applied: self._applied,
            s.ApplyRefused: self._apply_refused,
            s.Abandoned: self._abandon,
        }

    def handle(self, stimulus: s.Stimulus) -> list[c.Command]:
        """One stimulus in, the commands it leads to out, to be carried out in order."""
        out: list[c.Command] = []
        self._out = out
        self._now = stimulus.at
        self._handlers[type(stimulus)](stimulus)
        return out

    # Sessions

    def _session_opened(self, stimulus: s.SessionOpened) -> None:
        before = self._sessions.get(stimulus.session)
        if before is not None and not before.closed:
            raise InternalError(f"session {stimulus.session!r} is open already")
        self._sessions[stimulus.session] = SessionState(in_flight=self._table.in_flight_of(stimulus.session))

    def _session_closed(self, stimulus: s.SessionClosed) -> None:
        for speculation in self._table.of_session(stimulus.session):
            reason = "unused" if speculation.state is State.READY else "closed"
            self._squash(speculation, stimulus.at, reason)
        for tool in self._benefit.close(stimulus.session):
            self._mode_changed(tool, stimulus.at)
        session = self._sessions[stimulus.session]
        session.closed = True
        if not session.calls:
            del self._sessions[stimulus.session]

    def _user_spoke(self, stimulus: s.UserSpoke) -> None:
        self._sessions[stimulus.session].disclosure.user_typed(stimulus.text)

    def _untrusted_seen(self, stimulus: s.UntrustedSeen) -> None:
        session = self._sessions.get(stimulus.session)
        if session is not None:
            session.disclosure.untrusted_seen(stimulus.text)

    # Predictions and admission

    def _predicted(self, stimulus: s.Predicted) -> None:
        session = self._sessions.get(stimulus.session)
        if session is None or session.closed:
            return  # it closed while a draft was on its way
        at = stimulus.at
        self._expire(at)
        if session.predicted_at is None:
            session.predicted_at = at
        load = partial(self._load, stimulus.session, session, at)
        for candidate in stimulus.candidates:
            verdict = admit(candidate, self.policy, session.disclosure, load)
            call = candidate.call
            if isinstance(verdict, Admit):
                self._launch(candidate, verdict.value_s, stimulus, session)
                continue
            self._out.append(LaunchDenied(at, stimulus.session, call.tool, verdict.reason.value))
            if verdict.reason is Reason.SHADOW and call.key is not None:
                self._benefit.book_shadow(
                    stimulus.session,
                    call.key,
                    call.tool,
                    at,
                    at + call.spec.ttl_s,
                    self.latencies.hidden_s(call.tool),
                    call.spec.cost,
                )

    def _load(self, session_id: str, session: SessionState, at: float, candidate: s.Candidate) -> Load | None:
        call = candidate.call
        if self._table.match(session_id, call.key) is not None:
            return None
        tool = self._tool(call.tool)
        return Load(
            conflict=any(call.claims.is_changed_by(write) for write in self._writes.values()),
            hidden_s=self.latencies.hidden_s(call.tool),
            shadow=self.policy.self_check and self._benefit.is_shadow(call.tool),
            closed=self._limits.is_closed(call.tool, at),
            in_flight=self._table.in_flight,
            session_in_flight=session.in_flight,
            tool_in_flight=tool.launches - tool.joined,
            tool_real=tool.real + tool.joined,
            launches_last_minute=self._limits.launches_last_minute(at),
            outstanding_cost=self.ledger.outstanding_cost,
        )

    def _launch(self, candidate: s.Candidate, value_s: float, stimulus: s.Predicted, session: SessionState) -> None:
        call, at = candidate.call, stimulus.at
        if call.key is None or not call.speculable:  # L1, L2 once more, where it counts
            raise InternalError(f"{call.tool} may not be launched: {call.why_not}")
        self._next_id += 1
        speculation = Speculation(
            id=self._next_id,
            session=stimulus.session,
            call=call,
            p_use=candidate.p_use,
            source=candidate.source,
            depth=candidate.depth,
            value_s=value_s,
            context=stimulus.context,
            launched_at=at,
            story=[f"{at:.6f} launch: {call.tool}"],
        )
        self._table.enter(speculation)
        session.in_flight += 1
        self._tool(call.tool).launches += 1
        self._limits.launched(at)
        self._out.append(c.Launch(speculation.id, speculation.session, call, candidate.depth, candidate.p_use))
        self._out.append(
            Launched(at, speculation.session, speculation.id, call.tool, candidate.source, candidate.p_use)
        )

    def _withdrawn(self, stimulus: s.Withdrawn) -> None:
        found = self._table.match(stimulus.session, stimulus.key)
        if found is not None and found.source == stimulus.source:  # another source's guess stays
            self._squash(found, stimulus.at, "withdrawn")

    # Real calls

    def _called(self, stimulus: s.Called) -> None:
        at, call = stimulus.at, stimulus.call
        session = self._sessions[stimulus.session]
        self._expire(at)
        if session.predicted_at is not None:
            self.latencies.lead.add(at - session.predicted_at)
            session.predicted_at = None
        if call.key is not None and self._benefit.called(stimulus.session, call.key, at):
            self._mode_changed(call.tool, at)
        real = RealCall(stimulus.number, stimulus.session, call, owner=session)
        # 1. The write gate: a repeat of a write that succeeded is answered by its first outcome.
        if call.dedup_key is not None:
            first = session.outcomes.get(call.dedup_key)
            if first is not None:
                self._out.append(c.Reuse(stimulus.number, first.number))
                return
        self._calls[stimulus.number] = real
        session.calls += 1
        # 2. A write that wants the application's word.
        if call.spec.confirm and call.effect is not Effect.READ:
            real.phase = Phase.CONFIRMING
            self._out.append(c.Confirm(stimulus.number))
            return
        # 3. Served by a speculation, ready or running; else it runs.
        self._match(real, at, stimulus.context)

    def _match(self, real: RealCall, at: float, context: Any) -> None:
        call = real.call
        self._disclose(real)
        found = self._table.match(real.session, call.key)
        if found is None:
            self._run(real, at)
            return
        if found.context != context:
            self._squash(found, at, "context")
            self._run(real, at)
        elif call.effect is Effect.ABORTABLE and not call.says_the_same_as(found.call):
            self._squash(found, at, "arguments")  # law L1: what is applied is the model's own words
            self._run(real, at)
        elif found.state is State.READY:
            self._serve(found, real, at, joined=False)
        else:
            found.fire(Trigger.CALL, at)
            found.number, found.joined_at = real.number, at
            self._table.join(found)
            real.phase, real.speculation = Phase.JOINED, found.id
            self._tool(call.tool).joined += 1
            self._out.append(c.Join(real.number, found.id, self._overdue_at(found, at)))

    def _disclose(self, real: RealCall) -> None:
        """Its arguments go to its tool now; those of a call that was refused never did."""
        if real.call.spec.egress == "external":
            real.owner.disclosure.sent(real.call.tool, real.call.arguments)

    def _overdue_at(self, speculation: Speculation, at: float) -> float:
        """When the joined launch has taken longer than the call itself would have (law L5).

        Nothing known of the tool's tail: at once. Waiting on a guess would rest on nothing.
        """
        tail_s = self.latencies.quantile(speculation.call.tool, TAIL)
        if tail_s is None:
            return at
        expires_at = speculation.launched_at + speculation.call.spec.ttl_s
        return max(at, min(speculation.launched_at + tail_s * SLACK, expires_at))

    def _serve(self, speculation: Speculation, real: RealCall, at: float, *, joined: bool) -> None:
        """Hand the finished result to the real call: at once for a read, by its commit step for an abortable."""
        if speculation.call.effect is Effect.ABORTABLE:
            speculation.fire(Trigger.APPLY, at)
            speculation.number = real.number
            self._table.take_out(speculation)
            real.phase, real.speculation = Phase.APPLYING, speculation.id
            self._tool(real.call.tool).real += 1
            real.claims_slot = True
            self._begin_write(real, at)
            self._out.append(c.Apply(real.number, speculation.id, joined, *speculation.times(at)))
            return
        speculation.fire(Trigger.COMMIT, at)
        ran_s, hidden_s = speculation.times(at)
        self._retire(speculation, at, "committed", "joined" if joined else "ready")
        self._out.append(c.Deliver(real.number, speculation.id, joined, ran_s, hidden_s))
        if real.phase is Phase.BESIDE:  # its own run is cancelled by the shell, and reports its end
            real.phase, real.speculation = Phase.RUNNING, None
        else:
            self._finish_call(real)

    def _run(self, real: RealCall, at: float) -> None:
        """Run the tool for this call, unless its own limit of real calls is reached (then as soon as it is not)."""
        tool = self._tool(real.call.tool)
        limit = real.call.spec.real_max_concurrency
        if limit is not None and tool.real + tool.joined >= limit:
            real.phase = Phase.QUEUED
            tool.queue.append(real.number)
            return
        tool.real += 1
        real.claims_slot, real.phase = True, Phase.RUNNING
        if limit is not None and tool.real + tool.launches > limit:
            self._preempt(real.call.tool, at)
        self._begin_write(real, at)
        self._out.append(c.Run(real.number))

    def _preempt(self, tool: str, at: float) -> None:
        """A real call needs the capacity: the cheapest guess at this tool is aborted. Nobody waits for that."""
        cheapest = self._table.cheapest_running(tool)
        if cheapest is not None:
            self._squash(cheapest, at, "preempted")

    def _begin_write(self, real: RealCall, at: float) -> None:
        if real.call.claims.writes:
            self._writes[real.number] = real.call.claims
            self._invalidate(real, at)

    def _end_write(self, real: RealCall, at: float) -> None:
        if self._writes.pop(real.number, None) is not None:
            self._invalidate(real, at)

    def _invalidate(self, real: RealCall, at: float) -> None:
        """A write began or ended: whatever rests on what it changes is stale (law L3)."""
        claims = real.call.claims
        for speculation in self._table.changed_by(claims):
            if speculation.id != real.speculation:
                self._squash(speculation, at, "conflict")
        for session in self._sessions.values():
            if session.outcomes:
                session.forget_outcomes(claims.writes, but=real.number)

    def _confirmed(self, stimulus: s.Confirmed) -> None:
        real = self._calls[stimulus.number]
        if stimulus.granted:
            self._disclose(real)
            self._run(real, stimulus.at)
        else:
            self._out.append(c.Refuse(stimulus.number))
            self._finish_call(real)

    def _join_overdue(self, stimulus: s.JoinOverdue) -> None:
        real = self._calls.get(stimulus.number)
        if real is None or real.phase is not Phase.JOINED or real.speculation is None:
            return
        speculation = self.speculations[real.speculation]
        if speculation.call.effect is Effect.ABORTABLE:  # never twice: the real call starts afresh
            self._squash(speculation, stimulus.at, "overtaken")
            return
        speculation.beside = True
        real.phase = Phase.BESIDE
        tool = self._tool(real.call.tool)
        tool.joined -= 1  # one real call counts once: from here on by its own run
        tool.real += 1
        real.claims_slot = True
        self._out.append(c.RunBeside(real.number))

    def _call_cancelled(self, stimulus: s.CallCancelled) -> None:
        real = self._calls.get(stimulus.number)
        if real is None or real.phase in (Phase.RUNNING, Phase.APPLYING):
            return  # what runs reports its own end; until then its effects stay in conflict
        if real.phase is Phase.QUEUED:
            self._tool(real.call.tool).queue.remove(real.number)
        elif real.speculation is not None and real.phase in (Phase.JOINED, Phase.BESIDE):
            speculation = self.speculations[real.speculation]
            speculation.number = real.speculation = None
            self._squash(speculation, stimulus.at, "cancelled")
        if real.phase is not Phase.BESIDE:  # beside: its own run reports its end
            self._finish_call(real)

    def _call_ended(self, stimulus: s.CallEnded) -> None:
        real = self._calls.get(stimulus.number)
        if real is None:
            raise InternalError(f"call {stimulus.number} ended, but is not known to run")
        at, tool = stimulus.at, real.call.tool
        if stimulus.ok is not None and real.speculation is not None:  # it ran beside a launch, and was first
            speculation = self.speculations[real.speculation]
            speculation.number = real.speculation = None
            self._squash(speculation, at, "overtaken")
        if stimulus.ok:
            self.latencies.observe(tool, stimulus.seconds)
            self._limits.succeeded(tool)
            if real.call.dedup_key is not None:
                real.owner.outcomes[real.call.dedup_key] = real
        elif stimulus.throttled_s is not None:
            self._failed(tool, at, stimulus.throttled_s)
        self._end_write(real, at)
        self._finish_call(real)

    def _finish_call(self, real: RealCall) -> None:
        if self._calls.pop(real.number, None) is not None:
            session = real.owner
            session.calls -= 1
            if session.closed and not session.calls and self._sessions.get(real.session) is session:
                del self._sessions[real.session]
        if real.claims_slot:
            real.claims_slot = False
            self._tool(real.call.tool).real -= 1
        self._next_in_queue(real.call.tool)

    def _next_in_queue(self, name: str) -> None:
        tool = self._tool(name)
        while tool.queue:
            waiting = self._calls[tool.queue[0]]
            limit = waiting.call.spec.real_max_concurrency
            if limit is not None and tool.real + tool.joined >= limit:
                return
            tool.queue.popleft()
            tool.real += 1
            waiting.claims_slot, waiting.phase = True, Phase.RUNNING
            self._begin_write(waiting, self._now)
            self._out.append(c.Run(waiting.number))

    # Launches

    def _launch_finished(self, stimulus: s.LaunchFinished) -> None:
        at = stimulus.at
        speculation = self._ended(stimulus.id, at)
        if speculation is None:  # abandoned long ago: what it returned, or staged, still goes
            self._out.append(c.Discard(stimulus.id))
            return
        self._expire(at)
        speculation.finished_at = at
        if speculation.state is not State.SQUASHED:
            self.latencies.observe(speculation.call.tool, at - speculation.launched_at)
            self._limits.succeeded(speculation.call.tool)
        match speculation.state:
            case State.SQUASHED:
                speculation.fire(Trigger.FINISH, at)
                self._retire(speculation, at, "wasted", speculation.reason)
                self._out.append(c.Discard(speculation.id))
            case State.JOINED if speculation.has_expired(at):
                self._release_joined(speculation, at)
                speculation.fire(Trigger.FAIL, at)
                self._retire(speculation, at, "wasted", "expired")
                self._out.append(c.Discard(speculation.id))
            case State.JOINED:
                real = self._calls[speculation.number or 0]
                self._leave_joined(speculation)
                self._serve(speculation, real, at, joined=True)
            case _:
                speculation.fire(Trigger.FINISH, at)
                # Reckoned as the store does, which would drop it without a word.
                if at >= speculation.launched_at + speculation.call.spec.ttl_s:
                    self._squash(speculation, at, "expired")
                    return
                for evicted in self._table.keep(speculation, at):
                    self._squash(evicted, at, "evicted")

    def _launch_failed(self, stimulus: s.LaunchFailed) -> None:
        at = stimulus.at
        speculation = self._ended(stimulus.id, at)
        if speculation is None:
            return
        speculation.finished_at = at
        reason = speculation.reason or stimulus.reason
        raised = stimulus.reason == "raised" and speculation.state is not State.SQUASHED
        if speculation.state is State.JOINED:
            self._release_joined(speculation, at)
        speculation.fire(Trigger.FAIL, at)
        self._retire(speculation, at, "wasted", reason)
        if raised:
            self._failed(speculation.call.tool, at, stimulus.throttled_s)

    def _launch_overdue(self, stimulus: s.LaunchOverdue) -> None:
        speculation = self.speculations.get(stimulus.id)
        if speculation is not None and speculation.state in (State.RUNNING, State.JOINED):
            self._squash(speculation, stimulus.at, "timeout")
            self._failed(speculation.call.tool, stimulus.at, None)

    def _ended(self, id: int, at: float) -> Speculation | None:
        """A launch's task ended: its slot is free. None if it had been abandoned long ago."""
        speculation = self.speculations.get(id)
        if speculation is None:
            speculation = self._table.forget_abandoned(id)
            if speculation is None:
                raise InternalError(f"launch {id} ended twice")
            self._free_slot(speculation)
            return None
        self._free_slot(speculation)
        return speculation

    def _free_slot(self, speculation: Speculation) -> None:
        self._table.in_flight -= 1
        self._tool(speculation.call.tool).launches -= 1
        session = self._sessions.get(speculation.session)
        if session is not None:
            session.in_flight -= 1

    def _release_joined(self, speculation: Speculation, at: float) -> None:
        """The launch that a real call waited for is no use: the call runs at once (laws L5, L6)."""
        self._leave_joined(speculation)
        real = self._calls.get(speculation.number or 0)
        speculation.number = None
        if real is None:
            return
        real.speculation = None
        if real.phase is Phase.JOINED:
            self._run(real, at)
        else:  # it runs beside already
            real.phase = Phase.RUNNING

    def _leave_joined(self, speculation: Speculation) -> None:
        if not speculation.beside:
            self._tool(speculation.call.tool).joined -= 1

    def _applied(self, stimulus: s.Applied) -> None:
        speculation = self.speculations[stimulus.id]
        real = self._calls[speculation.number or 0]
        speculation.fire(Trigger.APPLIED, stimulus.at)
        self._retire(speculation, stimulus.at, "committed", "joined" if speculation.joined_at else "ready")
        if stimulus.ok and real.call.dedup_key is not None:
            real.owner.outcomes[real.call.dedup_key] = real
        self._end_write(real, stimulus.at)
        self._finish_call(real)

    def _apply_refused(self, stimulus: s.ApplyRefused) -> None:
        """What was staged is out of date and was not applied: the real call runs from the start."""
        speculation = self.speculations[stimulus.id]
        real = self._calls[speculation.number or 0]
        speculation.fire(Trigger.REFUSE, stimulus.at)
        self._retire(speculation, stimulus.at, "wasted", stimulus.reason)
        real.speculation = None
        self._writes.pop(real.number, None)
        self._tool(real.call.tool).real -= 1
        real.claims_slot = False
        self._run(real, stimulus.at)

    def _abandon(self, stimulus: s.Abandoned) -> None:
        speculation = self.speculations.get(stimulus.id)
        if speculation is None or speculation.state is not State.SQUASHED:
            return
        speculation.fire(Trigger.ABANDON, stimulus.at)
        self._retire(speculation, stimulus.at, "wasted", "abandoned")

    # The way out of the table

    def _squash(self, speculation: Speculation, at: float, reason: str) -> None:
        """It is wrong or stale. A ready one retires now; a running one when its task has ended."""
        match speculation.state:
            case State.READY:
                speculation.fire(Trigger.SQUASH, at)
                self._retire(speculation, at, "wasted", reason)
                self._out.append(c.Discard(speculation.id))
            case State.RUNNING | State.JOINED:
                joined = speculation.state is State.JOINED
                speculation.reason = reason
                speculation.fire(Trigger.SQUASH, at)
                self._table.take_out(speculation)
                self._out.append(c.Abort(speculation.id))
                if joined:
                    self._release_joined(speculation, at)
            case _:  # squashed already, or applied for a real call: past deciding
                pass

    def _retire(self, speculation: Speculation, at: float, outcome: str, reason: str) -> None:
        """One ledger record, exactly once (law L4), and the tool's balance of what launching it brings."""
        record = self._table.retire(speculation, at, outcome, reason)
        self._out.append(record)
        if outcome == "committed":
            changed = self._benefit.commit(record.tool, record.hidden_s)
        else:
            changed = self._benefit.waste(record.tool, record.cost)
        if changed:
            self._mode_changed(record.tool, at)

    def _expire(self, at: float) -> None:
        for speculation in self._table.expired(at):
            self._squash(speculation, at, "expired")

    def _failed(self, tool: str, at: float, throttled_s: float | None) -> None:
        pause_s = self._limits.failed(tool, at, throttled_s)
        if pause_s is not None:
            why = "too many requests" if throttled_s is not None else "launches failed in a row"
            self._out.append(Fault(at, None, "tool-closed", tool, f"{why}: no launches for {pause_s:g} s"))

    def _mode_changed(self, tool: str, at: float) -> None:
        if self.policy.self_check:
            mode = "shadow: launches did not pay" if self._benefit.is_shadow(tool) else "on: launches would have paid"
            self._out.append(Fault(at, None, "self-check", tool, mode))

    def _tool(self, name: str) -> ToolLoad:
        tool = self._tools.get(name)
        if tool is None:
            tool = self._tools[name] = ToolLoad()
        return tool

    # For people and tests

    def story(self, id: int) -> list[str]:
        """What happened to a speculation that is still in the table."""
        return list(self.speculations[id].story)

    @property
    def speculations(self) -> Mapping[int, Speculation]:
        """Every launch that has not retired, by id."""
        return self._table.entries

    @property
    def ledger(self) -> Ledger:
        """The running account of launches."""
        return self._table.ledger

    @property
    def in_flight(self) -> int:
        """Launches that run, aborting and abandoned ones included."""
        return self._table.in_flight

    def __repr__(self) -> str:
        ledger = self.ledger
        return (
            f"<Brain: {len(self._sessions)} sessions, {len(self._calls)} real calls, {self.in_flight} in flight, "
            f"{self._table.ready} ready; launched {ledger.launched} = committed {ledger.committed} "
            f"+ wasted {ledger.wasted} + open {ledger.open}>"
        )
