"""The one run that every producer plays with its own SDK: what an importer must find in what it wrote.

The user asks; the model reads two orders at once, cancels one (the tool fails), and answers.
"""

from __future__ import annotations

from typing import Any

USER = "Please cancel order O-1 and tell me about O-2."
FIRST_TEXT = "I look at both orders."
LAST_TEXT = "O-1 has already been shipped, so it cannot be cancelled. O-2 is open."
TOOLS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("call_1", "get_order", {"order_id": "O-1"}),
    ("call_2", "get_order", {"order_id": "O-2"}),
    ("call_3", "cancel_order", {"order_id": "O-1", "force": False}),
)
TURNS = (TOOLS[:2], TOOLS[2:], ())
PROBLEM = "order O-1 has been shipped"


class Shipped(Exception):
    """What cancel_order raises."""


def get_order(order_id: str) -> dict[str, Any]:
    """Look an order up."""
    return {"order_id": order_id, "status": "shipped" if order_id == "O-1" else "open", "lines": [{"sku": "S-4"}]}


def cancel_order(order_id: str, force: bool) -> dict[str, Any]:
    """Cancel an order."""
    raise Shipped(f"order {order_id} has been shipped")
