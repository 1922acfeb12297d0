"""A JSON value as a bounded list of (path, scalar, element) items, in document order.

Paths are "tool.a.b[].c": list elements share a path, and so do the entries of an object whose keys are data
(identifiers, names) rather than fields; those keys are items themselves ("tool.a{key}"). `element` numbers the
innermost list element an item stands in, 0 outside any list, so that fields of one record can be told together.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from predictors.pattern.addresses import parts_of
from predictors.pattern.keys import Keys
from predictors.pattern.layout import entries_of, references_of, structure_of
from predictors.pattern.reading import read
from predictors.pattern.sealing import REFERENCES, Segments, seal_of

MAX_ITEMS = 320
MAX_NODES = 600
MAX_DEPTH = 10
MAX_VALUE = 200  # characters of a value that can be passed on as it stands
MAX_TEXT_SPANS = 80
MAX_NUMBER = 1 << 63
MAX_PATHS = 20_000  # of the cache of path strings; then it starts afresh
PLAIN = 24  # characters of a text that is a value and nothing else

_ROOT = re.compile(r"[^\w-]")  # marks that paths are made of: a tool's name may have them

Item = tuple[str, Any, int]


def root_of(tool: str) -> str:
    """What stands for a tool in paths."""
    return _ROOT.sub("_", tool)


class Node:
    """One path and its extensions: a cache, so that a path's string is built once."""

    __slots__ = ("children", "list", "map", "path", "places", "segments")

    def __init__(self, path: str, segments: Segments) -> None:
        self.path = path
        self.segments = segments
        self.children: dict[str, Node] = {}
        self.list: Node | None = None
        self.map: Node | None = None
        self.places: Node | None = None

    def child(self, key: str) -> Node:
        node = self.children.get(key)
        if node is None:
            segment = self.segments[key]
            path = f"{self.path}.{segment}" if self.path[-1:] != "(" else f"{self.path}{segment})"
            node = Node(path, self.segments)
            if len(self.children) < 256:
                self.children[key] = node
        return node

    def entries(self) -> Node:
        """What the entries of an object share whose keys are data."""
        if self.map is None:
            self.map = Node(self.path + ".*", self.segments)
        return self.map

    def references(self) -> Node:
        """Places in files that a text names."""
        if self.places is None:
            self.places = Node(f"{self.path}.{REFERENCES}", self.segments)
        return self.places

    def elements(self) -> Node:
        if self.list is None:
            self.list = Node(self.path + "[]", self.segments)
        return self.list


class Flattener:
    """Turns values into items; keeps nothing but a cache of path strings. segments: what stands for keys in them."""

    __slots__ = ("_count", "_keys", "_segments", "roots")

    def __init__(self, segments: Segments | None = None) -> None:
        self.roots: dict[str, Node] = {}
        self._segments = Segments() if segments is None else segments
        self._keys = Keys()
        self._count = 0

    def root(self, name: str) -> Node:
        """Of a tool's results, or behind "(" of its arguments."""
        node = self.roots.get(name)
        if node is None:
            if len(self.roots) > 2_000:
                self.roots.clear()
            tool, end = (name[:-1], name[-1]) if name[-1:] in {"(", "!"} else (name, "")
            node = self.roots[name] = Node(root_of(tool) + end, self._segments)
        return node

    def items(self, name: str, value: Any, year: str | None) -> tuple[list[Item], list[str]]:
        """The items of a value under the root `name`, and the words of its text if it is (short of) nothing else."""
        self._count += 1
        if self._count > MAX_PATHS:
            self.roots.clear()
            self._count = 0
        out: list[Item] = []
        words: list[str] = []
        budget = [MAX_NODES, 0, MAX_TEXT_SPANS]
        self._walk(value, self.root(name), 0, MAX_DEPTH, out, words, budget, year)
        return out, words

    def _walk(
        self, value: Any, node: Node, element: int, depth: int, out: list[Item], words: list[str],
        budget: list[int], year: str | None,
    ) -> None:  # fmt: skip
        budget[0] -= 1
        kind = type(value)
        if kind is str:
            size = len(value)
            if depth > 0 and size > 2 and (value[0] in "{[" or "\n" in value):
                structure, is_all = structure_of(value)
                if structure is not None:
                    self._walk(structure, node, element, depth - 1, out, words, budget, year)
                    if is_all:
                        return
            if size <= MAX_VALUE:
                if value:
                    out.append((node.path, value, element))
                    if size >= 10 and value[4] == "-" and value[7] == "-":
                        self._date(value, node, element, out)
                if (size < PLAIN or " " not in value) and "\n" not in value:
                    if "/" in value and size > 2:
                        self._path(value, node, element, out)
                    return
            if budget[2] > 0:
                spans, found = read(value, year)
                budget[2] -= len(spans)
                base = node.path + ":"
                for form, text in spans:
                    out.append((base + form, text, element))
                for mark, text in entries_of(value):
                    out.append((base + (f"[{seal_of(mark[1:-1])}]" if mark[0] == "[" else mark), text, element))
                if depth > 0 and (places := references_of(value)):
                    self._walk(places, node.references(), element, depth - 1, out, words, budget, year)
                if len(words) < 200:
                    words.extend(found)
            return
        if kind is int or kind is float:
            if -MAX_NUMBER < value < MAX_NUMBER:  # no NaN, nothing that is infinite
                out.append((node.path, value, element))
            return
        if kind is dict:
            if depth <= 0:
                return
            if value and self._keys.are_data(value):
                inner = node.entries()
                keys = node.path + "{key}"
                for key, item in value.items():
                    if budget[0] <= 0 or len(out) >= MAX_ITEMS:
                        return
                    if type(key) is not str:
                        continue
                    budget[1] += 1
                    at = budget[1]
                    if len(key) <= MAX_VALUE:
                        out.append((keys, key, at))
                    self._walk(item, inner, at, depth - 1, out, words, budget, year)
                return
            children, append = node.children, out.append
            for key, item in value.items():
                if budget[0] <= 0 or len(out) >= MAX_ITEMS:
                    return
                kind = type(item)
                if kind is bool or item is None:
                    continue
                inner = children.get(key) or node.child(key)
                if kind is str:
                    if 0 < len(item) < PLAIN and "/" not in item and item[4:5] != "-":
                        budget[0] -= 1  # as above, without the call
                        append((inner.path, item, element))
                        continue
                elif kind is int and -MAX_NUMBER < item < MAX_NUMBER:
                    budget[0] -= 1
                    append((inner.path, item, element))
                    continue
                self._walk(item, inner, element, depth - 1, out, words, budget, year)
            return
        if kind is list:
            if depth <= 0:
                return
            inner = node.elements()
            path, append = inner.path, out.append
            for item in value:
                if budget[0] <= 0 or len(out) >= MAX_ITEMS:
                    return
                budget[1] += 1
                kind = type(item)
                if kind is str:
                    if 0 < len(item) < PLAIN and "/" not in item and item[4:5] != "-":
                        budget[0] -= 1
                        append((path, item, budget[1]))
                        continue
                elif kind is int and -MAX_NUMBER < item < MAX_NUMBER:
                    budget[0] -= 1
                    append((path, item, budget[1]))
                    continue
                self._walk(item, inner, budget[1], depth - 1, out, words, budget, year)

    @staticmethod
    def _date(value: str, node: Node, element: int, out: list[Item]) -> None:
        """The days before and after an ISO date; the day of a time stamp."""
        if len(value) > 10:
            if value[10] in "T " and value[:4].isdigit() and value[5:7].isdigit() and value[8:10].isdigit():
                out.append((node.path + "|date", value[:10], element))
            return
        try:
            number = date.fromisoformat(value).toordinal()
            before, after = date.fromordinal(number - 1), date.fromordinal(number + 1)
        except (ValueError, OverflowError):
            return
        out.append((node.path + "+1d", after.isoformat(), element))
        out.append((node.path + "-1d", before.isoformat(), element))

    @staticmethod
    def _path(value: str, node: Node, element: int, out: list[Item]) -> None:
        """A path's or URL's parts."""
        head, _, tail = value.rstrip("/").rpartition("/")
        if tail and head:
            out.append((node.path + "|basename", tail, element))
            out.append((node.path + "|dirname", head, element))
            stem, dot, _ = tail.partition(".")
            if stem and dot:
                out.append((node.path + "|stem", stem, element))
        for part, text in parts_of(value):
            out.append((node.path + ("?" + node.segments[part[1:]] if part[0] == "?" else part), text, element))


def outcome(ok: bool, known: bool, value: Any) -> str:
    """What kind of result: error "!", unknown "?", empty "0", text "t", one "1", many "+"."""
    if not ok:
        return "!"
    if not known:
        return "?"
    if value is None or value == "" or value == [] or value == {}:
        return "0"
    kind = type(value)
    if kind is list:
        return "+" if len(value) > 1 else "1"
    if kind is dict:
        for item in value.values():
            if type(item) is list:
                return "+" if len(item) > 1 else "0" if not item else "1"
        return "1"
    return "t" if kind is str and len(value) > 80 else "1"
