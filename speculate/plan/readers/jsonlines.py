"""One JSON object a line: {"id": "1", "tool": "search", "arguments": {…}, "after": ["…"]}, … {"join": true}."""

from __future__ import annotations

import json

from speculate.errors import PlanError
from speculate.plan.files import read_task
from speculate.plan.readers.lines import Item, Join, Lines, Malformed, malformed


class JsonLinesReader:
    """Reads a plan in JSON Lines, in the form of a plan file's tasks. Blank lines and code fences are passed over."""

    def __init__(self) -> None:
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
            elif line.strip() and not line.lstrip().startswith("```"):
                out.append(_item(count, line, is_end=is_end))
        return out


def _item(number: int, line: str, *, is_end: bool) -> Item:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        problem = "the planner stopped in the middle of it" if is_end else f"not JSON ({error})"
        return malformed(number, line, problem)
    if isinstance(document, dict) and document.get("join"):
        return Join()
    try:
        return read_task(document)
    except PlanError as error:
        return malformed(number, line, error.problem)
