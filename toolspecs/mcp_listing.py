"""Asking an MCP server over stdio which tools it has. JSON-RPC by hand: three messages need no package."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from speculate.errors import SpeculateError

PROTOCOL_VERSION = "2025-06-18"
MAX_LINE_BYTES = 16 * 1024 * 1024
MAX_PAGES = 100


def list_tools(command: Sequence[str], timeout_s: float = 30.0) -> dict[str, Any]:
    """Start the server, ask for its tools (every page of them), end it. Raises SpeculateError."""
    try:
        return asyncio.run(_list_tools(command, timeout_s))
    except TimeoutError:
        raise SpeculateError(f"{command[0]}: the server gave no answer within {timeout_s:g} s") from None


async def _list_tools(command: Sequence[str], timeout_s: float) -> dict[str, Any]:
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=MAX_LINE_BYTES
        )
    except OSError as error:
        raise SpeculateError(f"{command[0]}: cannot be started: {error.strerror or error}") from None
    try:
        async with asyncio.timeout(timeout_s):
            return await _converse(command[0], process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _converse(name: str, process: asyncio.subprocess.Process) -> dict[str, Any]:
    client = {"name": "speculate", "version": "1"}
    await _ask(
        name, process, 0, "initialize", {"protocolVersion": PROTOCOL_VERSION, "capabilities": {}, "clientInfo": client}
    )
    await _send(process, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    tools: list[Any] = []
    cursor: Any = None
    for page in range(1, MAX_PAGES + 1):
        result = await _ask(name, process, page, "tools/list", {} if cursor is None else {"cursor": cursor})
        tools += result.get("tools") or []
        cursor = result.get("nextCursor")
        if cursor is None:
            return {"tools": tools}
    raise SpeculateError(f"{name}: the list of tools has no end ({MAX_PAGES} pages)")


async def _send(process: asyncio.subprocess.Process, message: dict[str, Any]) -> None:
    assert process.stdin is not None  # noqa: S101  # it was asked for above; said for the type checker
    process.stdin.write(json.dumps(message).encode() + b"\n")
    await process.stdin.drain()


async def _ask(
    name: str, process: asyncio.subprocess.Process, id: int, method: str, params: dict[str, Any]
) -> dict[str, Any]:
    """Send a request and wait for its answer; notifications and other messages are passed over."""
    assert process.stdout is not None  # noqa: S101  # it was asked for above; said for the type checker
    try:
        await _send(process, {"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        while line := await process.stdout.readline():
            try:
                message = json.loads(line)
            except ValueError:
                continue  # a server that prints to standard output
            if not isinstance(message, dict) or message.get("id") != id or "method" in message:
                continue
            result = message.get("result")
            if isinstance(result, dict):
                return result
            raise SpeculateError(f"{name}: {method} failed: {json.dumps(message.get('error'))[:200]}")
    except ConnectionError:
        pass  # told below, as when it ends its output
    except ValueError:
        raise SpeculateError(f"{name}: a line longer than {MAX_LINE_BYTES} bytes") from None
    raise SpeculateError(f"{name}: the server ended before it answered {method}")
