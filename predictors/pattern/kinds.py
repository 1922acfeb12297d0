"""What kind of thing a value is: the shape of a code or a date, a path, words. An argument rarely changes its kind."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from predictors.pattern.text import shape

MARK = "\x7f"  # starts a stand-in, which brings its kind along
MAX_SHAPE = 24
LEAST_SEEN = 0.5  # turns below which a kind counts as never seen
NEVER = 0.7  # kinds never seen, as if so many had been seen once more
OTHER = "other"


def kind_of_value(value: Any) -> str | None:
    """A name for the kind; None if it cannot be told."""
    return _kind_of_text(value) if type(value) is str else type(value).__name__


@lru_cache(maxsize=8_192)
def _kind_of_text(value: str) -> str | None:
    if MARK in value:
        return value.partition("~")[2] if value[0] == MARK else None
    if len(value) > 80 or "\n" in value:
        return "long"
    if value.startswith(("http://", "https://")):
        return "url"
    if "/" in value:
        return "path"
    if " " in value:
        return "words"
    return shape(value)[:MAX_SHAPE] if value.isascii() else OTHER


def stand_in(number: int, value: Any) -> str:
    """What stands for a value in a digest: a number and its kind."""
    return f"{MARK}{number}~{kind_of_value(value)}"


def fits(seen: Mapping[str, float], kind: str | None) -> float:
    """How much less likely a value of this kind is for an argument whose values were of these: 1.0 for one it had.

    For one it never had, the share of kinds seen once, as Good and Turing estimate what is still to be seen.
    """
    if kind is None or seen.get(kind, 0) >= LEAST_SEEN:
        return 1.0
    total = sum(count for count in seen.values() if count > 0)  # below 0: while a digest is taken out
    once = sum(1 for count in seen.values() if count == 1)
    return min(1.0, (once + NEVER) / (total + 1))
