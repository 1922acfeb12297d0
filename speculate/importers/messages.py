"""Conversations: lists of chat messages, one session each. What the OpenAI and the Anthropic importers share.

A conversation is an object with `messages`, an array of messages, or a file of one message a line. No times are
recorded in any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from speculate.importers.documents import Item, Report
from speculate.trace.records import CallIssued, Record, ResultArrived, SessionEnded, SessionStarted, TurnTaken, UserSaid


class Conversation:
    """Writes one session, message by message."""

    def __init__(self, id: str, model: str | None = None) -> None:
        self._id, self._model = id, model
        self._turn = -1
        self._is_open = False
        self._unnamed = 0
        self._waiting: set[str] = set()

    def user(self, text: str) -> Iterator[Record]:
        yield from self._open(text)
        yield UserSaid(self._id, text)

    def assistant(self, text: str | None, calls: Iterable[tuple[str | None, str, dict[str, Any]]]) -> Iterator[Record]:
        """A turn with its calls: id, tool, arguments."""
        yield from self._open(None)
        self._turn += 1
        yield TurnTaken(self._id, self._turn, text=text)
        for id, tool, arguments in calls:
            if id is None:
                self._unnamed += 1
                id = f"{tool}-{self._unnamed}"
            self._waiting.add(id)
            yield CallIssued(self._id, self._turn, id, tool, arguments)

    def result(self, id: str, value: Any, ok: bool = True) -> Iterator[Record]:
        """Raises KeyError if no call awaits it."""
        self._waiting.remove(id)
        yield ResultArrived(self._id, id, ok=ok, result=value)

    def end(self) -> Iterator[Record]:
        if self._is_open:
            yield SessionEnded(self._id)

    def _open(self, task: str | None) -> Iterator[Record]:
        if not self._is_open:
            self._is_open = True
            yield SessionStarted(self._id, task=task, model=self._model)


Convert = Callable[[Conversation, dict[str, Any]], Iterator[Record]]
"""One message's records. Raises KeyError, TypeError or ValueError if it is broken."""


def conversations(items: Iterable[Item], name: str, report: Report, convert: Convert) -> Iterator[Record]:
    """The records of every conversation in `items`; `name` is the file's, for those without an id."""
    loose: Conversation | None = None  # messages that stand alone, or in an array
    group = 0
    count = 0

    def next_name() -> str:
        nonlocal count
        count += 1
        return name if count == 1 else f"{name}-{count}"

    for item in items:
        value = item.value
        if is_conversation(value):
            id = next((value[key] for key in ("id", "session", "session_id") if type(value.get(key)) is str), None)
            model = value.get("model")
            whole = Conversation(id or next_name(), model if type(model) is str else None)
            for message in value["messages"]:
                yield from _convert(whole, message, item.line, report, convert)
            yield from whole.end()
            continue
        if loose is None or item.group != group:
            if loose is not None:
                yield from loose.end()
            loose, group = Conversation(next_name()), item.group
        yield from _convert(loose, value, item.line, report, convert)
    if loose is not None:
        yield from loose.end()


def is_conversation(value: Any) -> bool:
    return type(value) is dict and type(value.get("messages")) is list


def is_message(value: Any) -> bool:
    return type(value) is dict and type(value.get("role")) is str


def some_messages(item: Item) -> list[dict[str, Any]]:
    """The messages of a record, to recognise the format by."""
    found = item.value["messages"] if is_conversation(item.value) else [item.value]
    return [message for message in found if is_message(message)]


def _convert(conversation: Conversation, message: Any, line: int, report: Report, convert: Convert) -> Iterator[Record]:
    if not is_message(message):
        report("no message: an object with a role expected", line)
        return
    try:
        yield from convert(conversation, message)
    except KeyError as error:
        report(f"a {message['role']} message lacks {error}, or answers a call that was not made", line)
    except (TypeError, ValueError, AttributeError) as error:
        report(f"a {message['role']} message is broken: {error}", line)


def text_of(content: Any) -> str | None:
    """The text of a message's content: itself, or its text parts."""
    if type(content) is str:
        return content or None
    if type(content) is not list:
        return None
    texts = [part.get("text") for part in content if type(part) is dict and part.get("type") in TEXT_PARTS]
    return "\n".join(text for text in texts if type(text) is str) or None


TEXT_PARTS = ("text", "input_text", "output_text")
