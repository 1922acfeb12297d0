"""What a session has disclosed, and what in it may be hostile: the evidence egress and taint are judged by.

A speculative read discloses its arguments to whoever serves it, and dropping the result takes nothing back
(Ghost Tool Calls, arXiv 2606.02483). So a value may go to an external tool early only if it already went there,
or if the user typed it; and a value from an untrusted result not at all.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

from speculate.identity import canonical_json

MAX_TEXT = 262_144  # characters kept of what users typed, and of untrusted results, per session
MAX_VALUES = 4_096  # values remembered per session
SHORTEST_TAINT = 4  # a shorter string occurs in any page by chance; the rule for values still holds for it

_SPACE = re.compile(r"\s+")


def normalised(text: str) -> str:
    return _SPACE.sub(" ", text).strip().casefold()


def leaves(value: Any) -> Iterator[Any]:
    """The scalar values inside a JSON value, keys of objects included."""
    stack = [value]
    while stack:
        item = stack.pop()
        if type(item) is dict:
            stack.extend(item.values())
            yield from item
        elif type(item) is list:
            stack.extend(item)
        else:
            yield item


class Disclosure:
    """One session's evidence."""

    __slots__ = ("_sent", "_typed", "_untrusted")

    def __init__(self) -> None:
        self._typed = ""
        self._untrusted = ""
        self._sent: OrderedDict[tuple[str, str], None] = OrderedDict()

    @property
    def has_untrusted(self) -> bool:
        return bool(self._untrusted)

    def user_typed(self, text: str) -> None:
        self._typed = f"{self._typed}\n{normalised(text[:MAX_TEXT])}"[-MAX_TEXT:]

    def untrusted_seen(self, text: str) -> None:
        self._untrusted = f"{self._untrusted}\n{normalised(text[:MAX_TEXT])}"[-MAX_TEXT:]

    def sent(self, tool: str, arguments: Mapping[str, Any]) -> None:
        """A real call sent these values to this tool."""
        for value in arguments.values():
            for leaf in leaves(value):
                text = canonical_json(leaf)
                if text is not None:
                    self._sent[tool, text] = None
                    self._sent.move_to_end((tool, text))
        while len(self._sent) > MAX_VALUES:
            self._sent.popitem(last=False)

    def has_typed(self, value: Any) -> bool:
        """Whether the user typed this value, as whole words."""
        if type(value) is str:
            text = normalised(value)
        elif type(value) in (int, float):
            text = str(value)
        else:
            return False
        return not text or _occurs(text, self._typed)

    def may_go_to(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Whether every value already went to this tool in a real call, or was typed by the user."""
        return all(self._vouches(tool, leaf) for value in arguments.values() for leaf in leaves(value))

    def is_tainted(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Whether a value stands in an untrusted result, and neither the user nor a real call vouches for it."""
        if not self._untrusted:
            return False
        for value in arguments.values():
            for leaf in leaves(value):
                if type(leaf) is bool or leaf is None:
                    continue
                text = normalised(leaf) if type(leaf) is str else str(leaf)
                if len(text) >= SHORTEST_TAINT and text in self._untrusted and not self._vouches(tool, leaf):
                    return True
        return False

    def _vouches(self, tool: str, leaf: Any) -> bool:
        return (tool, canonical_json(leaf) or "") in self._sent or self.has_typed(leaf)


def _occurs(text: str, within: str) -> bool:
    """Whether `text` stands in `within` with no letter or digit directly before or behind it.

    Nor may it be cut out of a longer number: "2.5" holds neither 2 nor 5.
    """
    start = within.find(text)
    while start != -1:
        end = start + len(text)
        before = start == 0 or not (within[start - 1].isalnum() and text[0].isalnum())
        after = end == len(within) or not (within[end].isalnum() and text[-1].isalnum())
        if before and after and not _cuts_a_number(within, start, end):
            return True
        start = within.find(text, start + 1)
    return False


def _cuts_a_number(within: str, start: int, end: int) -> bool:
    """Whether a digit at either end goes on beyond a decimal point or a thousands separator."""
    before = start >= 2 and within[start].isdigit() and within[start - 1] in ".," and within[start - 2].isdigit()
    after = end + 1 < len(within) and within[end - 1].isdigit() and within[end] in ".," and within[end + 1].isdigit()
    return before or after
