"""LLMCompiler's plan format (arXiv 2312.04511, appendix): `1. search("one")`, `2. math("$1 * 2", ["$1"])`, `3. join()`.

Arguments are Python literals, by position or by name; `$1` may stand bare. Lines that do not begin with a number
("Thought: …", blank ones, code fences, `<END_OF_PLAN>`) are the planner talking, and are passed over.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from speculate.errors import PlanError
from speculate.plan.model import Task
from speculate.plan.readers.lines import Item, Join, Lines, Malformed, malformed

_TASK = re.compile(
    r"\s*([0-9]{1,9})\s*[.)]\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*\((.*)\)(?:\s*(?:#.*|<END_OF_PLAN>))?\Z", re.DOTALL
)
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NUMBERED = re.compile(r"\s*[0-9]{1,9}\s*[.)]")
_PLACEHOLDER = re.compile(r"\$\{?[A-Za-z0-9_]+(?:\.[A-Za-z_]\w*|\[-?[0-9]+\]|\[\"[^\"]*\"\])*\}?", re.ASCII)
JOIN = frozenset({"join", "join_finish", "finish"})


class NumberedReader:
    """Reads numbered tasks. `parameters`: by tool, the names that positional arguments fill, in order."""

    def __init__(self, parameters: Mapping[str, Sequence[str]] | None = None) -> None:
        self._parameters = parameters or {}
        self._lines = Lines()

    def feed(self, piece: str) -> list[Item]:
        number = self._lines.number
        return self._items(self._lines.feed(piece), number, is_end=False)

    def end(self) -> list[Item]:
        number = self._lines.number
        return self._items(self._lines.end(), number, is_end=True)

    def _items(self, lines: list[str | Malformed], number: int, *, is_end: bool) -> list[Item]:
        out: list[Item] = []
        for count, line in enumerate(lines, number + 1):
            if isinstance(line, Malformed):
                out.append(line)
            elif _NUMBERED.match(line):
                out.append(self._item(count, line, is_end=is_end))
        return out

    def _item(self, number: int, line: str, *, is_end: bool) -> Item:
        match = _TASK.match(line.rstrip())
        if match is None:
            problem = "the planner stopped in the middle of it" if is_end else 'not of the form `1. tool("argument")`'
            return malformed(number, line, problem)
        id, tool, text = match.groups()
        if tool in JOIN:
            return Join()
        try:
            positional, named = _arguments(text)
            names = self._parameters.get(tool, ())
            if len(positional) > len(names):
                known = f"it has {', '.join(names)}" if names else "its parameters are not known; write name=value"
                return malformed(number, line, f"{tool} is given {len(positional)} arguments by position; {known}")
            arguments = dict(zip(names, positional, strict=False))
            if twice := sorted(arguments.keys() & named.keys()):
                return malformed(number, line, f"argument {twice[0]!r} is given twice")
            return Task(id, tool, {**arguments, **named})
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
            return malformed(number, line, f"its arguments cannot be read ({error})")
        except PlanError as error:
            return malformed(number, line, error.problem)


def _arguments(text: str) -> tuple[list[Any], dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "\d" in a planner's string is not worth a warning about our source
        call = ast.parse(f"f({_quoted(text)})", mode="eval").body
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ValueError("more than one call on a line")
    named: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise ValueError("** is not understood")
        named[keyword.arg] = ast.literal_eval(keyword.value)
    return [_plain(ast.literal_eval(value)) for value in call.args], {name: _plain(v) for name, v in named.items()}


def _plain(value: Any) -> Any:
    """JSON has lists where Python also has tuples and sets."""
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (set, bytes, complex)) or value is Ellipsis:
        raise ValueError(f"{value!r} is no JSON value")
    return value


def _quoted(text: str) -> str:
    """Placeholders that stand bare, put in quotes; what is in quotes already is left alone. JSON's words are read."""
    out: list[str] = []
    place = 0
    while place < len(text):
        character = text[place]
        if character in "\"'":
            end = place + 1
            while end < len(text) and text[end] != character:
                end += 2 if text[end] == "\\" else 1
            out.append(text[place : end + 1])
            place = end + 1
            continue
        match = _PLACEHOLDER.match(text, place) if character == "$" else None
        if match is not None:
            out.append(repr(match.group()))
            place = match.end()
            continue
        word = _WORD.match(text, place)
        if word is not None:
            out.append({"true": "True", "false": "False", "null": "None"}.get(word.group(), word.group()))
            place = word.end()
            continue
        out.append(character)
        place += 1
    return "".join(out)
