"""Checks on the replay's document, for people's CI: `--fail-under latency.saved_share=0.1`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from speculate.errors import SpeculateError

# Every number of the document that a limit can be set for.
KEYS = (
    "sessions",
    "calls",
    "speculable_calls",
    "prediction.tool@1",
    "prediction.exact@1",
    "prediction.exact@3",
    "prediction.exact@5",
    "prediction.brier",
    "speculation.hit_rate",
    "speculation.ready_rate",
    "speculation.launched",
    "speculation.committed",
    "speculation.wasted",
    "speculation.waste_per_hit",
    "latency.sequential_s",
    "latency.speculative_s",
    "latency.oracle_s",
    "latency.foresight_s",
    "latency.saved_share",
    "latency.oracle_share",
    "latency.captured",
    "latency.p50_speedup",
    "latency.wait_p99_ratio",
    "controls.off_s",
    "controls.all_wrong_s",
    "safety.writes_launched",
    "safety.undeclared_launched",
    "safety.stale_delivered",
    "safety.mismatched_results",
    "overhead.predict_us_p50",
    "overhead.predict_us_p99",
    "overhead.call_us_p50",
    "overhead.train_s",
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit on one number of the document: at least `value`, or with `is_ceiling` at most."""

    key: str
    value: float
    is_ceiling: bool = False

    def broken_by(self, document: Mapping[str, Any]) -> str | None:
        """What is wrong, in one line; None if the document keeps it. A null keeps no limit."""
        found: Any = document
        for name in self.key.split("."):
            found = found[name]
        word = "at most" if self.is_ceiling else "at least"
        if found is None:
            return f"{self.key} is null (there was nothing to divide by), not {word} {self.value:g}"
        if found > self.value if self.is_ceiling else found < self.value:
            return f"{self.key} is {found:g}, not {word} {self.value:g}"
        return None


def parse_threshold(text: str, *, is_ceiling: bool = False) -> Threshold:
    """KEY=VALUE, the key dotted. Raises SpeculateError naming what there is."""
    option = "--fail-over" if is_ceiling else "--fail-under"
    key, equals, number = text.partition("=")
    key = key.strip()
    if not equals:
        raise SpeculateError(f"{option} {text}: write KEY=VALUE, as in latency.saved_share=0.1")
    if key not in KEYS:
        near = get_close_matches(key, KEYS, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(KEYS)}"
        raise SpeculateError(f"{option} {text}: the result has no number {key!r}; {hint}")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SpeculateError(f"{option} {text}: {number!r} is no number")
    return Threshold(key, value, is_ceiling)


def broken(thresholds: Iterable[Threshold], document: Mapping[str, Any]) -> list[str]:
    """Every limit that does not hold, in one line each."""
    return [problem for threshold in thresholds if (problem := threshold.broken_by(document)) is not None]
