"""The JSON-RPC messages of a real MCP session over stdio, logged by the client as they pass."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.importers.real import scenario

SERVER = """
from mcp.server.mcpserver import MCPServer
from tests.importers.real import scenario
server = MCPServer("shop")
server.tool()(scenario.get_order)
server.tool()(scenario.cancel_order)
server.run("stdio")
"""


class Logged:
    """A stream of session messages that logs each one with its time."""

    def __init__(self, stream: Any, rows: list[dict[str, Any]]) -> None:
        self._stream, self._rows = stream, rows

    def _log(self, item: Any) -> None:
        message = json.loads(item.message.model_dump_json(by_alias=True, exclude_unset=True))
        self._rows.append({"timestamp": datetime.now(UTC).isoformat(), "message": message})

    async def send(self, item: Any) -> None:
        self._log(item)
        await self._stream.send(item)

    async def receive(self) -> Any:
        item = await self._stream.receive()
        self._log(item)
        return item

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        item = await self._stream.__anext__()
        self._log(item)
        return item

    async def __aenter__(self) -> Any:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> Any:
        return await self._stream.__aexit__(*details)

    async def aclose(self) -> None:
        await self._stream.aclose()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


async def _session(rows: list[dict[str, Any]]) -> None:
    parameters = StdioServerParameters(command=sys.executable, args=["-c", SERVER], cwd=str(Path.cwd()))
    async with (
        stdio_client(parameters) as (read, write),
        ClientSession(Logged(read, rows), Logged(write, rows)) as session,
    ):
        await session.initialize()
        await session.list_tools()
        for calls in scenario.TURNS:
            await asyncio.gather(*(session.call_tool(name, arguments) for _, name, arguments in calls))


def produce(folder: Path) -> Path:
    rows: list[dict[str, Any]] = []
    asyncio.run(_session(rows))
    path = folder / "mcp.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
