"""Histories to predict from: ordinary, odd and hostile."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from speculate.history import CUT, CallMade, Event, History, ModelText, ResultSeen, UserText, snapshot
from speculate.trace import moments
from tests.contract.runs import shop_run


def _deep(levels: int) -> Any:
    value: Any = "bottom"
    for level in range(levels):
        value = {"next": value} if level % 2 else [value]
    return value


def ordinary() -> list[History]:
    """Every moment of two runs that nobody was trained on."""
    found = []
    for number in (101, 104):
        for history, _ in moments(shop_run(number)):
            found.append(history.fork())
    return found


def _called(tool: str, arguments: dict[str, Any], value: Any = None, **more: Any) -> list[Event]:
    return [CallMade("c0", 0, tool, arguments), ResultSeen("c0", tool, True, value, **more)]


def hostile() -> dict[str, History]:
    """Fresh histories by what is odd about them."""
    return {name: History(name, "tenant-1", events) for name, events in _hostile_events().items()}


@cache
def _hostile_events() -> dict[str, list[Event]]:
    """Values are what the runtime's own snapshot leaves of them, or worse."""
    customer = {"customer_id": "C-1"}
    return {
        "empty": [],
        "only a user": [UserText("Hello, my mail is kim@example.com.")],
        "empty texts": [UserText(""), ModelText(0, ""), UserText("")],
        "a tool never seen": _called("launch_rocket", {"pad": 39}, {"ok": True}),
        "no results": [CallMade(f"c{i}", i, "get_order", {"order_id": f"O-{i}"}) for i in range(5)],
        "a result without its call": [ResultSeen("c9", "get_order", True, {"order_id": "O-1"})],
        "results not recorded": _called("get_customer", customer, None, known=False),
        "a raised error": [
            CallMade("c0", 0, "get_order", {"order_id": "O-1"}),
            ResultSeen("c0", "get_order", False, None, "KeyError: 'O-1'"),
        ],
        "raw arguments": _called("get_order", {"_raw": "[1, 2"}, {"order_id": "O-1"}),
        "arguments that are no JSON": _called("get_order", {"order_id": math.nan, "bytes": b"x"}, None),
        "an empty tool name": _called("", {"": ""}, {"": ""}),
        "one id twice": [*_called("get_order", {"order_id": "O-1"}, 1), *_called("get_order", {"order_id": "O-2"}, 2)],
        "a megabyte of text": [UserText("kim@example.com " * 65_536)],
        "a megabyte of result": _called("get_customer", customer, snapshot({"orders": ["x" * 40] * 30_000})),
        "a long string": _called("get_customer", customer, snapshot("y" * 1_000_000)),
        "many keys": _called("get_customer", customer, snapshot({f"k{i}": i for i in range(20_000)})),
        "deep nesting": _called("get_customer", customer, snapshot(_deep(10_000))),
        "deep arguments": _called("get_customer", {"customer_id": _deep(40)}, None),
        "arguments too deep for an identity": _called("get_customer", {"customer_id": _deep(80)}, None),
        "cut values": _called("get_customer", {"customer_id": CUT}, {"orders": [CUT, CUT]}),
        "unicode": [
            UserText("Grüße, Zoë 👩‍🚀 ﷽ \ud800 \x00 ‮abc İstanbul ǅ"),
            *_called("get_order", {"order_id": "Ö-\ud83d", "naïve": "\u0000"}, {"ключ": "значение", "": "\ufeff"}),
        ],
        "odd numbers": _called("get_order", {"order_id": 10**400}, {"n": -0.0, "big": 1e308, "int": 10**30}),
        "mixed types": _called("get_customer", customer, {"orders": [1, "1", 1.0, True, None, {"id": []}, [[]]]}),
        "the same call a thousand times": [
            CallMade(f"c{i}", i, "get_order", {"order_id": "O-1"}) for i in range(1_000)
        ],
        "a thousand different calls": [CallMade(f"c{i}", i, f"tool_{i}", {"n": i}) for i in range(1_000)],
        "turns that go backwards": [CallMade("c0", 9, "get_order", {}), CallMade("c1", 2, "get_order", {})],
        "an untrusted result": _called("get_customer", customer, {"orders": ["O-9"]}, untrusted=True),
    }
