"""A turn's tool calls as a plan: the n-th call is task n, and may use earlier results as `$1`, `$2`, …"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from speculate.calls import ToolCall
from speculate.errors import PlanError
from speculate.plan.model import Task
from speculate.plan.readers.lines import Item, Join, malformed
from speculate.plan.readers.numbered import JOIN


class CallsReader:
    """Takes whole calls: a ToolCall, or a dict as OpenAI (`function.name`, `.arguments`) or Anthropic (`name`,
    `input`) give it. `first` is the number of the first task.
    """

    def __init__(self, first: int = 1) -> None:
        self._number = first - 1

    def feed(self, piece: ToolCall | Mapping[str, Any]) -> list[Item]:
        self._number += 1
        try:
            call = piece if isinstance(piece, ToolCall) else _read(piece)
            return [Join()] if call.tool in JOIN else [Task(str(self._number), call.tool, call.arguments)]
        except (PlanError, ValueError, TypeError, RecursionError) as error:
            return [malformed(self._number, repr(piece), str(error))]

    def end(self) -> list[Item]:
        return []


def _read(piece: Mapping[str, Any]) -> ToolCall:
    if not isinstance(piece, Mapping):
        raise PlanError("a tool call is a ToolCall or a mapping")
    function = piece.get("function")
    body: Mapping[str, Any] = function if isinstance(function, Mapping) else piece
    name = body.get("name")
    arguments: Any = next((body[key] for key in ("arguments", "input", "args") if key in body), {})
    if isinstance(arguments, str):
        arguments = json.loads(arguments or "{}")
    if not isinstance(name, str) or not name or not isinstance(arguments, Mapping):
        raise PlanError('a tool call has a "name" and an object of arguments')
    id = piece.get("id")
    return ToolCall(name, dict(arguments), id if isinstance(id, str) else None)
