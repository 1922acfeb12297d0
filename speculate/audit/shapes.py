"""What the audit keeps of a session: who waited on what, without the values themselves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from speculate.resources import Claims


class Provenance(Enum):
    """Where an argument's value came from."""

    RESULT = "result"  # it stands in an earlier result
    ARGUMENT = "argument"  # an earlier call had it
    USER = "user"  # the user typed it
    MODEL = "model"  # the model wrote it in an earlier turn
    TRIVIAL = "trivial"  # a value that occurs everywhere says nothing
    PARTIAL = "partial"  # words of it stand in earlier results, the whole does not
    NOVEL = "novel"  # nothing before shows it

    @property
    def is_derived(self) -> bool:
        return self in (Provenance.RESULT, Provenance.ARGUMENT, Provenance.USER, Provenance.MODEL)


@dataclass(frozen=True, slots=True)
class Flow:
    """A value that went from a result into an argument: the call it came from, and both places."""

    producer: int
    path: str
    argument: str
    is_exact: bool  # the value of a field; otherwise a word of a text, or a part of the argument
    siblings: int = 1  # how many values stand at that place of the result: a list's length


@dataclass(frozen=True, slots=True)
class WeakLink:
    """A value too common to mean much, last seen new in a result: a dependency only where it is the rule."""

    slot: str
    path: str
    since: int


@dataclass(frozen=True, slots=True)
class CallShape:
    """One call. `number` counts within the session, `turn` is the position of its turn.

    seconds: recorded, or None. ready: the first turn at which all its telling arguments were known. novel: slots
    whose value nothing before showed, with a fingerprint of it. is_composed: the model wrote at least one argument
    freely, after seeing all that came before. failed: it raised or returned an error.
    """

    number: int
    turn: int
    id: str
    tool: str
    seconds: float | None
    is_read: bool
    is_speculable: bool
    claims: Claims
    ready: int
    flows: tuple[Flow, ...] = ()
    weak: tuple[WeakLink, ...] = ()
    novel: tuple[tuple[str, int], ...] = ()
    is_composed: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True)
class TurnShape:
    """One model response, the `place`-th of its session.

    after_user: a person spoke just before it, so nothing may move across. overlapped: whether the recording shows
    its calls running at the same time; None if it does not say.
    """

    place: int
    llm_s: float | None
    after_user: bool
    calls: tuple[CallShape, ...]
    tokens_in: int | None = None
    tokens_out: int | None = None
    overlapped: bool | None = None


@dataclass(frozen=True, slots=True)
class SessionShape:
    """One session. `weight` is about how many bytes its recorded content takes."""

    id: str
    turns: tuple[TurnShape, ...]
    weight: int = 0

    @property
    def calls(self) -> list[CallShape]:
        return [call for turn in self.turns for call in turn.calls]
