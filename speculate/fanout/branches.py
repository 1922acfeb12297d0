"""What came of each branch of a fan-out, and of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from speculate.calls import Served, ToolCall
from speculate.errors import SpeculateError
from speculate.values import quick


class BranchState(Enum):
    """How a branch ended."""

    DONE = "done"
    FAILED = "failed"  # the tool raised, or the call was refused
    TIMED_OUT = "timed out"  # its own timeout, or the deadline of the whole
    CANCELLED = "cancelled"  # not needed any more, or the fan-out was cancelled


@quick
@dataclass(frozen=True, slots=True)
class BranchOutcome:
    """One branch: which (`index`, from 0, in call order), of which call, how long in seconds, and what came of it.

    attempts: how often the tool was tried. hedged: whether a second request was sent. still_running: it was told to
    stop and had not when the fan-out ended; the runtime goes on owning it, and its result is dropped.
    """

    index: int
    call: ToolCall
    state: BranchState
    value: Any = None
    error: BaseException | None = None
    served: Served | None = None
    seconds: float = 0.0
    attempts: int = 0
    hedged: bool = False
    still_running: bool = False

    @property
    def ok(self) -> bool:
        return self.state is BranchState.DONE

    def __str__(self) -> str:
        where = f"branch {self.index}, {describe(self.call)}"
        what = f"{self.state.value} after {self.seconds:.3g} s"
        if self.attempts > 1:
            what += f" and {self.attempts} attempts"
        why = "" if self.error is None else f": {type(self.error).__name__}: {self.error}"
        return f"{where}: {what}{why}"


def describe(call: ToolCall, limit: int = 200) -> str:
    """A call as a person writes it, shortened."""
    text = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items())
    return f"{call.tool}({text if len(text) <= limit else text[: limit - 1] + '…'})"


class FanOutRefused(SpeculateError):
    """The calls may not run side by side. Nothing was run. `problems` names each and the mend."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        lines = [f"  - {problem}" for problem in self.problems[:20]]
        if len(self.problems) > 20:
            lines.append(f"  … and {len(self.problems) - 20} more")
        super().__init__("the fan-out was refused, nothing was run:\n" + "\n".join(lines))


class CallRefused(SpeculateError):
    """A write of a branch or a task was not confirmed by the application; it did not run."""


class FanOutFailed(SpeculateError):
    """The merge policy could not be met. `branches` has every branch; the cause is the first tool's own exception."""

    def __init__(self, problem: str, branches: Sequence[BranchOutcome]) -> None:
        self.problem, self.branches = problem, tuple(branches)
        failed = [branch for branch in self.branches if branch.state in (BranchState.FAILED, BranchState.TIMED_OUT)]
        self.failures = tuple(failed)
        lines = [f"  - {branch}" for branch in failed[:10]]
        if len(failed) > 10:
            lines.append(f"  … and {len(failed) - 10} more")
        super().__init__("\n".join([problem, *lines]))
        self.__cause__ = next((branch.error for branch in failed if branch.error is not None), None)


@dataclass(frozen=True, slots=True)
class FanOutOutcome:
    """The whole: what the merge policy made of the branches, or why it could not.

    chosen: the indices of the branches that went into the value. seconds: from start to verdict.
    """

    branches: tuple[BranchOutcome, ...]
    chosen: tuple[int, ...]
    seconds: float
    value: Any = None
    error: FanOutFailed | None = None

    @property
    def ok(self) -> bool:
        return self.error is None

    @property
    def losers(self) -> tuple[BranchOutcome, ...]:
        """Branches that were aborted because they were not needed any more, or came too late."""
        return tuple(branch for branch in self.branches if branch.state is BranchState.CANCELLED)

    def result(self) -> Any:
        """The merged value; raises FanOutFailed if the policy could not be met."""
        if self.error is not None:
            raise self.error
        return self.value
