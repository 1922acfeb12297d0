"""Errors a person can act on: which file, line, tool and field, what is wrong, and the mend."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from speculate.errors import ManifestError
from toolspecs.schema import ArgumentEntry, DefaultsEntry, ManifestEntry, ToolEntry, WhenEntry

Path = tuple[str | int, ...]


class ManifestProblems(ManifestError):
    """Several things are wrong with one manifest: `problems` lists each; tool and field are the first's."""

    def __init__(self, problems: Sequence[ManifestError]) -> None:
        first = problems[0]
        super().__init__(first.problem, file=first.file, tool=first.tool, field=first.field, line=first.line)
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in problems)
        self.args = (f"{len(problems)} problems in {first.file or 'the manifest'}:\n{lines}",)


def raise_all(problems: Sequence[ManifestError]) -> None:
    """Raise what was found, together; nothing if there is nothing."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise ManifestProblems(problems)


def from_validation(error: ValidationError, file: str | None, lines: Mapping[Path, int]) -> list[ManifestError]:
    """pydantic's findings in this project's words."""
    out = []
    for item in error.errors(include_url=False):
        path = item["loc"]
        tool, field = split(path)
        problem = _say(item["type"], path, item["input"], item.get("ctx", {}), item["msg"])
        out.append(ManifestError(problem, file=file, tool=tool, field=field, line=line_of(path, lines)))
    return out


def split(path: Path) -> tuple[str | None, str | None]:
    """("tools", "bash", "when", 0, "effect") → "bash", "when[0].effect"."""
    tool = None
    rest: Sequence[str | int] = path
    if len(path) > 1 and path[0] == "tools":
        tool, rest = str(path[1]), path[2:]
    field = ""
    for part in rest:
        field += f"[{part}]" if isinstance(part, int) else f".{part}" if field else part
    return tool, field or None


def _say(kind: str, path: Path, given: Any, context: Mapping[str, Any], message: str) -> str:
    shown = _short(given)
    match kind:
        case "extra_forbidden":
            return _unknown(path, given)
        case "missing":
            return "is missing"
        case "literal_error" if context.get("expected") == "True":
            return f"can only be true, not {shown}; leave it out otherwise"
        case "literal_error":
            return f"must be {context.get('expected')}, not {shown}" + _nearest(given, str(context.get("expected")))
        case "bool_type":
            return f"must be true or false, not {shown}"
        case "float_type":
            return f"must be a number, not {shown}"
        case "int_type" | "int_from_float":
            return f"must be a whole number, not {shown}"
        case "string_type":
            return f"must be a string, not {shown}"
        case "list_type" if isinstance(given, str):
            return f"must be a list, as in [{shown}], not a string"
        case "list_type" if path[-1] == "when":
            return "must be a list of tables: write [[tools.NAME.when]] with two brackets"
        case "list_type":
            return f"must be a list, not {shown}"
        case "model_type" | "dict_type" | "model_attributes_type":
            return f"must be a table, not {shown}"
        case "finite_number":
            return f"must be a finite number, not {shown}"
        case "value_error":
            return str(context["error"])
        case _:
            return f"{message[:1].lower()}{message[1:]}, not {shown}"


def _short(given: Any) -> str:
    text = {True: "true", False: "false", None: "null"}.get(given) if isinstance(given, bool | None) else None
    if text is None:
        text = f'"{given}"' if isinstance(given, str) else repr(given)
    return text if len(text) <= 60 else text[:57] + "…"


def _known_fields(path: Path) -> list[str]:
    """The fields that may stand where the unknown one stands."""
    model: type[BaseModel] = ManifestEntry
    if path[:1] == ("defaults",):
        model = DefaultsEntry
    elif path[:1] == ("tools",) and "when" in path[2:-1]:
        model = WhenEntry
    elif path[:1] == ("tools",) and "arguments" in path[2:-1]:
        model = ArgumentEntry
    elif path[:1] == ("tools",):
        model = ToolEntry
    return list(model.model_fields)


def _unknown(path: Path, given: Any) -> str:
    known = _known_fields(path)
    name = str(path[-1])
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"unknown field; did you mean {near[0]!r}?"
    if len(path) == 3 and path[0] == "tools" and isinstance(given, Mapping):
        return f'unknown field; if the tool\'s name has a dot, quote it: [tools."{path[1]}.{name}"]'
    if path[0] == "tools" and len(path) == 3 and name in DefaultsEntry.model_fields:
        return "unknown field"
    place = "a [defaults] table" if path[0] == "defaults" else "it"
    return f"unknown field; {place} may say {', '.join(known)}"


def _nearest(given: Any, expected: str) -> str:
    if not isinstance(given, str):
        return ""
    near = difflib.get_close_matches(given.lower(), re.findall(r"'([^']*)'", expected), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


_HEADER = re.compile(r"\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")


def toml_lines(text: str) -> dict[Path, int]:
    """Where each table and key of a TOML text stands, counted from 1.

    Only for messages: a line inside a multi-line string may be taken for a key, which then is merely never asked.
    """
    lines: dict[Path, int] = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if (header := _HEADER.match(line)) is not None:
            keys = _keys(header[2])
            if keys is None:
                continue
            table = keys
            if header[1] == "[[":
                index = counts.get(keys, -1) + 1
                counts[keys] = index
                table = (*keys, index)
            lines.setdefault(table, number)
        elif (key := _KEY.match(line)) is not None and (keys := _keys(key[1])) is not None:
            lines.setdefault((*table, *keys), number)
    return lines


def _keys(dotted: str) -> tuple[str, ...] | None:
    try:
        value: Any = tomllib.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError:
        return None
    keys: list[str] = []
    while isinstance(value, dict):
        key, value = next(iter(value.items()))
        keys.append(key)
    return tuple(keys)


def line_of(path: Iterable[str | int], lines: Mapping[Path, int]) -> int | None:
    """The line of a path, or of the nearest table around it."""
    parts = tuple(path)
    while parts:
        if parts in lines:
            return lines[parts]
        parts = parts[:-1]
    return None


def path_of(tool: str, field: str) -> Path:
    """The reverse of `split`, for a field of a tool."""
    parts: list[str | int] = ["tools", tool]
    for part in field.split("."):
        name, _, index = part.partition("[")
        parts.append(name)
        if index:
            parts.append(int(index.rstrip("]")))
    return tuple(parts)
