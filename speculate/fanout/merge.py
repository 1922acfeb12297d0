"""Merge policies: when a fan-out is decided, and by which branches. Values, judged without I/O.

A policy looks at `Progress` after each branch and answers with a `Verdict` as soon as there is one. Each look costs
O(1), or O(k) where k values are compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from speculate.errors import SpeculateError
from speculate.fanout.branches import BranchOutcome
from speculate.identity import canonical_json


@dataclass(slots=True)
class Progress:
    """How far the branches are: who is done and who failed, in the order it happened."""

    total: int
    done: list[BranchOutcome] = field(default_factory=list)
    failed: list[BranchOutcome] = field(default_factory=list)

    @property
    def pending(self) -> int:
        return self.total - len(self.done) - len(self.failed)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The fan-out is decided. `problem` None: it succeeded. `single`: the value is the chosen branch's own."""

    chosen: tuple[int, ...] = ()
    problem: str | None = None
    single: bool = False


class MergePolicy(Protocol):
    """When a fan-out is decided."""

    @property
    def drops_branches(self) -> bool:
        """Whether it may end while branches still run: no write may be among them."""
        ...

    @property
    def within_s(self) -> float | None:
        """After how many seconds it decides with what is there; None: it has no clock."""
        ...

    @property
    def settles(self) -> bool:
        """Whether the value is every branch's outcome rather than the values."""
        ...

    def verdict(self, progress: Progress, is_over: bool) -> Verdict | None:
        """The verdict, or None to go on. `is_over`: its time, or the whole fan-out's, is up."""
        ...


def _in_call_order(branches: list[BranchOutcome]) -> tuple[int, ...]:
    return tuple(sorted(branch.index for branch in branches))


@dataclass(frozen=True, slots=True)
class All:
    """Every branch must succeed; the first failure ends it. Values in call order (as `Promise.all`)."""

    drops_branches = False
    within_s = None
    settles = False

    def verdict(self, progress: Progress, is_over: bool) -> Verdict | None:
        if progress.failed:
            return Verdict(problem=f"a branch failed, and all {progress.total} are wanted")
        if not progress.pending:
            return Verdict(_in_call_order(progress.done))
        return (
            Verdict(problem=f"{progress.pending} of {progress.total} branches were not there in time")
            if is_over
            else None
        )


@dataclass(frozen=True, slots=True)
class AllSettled:
    """Waits for every branch, however it ends. The value is each branch's outcome (as `Promise.allSettled`)."""

    drops_branches = False
    within_s = None
    settles = True

    def verdict(self, progress: Progress, is_over: bool) -> Verdict | None:
        return Verdict(_in_call_order(progress.done)) if is_over or not progress.pending else None


@dataclass(frozen=True, slots=True)
class FirstSuccess:
    """The first branch to succeed answers; the others are aborted (as `Promise.any`)."""

    drops_branches = True
    within_s = None
    settles = False

    def verdict(self, progress: Progress, is_over: bool) -> Verdict | None:
        if progress.done:
            return Verdict((progress.done[0].index,), single=True)
        if not progress.pending:
            return Verdict(problem=f"all {progress.total} branches failed")
        return Verdict(problem="no branch succeeded in time") if is_over else None


@dataclass(frozen=True, slots=True)
class Quorum:
    """The first `k` to succeed, their values in call order. `agree`: k with *equal* values, and the value is theirs."""

    k: int
    agree: bool = False

    drops_branches = True
    within_s = None
    settles = False

    def __post_init__(self) -> None:
        if self.k < 1:
            raise SpeculateError(f"a quorum is of at least 1 branch, not {self.k!r}")

    def verdict(self, progress: Progress, is_over: bool) -> Verdict | None:
        found = self._largest(progress.done) if self.agree else progress.done
        if len(found) >= self.k:
            return Verdict(_in_call_order(found[: self.k]), single=self.agree)
        if len(found) + progress.pending < self.k:
            what = "agree" if self.agree else "succeed"
            return Verdict(problem=f"{self.k} of {progress.total} branches can no longer {what}")
        return Verdict(problem=f"{len(found)} of {self.k} were there in time") if is_over else None

    @staticmethod
    def _largest(done: list[BranchOutcome]) -> list[BranchOutcome]:
        groups: dict[Any, list[BranchOutcome]] = {}
        for branch in done:
            text = canonical_json(branch.value)
            groups.setdefault(text if text is not None else id(branch), []).append(branch)
        return max(groups.values(), key=len, default=[])


@dataclass(frozen=True, slots=True)
class BestOf:
    """The value with the highest `score` among what succeeded within `within_s` seconds (None: however long).

    `enough`: a score that ends it at once. Of equal scores the earlier call's wins. A score that raises, or is not
    a number, rules that branch out.
    """

    score: Callable[[Any], float]
    within_s: float | None = None
    enough: float | None = None

    drops_branches = True
    settles = False

    def __post_init__(self) -> None:
        _check_seconds(self.within_s)

    def verdict(self, progress: Progress, is_over: bool) -> Verdict | None:
        if not is_over and progress.pending and (self.enough is None or not progress.done):
            return None
        if not is_over and progress.pending:
            last = self._scored(progress.done[-1])
            return (
                None
                if last is None or last < (self.enough or 0.0)
                else Verdict((progress.done[-1].index,), single=True)
            )
        scored = [(score, -branch.index) for branch in progress.done if (score := self._scored(branch)) is not None]
        if not scored:
            return Verdict(problem=f"none of {progress.total} branches gave anything to score in time")
        return Verdict((-max(scored)[1],), single=True)

    def _scored(self, branch: BranchOutcome) -> float | None:
        try:
            score = float(self.score(branch.value))
        except Exception:  # the user's own function, over a value it may not have foreseen
            return None
        return None if math.isnan(score) else score


@dataclass(frozen=True, slots=True)
class Deadline:
    """What succeeded within `within_s` seconds, in call order; a failure if that is fewer than `at_least`."""

    within_s: float
    at_least: int = 0

    drops_branches = True
    settles = False

    def __post_init__(self) -> None:
        _check_seconds(self.within_s)

    def verdict(self, progress: Progress, is_over: bool) -> Verdict | None:
        if not is_over and progress.pending:
            return None
        if len(progress.done) < self.at_least:
            return Verdict(problem=f"{len(progress.done)} of {progress.total} branches were there in time")
        return Verdict(_in_call_order(progress.done))


def _check_seconds(seconds: float | None) -> None:
    if seconds is not None and not (seconds > 0 and math.isfinite(seconds)):
        raise SpeculateError(f"within_s must be a finite number of seconds above 0, not {seconds!r}")
