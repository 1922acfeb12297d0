"""Inspect AI logs by the real evaluator with its mock model, as JSON and as .eval."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ["INSPECT_DISPLAY"] = "none"

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import Tool, ToolCall, ToolError, tool

from tests.importers.real import scenario


@tool
def get_order() -> Tool:
    async def execute(order_id: str) -> str:
        """Look an order up.

        Args:
            order_id: The order.
        """
        return json.dumps(scenario.get_order(order_id))

    return execute


@tool
def cancel_order() -> Tool:
    async def execute(order_id: str, force: bool) -> str:
        """Cancel an order.

        Args:
            order_id: The order.
            force: Even if shipped.
        """
        raise ToolError(scenario.PROBLEM)

    return execute


def _outputs() -> list[Any]:
    outputs = []
    for number, calls in enumerate(scenario.TURNS):
        output = ModelOutput.from_content("mockllm/model", (scenario.FIRST_TEXT, "", scenario.LAST_TEXT)[number])
        if calls:
            output.choices[0].message.tool_calls = [ToolCall(id=id, function=n, arguments=a) for id, n, a in calls]
            output.choices[0].stop_reason = "tool_calls"
        output.usage = ModelUsage(input_tokens=100 + number, output_tokens=10, total_tokens=110 + number)
        outputs.append(output)
    return outputs


def produce(folder: Path, log_format: str = "json") -> Path:
    task = Task(
        dataset=[Sample(input=scenario.USER, target="x", id="shop")],
        solver=[use_tools(get_order(), cancel_order()), generate()],
        name="shop",
    )
    logs = folder / f"inspect-{log_format}"
    model = get_model("mockllm/model", custom_outputs=_outputs())
    (log,) = evaluate(task, model=model, log_dir=str(logs), log_format=log_format)  # type: ignore[arg-type]
    assert log.status == "success", log.error
    (written,) = logs.glob(f"*.{log_format}")
    path = folder / f"inspect.{log_format}"
    written.rename(path)
    logs.rmdir()
    return path
