"""What fan-out and plans need of a session, in one place: its tasks, its tools' specs, its records, its gate."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING

from speculate.calls import ToolCall
from speculate.core import stimuli
from speculate.runtime.tasks import TaskSet
from speculate.spec import ToolSpec

if TYPE_CHECKING:
    from speculate.runtime.runtime import Runtime
    from speculate.runtime.session import Session

PLAN = "plan"  # the source of launches that a plan suggested


def runtime_of(session: Session) -> Runtime:
    return session.runtime


def tasks_of(session: Session) -> TaskSet:
    """Who owns the branches: the runtime, which outlives a branch that would not stop, and reports it."""
    return runtime_of(session).tasks


def spec_of(session: Session, tool: str) -> ToolSpec:
    return runtime_of(session).spec(tool)


def latency_s(session: Session, tool: str, quantile: float) -> float | None:
    """The tool's recorded duration at this quantile, or None where too little is recorded."""
    return runtime_of(session).brain.latencies.quantile(tool, quantile)


def grace_s(session: Session) -> float:
    """How long what was told to stop is waited for."""
    return runtime_of(session).policy.grace_s


def suggest(session: Session, call: ToolCall, p_use: float) -> None:
    """Offer a read for an early start: the gate decides, as for any guess (law L2). Nothing is promised."""
    runtime = runtime_of(session)
    if not runtime.speculation:
        return
    resolved = runtime.spec(call.tool).resolve(call.arguments)
    candidate = stimuli.Candidate(resolved, 0.0, p_use, PLAN, {}, registered=call.tool in runtime.tools)
    session.guessing.predicted((candidate,), context=contextvars.copy_context())


def withdraw(session: Session, call: ToolCall) -> None:
    """The read offered early will not be made: what was started for it is aborted."""
    runtime = runtime_of(session)
    key = runtime.spec(call.tool).key(call.arguments)
    if key is not None:
        runtime.feed(stimuli.Withdrawn(runtime.now(), session.id, key, PLAN))
