"""Recorded sessions and manifests made by hand, for the replay's tests."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from speculate.calls import ToolCall
from speculate.core.policy import Policy
from speculate.history import History
from speculate.prediction import Prediction
from speculate.replay.driver import Arm, ArmRun, Stage, run_arm
from speculate.replay.judgement import Judge
from speculate.replay.latency import LatencyModel, load_profile
from speculate.replay.script import write_scripts
from speculate.testing import ScriptedPredictor
from speculate.trace import (
    CallIssued,
    RecordedSession,
    RecordedTurn,
    ResultArrived,
    SessionStarted,
    TurnTaken,
    UserSaid,
)
from toolspecs import Manifest

SHOP = Manifest.loads(
    """
manifest = 1
name = "shop"
[defaults]
ttl_s = 60.0
[tools.get_order]
effect = "read"
reads = ["order/{order_id}"]
[tools.list_orders]
effect = "read"
reads = ["order/*"]
[tools.clock]
effect = "read"
reads = []
[tools.cancel_order]
effect = "write"
writes = ["order/{order_id}"]
[tools.cancel_once]
effect = "write"
writes = ["order/{order_id}"]
dedup_key = "{order_id}"
confirm = true
[tools.reserve]
effect = "abortable"
reads = []
writes = ["stock/{item}"]
[tools.restock]
effect = "write"
writes = ["stock/{item}"]
[tools.search]
effect = "read"
reads = ["web"]
egress = "external"
"""
)


@dataclass(frozen=True)
class Call:
    """One recorded call."""

    tool: str
    args: dict[str, Any]
    seconds: float | None = 0.5
    result: Any = "done"
    ok: bool = True
    raised: str | None = None
    id: str | None = None


@dataclass(frozen=True)
class Turn:
    """One recorded turn."""

    llm_s: float | None
    calls: tuple[Call, ...] = ()
    text: str | None = None


def get(order: str, **more: Any) -> Call:
    return Call("get_order", {"order_id": order}, **more)


def cancel(order: str, **more: Any) -> Call:
    return Call("cancel_order", {"order_id": order}, **more)


def turn(llm_s: float | None, *calls: Call, text: str | None = None) -> Turn:
    return Turn(llm_s, calls, text)


def session(id: str, *steps: str | Turn, tenant: str | None = None) -> RecordedSession:
    """A session: texts are what the user typed."""
    recorded = RecordedSession(SessionStarted(id, tenant=tenant))
    ids, numbers = itertools.count(1), itertools.count()
    for step in steps:
        if isinstance(step, str):
            recorded.steps.append(UserSaid(id, step))
            continue
        number = next(numbers)
        made = RecordedTurn(TurnTaken(id, number, None, step.llm_s, step.text))
        for call in step.calls:
            name = call.id or f"c{next(ids)}"
            made.calls.append(CallIssued(id, number, name, call.tool, call.args))
            made.results[name] = ResultArrived(
                id, name, None, call.seconds, call.ok, call.result, call.raised is None, call.raised
            )
        recorded.steps.append(made)
    return recorded


def stage(*sessions: RecordedSession, specs: Any = SHOP, tools: tuple[str, ...] = (), **more: Any) -> Stage:
    """A stage for these sessions, with the tools of the manifest and of the sessions."""
    latency = LatencyModel(load_profile())
    called = {call.tool for each in sessions for call in each.calls}
    return Stage(
        scripts=write_scripts(sessions, specs, latency),
        specs=specs,
        latency=latency,
        judge=Judge(specs),
        tools=sorted({*specs, *called, *tools}),
        **more,
    )


def guess(tool: str, p: float = 0.9, **arguments: Any) -> Prediction:
    return Prediction(tool, arguments, p, p)


def always(*guesses: Prediction) -> ScriptedPredictor:
    """Says the same at every moment."""
    return ScriptedPredictor(list(guesses))


LAUNCH_ALL = Policy(min_probability=0.0, self_check=False, max_depth=1)


def play(stage: Stage, predictor: Any = None, policy: Policy = LAUNCH_ALL) -> ArmRun:
    return run_arm(stage, Arm("test", policy, predictor))


class Parrot:
    """A predictor that says the last call again, and learns how often it was asked to observe."""

    def __init__(self) -> None:
        self.observed = 0

    def predict(self, history: History, limit: int) -> list[Prediction]:
        calls = [event for event in history.events if hasattr(event, "arguments")]
        return [guess(calls[-1].tool, **calls[-1].arguments)] if calls else []

    def observe(self, history: History, call: ToolCall) -> None:
        self.observed += 1
