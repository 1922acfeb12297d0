"""What a session's predictors see, and what becomes of what they say.

Events reach predictors off the hot path: as soon as the event loop is next idle enough to look. Slow guessers draft
in tasks of their own; a finished guess may be guessed on from; a streamed call narrows what was guessed.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from speculate.calls import ToolCall
from speculate.core import stimuli as s
from speculate.history import CallMade, Event, ResultSeen, read_text, take_snapshot
from speculate.prediction import Prediction
from speculate.runtime.launching import LaunchRun, Origin
from speculate.runtime.predicting import GuardedDrafter, candidates
from speculate.runtime.stream import PartialCalls
from speculate.spec import Effect

if TYPE_CHECKING:
    from speculate.runtime.runtime import Runtime
    from speculate.runtime.session import Session

MAX_UNTRUSTED = 4096  # calls remembered; older ones are beyond what a history shows


class Guessing:
    """One session's events on their way to its history, and its guesses on their way to the gate."""

    def __init__(self, runtime: Runtime, session: Session) -> None:
        self._runtime, self._session = runtime, session
        self.drafting: set[asyncio.Task[None]] = set()  # drafts that run, stopped or not
        self._drafts: dict[GuardedDrafter, asyncio.Task[None]] = {}  # those that are listened to
        self._events: deque[tuple[Event, ToolCall | None]] = deque()  # what the history has not seen yet
        self._coming: set[str] = set()  # the ids of calls among them
        self._digesting = False
        self._untrusted: dict[str, None] = {}  # ids of calls whose results may be hostile
        self._partials: PartialCalls | None = None
        self._guesses: list[Prediction] = []  # the latest, for narrowing by a streamed call

    # What has happened

    def called(self, made: CallMade) -> None:
        """The model made a call: predictors may learn from it."""
        if self._runtime.guesses:
            self._coming.add(made.id)
            self.add(made, ToolCall(made.tool, made.arguments, made.id))
        else:
            self._session.history.append(made)

    def knows(self, id: str) -> bool:
        """Whether a call of this id was made."""
        return id in self._coming or self._session.history.call(id) is not None

    def answered(self, result: ResultSeen) -> None:
        """The agent saw this result."""
        if result.untrusted:
            self._untrusted[result.id] = None
            if len(self._untrusted) > MAX_UNTRUSTED:
                del self._untrusted[next(iter(self._untrusted))]
        self.add(result)

    def add(self, event: Event, call: ToolCall | None = None) -> None:
        """The history moves on, and predictions follow. `call`: the call that predictors may learn from."""
        runtime = self._runtime
        if not runtime.guesses:
            self._session.history.append(event)
            return
        self._events.append((event, call))
        if not self._digesting:
            self._digesting = True
            runtime.loop.call_soon(self._digest)

    def _digest(self) -> None:
        """Off the hot path: learn from the calls, move the history on, and predict if there is news."""
        self._digesting = False
        runtime = self._runtime
        news = False
        while self._events:
            event, call = self._events.popleft()
            if call is None:
                news = True
            elif runtime.learn and runtime.predictor is not None:
                runtime.predictor.observe(self._session.history, call, self._session.id)
            self._session.history.append(event)
        self._coming.clear()
        if not news or self._session.is_closed or not runtime.speculation:
            return
        if runtime.predictor is not None:
            guesses = runtime.predictor.predict(self._session.history, self._session.id)
            self._guesses = guesses
            self._feed_predictions(guesses, runtime.predictor.name)
        for drafter in runtime.drafters:
            self._start_draft(drafter)

    def _feed_predictions(self, guesses: Sequence[Prediction], source: str) -> None:
        untrusted = frozenset(self._untrusted)
        self.predicted(candidates(self._runtime, guesses, source, depth=1, parent_p=1.0, untrusted=untrusted))

    def new_turn(self) -> None:
        """The model is asked again: what it streams is a new turn's."""
        self._partials = None

    def streamed(self, index: int | str, tool: str | None, arguments: str) -> None:
        """A fragment of a streamed call (see `Session.partial`)."""
        if self._partials is None:
            self._partials = PartialCalls(self._guesses)
        issued = self._partials.add(index, tool, arguments)
        if not self._runtime.speculation:
            return
        if issued is not None:
            self._feed_issued(issued)
        elif self._runtime.predictor is not None and (narrowed := self._partials.narrow(index)):
            self._feed_predictions(narrowed, "stream")

    def _feed_issued(self, call: ToolCall) -> None:
        """The model has written the whole call: start it now, if it may be started before its turn is over."""
        runtime = self._runtime
        resolved = runtime.spec(call.tool).resolve(call.arguments)
        candidate = s.Candidate(resolved, 1.0, 1.0, "stream", {}, registered=call.tool in runtime.tools, issued=True)
        self.predicted((candidate,))

    def predicted(
        self,
        found: tuple[s.Candidate, ...],
        chain: tuple[Event, ...] = (),
        context: contextvars.Context | None = None,
    ) -> None:
        """Offer these for an early start, in `context` or the session's. `chain`: speculative events they rest on."""
        if found:
            runtime, context = self._runtime, context or self._session.context
            values = context.run(runtime.context_values)
            runtime.feed(s.Predicted(runtime.now(), self._session.id, found, values, Origin(context, chain)))

    def launch_finished(self, run: LaunchRun) -> None:
        """Predict from a guess's result: what the model would do next if the guess is right."""
        runtime = self._runtime
        speculation = runtime.brain.speculations.get(run.id)
        if self._session.is_closed or runtime.predictor is None or speculation is None:
            return
        if speculation.depth >= runtime.policy.max_depth or speculation.call.effect is not Effect.READ:
            return
        runtime.loop.call_soon(self._predict_from, run)

    def _predict_from(self, run: LaunchRun) -> None:
        runtime = self._runtime
        speculation = runtime.brain.speculations.get(run.id)
        if self._session.is_closed or runtime.predictor is None or speculation is None:
            return  # asked for, or squashed, in the meantime
        call = speculation.call
        id = f"speculation-{run.id}"
        turn = self._session.turn + speculation.depth
        value, _ = take_snapshot(run.value)
        chain = (
            *run.chain,
            CallMade(id, turn, call.tool, call.arguments),
            ResultSeen(id, call.tool, True, read_text(value), untrusted=call.spec.untrusted),
        )
        history = self._session.history.fork()
        for event in chain:
            history.append(event)
        guesses = runtime.predictor.predict(history, self._session.id)
        rests_on_untrusted = any(isinstance(event, ResultSeen) and event.untrusted for event in chain)
        found = candidates(
            runtime,
            guesses,
            runtime.predictor.name,
            depth=speculation.depth + 1,
            parent_p=speculation.p_use,
            untrusted=None if rests_on_untrusted else frozenset(self._untrusted),
        )
        self.predicted(found, chain)

    def _start_draft(self, drafter: GuardedDrafter) -> None:
        """Ask a slow guesser; the draft for the state before is abandoned."""
        if (old := self._drafts.pop(drafter, None)) is not None:
            old.cancel()
        if drafter.is_on:
            task = self._runtime.tasks.start(self._draft(drafter), name=f"draft {drafter.name} {self._session.id}")
            self._drafts[drafter] = task
            self.drafting.add(task)
            task.add_done_callback(self.drafting.discard)

    async def _draft(self, drafter: GuardedDrafter) -> None:
        history = self._session.history.fork()
        task = asyncio.current_task()
        delay_s = self._runtime.policy.draft_timeout_s
        timer = self._runtime.loop.call_later(delay_s, self._abandon_draft, drafter, task)
        try:
            guesses = await drafter.draft(history, self._session.id)
        finally:
            timer.cancel()
        if self._drafts.get(drafter) is asyncio.current_task() and not self._session.is_closed:
            self._feed_predictions(guesses, drafter.name)

    def _abandon_draft(self, drafter: GuardedDrafter, task: asyncio.Task[Any] | None) -> None:
        """It took too long: it is cancelled, and if it ignores that, nobody listens to it any more."""
        if self._drafts.get(drafter) is task:
            del self._drafts[drafter]
        drafter.fault(self._session.id, f"abandoned after {self._runtime.policy.draft_timeout_s:g} s")
        if task is not None:
            task.cancel()

    def stop(self) -> None:
        """The session is over: nobody listens to its drafts any more."""
        for task in self.drafting:
            task.cancel()
        self._drafts.clear()
