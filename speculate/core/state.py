"""What the brain remembers besides speculations: sessions, real calls, and each tool's load."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

from cachetools import LRUCache

from speculate.core.disclosure import Disclosure
from speculate.spec import ResolvedCall


class Phase(Enum):
    """Where a real call stands. All but ASKED and QUEUED: the shell has been told."""

    ASKED = "asked"  # nothing is decided
    CONFIRMING = "confirming"  # the application is being asked
    QUEUED = "queued"  # the tool's own limit of real calls is reached
    JOINED = "joined"  # waits for the launch it was matched with
    BESIDE = "beside"  # runs beside that launch
    APPLYING = "applying"  # the abortable's commit step runs
    RUNNING = "running"


@dataclass(slots=True, eq=False)
class RealCall:
    """One call of the model's, from when it is made until it is answered."""

    number: int
    session: str
    call: ResolvedCall
    # Its session's state, which it holds itself: the id may be another session's by the time this call ends.
    owner: SessionState
    load: ToolLoad  # its tool's
    phase: Phase = Phase.ASKED
    speculation: int | None = None
    claims_slot: bool = False  # counted among the tool's real calls


@dataclass(slots=True, eq=False)
class SessionState:
    """What one session has disclosed and done."""

    disclosure: Disclosure = field(default_factory=Disclosure)
    closed: bool = False
    calls: int = 0  # real calls not yet answered
    in_flight: int = 0  # launches that run, aborting ones included
    predicted_at: float | None = None  # when the oldest prediction not yet followed by a call was made
    outcomes: LRUCache[str, RealCall] | None = None  # dedup key -> first successful call; None until there is one


@dataclass(slots=True, eq=False)
class ToolLoad:
    """How many runs of one tool are under way."""

    launches: int = 0  # running, joined and aborting launches
    joined: int = 0  # of these, joined: they stand for real calls
    real: int = 0  # real calls that run
    queue: deque[int] = field(default_factory=deque)
