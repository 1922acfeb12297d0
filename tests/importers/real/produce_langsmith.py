"""A LangSmith run export, one run a line: LangChain's real agent and tracer, a scripted model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import Client

from tests.importers.real import scenario


class Scripted(GenericFakeChatModel):
    """Says what the scenario says; takes any tools."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


class ErrorsAsMessages(AgentMiddleware):
    """A tool that raises ends its own run as an error, not the agent's."""

    def wrap_tool_call(self, request: Any, handler: Any) -> Any:
        try:
            return handler(request)
        except scenario.Shipped as error:
            return ToolMessage(str(error), tool_call_id=request.tool_call["id"], status="error")


def _messages() -> Iterator[AIMessage]:
    for number, calls in enumerate(scenario.TURNS):
        text = (scenario.FIRST_TEXT, "", scenario.LAST_TEXT)[number]
        tool_calls = [{"name": name, "args": args, "id": id} for id, name, args in calls]
        usage = {"input_tokens": 100 + number, "output_tokens": 10, "total_tokens": 110 + number}
        yield AIMessage(text, tool_calls=tool_calls, usage_metadata=usage)


class Exporting(Client):
    """Keeps what the tracer would send to LangSmith."""

    def __init__(self) -> None:
        super().__init__(api_url="http://127.0.0.1:9", api_key="none", auto_batch_tracing=False)
        self.rows: dict[str, dict[str, Any]] = {}

    def create_run(self, name: str, inputs: dict[str, Any], run_type: Any, **fields: Any) -> None:
        self.rows[str(fields["id"])] = {"name": name, "inputs": inputs, "run_type": run_type, **fields}

    def update_run(self, run_id: Any, **fields: Any) -> None:
        self.rows[str(run_id)].update({name: value for name, value in fields.items() if value is not None})


def produce(folder: Path) -> Path:
    client = Exporting()
    tracer = LangChainTracer(client=client)
    agent = create_agent(
        Scripted(messages=_messages()),
        [scenario.get_order, scenario.cancel_order],
        middleware=[ErrorsAsMessages()],
    )
    agent.invoke({"messages": [("user", scenario.USER)]}, config={"callbacks": [tracer]})
    tracer.wait_for_futures()
    path = folder / "langsmith.jsonl"
    # `list_runs` gives the newest first, and fields of these names.
    rows = sorted(client.rows.values(), key=lambda row: str(row["start_time"]), reverse=True)
    path.write_text("".join(json.dumps(row, default=_plain) + "\n" for row in rows))
    return path


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return dumpd(value) if hasattr(value, "lc_id") else str(value)
