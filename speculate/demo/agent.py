"""The agent: a ReAct loop of a few lines, the only place where the demo meets the runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speculate.demo.policy import ScriptedModel, Task

if TYPE_CHECKING:
    from speculate import Runtime


async def answer(runtime: Runtime, task: Task, pace: float = 1.0) -> str:
    """One conversation from the user's question to the final answer."""
    model = ScriptedModel(task, pace)
    observations: list[Any] = []
    async with runtime.session(id=task.id) as session:
        session.saw_user(task.question)
        while True:
            reply = await session.think(model.reply(observations))
            session.said(reply.text)
            if not reply.calls:
                return reply.text
            outcomes = await session.call_all(reply.calls)
            observations = [outcome.result() for outcome in outcomes]
