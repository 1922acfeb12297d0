"""The agent's tools: HTTP services, a SQLite database, files. Nothing in them knows about speculation."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import quote

from speculate.demo.shop import POLICIES, Workspace


class ShopTools:
    """The tools over one workspace and one port. The async ones can be cancelled; the others run in threads."""

    def __init__(self, workspace: Workspace, port: int) -> None:
        self._workspace, self._port = workspace, port

    async def _get(self, path: str) -> dict[str, Any]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(f"GET {quote(path)} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
            await writer.drain()
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
        if not head:
            raise ConnectionError(f"the service closed the connection before it answered {path}")
        answer: dict[str, Any] = json.loads(body)
        return answer

    async def find_customer(self, email: str) -> dict[str, Any]:
        """A customer and their orders, from the customer service."""
        return await self._get(f"/customer/{email.casefold()}")

    async def track_parcel(self, parcel: str) -> dict[str, Any]:
        """Where a parcel is, from the carrier."""
        return await self._get(f"/parcel/{parcel}")

    async def depot_status(self, depot: str) -> dict[str, Any]:
        """How late a depot is, from the carrier."""
        return await self._get(f"/depot/{depot}")

    async def check_stock(self, sku: str) -> dict[str, Any]:
        """How many of a product are in stock, from the warehouse."""
        return await self._get(f"/stock/{sku}")

    def _rows(self, query: str, *values: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self._workspace.database)) as database:
            database.row_factory = sqlite3.Row
            with database:
                return [dict(row) for row in database.execute(query, values)]

    def get_order(self, order_id: str) -> dict[str, Any]:
        """An order, from the database."""
        rows = self._rows("SELECT * FROM orders WHERE order_id = ?", order_id)
        return rows[0] if rows else {"error": f"no order {order_id}"}

    def search_products(self, query: str) -> list[dict[str, Any]]:
        """Products whose name has the word, cheapest first, from the database."""
        return self._rows("SELECT * FROM products WHERE product LIKE ? ORDER BY cents, sku LIMIT 3", f"%{query}%")

    def read_policy(self, topic: str) -> str:
        """One of the shop's policies, from its file."""
        if topic not in POLICIES:
            return f"there is no policy on {topic}"
        return (self._workspace.folder / "policies" / f"{topic}.md").read_text(encoding="utf-8")

    def cancel_order(self, order_id: str) -> dict[str, Any]:
        """Cancel an order that has not left yet. Changes the database."""
        changed = self._rows(
            "UPDATE orders SET status = 'cancelled' WHERE order_id = ? AND status = 'processing' RETURNING order_id",
            order_id,
        )
        return {"order_id": order_id, "cancelled": bool(changed)}

    def open_return(self, order_id: str, sku: str) -> dict[str, Any]:
        """Take a part of an order back. Changes the database."""
        self._rows("INSERT OR IGNORE INTO returns VALUES (?, ?)", order_id, sku)
        return {"order_id": order_id, "sku": sku, "label": f"R-{order_id}-{sku}"}

    def all(self) -> dict[str, Callable[..., Any]]:
        """The tools by name."""
        return {
            tool.__name__: tool
            for tool in (
                self.find_customer, self.track_parcel, self.depot_status, self.check_stock, self.get_order,
                self.search_products, self.read_policy, self.cancel_order, self.open_return,
            )
        }  # fmt: skip
