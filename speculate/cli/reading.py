"""Reading recordings on the command line: in constant memory, with a bar that knows how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from speculate.cli.console import Bar
from speculate.trace.lines import Source
from speculate.trace.reader import read_source
from speculate.trace.records import Record


def records(files: Iterable[str], bar: Bar) -> Iterator[Record]:
    """The records of trace files, one at a time; the bar advances by bytes. Raises TraceError naming file and line."""
    for file in files:
        with Source(file) as source:
            at = 0
            for number, record in enumerate(read_source(source)):
                if number % 1_000 == 0:
                    position = source.position
                    bar.advance(position - at)
                    at = position
                yield record
            bar.advance(source.size - at)
