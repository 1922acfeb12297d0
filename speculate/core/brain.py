"""The brain: stimuli in, commands out. No asyncio, no clock, no randomness, no I/O.

Everything that decides about a speculation lives in this package, and the laws are kept here:

L1  Every write that runs belongs to exactly one real call. `Run`, `RunBeside` and `Apply` are ordered only for a
    call that was `Called`; `Launch` only for what its manifest entry permits.
L2  A launch needs an entry that permits it at the moment of launch (`admission.admit`, first block).
L3  A result is delivered at most once, to a call with the identical key, in its session, at most ttl_s after its
    launch began, and only if no conflicting write, by any session, began, ran or ended since
    (`Launches.changed_by` at begin and end; `Launches._load` refuses to launch while one runs).
L4  Every launch retires exactly once: launched = committed + wasted (`SpeculationTable.retire` is the one way out).
L5  A real call waits for nothing speculative but the launch it joined, and past the tool's p95 it runs beside it.
L6  A launch that raised is never delivered (`LaunchFailed` → the real call runs).
L7  What is delivered belongs to the caller alone: the shell's part (one `Deliver` per launch is ours).
L8  Closing a session squashes what it has; what does not stop is abandoned, its slot still taken.
L9  Predictors, observers and drafters are the shell's to contain. A defect in here is contained too: whatever a
    stimulus raised in the middle of, `retreat` leaves the table and the shell in agreement, and real calls run.

The rooms: `launches` (the gate, the table, the way out), `real_calls` (the write gate, the match, the limits), both
over the one set of `books`; `retreat`, which mends the books after a defect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from speculate.core import commands as c
from speculate.core import stimuli as s
from speculate.core.books import Books
from speculate.core.latency import Latencies
from speculate.core.launches import Launches
from speculate.core.ledger import Ledger
from speculate.core.machine import Speculation, State
from speculate.core.policy import Policy
from speculate.core.real_calls import RealCalls
from speculate.core.retreat import mend
from speculate.core.state import SessionState
from speculate.errors import InternalError


class Brain:
    """The state of every speculation and every real call of one runtime. See the module's header for the laws."""

    def __init__(self, policy: Policy) -> None:
        self.books = Books(policy)
        self._launches = Launches(self.books)
        self._real_calls = RealCalls(self.books, self._launches)
        self._launches.know(self._real_calls)
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            s.SessionOpened: self._session_opened,
            s.SessionClosed: self._session_closed,
            s.UserSpoke: self._user_spoke,
            s.UntrustedSeen: self._untrusted_seen,
            s.Predicted: self._launches.predicted,
            s.Withdrawn: self._launches.withdrawn,
            s.LaunchFinished: self._launches.finished,
            s.LaunchFailed: self._launches.failed,
            s.LaunchOverdue: self._launches.overdue,
            s.Abandoned: self._launches.abandoned,
            s.Called: self._real_calls.called,
            s.Confirmed: self._real_calls.confirmed,
            s.JoinOverdue: self._real_calls.join_overdue,
            s.CallCancelled: self._real_calls.cancelled,
            s.CallEnded: self._real_calls.ended,
            s.Applied: self._real_calls.applied,
            s.ApplyRefused: self._real_calls.apply_refused,
        }

    def handle(self, stimulus: s.Stimulus) -> list[c.Command]:
        """One stimulus in, the commands it leads to out, to be carried out in order.

        Raises what a defect raised: then `retreat` has the commands.
        """
        books = self.books
        out: list[c.Command] = []
        books.out, books.now = out, stimulus.at
        self._handlers[type(stimulus)](stimulus)
        return out

    def retreat(self, stimulus: s.Stimulus, error: Exception) -> list[c.Command]:
        """`handle` raised `error` in the middle of `stimulus`: the commands it had led to, and those that mend.

        From here on nothing is launched; what was launched is wasted, and every real call runs.
        """
        return mend(self.books, self._real_calls, stimulus, error)

    # Sessions

    def _session_opened(self, stimulus: s.SessionOpened) -> None:
        sessions = self.books.sessions
        before = sessions.get(stimulus.session)
        if before is not None and not before.closed:
            raise InternalError(f"session {stimulus.session!r} is open already")
        sessions[stimulus.session] = SessionState(in_flight=self.books.table.in_flight_of(stimulus.session))

    def _session_closed(self, stimulus: s.SessionClosed) -> None:
        books = self.books
        for speculation in books.table.of_session(stimulus.session):
            reason = "unused" if speculation.state is State.READY else "closed"
            self._launches.squash(speculation, stimulus.at, reason)
        if books.is_on:
            for tool in books.benefit.close(stimulus.session):
                books.mode_changed(tool)
        session = books.sessions[stimulus.session]
        session.closed = True
        books.close_if_over(stimulus.session, session)

    def _user_spoke(self, stimulus: s.UserSpoke) -> None:
        if self.books.is_on:
            self.books.sessions[stimulus.session].disclosure.user_typed(stimulus.text)

    def _untrusted_seen(self, stimulus: s.UntrustedSeen) -> None:
        session = self.books.sessions.get(stimulus.session)
        if session is not None and self.books.is_on:
            session.disclosure.untrusted_seen(stimulus.text)

    # For people and tests

    @property
    def policy(self) -> Policy:
        """The operator's settings."""
        return self.books.policy

    @property
    def latencies(self) -> Latencies:
        """How long tools take, and the model."""
        return self.books.latencies

    @property
    def is_on(self) -> bool:
        """Whether anything may still be launched: not after a defect."""
        return self.books.is_on

    def story(self, id: int) -> list[str]:
        """What happened to a speculation that is still in the table."""
        return self.speculations[id].story

    @property
    def speculations(self) -> Mapping[int, Speculation]:
        """Every launch that has not retired, by id."""
        return self.books.table.entries

    @property
    def ledger(self) -> Ledger:
        """The running account of launches."""
        return self.books.table.ledger

    @property
    def in_flight(self) -> int:
        """Launches that run, aborting and abandoned ones included."""
        return self.books.table.in_flight

    def __repr__(self) -> str:
        ledger, books = self.ledger, self.books
        return (
            f"<Brain{'' if books.is_on else ' switched off'}: {len(books.sessions)} sessions, {len(books.calls)} real "
            f"calls, {self.in_flight} in flight, {books.table.ready} ready; launched {ledger.launched} = committed "
            f"{ledger.committed} + wasted {ledger.wasted} + open {ledger.open}>"
        )
