"""Call identity: when two calls are the same call.

Canonical, typed JSON: 1, 1.0, true and "1" all differ, keys are sorted, defaults are filled in, ignored
arguments are left out, and values are normalised as declared. Equal, never merely similar. Arguments that
are not JSON values have no identity (`None`), and a call without identity is never speculated.
"""

from __future__ import annotations

import json
import math
import posixpath
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from json.encoder import c_make_encoder, encode_basestring_ascii  # type: ignore[attr-defined]  # typeshed lacks it
from typing import Any
from urllib.parse import urlsplit, urlunsplit

MAX_DEPTH = 64
MAX_KEY_CHARACTERS = 65_536
EXACT_INTEGERS = 2.0**53  # from here on, a float no longer tells neighbouring integers apart

_NUMBER = re.compile(r"[+-]?(?P<whole>[0-9]+)(\.[0-9]*)?([eE][+-]?[0-9]+)?\Z")
_SPACE_OR_CONTROL = re.compile(r"[\s\x00-\x20\x7f]")

_encoder = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _make_encode() -> Callable[[object], str]:
    """`JSONEncoder.encode`, which makes its C encoder anew for every value, with one made for all.

    Nothing is looked out for that `is_json` rules out: cycles, other types.
    """
    if c_make_encoder is None:  # an interpreter without the C accelerator
        return _encoder.encode
    chunks = c_make_encoder(
        None, _encoder.default, encode_basestring_ascii, None, ":", ",", True, False, False
    )  # markers, default, encoder, indent, separators, sort_keys, skipkeys, allow_nan
    return lambda value: "".join(chunks(value, 0))


_encode = _make_encode()


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
    """The canonical text of a JSON value; None for anything else.

    That is NaN, bytes, objects, half a surrogate pair (no text: two of them would pass for one character), and
    what is too deep or too large.
    """
    if not is_json(value):
        return None
    try:
        text = _encode(value)
        if "\\ud" in text:  # seldom: a character beyond the basic plane, or half of one
            json.dumps(value, ensure_ascii=False).encode()
    except ValueError:  # an int beyond the interpreter's limit of digits; a surrogate on its own
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
    """Scheme and host in lower case, default port and fragment dropped, an empty path is "/" (RFC 3986, 6.2).

    An empty query ("?" at the end) is kept: it is not the same URL (6.2.3). What is no plain URL, or holds
    credentials, stays exactly as it stands.
    """
    if type(value) is not str:
        return value
    text = value.strip()
    if _SPACE_OR_CONTROL.search(text):  # urlsplit would drop some of these without a word
        return value
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return value
    if not parts.scheme or not parts.hostname:
        return value
    host = f"[{parts.hostname}]" if "[" in parts.netloc else parts.hostname
    if port is not None and (parts.scheme, port) not in (("http", 80), ("https", 443)):
        host = f"{host}:{port}"
    if parts.username is not None:
        return value  # credentials in a URL: left exactly as they stand
    url = urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))
    return f"{url}?" if not parts.query and "?" in text.partition("#")[0] else url


def _number(value: Any) -> Any:
    """1, 1.0, "1" and " 1.0 " are the same number; what is no finite number is left as it stands.

    So is a text with more digits than a float can keep: rounded, it would be merely similar.
    """
    if type(value) is str:
        text = value.strip()
        written = _NUMBER.match(text)
        if written is None:
            return value
        try:
            if written["whole"] == text.lstrip("+-"):
                return int(text)
            read = float(text)
            if not math.isfinite(read) or Decimal(repr(read)) != Decimal(text):
                return value
        except (ArithmeticError, ValueError):  # more digits, or a larger exponent, than the interpreter reads
            return value
        value = read
    if type(value) is float and abs(value) < EXACT_INTEGERS and value.is_integer():
        return int(value)
    return value


NORMALIZERS: Mapping[str, Callable[[Any], Any]] = {
    "strip": _strip,
    "casefold": _casefold,
    "path": _path,
    "url": _url,
    "number": _number,
}
