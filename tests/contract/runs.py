"""Small recorded runs that every predictor is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from speculate.spec import ArgumentSpec, Effect, ToolSpec
from speculate.trace import (
    CallIssued,
    RecordedSession,
    RecordedTurn,
    ResultArrived,
    SessionStarted,
    TurnTaken,
    UserSaid,
    read_sessions,
)

FIXTURE = Path(__file__).parent.parent / "fixtures" / "odd.jsonl"

SPECS: Mapping[str, ToolSpec] = {
    "find_customer": ToolSpec("find_customer", Effect.READ, reads=("customers",)),
    "get_customer": ToolSpec("get_customer", Effect.READ, reads=("customer/{customer_id}",)),
    "get_order": ToolSpec("get_order", Effect.READ, reads=("order/{order_id}",)),
    "list_stock": ToolSpec("list_stock", Effect.READ, reads=("stock",)),
    "cancel_order": ToolSpec("cancel_order", Effect.WRITE, writes=("order/{order_id}",)),
    "sign_in": ToolSpec("sign_in", Effect.READ, reads=(), arguments={"pin": ArgumentSpec(sensitive=True)}),
}


def shop_run(number: int) -> RecordedSession:
    """A customer is found by mail, their orders are looked at one after the other, and one is cancelled."""
    session = f"shop-{number}"
    mail, customer = f"kim{number}@example.com", f"C-{1000 + number}"
    orders = [f"O-{number}-{index}" for index in range(1 + number % 3)]
    steps: list[UserSaid | RecordedTurn] = [UserSaid(session, f"Hello, my mail is {mail}. Cancel my order.")]

    def turn(tool: str, args: Mapping[str, object], result: object, ok: bool = True) -> None:
        index = sum(isinstance(step, RecordedTurn) for step in steps)
        id = f"c{index}"
        record = TurnTaken(session, index, text=None if index % 2 else f"Step {index}.")
        steps.append(
            RecordedTurn(
                record,
                [CallIssued(session, index, id, tool, args)],
                {id: ResultArrived(session, id, ok=ok, result=result)},
            )
        )

    turn("find_customer", {"mail": mail}, {"customer_id": customer})
    turn("get_customer", {"customer_id": customer}, {"customer_id": customer, "orders": orders})
    for order in orders:
        turn("get_order", {"order_id": order}, {"order_id": order, "status": "open", "lines": [{"sku": "S-1"}]})
    if number % 4 == 0:
        turn("list_stock", {}, {"S-1": 4})
        turn("list_stock", {}, {"S-1": 4})
    if number % 5 == 0:
        turn("sign_in", {"pin": f"secret-{number}"}, {"ok": True})
    steps.append(RecordedTurn(TurnTaken(session, 90, text=f"Shall I cancel {orders[0]}?")))
    steps.append(UserSaid(session, "Yes, please."))
    turn("cancel_order", {"order_id": orders[0]}, {"order_id": orders[0], "status": "cancelled"})
    turn("get_order", {"order_id": orders[0]}, {"order_id": orders[0], "status": "cancelled"}, ok=number % 7 != 0)
    return RecordedSession(SessionStarted(session, tenant=f"tenant-{number % 3}"), steps)


def training_runs() -> list[RecordedSession]:
    """Forty orderly runs, and the odd ones."""
    return [shop_run(number) for number in range(40)] + read_sessions(FIXTURE)
