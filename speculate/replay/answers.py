"""What the replay's tools return and raise: recorded values, and the run each came from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from speculate.replay.judgement import JudgedCall
from speculate.replay.script import ScriptedCall

NEVER_MADE = "(the session never makes this call)"


@dataclass(slots=True, eq=False)
class ToolRun:
    """One start of a tool. `call` is the recorded call whose result it returns, None if there is none.

    `mark` is the world's version when it started; `real`: the agent had announced it; `ended_at` None: cut short.
    """

    session: str
    judged: JudgedCall
    call: ScriptedCall | None
    real: bool
    mark: int
    began_at: float
    ended_at: float | None = None
    delivered_to: ScriptedCall | None = None


class Answer:
    """What a tool of the world returns: a recorded value, and the run it came from."""

    __slots__ = ("_has_readers", "run")

    def __init__(self, run: ToolRun, has_readers: bool = True) -> None:
        self.run, self._has_readers = run, has_readers

    @property
    def ok(self) -> bool:
        """False for an error that the tool returned."""
        return self.run.call is None or self.run.call.ok

    @property
    def value(self) -> Any:
        return NEVER_MADE if self.run.call is None else self.run.call.value

    def model_dump(self, mode: str = "json") -> Any:
        """What a history keeps of it: nothing where nobody reads it, since copying is most of a call's cost."""
        if not self._has_readers:
            return None
        return NEVER_MADE if self.run.call is None else self.run.call.seen

    def __deepcopy__(self, memo: Any) -> Answer:
        """A copy of its own for whoever is given the same outcome again; the run stays the one it was."""
        return Answer(self.run)


class RecordedFailure(Exception):
    """The tool raised in the recorded run. Its class is named as the recorded one was."""

    def __init__(self, run: ToolRun, text: str) -> None:
        self.run = run
        super().__init__(text)


@lru_cache(maxsize=256)
def _failure_class(name: str) -> type[RecordedFailure]:
    return type(name, (RecordedFailure,), {})


def failure(run: ToolRun, raised: str) -> RecordedFailure:
    """The recorded "Type: message" as an exception."""
    name, colon, message = raised.partition(": ")
    return _failure_class(name)(run, message) if colon and name.isidentifier() else RecordedFailure(run, raised)
