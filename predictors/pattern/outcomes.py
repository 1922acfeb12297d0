"""What kind of result a call had, which says more about the next call than what is in it."""

from __future__ import annotations

from typing import Any


def outcome(ok: bool, known: bool, value: Any, found: str = "") -> str:
    """What kind of result: error "!", unknown "?", empty "0", text "t", one "1", many "+". found: the same of what a
    text in it holds, which counts if the result is that text."""
    if not ok:
        return "!"
    if not known:
        return "?"
    if value is None or value == "" or value == [] or value == {}:
        return "0"
    kind = type(value)
    if found and (kind is str or (kind is list and len(value) == 1 and _is_text(value[0]))):
        return found
    if kind is list:
        return "+" if len(value) > 1 else "1"
    if kind is dict:
        for item in value.values():
            if type(item) is list:
                return "+" if len(item) > 1 else "0" if not item else "1"
        return "1"
    return "t" if kind is str and len(value) > 80 else "1"


def _is_text(value: Any) -> bool:
    """Whether this is a text and, at most, what kind of text it is."""
    return type(value) is str or (type(value) is dict and len(value) <= 2 and {*map(type, value.values())} == {str})
