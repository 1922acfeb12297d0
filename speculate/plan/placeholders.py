"""Placeholders: where one task's argument is another task's result.

`$1`, `$1.orders[0].id`, `$lookup["odd key"]`, `${1}` (braces where text follows directly). Alone, the value keeps
its type; inside other text it is written into it (JSON for what is not text). `$$` is a dollar sign. The syntax is
that of LLMCompiler's plans (arXiv 2312.04511, section 3.1), with paths.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from dataclasses import fields as fields_of
from typing import Any

from speculate.errors import PlanError

MAX_DEPTH = 64
INPUT = "input"

_STEP = r"\.[A-Za-z_][A-Za-z0-9_]*|\[-?[0-9]{1,9}\]|\[\"[^\"\]]*\"\]"
_PLACEHOLDER = re.compile(
    rf"\$(?:(?P<dollar>\$)"
    rf"|\{{(?P<braced>[A-Za-z0-9_-]+)(?P<braced_path>(?:{_STEP})*)\}}"
    rf"|(?P<bare>[A-Za-z_][A-Za-z0-9_]*|[0-9]+)(?P<bare_path>(?:{_STEP})*))",
    re.ASCII,
)
_STEPS = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[(-?[0-9]+)\]|\[\"([^\"\]]*)\"\]", re.ASCII)

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """The value at `path` in the result of task `task`."""

    task: str
    path: Path = ()

    def __str__(self) -> str:
        text = self.task + show_path(self.path)
        return f"${text}" if self.task.isalnum() else f"${{{text}}}"


@dataclass(frozen=True, slots=True)
class Text:
    """Text with values written into it: plain strings and anything a template may be."""

    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """Arguments with placeholders, read. `tree` has the shape of the arguments; its leaves may be references."""

    tree: Any
    references: tuple[Reference, ...]

    @property
    def is_static(self) -> bool:
        """Whether nothing is to be filled in."""
        return not self.references


def show_path(path: Path) -> str:
    """A path as it is written behind a placeholder."""
    out: list[str] = []
    for step in path:
        if type(step) is int:
            out.append(f"[{step}]")
        elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", str(step)):
            out.append(f".{step}")
        else:
            out.append(f'["{step}"]')
    return "".join(out)


def _read_path(text: str) -> Path:
    if not text:
        return ()
    return tuple(
        name if index == "" and key == "" and name else int(index) if index else key
        for name, index, key in _STEPS.findall(text)
    )


def _reference(match: re.Match[str]) -> Reference:
    if match["braced"] is not None:
        return Reference(match["braced"], _read_path(match["braced_path"]))
    return Reference(match["bare"], _read_path(match["bare_path"]))


def read_reference(text: str) -> Reference | None:
    """`text` as one placeholder and nothing else, or None."""
    match = _PLACEHOLDER.fullmatch(text)
    return None if match is None or match["dollar"] else _reference(match)


def _read_text(text: str, found: list[Reference]) -> Any:
    parts: list[Any] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        if match.start() > end:
            parts.append(text[end : match.start()])
        if match["dollar"]:
            parts.append("$")
        else:
            reference = _reference(match)
            found.append(reference)
            parts.append(reference)
        end = match.end()
    if end < len(text):
        parts.append(text[end:])
    if len(parts) == 1:
        return parts[0]
    if all(type(part) is str for part in parts):
        return "".join(parts)
    return Text(tuple(parts))


def _read(value: Any, found: list[Reference], depth: int) -> Any:
    kind = type(value)
    if kind is str:
        return _read_text(value, found) if "$" in value else value
    if kind is int or kind is float or kind is bool or value is None:
        return value
    if depth <= 0:
        raise PlanError(f"arguments are nested deeper than {MAX_DEPTH} levels; pass them flatter")
    if isinstance(value, Mapping):
        return {str(key): _read(item, found, depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_read(item, found, depth - 1) for item in value]
    if isinstance(value, (Reference, Text)):  # a handoff's inputs arrive read already
        found.extend(references_in(value))
    return value


def read_template(value: Any) -> Template:
    """Read the placeholders in arguments (or in any JSON value).

    Raises PlanError if the value is nested too deep.
    """
    found: list[Reference] = []
    tree = _read(value, found, MAX_DEPTH)
    return Template(tree, tuple(dict.fromkeys(found)))


def references_in(tree: Any) -> list[Reference]:
    """Every reference in a tree, in order."""
    found: list[Reference] = []
    _collect(tree, found)
    return found


def _collect(tree: Any, found: list[Reference]) -> None:
    kind = type(tree)
    if kind is Reference:
        found.append(tree)
    elif kind is Text:
        for part in tree.parts:
            _collect(part, found)
    elif kind is dict:
        for item in tree.values():
            _collect(item, found)
    elif kind is list:
        for item in tree:
            _collect(item, found)


def replace_references(tree: Any, replace: Callable[[Reference], Any]) -> Any:
    """The tree with each reference replaced by what `replace` says (a reference again, or any tree)."""
    kind = type(tree)
    if kind is Reference:
        return replace(tree)
    if kind is Text:
        return Text(tuple(replace(part) if type(part) is Reference else part for part in tree.parts))
    if kind is dict:
        return {key: replace_references(item, replace) for key, item in tree.items()}
    if kind is list:
        return [replace_references(item, replace) for item in tree]
    return tree


class PathMissing(PlanError):
    """A result does not have what a placeholder asks of it."""


def _fields(value: Any) -> str:
    names = [str(name) for name in list(value)[:8]]
    return ", ".join(names) + (", …" if len(value) > len(names) else "") if names else "nothing"


def follow(value: Any, path: Path) -> Any:
    """What stands at `path` in `value`. JSON text is read; dataclasses and models are entered by field.

    Raises PathMissing saying how far the path led and what is there.
    """
    for depth, step in enumerate(path):
        if type(value) is str:
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                raise PathMissing(f"{show_path(path[: depth + 1])}: the result there is text, not JSON") from None
        if isinstance(value, Mapping):
            key = step if step in value else str(step)
            if key not in value:
                raise PathMissing(f"{show_path(path[: depth + 1])} is not there; the result has {_fields(value)}")
            value = value[key]
        elif isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
            if type(step) is not int:
                raise PathMissing(f"{show_path(path[: depth + 1])}: a list is there; write an index, as in [0]")
            if not -len(value) <= step < len(value):
                raise PathMissing(f"{show_path(path[: depth + 1])}: the list there has {len(value)} elements")
            value = value[step]
        elif type(step) is str and _has_field(value, step):
            value = getattr(value, step)
        else:
            raise PathMissing(f"{show_path(path[: depth + 1])}: a {type(value).__name__} is there, which has no parts")
    return value


def _has_field(value: Any, name: str) -> bool:
    """Only declared fields are entered: a placeholder must not reach methods or private state."""
    fields = getattr(type(value), "model_fields", None)
    if isinstance(fields, Mapping):
        return name in fields
    return is_dataclass(value) and any(field.name == name for field in fields_of(value))


def as_text(value: Any) -> str:
    """A value as it is written into text: text as it stands, everything else as JSON."""
    if type(value) is str:
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        return str(value)


def own_copy(value: Any) -> Any:
    """JSON containers copied, so that two tasks fed by one result cannot change each other's input."""
    kind = type(value)
    if kind is dict:
        return {key: own_copy(item) for key, item in value.items()}
    if kind is list:
        return [own_copy(item) for item in value]
    return value


def render(tree: Any, look_up: Callable[[Reference], Any]) -> Any:
    """The tree with every reference filled in; containers are new, so the caller owns what it gets."""
    kind = type(tree)
    if kind is Reference:
        return own_copy(look_up(tree))
    if kind is dict:
        return {key: render(item, look_up) for key, item in tree.items()}
    if kind is list:
        return [render(item, look_up) for item in tree]
    if kind is Text:
        return "".join([part if type(part) is str else as_text(render(part, look_up)) for part in tree.parts])
    return tree
