"""The life of one speculation, as a table.

            launch
              │
           RUNNING ──finish──▶ READY ──commit──▶ RETIRED (committed)
            │  │  │              │ └───apply──▶ APPLYING ──applied──▶ RETIRED (committed)
            │  │  └─fail─▶ RETIRED               └──────refuse──▶ RETIRED (wasted)
            │  └─call─▶ JOINED ──commit──▶ RETIRED (committed); fail ▶ RETIRED; squash ▶ SQUASHED; apply ▶ APPLYING
            └─squash─▶ SQUASHED ──finish, fail, abandon──▶ RETIRED (wasted)

An illegal transition raises InvalidTransition and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from speculate.errors import InvalidTransition
from speculate.spec import ResolvedCall


class State(Enum):
    RUNNING = "running"  # nobody waits for it
    READY = "ready"  # finished; nobody has asked
    JOINED = "joined"  # running; a real call waits for it
    APPLYING = "applying"  # an abortable's commit step runs for the real call
    SQUASHED = "squashed"  # decided wrong or stale; its abort is under way, its slot still taken
    RETIRED = "retired"  # left the table, one ledger record written

    __hash__ = object.__hash__  # members are singletons; Enum's own hash is Python code on every look-up


class Trigger(Enum):
    FINISH = "finish"
    FAIL = "fail"
    CALL = "call"
    COMMIT = "commit"
    APPLY = "apply"
    APPLIED = "applied"
    REFUSE = "refuse"
    SQUASH = "squash"
    ABANDON = "abandon"

    __hash__ = object.__hash__


TRANSITIONS: dict[tuple[State, Trigger], State] = {
    (State.RUNNING, Trigger.FINISH): State.READY,
    (State.RUNNING, Trigger.FAIL): State.RETIRED,
    (State.RUNNING, Trigger.CALL): State.JOINED,
    (State.RUNNING, Trigger.SQUASH): State.SQUASHED,
    (State.READY, Trigger.COMMIT): State.RETIRED,
    (State.READY, Trigger.APPLY): State.APPLYING,
    (State.READY, Trigger.SQUASH): State.RETIRED,
    (State.JOINED, Trigger.COMMIT): State.RETIRED,
    (State.JOINED, Trigger.APPLY): State.APPLYING,
    (State.JOINED, Trigger.FAIL): State.RETIRED,
    (State.JOINED, Trigger.SQUASH): State.SQUASHED,
    (State.APPLYING, Trigger.APPLIED): State.RETIRED,
    (State.APPLYING, Trigger.REFUSE): State.RETIRED,
    (State.SQUASHED, Trigger.FINISH): State.RETIRED,
    (State.SQUASHED, Trigger.FAIL): State.RETIRED,
    (State.SQUASHED, Trigger.ABANDON): State.RETIRED,
}


@dataclass(slots=True, eq=False)
class Speculation:
    """One launch on its way through the table. Only the brain changes it."""

    id: int
    session: str
    call: ResolvedCall
    p_use: float
    source: str
    depth: int
    value_s: float  # p_use · E[time hidden]: what is lost if it is aborted
    context: Any
    launched_at: float
    state: State = State.RUNNING
    finished_at: float | None = None
    joined_at: float | None = None
    number: int | None = None  # the real call that joined it, or that it is applied for
    beside: bool = False  # the real call runs beside it
    reason: str = ""  # why it was squashed
    moves: list[tuple[float, Trigger, State, State]] = field(default_factory=list)

    def fire(self, trigger: Trigger, at: float) -> State:
        """Move along the table. Raises InvalidTransition, with the whole story, and changes nothing."""
        new = TRANSITIONS.get((self.state, trigger))
        if new is None:
            raise InvalidTransition(self.id, self.state.value, trigger.value, self.story)
        self.moves.append((at, trigger, self.state, new))
        self.state = new
        return new

    @property
    def story(self) -> list[str]:
        """What happened to it so far, oldest first."""
        moves = [f"{at:.6f} {trigger.value}: {old.value} → {new.value}" for at, trigger, old, new in self.moves]
        return [f"{self.launched_at:.6f} launch: {self.call.tool}", *moves]

    def has_expired(self, at: float) -> bool:
        """Whether its result is too old to be served at `at` (law L3: counted from the start of the launch)."""
        return at - self.launched_at > self.call.spec.ttl_s

    def times(self, at: float) -> tuple[float, float]:
        """Seconds it ran, and how many of these passed before the real call was made: what it hid."""
        ran_s = (self.finished_at or at) - self.launched_at
        asked_at = self.joined_at if self.joined_at is not None else at
        return ran_s, min(ran_s, asked_at - self.launched_at)
