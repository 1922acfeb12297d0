"""The user's own graph of tools, and what the recorded runs show of it.

Read from TOML or JSON: `edges = [["get_user", "get_order"], …]`, or `[[edges]]` tables with `from` and `to`; or a
list of `tasks`, each with `id`, `tool`, and `after` or placeholders ("$id.path") in its arguments.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from speculate.audit.tallies import Tallies
from speculate.errors import SpeculateError

_PLACEHOLDER = re.compile(r"\$\{?([A-Za-z0-9_-]+)")
_AFTER = ("after", "depends_on", "waits_for")

Edge = tuple[str, str]


class EdgesError(SpeculateError):
    """A file of edges cannot be read. Names the file and the place in it."""

    def __init__(self, problem: str, *, file: str, place: str | None = None) -> None:
        self.problem, self.file, self.place = problem, file, place
        super().__init__(f"{file}, {place}: {problem}" if place is not None else f"{file}: {problem}")


def load_edges(path: str | Path) -> frozenset[Edge]:
    """The declared edges, as (earlier tool, later tool). Raises EdgesError."""
    file = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EdgesError(f"cannot be read: {getattr(error, 'strerror', None) or error}", file=file) from error
    try:
        document = json.loads(text) if file.endswith(".json") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise EdgesError(f"not {'JSON' if file.endswith('.json') else 'TOML'}: {error}", file=file) from error
    if isinstance(document, dict) and isinstance(document.get("edges"), list):
        edges = frozenset(_edge(entry, file, f"edges[{place}]") for place, entry in enumerate(document["edges"]))
    elif isinstance(document, dict) and isinstance(document.get("tasks"), list | dict):
        edges = _edges_of_tasks(document["tasks"], file)
    else:
        raise EdgesError('write edges = [["first_tool", "second_tool"], …], or a list of tasks', file=file)
    if not edges:
        raise EdgesError("there is no edge in it", file=file)
    return edges


def _edge(entry: Any, file: str, place: str) -> Edge:
    pair = [entry.get("from"), entry.get("to")] if isinstance(entry, dict) else entry
    if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(name, str) and name for name in pair)):
        raise EdgesError('an edge is ["first_tool", "second_tool"] or {from = "…", to = "…"}', file=file, place=place)
    return pair[0], pair[1]


def _edges_of_tasks(tasks: list[Any] | dict[str, Any], file: str) -> frozenset[Edge]:
    entries = list(tasks.items()) if isinstance(tasks, dict) else [(None, task) for task in tasks]
    tool_of: dict[str, str] = {}
    for place, (name, task) in enumerate(entries):
        id = task.get("id", name if name is not None else str(place + 1)) if isinstance(task, dict) else None
        if not isinstance(task, dict) or not isinstance(task.get("tool"), str):
            raise EdgesError("a task needs a tool", file=file, place=f"tasks[{name if name is not None else place}]")
        tool_of[str(id)] = task["tool"]
    found: set[Edge] = set()
    for id, (_, task) in zip(list(tool_of), entries, strict=False):
        after = [str(name) for field in _AFTER for name in _as_list(task.get(field))]
        named = {*after, *_placeholders(task.get("arguments", task.get("args")))}
        for name in after:
            if name not in tool_of:
                raise EdgesError(f"there is no task {name!r}", file=file, place=f"task {id!r}")
        found |= {(tool_of[name], task["tool"]) for name in named if name in tool_of}
    return frozenset(found)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _placeholders(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _PLACEHOLDER.findall(value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _placeholders(item)
    elif isinstance(value, list):
        for item in value:
            yield from _placeholders(item)


def _reachable(edges: frozenset[Edge]) -> Mapping[str, frozenset[str]]:
    """Every tool with all that come after it, over any number of edges."""
    after: dict[str, set[str]] = {}
    for first, second in edges:
        after.setdefault(first, set()).add(second)
    reach: dict[str, frozenset[str]] = {}
    for start in after:
        found: set[str] = set()
        waiting = list(after[start])
        while waiting:
            tool = waiting.pop()
            if tool not in found:
                found.add(tool)
                waiting.extend(after.get(tool, ()))
        reach[start] = frozenset(found)
    return reach


def compare(edges: frozenset[Edge], tallies: Tallies) -> dict[str, Any]:
    """Missed edges (a value flows, nothing orders the two) and phantom edges (declared, no value ever flows).

    Only tools that the graph names are compared. Order that follows over several edges counts.
    """
    reach = _reachable(edges)
    named = {tool for edge in edges for tool in edge}
    missed = [
        {
            "from": first,
            "to": second,
            "calls": tally.calls,
            "sessions": tally.sessions,
            "values": _values(pair, tallies),
        }
        for pair, tally in sorted(tallies.tool_edges.items(), key=lambda item: (-item[1].calls, item[0]))
        for first, second in [pair]
        if first in named and second in named and first != second and second not in reach.get(first, ())
    ]
    phantom = []
    for first, second in sorted(edges):
        if (first, second) in tallies.tool_edges:
            continue
        conflict = next((kind for (one, other, kind) in tallies.hidden if (one, other) == (first, second)), None)
        phantom.append(
            {
                "from": first,
                "to": second,
                "sessions_with_both": tallies.pairs_of_tools[first, second],
                "ordered_by_resource": conflict,
            }
        )
    return {
        "declared": [list(edge) for edge in sorted(edges)],
        "missed": missed,
        "phantom": phantom,
        "confirmed": [list(edge) for edge in sorted(edges) if edge in tallies.tool_edges],
    }


def _values(pair: Edge, tallies: Tallies) -> list[str]:
    found = [
        (tally.calls, path, argument)
        for (one, other, path, argument), tally in tallies.edges.items()
        if (one, other) == pair
    ]
    return [f"{path} → {argument}" for _, path, argument in sorted(found, key=lambda item: (-item[0], item[1]))[:3]]
