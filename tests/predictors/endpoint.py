"""A real HTTP server on 127.0.0.1 that answers like an OpenAI-compatible endpoint."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Endpoint:
    """`reply` is what the next requests get: a status and a body, or a function of the request; None never answers."""

    reply: Any = (200, {})
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    open: dict[asyncio.Task[Any], asyncio.StreamWriter] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.open[task] = writer
        try:
            while True:
                try:
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
                    body = await reader.readexactly(int(headers.get("content-length", "0")))
                except (asyncio.IncompleteReadError, ConnectionError):
                    return
                self.requests.append(Request(head[0].split()[1], headers, json.loads(body)))
                self.arrived.set()
                reply = self.reply(self.requests[-1]) if isinstance(self.reply, Callable) else self.reply  # type: ignore[arg-type]
                if reply is None:
                    await reader.read()  # until the other side gives up
                    return
                status, content = reply
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                writer.write(b"HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n%s" % (status, len(data), data))
                await writer.drain()
        except ConnectionError:
            return  # the other side would not read on
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            del self.open[task]

    async def hang_up(self) -> None:
        """End every connection, and wait until each is gone: none may outlive the test."""
        for _ in range(10):  # a connection that was just accepted takes a few rounds of the loop to reach `serve`
            await asyncio.sleep(0)
        for writer in self.open.values():
            writer.transport.abort()
        await asyncio.gather(*self.open)


@asynccontextmanager
async def endpoint(reply: Any) -> AsyncIterator[Endpoint]:
    """An endpoint that listens while the block runs."""
    made = Endpoint(reply)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield made
    finally:
        # Stop accepting before closing: Python 3.11 drops, unclosed, a connection that was accepted but has
        # no transport yet when its server closes (Server._attach fails); a draft timed out at once leaves such a one.
        for listener in server.sockets:
            asyncio.get_running_loop().remove_reader(listener.fileno())
        await made.hang_up()
        server.close()
        await server.wait_closed()


def completion(content: str | None = None, tokens: tuple[int, int] | None = (1000, 50), **message: Any) -> Any:
    """A chat completion with this text."""
    document: dict[str, Any] = {"choices": [{"message": {"role": "assistant", "content": content, **message}}]}
    if tokens is not None:
        document["usage"] = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
    return document
