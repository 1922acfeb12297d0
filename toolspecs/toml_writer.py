"""A manifest document as TOML text (the standard library reads TOML but does not write it)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


def to_toml(document: Mapping[str, Any], comments: Mapping[str, Iterable[str]]) -> str:
    """The text of a manifest; `comments` are lines to stand above a tool's entry, "" means the file's head."""
    lines = [f"# {line}".rstrip() for line in comments.get("", ())]
    lines += [f"{key} = {value(item)}" for key, item in document.items() if key not in ("tools", "defaults")]
    if document.get("defaults"):
        lines += ["", "[defaults]", *_pairs(document["defaults"])]
    for name, entry in document.get("tools", {}).items():
        lines.append("")
        lines += [f"# {line}".rstrip() for line in comments.get(name, ())]
        head = f"tools.{_key(name)}"
        own = {key: item for key, item in entry.items() if key not in ("arguments", "when")}
        lines += [f"[{head}]", *_pairs(own)]
        for argument, fields in entry.get("arguments", {}).items():
            lines += ["", f"[{head}.arguments.{_key(argument)}]", *_pairs(fields)]
        for rule in entry.get("when", ()):
            lines += ["", f"[[{head}.when]]", *_pairs(rule)]
    return "\n".join(lines) + "\n"


def _pairs(fields: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {value(item)}" for key, item in fields.items()]


def _key(name: str) -> str:
    return name if _BARE.match(name) else _string(name)


def _string(text: str) -> str:
    """A basic string. JSON's escapes are TOML's, but for DEL, which TOML wants escaped, and lone surrogates."""
    quoted = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
    quoted.encode("utf-8")  # a lone surrogate is no text: fail here rather than in the file
    return quoted


def value(item: Any) -> str:
    """A JSON value as TOML. Raises ValueError for null, which TOML lacks."""
    match item:
        case None:
            raise ValueError("TOML has no null")
        case bool():
            return "true" if item else "false"
        case str():
            return _string(item)
        case int():
            return str(item)
        case float():
            text = repr(item)
            return text if any(sign in text for sign in ".en") else text + ".0"
        case list() | tuple():
            return "[" + ", ".join(value(each) for each in item) + "]"
        case Mapping():
            return "{" + ", ".join(f"{_key(str(key))} = {value(each)}" for key, each in item.items()) + "}"
    raise ValueError(f"{type(item).__name__} is no TOML value")
