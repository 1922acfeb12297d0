"""Reading trace v1: JSON Lines, plain or gzipped, sessions interleaved, a torn last line skipped."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from speculate.errors import TraceError
from speculate.trace.lines import Problem, Source, numbered_lines
from speculate.trace.records import Record
from speculate.trace.rows import RowError, decode_json, record_of

_log = logging.getLogger(__name__)

TORN = "torn"  # the type of the row a recorder writes first when the file it appends to ends in a torn line


def read_trace(path: str | Path, on_problem: Problem | None = None) -> Iterator[Record]:
    """The records of one file, in order, in constant memory.

    A torn last line is skipped with a warning; so is one that a killed process left and the next recorder
    marked. Anything else that is not trace v1 raises TraceError naming file and line or, with `on_problem`, is
    told to it and skipped.
    """
    with Source(path) as source:
        yield from read_source(source, on_problem)


def read_source(source: Source, on_problem: Problem | None = None) -> Iterator[Record]:
    """`read_trace` of an open file."""
    unreadable: TraceError | None = None  # the line before, until this one says whether it was merely torn
    for line in numbered_lines(source):
        try:
            row = decode_json(line.content)
            if unreadable is not None:
                if type(row) is dict and row.get("type") == TORN:
                    _log.warning("%s:%s: torn line skipped", source.name, unreadable.line)
                else:
                    _tell(unreadable, on_problem)
                unreadable = None
            record = record_of(row)
        except RowError as error:
            problem = TraceError(_with_mend(str(error)), file=source.name, line=line.number)
            problem.__cause__ = error
            if not str(error).startswith(("not JSON", "not UTF-8")):
                _tell(problem, on_problem)
            elif not line.is_complete:
                _log.warning("%s:%d: torn last line skipped", source.name, line.number)
            else:
                if unreadable is not None:
                    _tell(unreadable, on_problem)
                unreadable = problem
            continue
        if record is not None:
            yield record
    if unreadable is not None:
        _tell(unreadable, on_problem)


def _with_mend(problem: str) -> str:
    return f"{problem} (to keep the lines that can be read: speculate import FILE --out mended.jsonl)"


def _tell(problem: TraceError, on_problem: Problem | None) -> None:
    if on_problem is None:
        raise problem
    on_problem(problem)


def read_traces(paths: Iterable[str | Path], on_problem: Problem | None = None) -> Iterator[Record]:
    """The records of several files, one after the other."""
    for path in paths:
        yield from read_trace(path, on_problem)
