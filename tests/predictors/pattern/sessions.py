"""Hand-made sessions: who said what, which calls followed, what they returned."""

from __future__ import annotations

from typing import Any

from predictors.pattern import PatternPredictor
from speculate.history import CallMade, Event, History, ModelText, ResultSeen, UserText
from speculate.prediction import Prediction
from speculate.spec import ArgumentSpec, Effect, ToolSpec
from speculate.trace import (
    CallIssued,
    RecordedSession,
    RecordedTurn,
    ResultArrived,
    SessionStarted,
    TurnTaken,
    UserSaid,
)

Step = str | tuple[str, dict[str, Any], Any] | list[tuple[str, dict[str, Any], Any]] | int

SPECS = {
    name: ToolSpec(name, Effect.READ)
    for name in ("find", "user", "order", "flights", "search", "page", "grep", "lookup", "file", "book")
} | {
    "login": ToolSpec("login", Effect.READ, arguments={"pin": ArgumentSpec(sensitive=True)}),
    "cancel": ToolSpec("cancel", Effect.WRITE, writes=("*",)),
}


def session(name: str, *steps: Step, tenant: str | None = None) -> RecordedSession:
    """Text is the user's; a call is (tool, arguments, result); a list is one turn of several; 0 is a turn of text."""
    out = RecordedSession(SessionStarted(name, tenant=tenant))
    turn = 0
    for step in steps:
        if isinstance(step, str):
            out.steps.append(UserSaid(name, step))
            continue
        made = RecordedTurn(TurnTaken(name, turn, text="One moment." if step == 0 else None))
        for tool, arguments, result in [] if isinstance(step, int) else step if isinstance(step, list) else [step]:
            id = f"{turn}.{len(made.calls)}"
            made.calls.append(CallIssued(name, turn, id, tool, arguments))
            ok = not (isinstance(result, str) and result.startswith("Error"))
            made.results[id] = ResultArrived(name, id, ok=ok, result=result)
        out.steps.append(made)
        turn += 1
    return out


def history(*steps: Step) -> History:
    """The same, as a history."""
    events: list[Event] = []
    turn = 0
    for step in steps:
        if isinstance(step, str):
            events.append(UserText(step))
            continue
        if isinstance(step, int):
            events.append(ModelText(turn, "One moment."))
        else:
            calls = step if isinstance(step, list) else [step]
            for place, (tool, arguments, _) in enumerate(calls):
                events.append(CallMade(f"{turn}.{place}", turn, tool, arguments))
            for place, (tool, _, result) in enumerate(calls):
                ok = not (isinstance(result, str) and result.startswith("Error"))
                events.append(ResultSeen(f"{turn}.{place}", tool, ok, result))
        turn += 1
    return History("now", None, events)


def train(*sessions: RecordedSession, **settings: Any) -> PatternPredictor:
    return PatternPredictor.train(sessions, SPECS, **settings)


def top(predictor: PatternPredictor, *steps: Step) -> Prediction:
    """The best prediction."""
    return predictor.predict(history(*steps), 10)[0]
