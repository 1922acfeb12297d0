"""Undoing a failed plan's writes, the last first (sagas: Garcia-Molina, Salem, SIGMOD 1987)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from speculate.calls import Served, ToolCall
from speculate.fanout.branches import CallRefused
from speculate.fanout.host import spec_of
from speculate.plan.compiled import Node
from speculate.plan.outcome import Compensation, TaskOutcome
from speculate.plan.placeholders import Reference, render
from speculate.plan.schema import ToolSchema

if TYPE_CHECKING:
    from speculate.runtime.session import Session


def undo_call(
    node: Node,
    task: TaskOutcome,
    compensate: str | None,
    schemas: Mapping[str, ToolSchema],
    look_up: Callable[[Reference], Any],
) -> ToolCall | None:
    """The call that undoes a task: its own `undo`, or the manifest's `compensate`; None: nothing undoes it.

    The manifest names only a tool. It gets the write's own arguments and the fields of its result, as far as it
    has parameters of those names; one that takes anything gets the write's arguments.
    """
    if node.policy.undo is not None:
        return ToolCall(node.policy.undo.tool, render(node.undo, look_up))
    if compensate is None or task.call is None:
        return None
    known = schemas.get(compensate)
    names = None if known is None or known.input is None else known.names()
    is_open = names is None or known is None or known.input is None or "additionalProperties" not in known.input
    if is_open:
        return ToolCall(compensate, dict(task.call.arguments))
    fields = task.value if isinstance(task.value, Mapping) else {}
    return ToolCall(
        compensate,
        {name: value for name, value in {**fields, **task.call.arguments}.items() if name in (names or ())},
    )


async def compensate(
    session: Session,
    writes: Sequence[tuple[Node, TaskOutcome]],
    schemas: Mapping[str, ToolSchema],
    look_up: Callable[[Reference], Any],
) -> tuple[Compensation, ...]:
    """Undo these writes one by one, the last to end first. One that cannot be undone does not keep the others."""
    undone: list[Compensation] = []
    for node, task in sorted(writes, key=lambda each: each[1].ended_as, reverse=True):
        if task.call is None:
            continue
        try:
            call = undo_call(node, task, spec_of(session, task.call.tool).compensate, schemas, look_up)
            if call is None:
                continue
        except Exception as error:  # a placeholder of `undo` that cannot be filled
            undone.append(Compensation(task.id, ToolCall(node.policy.undo.tool if node.policy.undo else ""), error))
            continue
        undone.append(Compensation(task.id, call, await _error_of(session, call)))
    return tuple(undone)


async def _error_of(session: Session, call: ToolCall) -> BaseException | None:
    """Make the call; why it failed, or None."""
    try:
        outcome = await session.execute(call)
    except Exception as error:  # no such tool, or the runtime was closed
        return error
    return CallRefused(str(outcome.value)) if outcome.served is Served.REFUSED else outcome.error
