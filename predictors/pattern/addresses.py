"""The parts of an address: what a later call may take out of a URL."""

from __future__ import annotations

from urllib.parse import unquote_plus

MAX_SEGMENTS = 5
MAX_PARAMETERS = 6
MAX_PART = 200  # characters


def parts_of(url: str) -> list[tuple[str, str]]:
    """("/1", first segment of the path) … and ("?name", value) of each parameter; nothing if it is no URL."""
    _, mark, rest = url.partition("://")
    if not mark:
        return []
    rest, _, fragment = rest.partition("#")
    rest, _, query = rest.partition("?")
    out = []
    for number, segment in enumerate(rest.split("/", MAX_SEGMENTS + 1)[1 : MAX_SEGMENTS + 1], 1):
        if 0 < len(segment) <= MAX_PART:
            out.append((f"/{number}", segment))
    if query:
        for pair in query.split("&", MAX_PARAMETERS)[:MAX_PARAMETERS]:
            name, _, value = pair.partition("=")
            if name and 0 < len(value) <= MAX_PART and len(name) <= 40:
                out.append((f"?{name}", unquote_plus(value)))
    if 0 < len(fragment) <= MAX_PART:
        out.append(("#", fragment))
    return out
