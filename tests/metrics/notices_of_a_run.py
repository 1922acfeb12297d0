"""The notices of a small made-up run: one hit, one joined hit, one miss, one write, some waste."""

from __future__ import annotations

from speculate.calls import Served
from speculate.notices import (
    CallEnded,
    CallStarted,
    Fault,
    LaunchDenied,
    Launched,
    LaunchRetired,
    Notice,
    PredictionsMade,
    SessionClosed,
    SessionOpened,
    TurnBegan,
    TurnEnded,
    UserSpoke,
)
from speculate.prediction import Prediction


def launch(id: int, tool: str = "get_order", session: str = "s1", source: str = "pattern") -> Launched:
    return Launched(1.0, session, id, tool, source, 0.8)


def retire(
    id: int, outcome: str, reason: str, *, tool: str = "get_order", ran_s: float | None = 0.5, hidden_s: float = 0.0
) -> LaunchRetired:
    return LaunchRetired(2.0, "s1", id, tool, "pattern", outcome, reason, 1.0, ran_s, hidden_s, 2.0, 0.8)


def start(id: str, tool: str = "get_order", session: str = "s1") -> CallStarted:
    return CallStarted(2.0, session, id, 0, tool, {"order_id": "W1"})


def end(
    id: str,
    served: Served,
    *,
    tool: str = "get_order",
    speculable: bool = True,
    ok: bool = True,
    raised: str | None = None,
    waited_s: float = 0.25,
    tool_s: float | None = 0.5,
    hidden_s: float = 0.0,
    session: str = "s1",
) -> CallEnded:
    return CallEnded(
        2.5, session, id, 0, tool, served, speculable, ok, {"status": "sent"}, False, raised, waited_s, tool_s, hidden_s
    )


def a_run() -> list[Notice]:
    guess = Prediction("get_order", {"order_id": "W1"}, 0.7, 0.8, predictor="pattern")
    return [
        SessionOpened(0.0, "s1", "acme"),
        UserSpoke(0.0, "s1", "where is W1?"),
        TurnBegan(0.0, "s1", 0),
        PredictionsMade(0.0, "s1", "pattern", (guess, guess), 0.00002),
        LaunchDenied(0.0, "s1", "get_order", "egress"),
        launch(1),
        launch(2),
        launch(3),
        TurnEnded(2.0, "s1", 0, 2.0, None),
        start("c1"),
        retire(1, "committed", "ready", hidden_s=0.5),
        end("c1", Served.READY, waited_s=0.0, hidden_s=0.5),
        start("c2"),
        retire(2, "committed", "joined", hidden_s=0.25),
        end("c2", Served.JOINED, hidden_s=0.25),
        start("c3"),
        end("c3", Served.RAN, ok=False, raised="TimeoutError: too slow", tool_s=None),
        start("c4", "cancel_order"),
        end("c4", Served.RAN, tool="cancel_order", speculable=False, ok=False),
        Fault(3.0, "s1", "predictor", "pattern", "took too long"),
        retire(3, "wasted", "closed", ran_s=0.75),
        SessionClosed(3.0, "s1", ("get_order 3",)),
    ]
