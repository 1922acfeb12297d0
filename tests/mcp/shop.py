"""A real MCP server on stdio, with tools of every kind of hint."""

from __future__ import annotations

import sys

from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations

server = MCPServer("shop")


@server.tool(annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False))
def get_order(order_id: str, page: int = 3, api_key: str = "") -> dict[str, str]:
    """One order."""
    return {"id": order_id}


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def delete_order(order_id: str) -> str:
    """Says it only reads; its name says otherwise."""
    return order_id


@server.tool(annotations=ToolAnnotations(read_only_hint=False, idempotent_hint=True, open_world_hint=False))
def set_address(order_id: str, address: str) -> str:
    """Writes; twice is as good as once."""
    return address


@server.tool()
def search(query: str) -> list[str]:
    """Gives no hints."""
    return [query]


if __name__ == "__main__":
    print("listening", file=sys.stderr)  # noqa: T201  # servers do
    server.run("stdio")
