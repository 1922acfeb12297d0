"""After a defect in the brain: the books are made to agree with the shell again, and speculation stays off.

A stimulus that raised half-way has changed some books and not others. What the shell has been told is known all the
same: an entry of the table, or a call's phase, changes together with its command. So everything else (loads, slots,
the index, what can be matched) is reckoned anew from those, every launch is given up, and every real call that the
shell waits for is ordered to run. Nothing here asks the gate, the estimates, the store or the index: whatever broke
may be broken for good.
"""

from __future__ import annotations

from speculate.core import commands as c
from speculate.core import stimuli as s
from speculate.core.books import Books
from speculate.core.machine import Speculation, State
from speculate.core.real_calls import RealCalls
from speculate.core.state import Phase, RealCall, SessionState, ToolLoad
from speculate.notices import Fault

REASON = "fault"


def mend(books: Books, real_calls: RealCalls, stimulus: s.Stimulus, error: Exception) -> list[c.Command]:
    """All commands of the stimulus that raised `error`: those ordered before it did, and those that mend."""
    out = books.out
    books.is_on = False
    books.table.close()
    books.outcomes.look_at_all()
    _mend_sessions(books, stimulus)
    ended = _drop_calls_that_are_over(books, stimulus)
    _give_up_launches(books, stimulus)
    _mend_calls(books, stimulus)
    _reckon(books)
    _forget_outcomes(books, ended)
    _run_waiting(books, real_calls, stimulus)
    for id, session in list(books.sessions.items()):
        books.close_if_over(id, session)
    what = f"{type(stimulus).__name__} raised {error!r}; nothing is launched any more"
    out.append(Fault(stimulus.at, None, "core", type(error).__name__, what))
    return out


def _mend_sessions(books: Books, stimulus: s.Stimulus) -> None:
    """The shell has opened or closed what it says."""
    if isinstance(stimulus, s.SessionOpened):
        before = books.sessions.get(stimulus.session)
        if before is None or before.closed:
            books.sessions[stimulus.session] = SessionState()
    elif isinstance(stimulus, s.SessionClosed):
        if (session := books.sessions.get(stimulus.session)) is not None:
            session.closed = True
    elif isinstance(stimulus, s.Called) and stimulus.number not in books.calls:
        session = books.sessions.setdefault(stimulus.session, SessionState())
        if not _is_answered(books, stimulus.number):
            load = _tool(books, stimulus.call.tool)
            books.calls[stimulus.number] = RealCall(stimulus.number, stimulus.session, stimulus.call, session, load)


def _is_answered(books: Books, number: int) -> bool:
    return any(isinstance(item, c.Deliver | c.Reuse | c.Refuse) and item.number == number for item in books.out)


def _drop_calls_that_are_over(books: Books, stimulus: s.Stimulus) -> list[RealCall]:
    """The shell does not wait for these any more, though the books have them. Returns those whose run has ended."""
    calls, ended = books.calls, list[RealCall]()
    answered = [real for real in calls.values() if _is_answered(books, real.number)]
    gone = [real for real in answered if real.phase not in (Phase.RUNNING, Phase.BESIDE)]  # these end by themselves
    if isinstance(stimulus, s.CallEnded) and stimulus.number in calls:
        ended.append(calls[stimulus.number])
    elif isinstance(stimulus, s.Applied):
        ended += [real for real in calls.values() if real.speculation == stimulus.id]
    elif isinstance(stimulus, s.CallCancelled) and stimulus.number in calls:
        cancelled = calls[stimulus.number]
        if cancelled.phase not in (Phase.RUNNING, Phase.APPLYING, Phase.BESIDE):  # as above
            gone.append(cancelled)
    if isinstance(stimulus, s.CallEnded | s.Applied) and stimulus.ok:
        for real in ended:
            _keep_outcome(books, real)
    for real in (*gone, *ended):
        calls.pop(real.number, None)
    return ended


def _keep_outcome(books: Books, real: RealCall) -> None:
    key = real.call.dedup_key
    if key is None or books.outcomes.first(real.owner, key) is real:
        return
    books.forget_outcomes(books.outcomes.keep(real, key))


def _give_up_launches(books: Books, stimulus: s.Stimulus) -> None:
    """Launches that run are aborted, results that wait are dropped; one record each (law L4)."""
    out, table, at = books.out, books.table, stimulus.at
    told = {command.id for command in out if isinstance(command, c.Deliver | c.Apply | c.Discard)}
    ended = stimulus.id if isinstance(stimulus, s.LaunchFinished | s.LaunchFailed) else None
    applied = stimulus.id if isinstance(stimulus, s.Applied | s.ApplyRefused) else None
    for speculation in list(table.entries.values()):
        speculation.beside = False
        if speculation.id == ended and speculation.finished_at is None:
            speculation.finished_at = at
        if speculation.id == applied:
            if isinstance(stimulus, s.ApplyRefused):
                _retire(books, speculation, at, "wasted", stimulus.reason)
            else:
                _retire(books, speculation, at, "committed", "ready" if speculation.joined_at is None else "joined")
        elif speculation.finished_at is None:
            if isinstance(stimulus, s.Abandoned) and stimulus.id == speculation.id:
                _retire(books, speculation, at, "wasted", "abandoned")
            elif speculation.state is not State.SQUASHED:
                speculation.state, speculation.reason = State.SQUASHED, REASON
                out.append(c.Abort(speculation.id))
        elif speculation.state is not State.APPLYING:
            _retire(books, speculation, at, "wasted", speculation.reason or REASON)
            if speculation.id != ended:
                out.append(c.Discard(speculation.id))
    if isinstance(stimulus, s.LaunchFinished) and stimulus.id not in told:
        out.append(c.Discard(stimulus.id))


def _retire(books: Books, speculation: Speculation, at: float, outcome: str, reason: str) -> None:
    speculation.state = State.RETIRED
    books.out.append(books.table.retire(speculation, at, outcome, reason))


def _mend_calls(books: Books, stimulus: s.Stimulus) -> None:
    """What the shell waits for is queued to run; what runs goes on."""
    for real in books.calls.values():
        if real.phase in (Phase.ASKED, Phase.JOINED):
            real.phase = Phase.QUEUED
        elif real.phase is Phase.BESIDE:
            real.phase = Phase.RUNNING
        elif real.phase is Phase.APPLYING and isinstance(stimulus, s.ApplyRefused) and real.speculation == stimulus.id:
            real.phase = Phase.QUEUED
        if real.phase is not Phase.APPLYING:
            real.speculation = None
    asked = books.calls.get(stimulus.number) if isinstance(stimulus, s.Confirmed) else None
    if asked is not None and asked.phase is Phase.CONFIRMING:
        if isinstance(stimulus, s.Confirmed) and stimulus.granted:
            asked.phase = Phase.QUEUED
        else:
            books.out.append(c.Refuse(asked.number))
            del books.calls[asked.number]


def _reckon(books: Books) -> None:
    """Everything that is counted, counted anew."""
    table, ledger = books.table, books.table.ledger
    for session in books.sessions.values():
        session.calls = session.in_flight = 0
    for tool in books.tools.values():
        tool.launches = tool.joined = tool.real = 0
        tool.queue.clear()
    table.in_flight = 0
    for speculation in [*(item for item in table.entries.values() if item.finished_at is None), *table.abandoned]:
        table.in_flight += 1
        _tool(books, speculation.call.tool).launches += 1
        if (owner := books.sessions.get(speculation.session)) is not None:
            owner.in_flight += 1
    ledger.launched = ledger.committed + ledger.wasted + len(table.entries)
    ledger.launched_cost = ledger.committed_cost + ledger.wasted_cost
    ledger.launched_cost += sum(item.call.spec.cost for item in table.entries.values())
    books.writes = {}
    for real in books.calls.values():
        real.owner.calls += 1
        real.claims_slot = real.phase in (Phase.RUNNING, Phase.APPLYING)
        if real.claims_slot:
            real.load.real += 1
            if real.call.claims.writes:
                books.writes[real.number] = real.call.claims
        elif real.phase is Phase.QUEUED:
            real.load.queue.append(real.number)


def _tool(books: Books, name: str) -> ToolLoad:
    return books.tools.setdefault(name, ToolLoad())


def _forget_outcomes(books: Books, ended: list[RealCall]) -> None:
    """What runs, or has just ended, may have undone what is kept for repeats."""
    for number, claims in [*books.writes.items(), *((real.number, real.call.claims) for real in ended)]:
        books.forget_outcomes(books.outcomes.undone_by(claims, but=number))


def _run_waiting(books: Books, real_calls: RealCalls, stimulus: s.Stimulus) -> None:
    """Every call that waits runs, as far as its tool's own limit allows; a new one passes the write gate first."""
    if isinstance(stimulus, s.Called) and (real := books.calls.get(stimulus.number)) is not None:
        queue = real.load.queue
        if real.phase is Phase.QUEUED and real.number in queue:
            queue.remove(real.number)
            if real_calls.pass_gate(real):
                queue.append(real.number)
    for name in list(books.tools):
        real_calls.run_next(name)
