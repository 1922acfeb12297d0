"""What compiling a plan finds: errors, warnings and notes, each naming the task and the mend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from speculate.errors import PlanError

Severity = Literal["error", "warning", "note"]
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a plan. `code` is a stable short name; `mend` says what to change."""

    severity: Severity
    code: str
    problem: str
    mend: str
    task: str | None = None

    def __str__(self) -> str:
        where = f"task {self.task!r}: " if self.task is not None else ""
        return f"{where}{self.problem}; {self.mend}" if self.mend else f"{where}{self.problem}"


class InvalidPlan(PlanError):
    """A plan does not compile. Carries every error that was found, not only the first."""

    def __init__(self, name: str, findings: Iterable[Finding]) -> None:
        self.findings = tuple(finding for finding in findings if finding.severity == "error")
        lines = [f"  - {finding}" for finding in self.findings[:SHOWN]]
        if len(self.findings) > SHOWN:
            lines.append(f"  … and {len(self.findings) - SHOWN} more")
        count = len(self.findings)
        first = next((finding.task for finding in self.findings if finding.task is not None), None)
        super().__init__(f"{name}: {count} {'problem' if count == 1 else 'problems'}\n" + "\n".join(lines))
        self.task = first


class Findings:
    """Collects findings; of one code at most `limit` are kept, the rest are counted in a last one."""

    def __init__(self, limit: int = 100) -> None:
        self._limit = limit
        self._kept: list[Finding] = []
        self._counts: dict[tuple[Severity, str], int] = {}

    def add(self, severity: Severity, code: str, problem: str, mend: str = "", task: str | None = None) -> None:
        count = self._counts.get((severity, code), 0) + 1
        self._counts[severity, code] = count
        if count <= self._limit:
            self._kept.append(Finding(severity, code, problem, mend, task))

    def error(self, code: str, problem: str, mend: str, task: str | None = None) -> None:
        self.add("error", code, problem, mend, task)

    def tasks(self) -> frozenset[str]:
        """The tasks something was found about, as far as it was kept."""
        return frozenset(finding.task for finding in self._kept if finding.task is not None)

    @property
    def has_errors(self) -> bool:
        return any(severity == "error" for severity, _ in self._counts)

    def all(self) -> tuple[Finding, ...]:
        """Errors first, then warnings, then notes, each in the order they were found."""
        rest = [
            Finding(severity, code, f"{count - self._limit} more of this kind ({code})", "mend the ones listed first")
            for (severity, code), count in self._counts.items()
            if count > self._limit
        ]
        rank = {"error": 0, "warning": 1, "note": 2}
        return tuple(sorted([*self._kept, *rest], key=lambda finding: rank[finding.severity]))
