"""Writing one made-up session: what the user says, what the agent decides, what it calls and what comes back.

A generator keeps apart what the world is (drawn from `rng`), what the agent decides (`chance`, `pick`) and what the
model makes up (`Free`). So each call knows whether its arguments could have been derived at all, and whether someone
who knew the generator's own weights would have put it first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from speculate.spec import ToolSpec
from speculate.trace import (
    CallIssued,
    RecordedSession,
    RecordedTurn,
    ResultArrived,
    SessionStarted,
    TurnTaken,
    UserSaid,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Free:
    """An argument value that the model composes: nothing the session showed says what it will be."""

    value: Any


@dataclass(frozen=True, slots=True)
class Planned:
    """One call of a turn: tool, arguments (some of them `Free`), what it returns and whether that is an error."""

    tool: str
    arguments: Mapping[str, Any]
    result: Any
    ok: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """One made-up session. `derivable`, `foreseeable`: ids of the calls of which each is true."""

    session: RecordedSession
    derivable: frozenset[str]
    foreseeable: frozenset[str]


@dataclass(slots=True)
class Story:
    """Writes one session. `derivable`: no argument was made up. `foreseeable`: that, and every decision of the agent
    since its last turn went the likelier way."""

    name: str
    rng: Random
    tenant: str | None = None
    _steps: list[UserSaid | RecordedTurn] = field(default_factory=list)
    _turn: int = 0
    _calls: int = 0
    _as_expected: bool = True
    _derivable: set[str] = field(default_factory=set)
    _foreseeable: set[str] = field(default_factory=set)

    def user(self, text: str) -> None:
        """The user says something; what was decided before is visible in it."""
        self._steps.append(UserSaid(self.name, text))
        self._as_expected = True

    def say(self, text: str) -> None:
        """A turn without calls."""
        self._steps.append(RecordedTurn(TurnTaken(self.name, self._turn, text=text)))
        self._turn += 1
        self._as_expected = True

    def chance(self, p: float) -> bool:
        """A decision of the agent: True with chance `p`."""
        taken = self.rng.random() < p
        if taken != (p >= 0.5):
            self._as_expected = False
        return taken

    def pick(self, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """A decision of the agent between several things; without weights the first is as likely as any."""
        weights = weights or [1.0] * len(options)
        index = self.rng.choices(range(len(options)), weights)[0]
        if index != max(range(len(options)), key=lambda i: weights[i]):
            self._as_expected = False
        return options[index]

    def call(self, tool: str, arguments: Mapping[str, Any], result: Any, *, ok: bool = True, text: str = "") -> None:
        """A turn with one call."""
        self.calls([Planned(tool, arguments, result, ok)], text)

    def calls(self, planned: Sequence[Planned], text: str = "") -> None:
        """A turn with several calls at once, whose results come in that order."""
        turn = RecordedTurn(TurnTaken(self.name, self._turn, text=text or None))
        for each in planned:
            self._calls += 1
            id = f"c{self._calls}"
            arguments = {k: v.value if isinstance(v, Free) else v for k, v in each.arguments.items()}
            turn.calls.append(CallIssued(self.name, self._turn, id, each.tool, arguments))
            turn.results[id] = ResultArrived(self.name, id, ok=each.ok, result=each.result)
            if not any(isinstance(value, Free) for value in each.arguments.values()):
                self._derivable.add(id)
                if self._as_expected:
                    self._foreseeable.add(id)
        self._steps.append(turn)
        self._turn += 1
        self._as_expected = True

    def told(self) -> Told:
        """The session as it stands."""
        start = SessionStarted(self.name, tenant=self.tenant)
        return Told(RecordedSession(start, self._steps), frozenset(self._derivable), frozenset(self._foreseeable))


@dataclass(frozen=True, slots=True)
class World:
    """One made-up world: how a session goes, and what its tools do. `says` is one line for people."""

    name: str
    says: str
    specs: Mapping[str, ToolSpec]
    tell: Callable[[Story], None]

    def sessions(self, count: int, seed: int, first: int = 0) -> list[Told]:
        """Sessions `first` … `first + count - 1` of this seed; each is the same whatever else is asked for."""
        out = []
        for number in range(first, first + count):
            name = f"{self.name}-{seed}-{number}"
            story = Story(name, Random(name), tenant=f"tenant-{number}")
            self.tell(story)
            out.append(story.told())
        return out
