"""Whether a value stood anywhere in a session before it was used: in what was typed, said, passed or returned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from speculate.history import CallMade, Event, History, ModelText, UserText
from speculate.identity import canonical_json

_MAX_LEAVES = 20_000  # of one event: a bound on what an odd result can cost


def leaves(value: Any) -> Iterator[Any]:
    """The values at the ends of a JSON value, at most 20,000."""
    left = _MAX_LEAVES
    open_ = [value]
    while open_ and left:
        item = open_.pop()
        left -= 1
        if isinstance(item, Mapping):
            open_.extend(item.values())
        elif isinstance(item, list):
            open_.extend(item)
        else:
            yield item


class Presence:
    """Everything a session has shown so far, to be searched. Follows one growing history."""

    def __init__(self) -> None:
        self._seen = 0
        self._leaves: set[str] = set()
        self._texts: list[str] = []

    def follow(self, history: History) -> None:
        """Take in what happened since the last time."""
        for event in history.events[self._seen :]:
            self._take(event)
        self._seen = len(history)

    def _take(self, event: Event) -> None:
        if isinstance(event, (UserText, ModelText)):
            self._texts.append(event.text.casefold())
            return
        if isinstance(event, CallMade):
            self._take_value(dict(event.arguments))
        elif event.raised is not None:
            self._texts.append(event.raised.casefold())
        elif event.known:
            self._take_value(event.value)

    def _take_value(self, value: Any) -> None:
        for leaf in leaves(value):
            key = canonical_json(leaf)
            if key is None or key in self._leaves:
                continue
            self._leaves.add(key)
            if isinstance(leaf, str):
                self._texts.append(leaf.casefold())

    def has(self, value: Any) -> bool:
        """Whether the value occurs: as itself, or, a text or number, as whole words of a text; a list or object if
        all it holds does.
        """
        if isinstance(value, (Mapping, list)):
            return all(self.has(leaf) for leaf in leaves(value))
        if canonical_json(value) in self._leaves:
            return True
        if value is None or isinstance(value, bool):
            return False
        word = str(value).strip().casefold()
        return bool(word) and any(_has_word(text, word) for text in self._texts)


def _has_word(text: str, word: str) -> bool:
    """Whether `word` stands in `text` with nothing alphanumeric grown to it."""
    at = text.find(word)
    while at != -1:
        end = at + len(word)
        if not (
            (word[0].isalnum() and at > 0 and text[at - 1].isalnum())
            or (word[-1].isalnum() and end < len(text) and text[end].isalnum())
        ):
            return True
        at = text.find(word, at + 1)
    return False
