"""What is known of a plan's tasks while they run, and how that is told afterwards."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from speculate.calls import Outcome, ToolCall
from speculate.fanout.attempts import Attempts
from speculate.fanout.host import spec_of
from speculate.plan.compiled import Node
from speculate.plan.outcome import TaskOutcome
from speculate.plan.schedule import State
from speculate.resources import Claims
from speculate.spec import Effect

if TYPE_CHECKING:
    from speculate.runtime.session import Session


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


def fates(
    nodes: Sequence[Node],
    records: Mapping[int, Record],
    states: Sequence[State],
    values: Mapping[int, Any],
    running: Container[int],
    problems: Sequence[str],
) -> dict[str, TaskOutcome]:
    """What came of every task, by id. The last problem of the plan is why the rest of it was cancelled."""
    why_cancelled = problems[-1] if problems else "the plan was cancelled"
    return {
        node.id: fate(position, nodes, records, states, values.get(position), position in running, why_cancelled)
        for position, node in enumerate(nodes)
    }


def unused_values(nodes: Sequence[Node], index: Mapping[str, int], values: Mapping[int, Any]) -> Any:
    """The result of the one task nothing depends on, or of all such tasks by id. Being put in order is no use."""
    used = {source for node in nodes for source in node.needs}
    used.update(index[reference.task] for node in nodes for reference in node.references)
    ends = [position for position in range(len(nodes)) if position not in used]
    if len(ends) == 1:
        return values.get(ends[0])
    return {nodes[position].id: values[position] for position in ends if position in values}


def done_calls(
    session: Session, nodes: Sequence[Node], records: Mapping[int, Record], values: Mapping[int, Any]
) -> dict[str, int]:
    """By identity, the calls that are done and need not be made again.

    A read is left out if a conflicting write of the plan ended after it: its result may be out of date.
    """
    done = [position for position in values if nodes[position].tool is not None]
    claims: dict[str, Claims] = {}
    known: dict[str, int] = {}
    for position in sorted(done, key=lambda each: records[each].ended_as):
        call = records[position].call
        resolved = None if call is None else spec_of(session, call.tool).resolve(call.arguments)
        if resolved is None or resolved.key is None:
            continue
        if resolved.effect is Effect.READ:
            claims[resolved.key] = resolved.claims
        else:
            for key in [key for key, read in claims.items() if read.is_changed_by(resolved.claims)]:
                del claims[key], known[key]
        known[resolved.key] = position
    return known
