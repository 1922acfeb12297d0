"""One call with all its attempts: retried where it is idempotent, hedged where it is a read besides."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from speculate.calls import Outcome, ToolCall
from speculate.fanout.hedge import Hedge
from speculate.fanout.host import latency_s, tasks_of
from speculate.fanout.retry import Retry

if TYPE_CHECKING:
    from speculate.runtime.session import Session


@dataclass(slots=True)
class Attempts:
    """How often a call was tried, counted as it happens, so that a cancelled one can still be accounted for."""

    count: int = 0
    hedged: bool = False


async def attempt(
    session: Session, call: ToolCall, attempts: Attempts, retry: Retry | None, hedge: Hedge | None, draw: random.Random
) -> Outcome:
    """Make the call until it succeeds or `retry` gives up. A tool's exception is in the outcome."""
    while True:
        attempts.count += 1
        outcome = await (session.execute(call) if hedge is None else _hedged(session, call, attempts, hedge))
        if outcome.error is None or retry is None:
            return outcome
        pause_s = retry.pause_s(attempts.count, outcome.error, draw)
        if pause_s is None:
            return outcome
        await asyncio.sleep(pause_s)


async def _hedged(session: Session, call: ToolCall, attempts: Attempts, hedge: Hedge) -> Outcome:
    after_s = hedge.after_s if hedge.after_s is not None else latency_s(session, call.tool, hedge.quantile)
    if after_s is None:
        return await session.execute(call)
    tasks = tasks_of(session)
    running = {tasks.start(session.execute(call), name=f"{call.tool} first of two")}
    try:
        done, running = await asyncio.wait(running, timeout=after_s)
        if not done:
            attempts.hedged = True
            running.add(tasks.start(session.execute(call), name=f"{call.tool} second of two"))
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        outcome = done.pop().result()
        if outcome.error is not None and (done or running):  # the other one may yet succeed
            last, running = await asyncio.wait({*done, *running})
            outcome = last.pop().result()
        return outcome
    finally:
        for task in running:
            task.cancel()
