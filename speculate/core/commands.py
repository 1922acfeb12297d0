"""What the brain orders: imperative values. The shell carries them out in order; notices go to the observers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from speculate.notices import Fault, LaunchDenied, Launched, LaunchRetired
from speculate.spec import ResolvedCall
from speculate.values import quick


@quick
@dataclass(frozen=True, slots=True)
class Launch:
    """Start this call early, for `session`. `origin` is that of the stimulus it was predicted in."""

    id: int
    session: str
    call: ResolvedCall
    depth: int
    p_use: float
    origin: Any = None


@dataclass(frozen=True, slots=True)
class Abort:
    """Stop a running launch; its task ends with LaunchFailed or LaunchFinished."""

    id: int


@dataclass(frozen=True, slots=True)
class Discard:
    """Forget a finished launch's result; an abortable's staged work is aborted."""

    id: int


@quick
@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand the launch's result to the real call. `joined`: it had been waited for.

    ran_s: seconds the launch ran; hidden_s: how many of them passed before the real call was made.
    """

    number: int
    id: int
    joined: bool
    ran_s: float
    hidden_s: float


@dataclass(frozen=True, slots=True)
class Join:
    """Wait for the running launch, until `overdue_at` at the most."""

    number: int
    id: int
    overdue_at: float


@dataclass(frozen=True, slots=True)
class Apply:
    """Run the abortable's commit step for the real call. Times as in `Deliver`."""

    number: int
    id: int
    joined: bool
    ran_s: float
    hidden_s: float


@dataclass(frozen=True, slots=True)
class Run:
    """Run the tool for the real call."""

    number: int


@dataclass(frozen=True, slots=True)
class RunBeside:
    """Run the tool for the real call beside the launch it waits for; the first to finish answers."""

    number: int


@dataclass(frozen=True, slots=True)
class Reuse:
    """Hand out the outcome that call `first` had: the write gate's de-duplication."""

    number: int
    first: int


@dataclass(frozen=True, slots=True)
class Forget:
    """No repeat will be handed the outcome that call `first` had."""

    first: int


@dataclass(frozen=True, slots=True)
class Confirm:
    """Ask the application before this call runs."""

    number: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """The application said no: nothing runs."""

    number: int


Command = (
    Launch
    | Abort
    | Discard
    | Deliver
    | Join
    | Apply
    | Run
    | RunBeside
    | Reuse
    | Forget
    | Confirm
    | Refuse
    | LaunchDenied
    | Launched
    | LaunchRetired
    | Fault
)
