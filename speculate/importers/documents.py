"""The JSON records of a file, one at a time, in bounded memory, each with its line.

A file is read line by line (JSON Lines, also inside log lines that begin with other text) or, if it is one large or
pretty-printed document, value by value: the arrays that hold records are descended into, everything beside them is
kept as context, and no more than one record is in memory. A broken line loses itself; a broken document loses what
follows the break.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

from speculate.errors import TraceError
from speculate.trace.lines import BYTE_ORDER_MARK, MAX_LINE_BYTES, Source, numbered_lines
from speculate.trace.rows import RowError, decode_json

CHUNK_BYTES = 1 << 20
LONG_LINE_BYTES = 8 << 20
CONTAINERS: tuple[tuple[str, ...], ...] = (("resourceSpans", "scopeSpans", "spans"), ("runs",), ("samples",))
"""Where documents keep their records: the keys of nested arrays."""


class Report(Protocol):
    """Is told of a record that cannot be read and is skipped."""

    def __call__(self, problem: str, line: int | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Item:
    """One record. `container`: the keys that led to it. `context`: what stood beside the path, by key.

    `size`: its share of the file in bytes, roughly. `group`: which array it stood in, counted from 1; 0 for a record
    on a line of its own. `prefix`: the text before it on its line (a log's time and level).
    """

    line: int
    value: Any
    size: int
    container: tuple[str, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)
    group: int = 0
    prefix: str = ""


def items(source: Source, report: Report) -> Iterator[Item]:
    """The records of an open file."""
    return (_document_items if _is_document(source) else _line_items)(source, report)


def _is_document(source: Source) -> bool:
    """Whether the file is one JSON document over many lines, or over one that is too long to hold."""
    start = line = b""
    while not line.removeprefix(BYTE_ORDER_MARK).strip():
        line = source.readline(LONG_LINE_BYTES)
        if not line:
            break
        start += line
    source.push_back(start)
    first = line.removeprefix(BYTE_ORDER_MARK).strip()
    if first[:1] not in (b"{", b"["):
        return False
    if not line.endswith(b"\n") and len(line) >= LONG_LINE_BYTES:
        return True
    try:
        decode_json(first)
    except RowError:
        # `{`, `[`, `{"runs": [`: a document begins. A torn line of JSON Lines rarely ends like that.
        return first[-1:] in (b"{", b"[", b",")
    return False


def _line_items(source: Source, report: Report) -> Iterator[Item]:
    groups = count(1)
    try:
        for line in numbered_lines(source):
            content, prefix = line.content, ""
            if content[:1] not in (b"{", b"["):
                start = content.find(b"{")
                if start < 0:
                    report("not JSON: no record on this line", line.number)
                    continue
                prefix = content[:start].decode("utf-8", "replace")
                content = content[start:]
            try:
                value = decode_json(content)
            except RowError as error:
                report(str(error) if line.is_complete else "torn last line", line.number)
                continue
            if type(value) is dict and value.keys().isdisjoint(_ROOTS):
                yield Item(line.number, value, len(content), prefix=prefix)
                continue
            found = list(_explode(value, groups, 0))
            size = len(content) // max(1, len(found))
            for inner, container, context, group in found:
                yield Item(line.number, inner, size, container, context, group, prefix)
    except TraceError as error:
        report(error.problem, error.line)


_ROOTS = frozenset(path[0] for path in CONTAINERS)


_Found = tuple[
    Any, tuple[str, ...], Mapping[str, Any], int
]  # what an Item is made of: value, container, context, group


def _explode(value: Any, groups: Iterator[int], group: int) -> Iterator[_Found]:
    """The records in a value that is in memory already."""
    if type(value) is list:
        group = next(groups)
        for element in value:
            yield from _explode(element, groups, group)
        return
    if type(value) is dict:
        for path in CONTAINERS:
            if type(value.get(path[0])) is list:
                yield from _descend(value, path, (), {})
                return
    yield value, (), {}, group


def _descend(
    value: dict[str, Any], path: tuple[str, ...], done: tuple[str, ...], context: Mapping[str, Any]
) -> Iterator[_Found]:
    beside = {**context, **{key: item for key, item in value.items() if key != path[0]}}
    done = (*done, path[0])
    elements = value.get(path[0])
    for element in elements if type(elements) is list else ():
        if len(path) == 1:
            yield element, done, beside, 0
        elif type(element) is dict:
            yield from _descend(element, path[1:], done, beside)


def _refuse_constant(text: str) -> Any:
    raise RowError(f"{text} is not JSON")


class _Reader:
    """A sliding window over a document, and the values in it. Raises RowError where it is broken."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._decode = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode
        self._tail = b""  # the first bytes of a character that the window ends within
        self._text = ""
        self._at = 0
        self._counted = 0  # up to where line ends were counted
        self._is_at_end = False
        self._is_broken = False
        self.line = 1
        self._is_first = True

    def _more(self, count: int) -> None:
        """Forget what was read, and take `count` more bytes in."""
        if self._is_broken:
            raise RowError("not UTF-8")
        self._forget()
        data = self._source.read(count)
        self._is_at_end = not data
        if self._is_first:
            data, self._is_first = data.removeprefix(BYTE_ORDER_MARK), False
        data = self._tail + data
        try:
            text, self._tail = data.decode("utf-8"), b""
        except UnicodeDecodeError as error:
            # Either the window ends within a character, or this is no text: said once all before it has been read.
            text, self._tail = data[: error.start].decode("utf-8"), data[error.start :]
            self._is_broken = len(self._tail) > 3 or self._is_at_end
        self._text += text

    def _forget(self) -> None:
        self.mark_break()
        self._text, self._at, self._counted = self._text[self._at :], 0, 0

    def peek(self) -> str:
        """The next character that is no white space; "" at the end."""
        while True:
            text, at = self._text, self._at
            while at < len(text) and text[at] in " \t\r\n":
                at += 1
            self._at = at
            if at < len(text):
                return text[at]
            if self._is_at_end:
                return ""
            self._more(CHUNK_BYTES)

    def take(self, character: str) -> None:
        found = self.peek()
        if found != character:
            raise RowError(f"not JSON: {character!r} expected, not {found!r}" if found else "the file ends early")
        self._at += 1

    def mark_line(self) -> None:
        """Bring `line` up to the next value."""
        self.peek()
        self.mark_break()

    def mark_break(self) -> None:
        """Bring `line` up to where the reading stands."""
        self.line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at

    def value(self) -> tuple[Any, int]:
        """The next value whole, and its size in characters."""
        self.peek()
        count = CHUNK_BYTES
        while True:
            try:
                value, end = self._decode(self._text, self._at)
                if end < len(self._text) or self._is_at_end:  # a number may go on in the next chunk
                    size, self._at = end - self._at, end
                    return value, size
            except RecursionError as error:
                raise RowError("nested too deep to be read") from error
            except json.JSONDecodeError as error:
                is_cut = error.msg.startswith("Unterminated string") or error.pos >= len(self._text) - 16
                if self._is_at_end:
                    is_cut = is_cut and (error.msg.startswith("Unterminated") or error.pos >= len(self._text.rstrip()))
                    if is_cut:
                        raise RowError("the file ends early") from error
                if not is_cut:
                    raise RowError(f"not JSON: {error.msg}") from error
            if len(self._text) - self._at > MAX_LINE_BYTES:
                raise RowError(f"one record of more than {MAX_LINE_BYTES >> 20} MiB")
            self._more(count)
            count *= 2  # so that a value of n bytes is tried log(n) times


def _document_items(source: Source, report: Report) -> Iterator[Item]:
    reader = _Reader(source)
    groups = count(1)
    try:
        while reader.peek():
            yield from _document_value(reader, groups, 0)
    except RowError as error:
        reader.mark_break()
        report(f"{error}; what follows in this file is lost", reader.line)
    except TraceError as error:
        report(error.problem, reader.line)


def _document_value(reader: _Reader, groups: Iterator[int], group: int) -> Iterator[Item]:
    found = reader.peek()
    if found == "[":
        group = next(groups)
        for _ in _elements(reader):
            yield from _document_value(reader, groups, group)
    elif found == "{":
        yield from _object(reader, CONTAINERS, (), {}, group)
    else:
        reader.mark_line()
        value, size = reader.value()
        yield Item(reader.line, value, size, group=group)


def _elements(reader: _Reader) -> Iterator[None]:
    """Step through an array; the caller reads each element."""
    reader.take("[")
    while reader.peek() != "]":
        yield
        if reader.peek() != "]":
            reader.take(",")
    reader.take("]")


def _object(
    reader: _Reader,
    paths: tuple[tuple[str, ...], ...],
    done: tuple[str, ...],
    context: Mapping[str, Any],
    group: int = 0,
) -> Iterator[Item]:
    """Read an object; where one of `paths` leads into an array of it, that array's elements are the records."""
    reader.mark_line()
    line, size = reader.line, 0
    beside: dict[str, Any] = {}
    has_records = bool(done)
    reader.take("{")
    while reader.peek() != "}":
        key, _ = reader.value()
        if type(key) is not str:
            raise RowError("not JSON: a key must be a string")
        reader.take(":")
        path = next((path for path in paths if path[0] == key), None)
        if path is not None and reader.peek() == "[":
            has_records = True
            inner, outer = (*done, key), {**context, **beside}
            for _ in _elements(reader):
                if len(path) > 1:
                    yield from _object(reader, (path[1:],), inner, outer)
                else:
                    yield _leaf(reader, inner, outer)
        else:
            beside[key], length = reader.value()
            size += length
        if reader.peek() != "}":
            reader.take(",")
    reader.take("}")
    if not has_records:
        yield Item(line, beside, size, group=group)


def _leaf(reader: _Reader, container: tuple[str, ...], context: Mapping[str, Any]) -> Item:
    reader.mark_line()
    line = reader.line
    value, size = reader.value()
    return Item(line, value, size, container, context)
