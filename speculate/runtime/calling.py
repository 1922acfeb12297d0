"""A real call, from its place in the order to its outcome. Decide (the brain), then act (here)."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import functools
import inspect
import json
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from speculate.calls import Outcome, Refusal, Served, ToolCall
from speculate.core import commands as c
from speculate.core import stimuli as s
from speculate.errors import CommitConflict, InternalError
from speculate.history import ResultSeen, read_text, take_snapshot
from speculate.notices import CallEnded
from speculate.runtime.ticket import Ticket, within
from speculate.runtime.tools import AbortableTool, Tool, call_blocking, throttled_s

if TYPE_CHECKING:
    from speculate.runtime.runtime import Runtime
    from speculate.runtime.session import Session

COMMIT_TRIES = 5  # of an abortable's prepare and commit, when others keep changing what it staged


async def answer(runtime: Runtime, session: Session, ticket: Ticket) -> Outcome:
    """Wait for conflicting calls before it, then be served. A tool's exception is in the outcome."""
    try:
        if ticket.blockers:
            for blocker in ticket.blockers:
                await blocker.released()
        session.require_open()  # it may have been closed while this call waited
        return await _serve(runtime, session, ticket)
    except asyncio.CancelledError as cancelled:  # its end is told as well, or observers would see it run for ever
        _finish(runtime, session, ticket, None, cancelled, Served.RAN, None, 0.0)
        raise
    finally:
        session.release(ticket)


async def _serve(runtime: Runtime, session: Session, ticket: Ticket) -> Outcome:
    runtime.feed(s.Called(runtime.now(), session.id, ticket.number, ticket.resolved, runtime.context_values()))
    command = ticket.take()
    try:
        while True:
            match command:
                case c.Run():
                    return await _run_and_finish(runtime, session, ticket)
                case c.Deliver(id=id, ran_s=ran_s, hidden_s=hidden_s, joined=joined):
                    value = runtime.launcher.take(id).value
                    served = Served.JOINED if joined else Served.READY
                    return _finish(runtime, session, ticket, value, None, served, ran_s, hidden_s)
                case c.Join(overdue_at=overdue_at):
                    command = await _join(runtime, ticket, overdue_at)
                case c.RunBeside():
                    return await _run_beside(runtime, session, ticket)
                case c.Apply():
                    outcome = await _apply(runtime, session, ticket, command)
                    if outcome is not None:
                        return outcome
                    command = await ticket.next()
                case c.Reuse():
                    value = _own_copy(ticket.reused)
                    return _finish(runtime, session, ticket, value, None, Served.DEDUPLICATED, None, 0.0)
                case c.Confirm():
                    reason = await _ask(runtime, ticket)
                    runtime.feed(s.Confirmed(runtime.now(), ticket.number, reason is None))
                    command = await ticket.next()
                    if isinstance(command, c.Refuse):
                        refusal = Refusal(ticket.call.tool, reason or "it was not confirmed")
                        return _finish(runtime, session, ticket, refusal, None, Served.REFUSED, None, 0.0)
                case None:  # queued behind other real calls of a limited tool
                    command = await ticket.next()
                case _:
                    raise InternalError(f"call {ticket.number} of {ticket.call.tool} got {command!r}")
    except BaseException:  # cancelled, as a rule; whatever it is, the brain must not go on waiting for this call
        runtime.feed(s.CallCancelled(runtime.now(), ticket.number))
        while (unread := ticket.take()) is not None:
            withdraw(runtime, unread)
        raise


def withdraw(runtime: Runtime, command: Any) -> None:
    """The call was cancelled between the brain's word and its being carried out: nothing of it began."""
    match command:
        case c.Run(number=number) | c.RunBeside(number=number):
            runtime.feed(s.CallEnded(runtime.now(), number, None, 0.0))
        case c.Deliver(id=id):
            runtime.launcher.take(id)
        case c.Apply(id=id):
            runtime.launcher.discard(id)
            runtime.feed(s.ApplyRefused(runtime.now(), id, "cancelled"))  # its `Run` is withdrawn in turn


async def _join(runtime: Runtime, ticket: Ticket, overdue_at: float) -> c.Command:
    """Wait for the launch, and no longer than the call itself would have taken (law L5)."""
    if overdue_at <= runtime.now():
        runtime.feed(s.JoinOverdue(runtime.now(), ticket.number))
        return await ticket.next()
    timer = runtime.loop.call_at(overdue_at, lambda: runtime.feed(s.JoinOverdue(runtime.now(), ticket.number)))
    try:
        return await ticket.next()
    finally:
        timer.cancel()


async def _run_and_finish(runtime: Runtime, session: Session, ticket: Ticket) -> Outcome:
    """A miss: the tool runs in the caller's own task, its context variables as without the runtime."""
    try:
        value = await run_for_real(runtime, session, ticket)
    except Exception as error:  # whatever the tool raised is the agent's to see, unwrapped
        return _finish(runtime, session, ticket, None, error, Served.RAN, ticket.ran_s, 0.0)
    return _finish(runtime, session, ticket, value, None, Served.RAN, ticket.ran_s, 0.0)


async def _run_beside(runtime: Runtime, session: Session, ticket: Ticket) -> Outcome:
    """The tool runs beside the launch; the first to finish answers."""
    began = False

    async def run() -> Any:
        nonlocal began
        began = True
        return await run_for_real(runtime, session, ticket)

    def ended(_: asyncio.Task[Any]) -> None:
        if not began:  # cancelled before its first step: nobody else reports its end
            runtime.feed(s.CallEnded(runtime.now(), ticket.number, None, 0.0))

    beside = runtime.tasks.start(run(), name=f"{ticket.call.tool} {ticket.id} beside")
    beside.add_done_callback(ended)
    arrival = ticket.arrival()
    try:
        await asyncio.wait({beside, arrival}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        beside.cancel()
        raise
    command = ticket.take()
    if isinstance(command, c.Deliver):  # the brain decided for the launch, even if both are done now
        beside.cancel()
        value = runtime.launcher.take(command.id).value
        return _finish(runtime, session, ticket, value, None, Served.JOINED, command.ran_s, command.hidden_s)
    try:
        value = await beside
    except asyncio.CancelledError:
        beside.cancel()
        raise
    except Exception as error:  # the real call's own outcome
        return _finish(runtime, session, ticket, None, error, Served.RAN, ticket.ran_s, 0.0)
    return _finish(runtime, session, ticket, value, None, Served.RAN, ticket.ran_s, 0.0)


async def run_for_real(runtime: Runtime, session: Session, ticket: Ticket) -> Any:
    """Run the tool once and report its end, whatever that is. `ticket.ran_s` is how long it took."""
    started_at = runtime.now()
    timeout_s = ticket.resolved.spec.real_timeout_s
    ok: bool | None = False
    throttled: float | None = None
    inside = within.set((*(within.get() or ()), ticket.number))
    try:
        if timeout_s is None:
            value = await _work(runtime, ticket)
        else:
            async with asyncio.timeout(timeout_s):
                value = await _work(runtime, ticket)
    except asyncio.CancelledError:
        ok = None
        raise
    except BaseException as error:
        throttled = throttled_s(error)
        raise
    else:
        ok = True
        if ticket.resolved.dedup_key is not None:
            ok = not runtime.returned_error(value)  # "declined, try again" is no success to hand out again
            if ok:
                runtime.outcomes[ticket.number] = _own_copy(value)
        return value
    finally:
        within.reset(inside)
        now = runtime.now()
        ticket.ran_s = now - started_at
        thread = ticket.thread
        if thread is not None and not thread.done() and not thread.cancel():
            # A thread cannot be cancelled: its effects stay in conflict until it returns.
            loop = runtime.loop
            ended = functools.partial(_thread_ended, runtime, ticket.number, started_at)
            thread.add_done_callback(lambda _: None if loop.is_closed() else loop.call_soon_threadsafe(ended) and None)
        else:
            runtime.feed(s.CallEnded(now, ticket.number, ok, ticket.ran_s, throttled))


async def _work(runtime: Runtime, ticket: Ticket) -> Any:
    """The tool itself, or what stands in for it."""
    if ticket.override is not None:
        return await ticket.override()
    tool = runtime.tools.get(ticket.call.tool)
    if tool is None:
        raise InternalError(f"{ticket.call.tool} is not registered")
    if tool.abortable is not None:
        return await _prepare_and_commit(runtime, tool, tool.abortable, ticket)
    if tool.is_sync:
        work = functools.partial(call_blocking, tool.function, ticket.own_arguments())
        ticket.thread = runtime.real_threads().submit(contextvars.copy_context().run, work)
        value = await asyncio.wrap_future(ticket.thread)
    else:
        value = tool.function(**ticket.own_arguments())
    # An async tool's coroutine; or what a sync callable made (a lambda around a coroutine, say).
    return await value if type(value) is CoroutineType or inspect.isawaitable(value) else value


def _thread_ended(runtime: Runtime, number: int, started_at: float) -> None:
    now = runtime.now()
    runtime.feed(s.CallEnded(now, number, None, now - started_at))


async def _prepare_and_commit(runtime: Runtime, tool: Tool, abortable: AbortableTool, ticket: Ticket) -> Any:
    """An abortable that was not staged early. Others may change what it staged: then it starts afresh."""
    for tries in range(1, COMMIT_TRIES + 1):
        staged = await abortable.prepare(**ticket.own_arguments())
        try:
            return await abortable.commit(staged)
        except CommitConflict:
            runtime.launcher.abort_staged(tool, staged)
            if tries == COMMIT_TRIES:
                raise
        except asyncio.CancelledError:
            runtime.launcher.abort_staged(tool, staged)
            raise
    raise InternalError("unreachable: the last try returns or raises")


async def _apply(runtime: Runtime, session: Session, ticket: Ticket, command: c.Apply) -> Outcome | None:
    """The abortable's commit step, for the real call. None if what was staged is out of date.

    Shielded: a commit that has begun is not torn in the middle by the agent's cancellation.
    """
    run = runtime.launcher.take(command.id)
    abortable = run.tool.abortable
    if abortable is None:
        raise InternalError(f"{ticket.call.tool} is applied, but not abortable")
    served = Served.JOINED if command.joined else Served.READY

    async def commit() -> tuple[str, Any]:
        try:
            value = await abortable.commit(run.value)
        except CommitConflict:
            runtime.launcher.abort_staged(run.tool, run.value)
            runtime.feed(s.ApplyRefused(runtime.now(), command.id))
            return "refused", None
        except BaseException as error:
            runtime.feed(s.Applied(runtime.now(), command.id, ok=False))
            if not isinstance(error, Exception):
                raise
            return "raised", error
        ok = True
        if ticket.resolved.dedup_key is not None:
            ok = not runtime.returned_error(value)
            if ok:
                runtime.outcomes[ticket.number] = _own_copy(value)
        runtime.feed(s.Applied(runtime.now(), command.id, ok))
        return "applied", value

    name = f"{ticket.call.tool} {ticket.id} commit"
    how, value = await asyncio.shield(runtime.tasks.start(commit(), name=name, sheltered=True))
    if how == "refused":
        return None
    error = value if how == "raised" else None
    return _finish(runtime, session, ticket, None if error else value, error, served, command.ran_s, command.hidden_s)


async def _ask(runtime: Runtime, ticket: Ticket) -> str | None:
    """Ask the application. None if it says yes; else why not. An asker that fails has not said yes."""
    if runtime.confirmer is None:
        return "it needs confirmation, and this application has no way to ask"
    inside = within.set((*(within.get() or ()), ticket.number))
    try:
        granted = await runtime.confirmer(ToolCall(ticket.call.tool, ticket.own_arguments(), ticket.call.id))
    except Exception as error:  # the application's own code: its failure is not a yes
        return f"asking for confirmation failed ({_words(error)})"
    finally:
        within.reset(inside)
    return None if granted is True else "it was not confirmed"


def _own_copy(value: Any) -> Any:
    """A copy for each caller that a write's outcome is handed out to (law L7)."""
    try:
        return copy.deepcopy(value)
    except Exception:  # what cannot be copied is handed out as its bounded snapshot
        return take_snapshot(value)[0]


def _words(error: BaseException) -> str:
    """ "Type: message", bounded. An error's own words may fail."""
    try:
        return f"{type(error).__name__}: {error}"[:2000]
    except Exception:  # foreign code: the error itself is delivered all the same
        return type(error).__name__


def _finish(
    runtime: Runtime,
    session: Session,
    ticket: Ticket,
    value: Any,
    error: BaseException | None,
    served: Served,
    tool_s: float | None,
    hidden_s: float,
) -> Outcome:
    """Take the snapshot before the original is handed over (law L7), tell everyone, and answer."""
    now = runtime.now()
    spec = ticket.resolved.spec
    refused = served is Served.REFUSED
    kept, cut = take_snapshot(str(value) if refused else value)
    raised = None if error is None else _words(error)
    ok = error is None and not refused and (runtime.is_error is None or not runtime.returned_error(value))
    if spec.untrusted and not refused:
        text = kept if type(kept) is str else json.dumps(kept, ensure_ascii=False)
        runtime.feed(s.UntrustedSeen(now, session.id, raised or text))
    session.answered(
        ResultSeen(ticket.id, ticket.call.tool, ok, read_text(kept), raised, error is None, spec.untrusted),
        now,
    )
    waited_s = now - ticket.issued_at
    if runtime.observers.any:
        runtime.tell(
            CallEnded(
                now,
                session.id,
                ticket.id,
                ticket.turn,
                ticket.call.tool,
                served,
                ticket.resolved.speculable,
                ok,
                kept,
                cut,
                raised,
                waited_s,
                tool_s,
                hidden_s,
            )
        )
    return Outcome(ticket.call, value, error, served, waited_s)
