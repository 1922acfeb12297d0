"""The world that a replay runs in: tools that return what was recorded, and a judge of what the runtime did.

It keeps its own log of what started and its own version of every resource, and takes nothing from the runtime's
word. Safety is what it counts:

- *writes_launched*, *undeclared_launched*: starts of a write, or of a tool nobody declared, beyond the real calls
  that the agent announced. Staging an abortable call is no write; applying it is.
- *stale_delivered*: an early result whose resources were changed by a write that began or ended after it started
  and before the real call, or that is older than the tool's time to live.
- *mismatched_results*: what the agent received is not what was recorded for this call.

A start belongs to the agent's call of the same key that was announced, is not answered and has not started (a start
that was cut short does not count). Otherwise it is early, and returns what the next such call of the session was
answered with; a call that never comes takes a time drawn from the tool's distribution and returns a marker. Identical
calls of one turn are interchangeable. That a call was answered is the one thing the runtime is asked for while a turn
is under way: a wrong word could only make more starts count as early.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from speculate.calls import Outcome, Served
from speculate.errors import CommitConflict, ReplayDivergence
from speculate.notices import CallEnded, Notice
from speculate.replay.answers import Answer, RecordedFailure, ToolRun, failure
from speculate.replay.judgement import Judge, JudgedCall, overlap
from speculate.replay.latency import LatencyModel
from speculate.replay.script import ScriptedCall, SessionScript, TurnStep
from speculate.runtime.tools import AbortableTool
from speculate.spec import Effect, ToolSpec

_ROUNDING_S = 1e-6  # sums of times are not exact; a result may not count as too old for that


@dataclass(slots=True)
class Safety:
    """What must be zero."""

    writes_launched: int = 0
    undeclared_launched: int = 0
    stale_delivered: int = 0
    mismatched_results: int = 0

    def document(self) -> dict[str, int]:
        return {
            "writes_launched": self.writes_launched,
            "undeclared_launched": self.undeclared_launched,
            "stale_delivered": self.stale_delivered,
            "mismatched_results": self.mismatched_results,
        }


class _Pending:
    """A call that the agent announced and that was not answered yet, and its own start."""

    __slots__ = ("call", "has_started")

    def __init__(self, call: ScriptedCall) -> None:
        self.call, self.has_started = call, False


class SessionState:
    """Where one session stands. `next_turn` is the number of the next turn whose calls are not announced."""

    def __init__(self, world: World, script: SessionScript) -> None:
        self.world, self.script = world, script
        self.next_turn = 0
        self._pending: dict[str | None, list[_Pending]] = {}
        self._future: dict[str | None, deque[ScriptedCall]] = {}
        for call in script.calls:
            self._future.setdefault(call.judged.key, deque()).append(call)
        self._announced_at = 0.0
        self._mark = 0

    def announce(self, turn: TurnStep) -> None:
        """The agent's next turn is here, and it is about to make these calls (perhaps none)."""
        self.next_turn = turn.number + 1
        self._announced_at, self._mark = self.world.now(), self.world.version
        for call in turn.calls:
            self._future[call.judged.key].popleft()
            self._pending.setdefault(call.judged.key, []).append(_Pending(call))

    def start(self, judged: JudgedCall) -> tuple[ScriptedCall | None, bool]:
        """The recorded call whose result a start now returns, and whether it is the agent's own start."""
        pending = self._pending.get(judged.key, ())
        for entry in pending:
            if not entry.has_started:
                entry.has_started = True
                return entry.call, True
        future = self._future.get(judged.key)
        if future:
            return future[0], False
        return (pending[-1].call, False) if pending else (None, False)

    def cut_short(self, run: ToolRun) -> None:
        """A start was cancelled: if its call still waits, it is still to start."""
        for entry in self._pending.get(run.judged.key, ()):
            if run.real and entry.call is run.call:
                entry.has_started = False

    def call_answered(self, id: str) -> None:
        """The runtime has answered the call of this id."""
        for entries in self._pending.values():
            entries[:] = [entry for entry in entries if entry.call.call.id != id]

    def is_pending(self, judged: JudgedCall) -> bool:
        """Whether the agent has announced such a call and waits for its answer."""
        return bool(self._pending.get(judged.key))

    def answered(self, turn: TurnStep, outcomes: Sequence[Outcome]) -> None:
        """Judge what the agent received for this turn's calls. Raises ReplayDivergence if an answer is missing."""
        if len(outcomes) != len(turn.calls):
            raise ReplayDivergence(
                f"session {self.script.id!r}, turn {turn.number}: {len(turn.calls)} calls, {len(outcomes)} answers"
            )
        for call, outcome in zip(turn.calls, outcomes, strict=True):
            self._judge(turn, call, outcome)
        self._pending.clear()

    def _judge(self, turn: TurnStep, call: ScriptedCall, outcome: Outcome) -> None:
        safety = self.world.safety
        given = outcome.value if outcome.error is None else outcome.error
        if not isinstance(given, (Answer, RecordedFailure)):
            safety.mismatched_results += 1
            return
        run = given.run
        if outcome.served is Served.DEDUPLICATED:
            # The write gate gives the first outcome again, with speculation and without: that is what it is for.
            if not (run.real and run.call is not None and run.call.judged.tool == call.judged.tool):
                safety.mismatched_results += 1
            return
        twice = run.delivered_to is not None
        run.delivered_to = call
        is_recorded = run.call is not None and any(
            other.judged.key == call.judged.key and run.call.answers_like(other) for other in (call, *turn.calls)
        )
        failed_early = isinstance(given, RecordedFailure) and not run.real and outcome.served is not Served.RAN
        if twice or failed_early or not is_recorded:
            safety.mismatched_results += 1
        if self._is_stale(turn, call, run):
            safety.stale_delivered += 1

    def _is_stale(self, turn: TurnStep, call: ScriptedCall, run: ToolRun) -> bool:
        if self.world.changed(run, self._mark):
            return True
        earlier = [other for other in turn.calls if other.index < call.index]
        if earlier and self.world.changed_by(earlier, run, self._mark):
            return True
        return self._announced_at - run.began_at > self.world.ttl_s(run.judged.tool) + _ROUNDING_S


_session: ContextVar[SessionState] = ContextVar("speculate_replay_session")


class World:
    """All sessions' world during one arm. `capacity`: how many runs of a tool go on at once; others queue.

    `keep_runs` keeps every start, for timelines. `has_readers`: a predictor will look at the results.
    """

    def __init__(
        self,
        specs: Mapping[str, ToolSpec],
        latency: LatencyModel,
        judge: Judge | None = None,
        capacity: Mapping[str, int] | None = None,
        keep_runs: bool = False,
        has_readers: bool = True,
    ) -> None:
        self.has_readers = has_readers
        self.safety = Safety()
        self.runs: list[ToolRun] = []
        self._specs, self._latency = specs, latency
        self._judge = judge or Judge(specs)
        self._changes: list[ToolRun] = []  # every write's run, once as it begins and once as it ends
        self._slots = {tool: asyncio.Semaphore(slots) for tool, slots in (capacity or {}).items()}
        self._keep_runs = keep_runs
        self._states: dict[str, SessionState] = {}

    def notice(self, notice: Notice) -> None:
        """The runtime's observer."""
        if type(notice) is CallEnded and (state := self._states.get(notice.session)) is not None:
            state.call_answered(notice.id)

    def now(self) -> float:
        """Seconds on the running loop's clock."""
        return asyncio.get_running_loop().time()

    @property
    def version(self) -> int:
        """Grows with every write's beginning and end."""
        return len(self._changes)

    def ttl_s(self, tool: str) -> float:
        spec = self._specs.get(tool)
        return 0.0 if spec is None else spec.ttl_s

    def changed(self, run: ToolRun, until: int) -> bool:
        """Whether another write between the run's version and this one changed what the run rests on."""
        return run.mark < until and any(
            write is not run and overlap(run.judged.rests_on, write.judged.writes)
            for write in self._changes[run.mark : until]
        )

    def changed_by(self, calls: Sequence[ScriptedCall], run: ToolRun, since: int) -> bool:
        """Whether one of these calls has changed what the run rests on since a version."""
        return any(
            write.call in calls and overlap(run.judged.rests_on, write.judged.writes)
            for write in self._changes[max(since, run.mark) :]
        )

    def enter(self, script: SessionScript) -> SessionState:
        """Make `script` the session whose calls this task, and the tasks it starts, make."""
        state = self._states[script.id] = SessionState(self, script)
        _session.set(state)
        return state

    def leave(self, state: SessionState) -> None:
        """The session is over."""
        self._states.pop(state.script.id, None)

    def tool(self, name: str) -> Any:
        """The tool of this name, as the runtime is given it."""

        async def run(**arguments: Any) -> Answer:
            return await self._run(name, arguments)

        run.__name__ = run.__qualname__ = name
        spec = self._specs.get(name)
        if spec is not None and Effect.ABORTABLE in (spec.effect, *(rule.effect for rule in spec.when)):
            return self._abortable(name)
        return run

    def _abortable(self, name: str) -> AbortableTool:
        async def prepare(**arguments: Any) -> ToolRun:
            run = self._begin(name, arguments)
            await self._take_time(run)
            return run

        async def commit(staged: ToolRun) -> Answer:
            return self._apply(staged)

        async def abort(staged: ToolRun) -> None:
            staged.ended_at = None

        return AbortableTool(prepare, commit, abort)

    def _apply(self, run: ToolRun) -> Answer:
        """An abortable's second step: a write, that takes no time."""
        if not run.real and self.changed(run, self.version):
            raise CommitConflict(f"what {run.judged.tool} staged is out of date")
        if not _session.get().is_pending(run.judged):
            self.safety.writes_launched += 1
        self._changes.append(run)
        self._changes.append(run)
        return self._finish(run)

    async def _run(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        run = self._begin(name, arguments)
        if run.judged.is_write:
            self._changes.append(run)
        try:
            await self._take_time(run)
        finally:
            if run.judged.is_write:
                self._changes.append(run)
        return self._finish(run)

    def _begin(self, name: str, arguments: Mapping[str, Any]) -> ToolRun:
        try:
            state = _session.get()
        except LookupError:
            raise ReplayDivergence(f"tool {name!r} was started outside of any session") from None
        judged = self._judge.judge(name, arguments)
        call, real = state.start(judged)
        if not real:
            if not judged.is_declared:
                self.safety.undeclared_launched += 1
            elif judged.is_write:
                self.safety.writes_launched += 1
        run = ToolRun(state.script.id, judged, call, real, self.version, self.now())
        if self._keep_runs:
            self.runs.append(run)
        return run

    async def _take_time(self, run: ToolRun) -> None:
        tool = run.judged.tool
        if run.call is not None:
            seconds = run.call.tool_s
        else:
            seconds = self._latency.guess_s(tool, run.session, run.judged.key or "")
        slots = self._slots.get(tool)
        try:
            if slots is None:
                await asyncio.sleep(seconds)
                return
            async with slots:
                await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            _session.get().cut_short(run)
            raise

    def _finish(self, run: ToolRun) -> Answer:
        run.ended_at = self.now()
        if run.call is not None and run.call.raised is not None:
            raise failure(run, run.call.raised)
        return Answer(run, self.has_readers)
