"""Call identity: when two calls are the same call.

Canonical, typed JSON: 1, 1.0, true and "1" all differ, keys are sorted, defaults are filled in, ignored
arguments are left out, and values are normalised as declared. Equal, never merely similar. Arguments that
are not JSON values have no identity (`None`), and a call without identity is never speculated.
"""

from __future__ import annotations

import json
import math
import posixpath
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

MAX_DEPTH = 64
MAX_KEY_CHARACTERS = 65_536

_encode = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def is_json(value: object, depth: int = MAX_DEPTH) -> bool:
    """Whether `value` is a JSON value: exact built-in types, finite numbers, at most `depth` levels deep."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return True
    if kind is float:
        return math.isfinite(value)  # type: ignore[arg-type]  # kind is float, which mypy cannot narrow by `is`
    if depth <= 0:
        return False
    if kind is dict:
        for key, item in value.items():  # type: ignore[attr-defined]  # kind is dict
            if type(key) is not str or not is_json(item, depth - 1):
                return False
        return True
    if kind is list:
        return all(is_json(item, depth - 1) for item in value)  # type: ignore[attr-defined]  # kind is list
    return False


def canonical_json(value: object) -> str | None:
    """The canonical text of a JSON value; None for anything else (NaN, bytes, objects, too deep, too large)."""
    if not is_json(value):
        return None
    try:
        text = _encode(value)
    except ValueError:  # an int beyond the interpreter's limit of digits
        return None
    return text if len(text) <= MAX_KEY_CHARACTERS else None


def _casefold(value: Any) -> Any:
    return value.strip().casefold() if type(value) is str else value


def _strip(value: Any) -> Any:
    return value.strip() if type(value) is str else value


def _path(value: Any) -> Any:
    """`a//b/./c/` and `a/b/c` are the same path. `..` is kept: through a symlink it may lead elsewhere."""
    if type(value) is not str or not value:
        return value
    parts = [part for part in value.split("/") if part not in ("", ".")]
    head = "/" if value.startswith("/") else ""
    return (head + posixpath.join("", *parts)) or "."


def _url(value: Any) -> Any:
    """Scheme and host casefolded, default port and fragment dropped, an empty path is "/" (RFC 3986, 6.2)."""
    if type(value) is not str:
        return value
    try:
        parts = urlsplit(value.strip())
        port = parts.port
    except ValueError:
        return value
    if not parts.scheme or not parts.hostname:
        return value
    host = parts.hostname.casefold()
    if ":" in host:
        host = f"[{host}]"
    if port is not None and (parts.scheme.casefold(), port) not in (("http", 80), ("https", 443)):
        host = f"{host}:{port}"
    if parts.username is not None:
        return value  # credentials in a URL: left exactly as they stand
    return urlunsplit((parts.scheme.casefold(), host, parts.path or "/", parts.query, ""))


def _number(value: Any) -> Any:
    """1, 1.0, "1" and " 1.0 " are the same number; what is no finite number is left as it stands."""
    if type(value) is str:
        try:
            value_read: Any = int(value.strip())
        except ValueError:
            try:
                value_read = float(value.strip())
            except ValueError:
                return value
        value = value_read if math.isfinite(value_read) else value
    if type(value) is float and math.isfinite(value) and value.is_integer():
        return int(value)
    return value


NORMALIZERS: Mapping[str, Callable[[Any], Any]] = {
    "strip": _strip,
    "casefold": _casefold,
    "path": _path,
    "url": _url,
    "number": _number,
}
