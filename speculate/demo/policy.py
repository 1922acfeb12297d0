"""The scripted policy in the model's place: it reads what the tools returned and decides what to call next.

It knows no answers: every argument comes from the user's words or from a result, as with a model. It thinks for a
time drawn per run and turn, so a run takes the same thinking time with speculation on and off.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from speculate.calls import ToolCall
from speculate.demo.shop import PARTS, Customer, Shop

THINKING_MEDIAN_S = 0.45
THINKING_SIGMA = 0.35
THINKING_LIMIT_S = 1.2

Script = Generator[list[ToolCall], list[Any], str]

_EMAIL = re.compile(r"[\w.]+@[\w.]+\w")


@dataclass(frozen=True, slots=True)
class Task:
    """One conversation: what the user wants. `id` names the run in the recording."""

    id: str
    question: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the "model" answers: calls to make, or, without any, the final answer."""

    text: str
    calls: Sequence[ToolCall]


def _where(question: str) -> Script:
    (customer,) = yield [ToolCall("find_customer", {"email": _email(question)})]
    (order,) = yield [ToolCall("get_order", {"order_id": customer["last_order"]})]
    if order["parcel"] is None:
        return f"Order {order['order_id']} ({order['product']}) is still {order['status']}."
    (parcel,) = yield [ToolCall("track_parcel", {"parcel": order["parcel"]})]
    if parcel["state"] != "delayed":
        return f"Parcel {parcel['parcel']} is {parcel['state']}, due in {parcel['due_in_days']} days."
    (depot,) = yield [ToolCall("depot_status", {"depot": parcel["depot"]})]
    days = parcel["due_in_days"] + depot["delay_days"]
    return f"Parcel {parcel['parcel']} is held at {depot['depot']}; it should arrive in {days} days."


def _cancel(question: str) -> Script:
    (customer,) = yield [ToolCall("find_customer", {"email": _email(question)})]
    (order,) = yield [ToolCall("get_order", {"order_id": customer["last_order"]})]
    if order["status"] == "processing":
        yield [ToolCall("cancel_order", {"order_id": order["order_id"]})]
        (order,) = yield [ToolCall("get_order", {"order_id": order["order_id"]})]
        return f"Done: order {order['order_id']} is {order['status']}."
    if order["parcel"] is not None and order["status"] == "shipped":
        policy, parcel = yield [
            ToolCall("read_policy", {"topic": "cancellation"}),
            ToolCall("track_parcel", {"parcel": order["parcel"]}),
        ]
        return f"Too late: it is {parcel['state']}. {policy.splitlines()[-1]}"
    return f"Order {order['order_id']} is {order['status']}, so it cannot be cancelled."


def _return(question: str) -> Script:
    (customer,) = yield [ToolCall("find_customer", {"email": _email(question)})]
    (order,) = yield [ToolCall("get_order", {"order_id": customer["last_order"]})]
    policy, stock = yield [
        ToolCall("read_policy", {"topic": "returns"}),
        ToolCall("check_stock", {"sku": order["sku"]}),
    ]
    if order["status"] != "delivered":
        return f"Order {order['order_id']} is {order['status']}: it can be returned once it is there."
    (returned,) = yield [ToolCall("open_return", {"order_id": order["order_id"], "sku": order["sku"]})]
    replacement = "a replacement leaves today" if stock["in_stock"] else "you get your money back"
    return f"Use label {returned['label']}; {replacement}. {policy.splitlines()[-1]}"


def _buy(question: str) -> Script:
    part = next(part for part in PARTS if part in question)
    (products,) = yield [ToolCall("search_products", {"query": part})]
    stocks = yield [ToolCall("check_stock", {"sku": product["sku"]}) for product in products[:2]]
    for product, stock in zip(products, stocks, strict=False):
        if stock["in_stock"]:
            return f"The {product['product']} is in stock, at {product['cents'] / 100:.2f}."
    return f"No {part} is in stock at the moment."


def _email(question: str) -> str:
    found = _EMAIL.search(question)
    if found is None:
        raise ValueError(f"no e-mail address in {question!r}")
    return found.group()


INTENTS = {
    "Where is": _where,
    "Please cancel": _cancel,
    "I want to return": _return,
    "Do you have": _buy,
}


class ScriptedModel:
    """One conversation's policy. `reply(observations)` is asked once a turn, with what the last calls returned."""

    def __init__(self, task: Task, pace: float = 1.0) -> None:
        self._script = next(script for words, script in INTENTS.items() if words in task.question)(task.question)
        self._thinking = Random(f"thinking {task.id}")  # noqa: S311 - a made-up thinking time
        self._pace = pace
        self._started = False

    async def reply(self, observations: list[Any]) -> Reply:
        """Think, then decide."""
        seconds = THINKING_MEDIAN_S * self._thinking.lognormvariate(0.0, THINKING_SIGMA)
        await asyncio.sleep(min(THINKING_LIMIT_S, seconds) * self._pace)
        try:
            calls = self._script.send(observations) if self._started else next(self._script)
        except StopIteration as finished:
            return Reply(str(finished.value), ())
        self._started = True
        return Reply(f"I look at {', '.join(call.tool for call in calls)}.", calls)


def make_tasks(shop: Shop, seed: int, name: str, count: int, customers: Sequence[Customer]) -> list[Task]:
    """So many conversations with these customers, the same for the same seed and name."""
    random = Random(f"tasks {seed} {name}")  # noqa: S311 - made-up conversations
    people = random.sample(list(customers), len(customers))
    tasks = []
    for number in range(count):
        customer = people[number % len(people)]
        words = list(INTENTS)[number % len(INTENTS)]
        question = {
            "Where is": f"Where is my order? I am {customer.email}",
            "Please cancel": f"Please cancel my last order, my address is {customer.email}, thanks",
            "I want to return": f"I want to return what I got. {customer.email}",
            "Do you have": f"Do you have a {random.choice(PARTS)} for me?",
        }[words]
        tasks.append(Task(f"{name}-{number + 1:02d}", question))
    return tasks
