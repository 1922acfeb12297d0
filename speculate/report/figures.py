"""Figures as they stand on the page: each carries the place in the JSON it came from, and its exact value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

NONE = "–"


def percent(value: float) -> str:
    """12.3 %; what would round to nothing says so."""
    if 0 < abs(value) < 0.0005:
        return "<0.1\u00a0%" if value > 0 else ">−0.1\u00a0%"
    return f"{100 * value:.1f}\u00a0%".replace("-", "−")


def seconds(value: float) -> str:
    """From microseconds to hours, three figures or so."""
    size = abs(value)
    if size >= 5400:
        text = f"{value / 3600:,.1f} h"
    elif size >= 600:
        text = f"{value / 60:,.1f} min"
    elif size >= 10:
        text = f"{value:.1f} s"
    elif size >= 0.1 or not size:
        text = f"{value:.2f} s"
    else:
        text = f"{value * 1000:.2g} ms" if size >= 0.001 else f"{value * 1e6:.0f} µs"
    return text.replace("-", "−")


def count(value: float) -> str:
    return f"{value:,.0f}".replace("-", "−")


def decimal(value: float) -> str:
    return f"{value:,.2f}".replace("-", "−")


def factor(value: float) -> str:
    return f"{value:.2f}×"


def microseconds(value: float) -> str:
    return seconds(value / 1e6)


FORMATS: Mapping[str, Callable[[float], str]] = {
    "percent": percent,
    "seconds": seconds,
    "count": count,
    "decimal": decimal,
    "factor": factor,
    "microseconds": microseconds,
}


def pointer(*parts: str | int) -> str:
    """A JSON pointer (RFC 6901) to this place."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def at(document: Any, place: str) -> Any:
    """The value at a JSON pointer; None where there is none."""
    value = document
    for part in place.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, Sequence) and not isinstance(value, str) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


class Figures:
    """Writes figures of one document. `origin` names it where a page draws from two."""

    def __init__(self, document: Mapping[str, Any], origin: str) -> None:
        self._document, self._origin = document, origin

    def __call__(self, format: str, *parts: str | int) -> Markup:
        """The figure at this place, in this format; a dash where the JSON has null."""
        place = pointer(*parts)
        value = at(self._document, place)
        text = NONE if value is None else FORMATS[format](value)
        exact = "null" if value is None else repr(value)
        return Markup(
            '<span class="figure" data-origin="{}" data-at="{}" data-value="{}" data-format="{}">{}</span>'
        ).format(self._origin, place, exact, format, text)

    def value(self, *parts: str | int) -> Any:
        return at(self._document, pointer(*parts))


def safe(text: object) -> Markup:
    """Text from a recording, made harmless."""
    return escape(text)
