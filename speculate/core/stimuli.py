"""What the brain is told: past-tense values. Time arrives inside them, in seconds on the runtime's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from speculate.prediction import ArgumentSource
from speculate.spec import ResolvedCall
from speculate.values import quick


@quick
@dataclass(frozen=True, slots=True)
class Candidate:
    """A predicted call, resolved against its manifest entry; `depth` 1 rests on real results only.

    tainted: an argument was derived from the result of an untrusted tool, by the prediction's own account.
    issued: no guess at all: the model has written the whole call, and only its turn is not over yet.
    """

    call: ResolvedCall
    p_next: float
    p_use: float
    source: str
    sources: Mapping[str, ArgumentSource]
    depth: int = 1
    registered: bool = True
    tainted: bool = False
    issued: bool = False


@dataclass(frozen=True, slots=True)
class SessionOpened:
    at: float
    session: str


@dataclass(frozen=True, slots=True)
class SessionClosed:
    at: float
    session: str


@dataclass(frozen=True, slots=True)
class UserSpoke:
    at: float
    session: str
    text: str


@quick
@dataclass(frozen=True, slots=True)
class Predicted:
    """`context`: the declared context variables' values, compared at commit.

    origin: the shell's own, handed back in each `Launch`: what the guesses rest on, and what they run in. It comes
    with the stimulus, since by the time a launch is carried out the session may have moved on.
    """

    at: float
    session: str
    candidates: tuple[Candidate, ...]
    context: Any = None
    origin: Any = None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Whoever suggested this call knows now that it will not be made (a plan's branch that lost)."""

    at: float
    session: str
    key: str
    source: str


@quick
@dataclass(frozen=True, slots=True)
class Called:
    """The model made a call, and nothing of its own session stands before it. `number` is unique."""

    at: float
    session: str
    number: int
    call: ResolvedCall
    context: Any = None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The application's answer to `Confirm`."""

    at: float
    number: int
    granted: bool


@dataclass(frozen=True, slots=True)
class JoinOverdue:
    """A joined speculation has taken longer than the call itself would have."""

    at: float
    number: int


@dataclass(frozen=True, slots=True)
class CallCancelled:
    """The agent cancelled a call that had not begun to run (joined, queued, or waiting for confirmation)."""

    at: float
    number: int


@quick
@dataclass(frozen=True, slots=True)
class CallEnded:
    """A real run ended after `seconds`. ok None: cancelled, which says nothing about the tool.

    throttled_s: the tool said "too many requests": stay away for so long.
    """

    at: float
    number: int
    ok: bool | None
    seconds: float
    throttled_s: float | None = None


@dataclass(frozen=True, slots=True)
class UntrustedSeen:
    """The agent got a result that may be hostile; `text` is its bounded text."""

    at: float
    session: str
    text: str


@dataclass(frozen=True, slots=True)
class LaunchFinished:
    at: float
    id: int


@dataclass(frozen=True, slots=True)
class LaunchFailed:
    """reason: "raised" or "stopped" (its abort took effect)."""

    at: float
    id: int
    reason: str
    throttled_s: float | None = None


@dataclass(frozen=True, slots=True)
class LaunchOverdue:
    """A launch has run past its timeout."""

    at: float
    id: int


@dataclass(frozen=True, slots=True)
class Applied:
    """An abortable's commit step ended. ok False: it raised; what it did is the real call's outcome."""

    at: float
    id: int
    ok: bool


@dataclass(frozen=True, slots=True)
class ApplyRefused:
    """An abortable's commit step changed nothing: what was staged is out of date, or its call is gone (`reason`)."""

    at: float
    id: int
    reason: str = "conflict"


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A squashed launch did not stop within the grace."""

    at: float
    id: int


Stimulus = (
    SessionOpened
    | SessionClosed
    | UserSpoke
    | Predicted
    | Withdrawn
    | Called
    | Confirmed
    | JoinOverdue
    | CallCancelled
    | CallEnded
    | UntrustedSeen
    | LaunchFinished
    | LaunchFailed
    | LaunchOverdue
    | Applied
    | ApplyRefused
    | Abandoned
)
