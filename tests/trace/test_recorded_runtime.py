"""A run of the real runtime, recorded and read back: what the agent did is what the trace says."""

from __future__ import annotations

import asyncio
from pathlib import Path

from speculate import ArgumentSpec, Effect, Runtime, ToolSpec
from speculate.recorder import TraceRecorder
from speculate.runtime.predicting import REDACTED
from speculate.testing import FakeTool, run_virtual
from speculate.trace import UserSaid, read_sessions

SPECS = {
    "get": ToolSpec("get", Effect.READ, reads=("order/{id}",), arguments={"token": ArgumentSpec(sensitive=True)}),
    "put": ToolSpec("put", Effect.WRITE, writes=("order/{id}",)),
}


def test_a_run_reads_back_as_it_went(tmp_path: Path) -> None:
    """Turns with their seconds, calls of one turn, a result, a raised error, secrets left out, virtual times."""
    recorder = TraceRecorder(tmp_path / "runs.jsonl", specs=SPECS)
    tools = {
        "get": FakeTool({"status": "open"}, seconds=0.5),
        "put": FakeTool(seconds=0.25, error=KeyError("gone")),
    }

    async def agent() -> None:
        async with Runtime(tools, SPECS, observers=[recorder]) as runtime, runtime.session("run-1") as session:
            session.saw_user("cancel O-1")
            await session.think(asyncio.sleep(2.0))
            await session.call_all([("get", {"id": "O-1", "token": "hunter2"}), ("get", {"id": "O-2"})])
            await session.think(asyncio.sleep(1.0))
            await session.call_all([("put", {"id": "O-1"})])

    run_virtual(agent())
    assert recorder.close()
    assert recorder.dropped == 0
    assert "hunter2" not in recorder.path.read_text()
    (run,) = read_sessions(recorder.path)
    assert run.id == "run-1"
    assert [step.text for step in run.steps if isinstance(step, UserSaid)] == ["cancel O-1"]
    assert [(turn.record.at, turn.record.llm_s) for turn in run.turns] == [(0.0, 2.0), (2.5, 1.0)]
    reads, writes = run.turns
    assert [(call.tool, call.args, call.at) for call in reads.calls] == [
        ("get", {"id": "O-1", "token": REDACTED}, 2.0),
        ("get", {"id": "O-2"}, 2.0),
    ]
    assert [(result.result, result.tool_s, result.at) for result in reads.results.values()] == [
        ({"status": "open"}, 0.5, 2.5),
    ] * 2
    (failed,) = writes.results.values()
    assert (failed.ok, failed.raised, failed.known, failed.tool_s) == (False, "KeyError: 'gone'", False, 0.25)
    assert failed.extra["served"] == "ran"
