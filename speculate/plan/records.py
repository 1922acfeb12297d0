"""What is known of a plan's tasks while they run, and how that is told afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from speculate.calls import Outcome, ToolCall
from speculate.fanout.attempts import Attempts
from speculate.plan.compiled import Node
from speculate.plan.outcome import TaskOutcome
from speculate.plan.schedule import State


@dataclass(slots=True)
class Record:
    """One task under way. Times in seconds since the plan began; tasks by their numbers."""

    call: ToolCall | None = None
    outcome: Outcome | None = None
    error: BaseException | None = None
    reason: str = ""
    ready_s: float | None = None
    started_s: float | None = None
    ended_s: float | None = None
    ended_as: int = 0
    poisoned_by: int | None = None
    attempts: Attempts | None = None
    carried_from: int | None = None


def fate(
    position: int,
    nodes: Sequence[Node],
    records: Mapping[int, Record],
    states: Sequence[State],
    value: Any,
    still_running: bool,
    why_cancelled: str,
) -> TaskOutcome:
    """What came of task number `position`."""
    node, record, state = nodes[position], records.get(position) or Record(), states[position]

    def ended_as(source: int) -> int:
        known = records.get(source)
        return 0 if known is None else known.ended_as

    return TaskOutcome(
        id=node.id,
        tool=node.tool,
        state=state,
        call=record.call,
        value=value,
        error=record.error,
        reason=record.reason or (why_cancelled if state is State.CANCELLED else ""),
        ready_s=record.ready_s,
        started_s=record.started_s,
        ended_s=record.ended_s,
        ended_as=record.ended_as,
        waited_for=tuple(nodes[source].id for source in sorted({*node.needs, *node.waits}, key=ended_as)),
        consumed=tuple(str(reference) for reference in node.references) if record.call is not None else (),
        poisoned_by=None if record.poisoned_by is None else nodes[record.poisoned_by].id,
        attempts=0 if record.attempts is None else record.attempts.count,
        served=None if record.outcome is None else record.outcome.served,
        is_write=node.effect.is_write,
        still_running=still_running,
        carried_from=None if record.carried_from is None else nodes[record.carried_from].id,
    )
