"""Anthropic messages: `tool_use` blocks of the assistant's, answered by `tool_result` blocks of the user's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from speculate.importers.documents import Item, Report
from speculate.importers.fields import required_text
from speculate.importers.messages import Conversation, conversations, some_messages, text_of
from speculate.importers.spans import arguments_of
from speculate.trace.records import Record

BLOCKS = ("tool_use", "tool_result")


class AnthropicImporter:
    name = "anthropic"
    title = "Anthropic messages"

    def recognizes(self, item: Item) -> bool:
        return any(block.get("type") in BLOCKS for message in some_messages(item) for block in blocks_of(message))

    def convert(self, items: Iterable[Item], name: str, report: Report) -> Iterator[Record]:
        return conversations(items, name, report, _message)


def blocks_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The content as blocks; plain text is one."""
    content = message.get("content")
    if type(content) is str:
        return [{"type": "text", "text": content}]
    return [block for block in content if type(block) is dict] if type(content) is list else []


def result_of(content: Any) -> Any:
    """A tool result's content: a text as it is, text blocks joined, anything with images in it as recorded."""
    if type(content) is list and all(type(block) is dict and block.get("type") == "text" for block in content):
        return text_of(content) or ""
    return content


def _message(conversation: Conversation, message: dict[str, Any]) -> Iterator[Record]:
    blocks = blocks_of(message)
    text = text_of(blocks)
    if message["role"] == "assistant":
        calls = [
            (required_text(block, "id"), required_text(block, "name"), arguments_of(block.get("input")))
            for block in blocks
            if block.get("type") == "tool_use"
        ]
        yield from conversation.assistant(text, calls)
    elif message["role"] == "user":
        for block in blocks:
            if block.get("type") == "tool_result":
                ok = not block.get("is_error")
                yield from conversation.result(required_text(block, "tool_use_id"), result_of(block.get("content")), ok)
        if text is not None:
            yield from conversation.user(text)
