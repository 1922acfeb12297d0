"""The scheduler: events in, starts out. No I/O, no clock, no asyncio, no polling.

Laws of this file, each with a property test:
  - a task starts at most once, and only after everything it needs is done and everything it waits for is settled;
  - among ready tasks the one with the longest remaining path starts first (list scheduling by level, Hu 1961;
    within 2 - 1/m of the optimum on m slots, Graham 1969);
  - a task that fails skips exactly what needs it, directly or through others; nothing else;
  - after `cancel` nothing starts.
An event costs O(log n) and the edges that leave its task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from speculate.errors import InternalError
from speculate.fanout.limits import Slots


class State(Enum):
    """Where a task stands. The last four are final."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset({State.DONE, State.FAILED, State.SKIPPED, State.CANCELLED})


@dataclass(slots=True)
class Step:
    """What an event brought about: tasks to start now, best first, and tasks that were skipped, with by whom."""

    start: list[int] = field(default_factory=list)
    skipped: list[tuple[int, int]] = field(default_factory=list)


class Scheduler:
    """Tasks are numbered in the order they are added; a task may need or wait for earlier numbers only."""

    __slots__ = (
        "_blockers",
        "_cancelled",
        "_dependents",
        "_done_needs",
        "_keys",
        "_lost",
        "_needs_any",
        "_rank",
        "_settled",
        "_slots",
        "states",
    )

    def __init__(self, capacities: Mapping[str, int] | None = None) -> None:
        self.states: list[State] = []
        self._slots = Slots(capacities)
        self._dependents: list[list[tuple[int, bool]]] = []  # (task, whether it needs this one to succeed)
        self._blockers: list[int] = []  # how many unsettled tasks stand before it
        self._needs_any: list[bool] = []
        self._done_needs: list[int] = []  # of a task that needs any: how many it needs are done
        self._rank: list[float] = []
        self._keys: list[tuple[str, ...]] = []
        self._lost: list[tuple[int, int]] = []  # skipped as they were added; told by the next `poke`
        self._settled = 0
        self._cancelled = False

    def add(
        self,
        needs: Iterable[int] = (),
        waits: Iterable[int] = (),
        priority: float = 0.0,
        keys: tuple[str, ...] = (),
        needs_any: bool = False,
    ) -> int:
        """Add a task; its number. `needs` must be done (with `needs_any`: one of them), `waits` only settled.

        The task is not started by this: call `poke` once what belongs together has been added.
        """
        index = len(self.states)
        needs, waits = tuple(needs), tuple(waits)
        self.states.append(State.WAITING)
        self._dependents.append([])
        self._blockers.append(0)
        self._needs_any.append(needs_any and bool(needs))
        self._done_needs.append(0)
        self._rank.append(-priority)
        self._keys.append(keys)
        lost: int | None = None
        for source in needs:
            state = self.states[source]
            if state is State.DONE:
                self._done_needs[index] += 1
            elif state in _FINAL:
                lost = source
            else:
                self._dependents[source].append((index, True))
                self._blockers[index] += 1
        for source in waits:
            if self.states[source] not in _FINAL:
                self._dependents[source].append((index, False))
                self._blockers[index] += 1
        if self._cancelled:
            self._settle(index, State.CANCELLED)
        elif lost is not None and not (needs_any and (self._done_needs[index] or self._blockers[index])):
            self._settle(index, State.SKIPPED)
            self._lost.append((index, lost))
        elif self._blockers[index] == 0:
            self._ready(index)
        return index

    def _ready(self, index: int) -> None:
        self.states[index] = State.READY
        self._slots.push(index, self._rank[index], self._keys[index])

    def _settle(self, index: int, state: State) -> None:
        if self.states[index] in _FINAL:
            raise InternalError(f"task {index} is {self.states[index].value} and cannot become {state.value}")
        self.states[index] = state
        self._settled += 1

    def lift(self, index: int, priority: float) -> bool:
        """A longer path turned out to hang on the task (a planner wrote on). False if it has started already."""
        state = self.states[index]
        if -priority < self._rank[index]:
            self._rank[index] = -priority
            if state is State.READY:
                self._slots.push(index, -priority, self._keys[index])
        return state in (State.WAITING, State.READY)

    def poke(self) -> Step:
        """What can start after tasks were added, and which of them came too late to run."""
        lost, self._lost = self._lost, []
        return self._begin(Step(skipped=lost))

    def _begin(self, step: Step) -> Step:
        for index in self._slots.take():
            self.states[index] = State.RUNNING
            step.start.append(index)
        return step

    def succeeded(self, index: int) -> Step:
        """The running task is done; its slots are free."""
        return self._end(index, State.DONE, release=True)

    def failed(self, index: int, *, still_runs: bool = False) -> Step:
        """The running task failed. `still_runs`: it ignores its cancellation and holds its slots until `released`."""
        return self._end(index, State.FAILED, release=not still_runs)

    def declined(self, index: int) -> Step:
        """The started task's condition does not hold: it is skipped, and what needs it."""
        return self._end(index, State.SKIPPED, release=True)

    def released(self, index: int) -> Step:
        """A task that had failed while it still ran has ended at last."""
        step = Step()
        for started in self._slots.release(index):
            self.states[started] = State.RUNNING
            step.start.append(started)
        return step

    def _end(self, index: int, state: State, *, release: bool) -> Step:
        if self.states[index] is not State.RUNNING:
            raise InternalError(f"task {index} is {self.states[index].value}, not running; it cannot end")
        step = self.released(index) if release else Step()
        self._settle(index, state)
        ended = [index]
        while ended:  # a loop, not recursion: a chain of skipped tasks may be as long as the plan
            source = ended.pop()
            done = self.states[source] is State.DONE
            for target, needed in self._dependents[source]:
                if self.states[target] is not State.WAITING:
                    continue  # already skipped for another reason, or cancelled
                self._blockers[target] -= 1
                any_of = self._needs_any[target]
                if needed and done:
                    self._done_needs[target] += 1
                elif needed and not any_of:
                    self._settle(target, State.SKIPPED)
                    step.skipped.append((target, source))
                    ended.append(target)
                    continue
                if self._blockers[target] == 0:
                    if any_of and not self._done_needs[target]:
                        self._settle(target, State.SKIPPED)
                        step.skipped.append((target, source))
                        ended.append(target)
                    else:
                        self._ready(target)
            self._dependents[source] = []
        return self._begin(step)

    def cancel(self) -> list[int]:
        """Nothing starts any more; the running tasks are cancelled. Their numbers, to be stopped."""
        self._cancelled = True
        self._slots.clear()
        running: list[int] = []
        for index, state in enumerate(self.states):
            if state is State.RUNNING:
                running.append(index)
            if state not in _FINAL:
                self._settle(index, State.CANCELLED)
        return running

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled

    @property
    def is_settled(self) -> bool:
        """Whether every task added so far has its final state."""
        return self._settled == len(self.states)

    def check(self) -> None:
        """Raise InternalError unless the books agree (for tests: call it after every event)."""
        if self._settled != sum(state in _FINAL for state in self.states):
            raise InternalError("the number of settled tasks is wrong")
        waiting = [0] * len(self.states)
        for source, dependents in enumerate(self._dependents):
            if dependents and self.states[source] in _FINAL and self.states[source] is not State.CANCELLED:
                raise InternalError(f"task {source} is settled and still holds dependents")
            for target, _ in dependents:
                waiting[target] += 1
        for index, state in enumerate(self.states):
            if state is State.WAITING and waiting[index] != self._blockers[index]:
                raise InternalError(f"task {index} counts {self._blockers[index]} blockers, has {waiting[index]}")

    def __repr__(self) -> str:
        counts = {state.value: self.states.count(state) for state in State}
        return "<Scheduler " + ", ".join(f"{count} {name}" for name, count in counts.items() if count) + ">"
