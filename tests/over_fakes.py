"""A runtime over fake tools, on the virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from speculate.runtime.runtime import Runtime
from speculate.runtime.session import Session
from speculate.spec import Effect, ToolSpec
from speculate.testing import run_virtual

READ = ToolSpec(name="read", effect=Effect.READ, reads=())
SAFE_WRITE = ToolSpec(
    name="safe_write", effect=Effect.WRITE, idempotent=True, reads=(), writes=("thing/{id}",), dedup_key="{id}"
)
WRITE = ToolSpec(name="write", effect=Effect.WRITE, reads=(), writes=("thing/{id}",))


@pytest.fixture
def run() -> Callable[..., Any]:
    """`run(tools, use)` awaits `use(session)` with these tools, of the specs named like them, or plain reads."""

    def call(
        tools: dict[str, Any],
        use: Callable[[Session], Coroutine[Any, Any, Any]],
        specs: dict[str, ToolSpec] | None = None,
        **settings: Any,
    ) -> Any:
        known = {"safe_write": SAFE_WRITE, "write": WRITE, **(specs or {})}
        manifest = {
            name: known.get(name, ToolSpec(name=name, effect=Effect.READ, reads=(), real_timeout_s=None))
            for name in tools
        }

        async def main() -> Any:
            async with Runtime(tools, manifest, **settings) as runtime, runtime.session() as session:
                return await use(session)

        return run_virtual(main())

    return call
