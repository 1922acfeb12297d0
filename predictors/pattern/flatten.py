"""A JSON value as a bounded list of (path, scalar, element) items, in document order.

Paths are "tool.a.b[].c": list elements share a path, and so do the entries of an object whose keys are data
(identifiers, names) rather than fields; those keys are items themselves ("tool.a{key}"). `element` numbers the
innermost list element an item stands in, 0 outside any list, so that fields of one record can be told together.
"""

from __future__ import annotations

import re
from datetime import date
from itertools import islice
from typing import Any

from predictors.pattern.addresses import parts_of
from predictors.pattern.entries import ENTRY, called, first_of, is_numbered, split
from predictors.pattern.keys import Keys
from predictors.pattern.layout import entries_of, fields_of, references_of, structure_of
from predictors.pattern.modules import MODULE, modules_of
from predictors.pattern.names import mark_of
from predictors.pattern.nodes import Node
from predictors.pattern.outcomes import outcome
from predictors.pattern.reading import MAX_CHARACTERS, read
from predictors.pattern.sealing import Segments, seal_of
from predictors.pattern.trees import TREE, paths_in, paths_of

MAX_ITEMS = 320
MAX_NODES = 600
MAX_DEPTH = 10
MAX_VALUE = 200  # characters of a value that can be passed on as it stands
MAX_TEXT_SPANS = 80
MAX_NUMBER = 1 << 63
MAX_PATHS = 20_000  # of the cache of path strings; then it starts afresh
FIRST = ":^"  # ends the path of what entries begin with
FEW = 3  # records of a list that are looked at more closely
MAX_LOOKED_AT = 60  # fields of a record in a large list
MAX_SHORT = 120  # characters of one
MARKED = frozenset("[-*+•{")  # how the line of a listing may begin, or JSON
PLAIN = 24  # characters of a text that is a value and nothing else

_ROOT = re.compile(r"[^\w-]")  # marks that paths are made of: a tool's name may have them

Item = tuple[str, Any, int]


def root_of(tool: str) -> str:
    """What stands for a tool in paths."""
    return _ROOT.sub("_", tool)


def _sealed(mark: str) -> str:
    """The mark of an entry: what stands in brackets may be data."""
    return f"[{seal_of(mark[1:-1])}]" if mark[0] == "[" else mark


def _size_of(record: dict[str, Any]) -> int:
    """How many fields there are, those within a field counted."""
    return len(record) + sum([len(item) for item in record.values() if type(item) is dict])


class Flattener:
    """Turns values into items; keeps nothing but a cache of path strings. segments: what stands for keys in them."""

    __slots__ = ("_count", "_keys", "_segments", "called", "flags", "found", "parents", "roots")

    def __init__(self, segments: Segments | None = None) -> None:
        self.roots: dict[str, Node] = {}
        self._segments = Segments() if segments is None else segments
        self._keys = Keys()
        self._count = 0
        self.called: list[tuple[int, str]] = []  # of the last value: what entries of its texts are called
        self.flags: list[Item] = []  # likewise: what is true or false in elements
        self.found = ""  # likewise: the outcome of what its first long text holds; see `outcome`
        self.parents: dict[int, int] = {}  # likewise: the elements that elements of lists in them stand in

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
        self.called = []
        self.parents = {}
        self.flags = []
        self.found = ""
        self._walk(value, self.root(name), 0, MAX_DEPTH, out, words, budget, year)
        if self.parents:
            out += paths_in(out, self.parents)
        return out, words

    def _walk(
        self, value: Any, node: Node, element: int, depth: int, out: list[Item], words: list[str],
        budget: list[int], year: str | None,
    ) -> None:  # fmt: skip
        budget[0] -= 1
        kind = type(value)
        if kind is str:
            size = len(value)
            if depth > 0 and size > 1 and (value[0] in "{[" or "\n" in value):
                structure, value = structure_of(value)
                if structure is not None:
                    self.found = self.found or outcome(True, True, structure)
                    self._walk(structure, node, element, depth - 1, out, words, budget, year)
                    if not value or value.isspace():
                        return
                    size = len(value)
            if size <= MAX_VALUE:
                if value:
                    out.append((node.path, value, element))
                    if size >= 10 and value[4] == "-" and value[7] == "-":
                        self._date(value, node, element, out)
                if (size < PLAIN or " " not in value) and "\n" not in value:
                    if value[:1] in MARKED:
                        out += [(f"{node.path}:{_sealed(mark)}", item, element) for mark, item in entries_of(value)]
                    if "/" in value and size > 2:
                        self._path(value, node, element, out)
                    return
            if budget[2] > 0:
                words_of_it = self._read(value, node, element, out, budget, year, depth > 0)
                if len(words) < 200:
                    words.extend(words_of_it)
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
                    if element and item is not None:
                        self.flags.append((node.path + "." + key, item, element))
                    continue
                inner = children.get(key) or node.child(key)
                if kind is str:
                    if (
                        0 < len(item) < PLAIN
                        and "/" not in item
                        and item[4:5] != "-"
                        and "\n" not in item
                        and item[0] not in MARKED
                    ):
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
            is_large = len(value) > FEW and type(value[0]) is dict and len(value) * _size_of(value[0]) > MAX_ITEMS
            for number, item in enumerate(value):
                if budget[0] <= 0 or len(out) >= MAX_ITEMS:
                    return
                budget[1] += 1
                if element:
                    self.parents[budget[1]] = element
                kind = type(item)
                if kind is str:
                    if 0 < len(item) < PLAIN and "/" not in item and item[4:5] != "-" and "\n" not in item:
                        budget[0] -= 1
                        append((path, item, budget[1]))
                        continue
                elif kind is int and -MAX_NUMBER < item < MAX_NUMBER:
                    budget[0] -= 1
                    append((path, item, budget[1]))
                    continue
                if is_large and kind is dict:
                    budget[0] -= 1
                    self._outline(item, inner, budget[1], out, number < FEW)
                    continue
                self._walk(item, inner, budget[1], depth - 1, out, words, budget, year)

    def _read(
        self, text: str, node: Node, element: int, out: list[Item], budget: list[int], year: str | None, is_split: bool
    ) -> list[str]:
        """Add what a text offers, entry by entry if it has several; its words."""
        base = node.path + ":"
        if is_split:
            out += [(node.path + MODULE, module, element) for module in modules_of(text)]
        if not is_split or "\n" not in text or is_numbered(text):
            spans, words = read(text, year)
            budget[2] -= len(spans)
            out += [(base + form, value, element) for form, value in spans]
            out += [(base + _sealed(mark), value, element) for mark, value in entries_of(text)]
            if is_split:
                self._places(text, node, element, out, budget)
            return words
        for path in paths_of(text):
            budget[1] += 1
            out.append((node.path + TREE, path, budget[1]))
            self.called.append((budget[1], path.rpartition("/")[2]))
        middle = ""
        if len(text) > MAX_CHARACTERS:
            middle = text[MAX_CHARACTERS // 2 : -MAX_CHARACTERS // 2]
            text = text[: MAX_CHARACTERS // 2] + "\n" + text[-MAX_CHARACTERS // 2 :]
        entries = split(text)
        has_several = len(entries) > 1
        self.found = self.found or ("+" if has_several else "t")
        words = []
        at = element
        for entry in entries:
            if has_several:
                at += ENTRY
            self._places(entry, node, at, out, budget)
            if budget[2] <= 0:
                continue
            spans, found = read(entry, year)
            words += found
            budget[2] -= len(spans)
            out += [(base + form, value, at) for form, value in spans]
            out += [(base + _sealed(mark), value, at) for mark, value in entries_of(entry)]
            out += [(node.path + mark_of(name), value, at) for name, value in fields_of(entry)]
            if has_several:
                first = first_of(entry)
                if first is not None:
                    out.append((node.path + FIRST, first, at))
                if names := called(entry):
                    self.called += [(at, name) for name in names]
                    self.flags += ((base + "first", names[0], at), (base + "last", names[-1], at))
        if middle:
            self._places(middle, node, element, out, budget)
        return words

    def _places(self, text: str, node: Node, element: int, out: list[Item], budget: list[int]) -> None:
        """Add the places in files that a text names: the only one of an entry stands in what the entry is."""
        found = references_of(text)
        if not found:
            return
        inner = node.references().elements()
        file, line = inner.child("path"), inner.child("line")
        at = element
        for place in found:
            if len(out) >= MAX_ITEMS:
                return
            if len(found) > 1 or element < ENTRY:
                budget[1] += 1
                at = budget[1]
                if element:
                    self.parents[at] = element
            out.append((file.path, place["path"], at))
            if "/" in place["path"]:
                self._path(place["path"], file, at, out)
            out.append((line.path, place["line"], at))

    def _outline(self, record: dict[str, Any], node: Node, element: int, out: list[Item], is_deep: bool) -> None:
        """The short fields of a record of a list that is too large to look at each whole; those within them, too."""
        for key, item in islice(record.items(), MAX_LOOKED_AT):
            kind = type(item)
            if kind is str:
                if 0 < len(item) <= MAX_SHORT and "://" not in item and "\n" not in item:
                    inner = node.child(key)
                    out.append((inner.path, item, element))
                    if "/" in item:
                        self._path(item, inner, element, out)
            elif kind is int:
                if -MAX_NUMBER < item < MAX_NUMBER:
                    out.append((node.child(key).path, item, element))
            elif is_deep and kind is dict and type(key) is str:
                self._outline(item, node.child(key), element, out, False)

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
