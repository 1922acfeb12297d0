"""The latest calls of a history, read from its end in bounded time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from speculate.history import CallMade, History
from speculate.identity import canonical_json

_MAX_EVENTS = 256  # how far back is looked: a bound on the cost of one prediction


def call_key(tool: str, arguments: Mapping[str, Any]) -> str | None:
    """Identity as far as it is known without a manifest; None for what can never be launched (not JSON, raw)."""
    if "_raw" in arguments:
        return None
    text = canonical_json(arguments if type(arguments) is dict else dict(arguments))
    return None if text is None else f"{tool} {text}"


def latest_calls(history: History, count: int) -> list[tuple[str, CallMade]]:
    """The latest `count` distinct calls with their keys, newest first."""
    found: dict[str, CallMade] = {}
    events = history.events
    for index in range(len(events) - 1, max(-1, len(events) - 1 - _MAX_EVENTS), -1):
        event = events[index]
        if type(event) is CallMade:
            key = call_key(event.tool, event.arguments)
            if key is not None and key not in found:
                found[key] = event
                if len(found) >= count:
                    break
    return list(found.items())


def latest_by_tool(history: History) -> tuple[str, dict[str, CallMade]]:
    """The tool called last ("" if none), and every recent tool's last call that can be repeated, newest first."""
    last_tool = ""
    found: dict[str, CallMade] = {}
    events = history.events
    for index in range(len(events) - 1, max(-1, len(events) - 1 - _MAX_EVENTS), -1):
        event = events[index]
        if type(event) is CallMade:
            last_tool = last_tool or event.tool
            if event.tool not in found and call_key(event.tool, event.arguments) is not None:
                found[event.tool] = event
    return last_tool, found
