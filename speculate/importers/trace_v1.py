"""Trace v1 itself: to mend a file, to join several, to compress one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from speculate.importers.documents import Item, Report
from speculate.trace.reader import TORN
from speculate.trace.records import Record
from speculate.trace.rows import RowError, record_of

TYPES = ("session", "user", "turn", "call", "result", "end")


class TraceImporter:
    name = "trace"
    title = "Trace v1, this project's own"

    def recognizes(self, item: Item) -> bool:
        value = item.value
        return type(value) is dict and type(value.get("session")) is str and value.get("type") in TYPES

    def convert(self, items: Iterable[Item], name: str, report: Report) -> Iterator[Record]:
        for item in items:
            if type(item.value) is dict and item.value.get("type") == TORN:
                continue
            try:
                record = record_of(item.value)
            except RowError as error:
                report(str(error), item.line)
                continue
            if record is not None:
                yield record
