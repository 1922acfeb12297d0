"""OpenAI chat messages: `tool_calls` of the assistant's, answered by messages of role "tool"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from speculate.importers.documents import Item, Report
from speculate.importers.fields import required_text
from speculate.importers.messages import Conversation, conversations, some_messages, text_of
from speculate.importers.spans import arguments_of
from speculate.trace.records import Record

ROLES = ("system", "developer", "user", "assistant", "tool", "function")


class OpenAIImporter:
    name = "openai"
    title = "OpenAI chat messages"

    def recognizes(self, item: Item) -> bool:
        messages = some_messages(item)
        return bool(messages) and all(message["role"] in ROLES for message in messages)

    def convert(self, items: Iterable[Item], name: str, report: Report) -> Iterator[Record]:
        return conversations(items, name, report, _message)


def _message(conversation: Conversation, message: dict[str, Any]) -> Iterator[Record]:
    role = message["role"]
    if role == "user":
        text = text_of(message.get("content"))
        if text is not None:
            yield from conversation.user(text)
    elif role == "assistant":
        calls = [_call(call) for call in message.get("tool_calls") or ()]
        if message.get("function_call"):  # before there were tool calls
            function = message["function_call"]
            name = required_text(function, "name")
            calls.append((name, name, arguments_of(function.get("arguments"))))
        text = text_of(message.get("content")) or text_of(message.get("refusal"))
        yield from conversation.assistant(text, calls)
    elif role in ("tool", "function"):
        id = required_text(message, "tool_call_id" if role == "tool" else "name")
        content = message.get("content")
        yield from conversation.result(id, content if type(content) is not list else text_of(content) or content)


def _call(call: dict[str, Any]) -> tuple[str | None, str, dict[str, Any]]:
    function = call.get("function") or call["custom"]
    arguments = function.get("arguments") if "arguments" in function else function.get("input")
    id = required_text(call, "id") if call.get("id") is not None else None
    return id, required_text(function, "name"), arguments_of(arguments)
