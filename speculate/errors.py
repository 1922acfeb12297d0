"""The exception tree, split by whose fault it is.

A denied launch, a miss, a squash or a refused write are values, never exceptions. What a tool raises passes
through unwrapped. Everything here derives from `SpeculateError`.
"""

from __future__ import annotations

from collections.abc import Sequence


class SpeculateError(Exception):
    """Anything this package raises on purpose."""


class ManifestError(SpeculateError):
    """A manifest is wrong. Names the file, the line where it is known, the tool, the field and the mend."""

    def __init__(
        self,
        problem: str,
        *,
        file: str | None = None,
        tool: str | None = None,
        field: str | None = None,
        line: int | None = None,
    ) -> None:
        self.problem, self.file, self.tool, self.field, self.line = problem, file, tool, field, line
        where = [(file or "manifest") + (f":{line}" if line is not None else "")]
        if tool is not None:
            where.append(f"tool {tool!r}")
        if field is not None:
            where.append(f"field {field!r}")
        super().__init__(f"{', '.join(where)}: {problem}")


class TraceError(SpeculateError):
    """A recorded run cannot be read. Names the file and the line (counted from 1)."""

    def __init__(self, problem: str, *, file: str | None = None, line: int | None = None) -> None:
        self.problem, self.file, self.line = problem, file, line
        where = file or "trace"
        super().__init__(f"{where}:{line}: {problem}" if line is not None else f"{where}: {problem}")


class PlanError(SpeculateError):
    """A plan cannot run. Names the task where one is to blame."""

    def __init__(self, problem: str, *, task: str | None = None) -> None:
        self.problem, self.task = problem, task
        super().__init__(f"task {task!r}: {problem}" if task is not None else problem)


class ModelFileError(SpeculateError):
    """A predictor's saved model cannot be loaded. Names the file."""

    def __init__(self, problem: str, *, file: str | None = None) -> None:
        self.problem, self.file = problem, file
        super().__init__(f"{file or 'model'}: {problem}")


class MissingExtra(SpeculateError, ImportError):
    """An optional dependency is needed. Names the extra that installs it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(f"{purpose} needs the package {package!r}: pip install 'speculate-runtime[{extra}]'")


class CommitConflict(SpeculateError):
    """Raised by an abortable tool's `commit`, not by us: what was staged is out of date; nothing was changed."""


class RuntimeClosed(SpeculateError):
    """The runtime or the session was closed; no further calls can be made through it."""


class ReplayDivergence(SpeculateError):
    """A replay could not follow the recorded run (a call differs from what was recorded)."""


class InternalError(SpeculateError):
    """A defect in this package. Please report it with its message."""


class InvalidTransition(InternalError):
    """A stimulus that the state of a speculation does not allow. Nothing was changed.

    `story` is what happened to that speculation so far, oldest first.
    """

    def __init__(self, id: int, state: str, stimulus: str, story: Sequence[str]) -> None:
        self.id, self.state, self.stimulus, self.story = id, state, stimulus, tuple(story)
        super().__init__(f"speculation {id}: {stimulus} in {state}; story: {'; '.join(story) or 'none'}")
