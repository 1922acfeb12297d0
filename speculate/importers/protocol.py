"""What every importer is: one format, recognised and converted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from speculate.importers.documents import Item, Report
from speculate.trace.records import Record


@runtime_checkable
class Importer(Protocol):
    """Converts one format. Registered in `speculate.importers.IMPORTERS`.

    name: what the user types; title: what the user reads.
    """

    name: str
    title: str

    def recognizes(self, item: Item) -> bool:
        """Whether this record is of the format. Must not raise, whatever the record is."""
        ...

    def convert(self, items: Iterable[Item], name: str, report: Report) -> Iterator[Record]:
        """The records as trace v1, in bounded memory. What is broken is told to `report` and skipped.

        name: the file's, for sessions that have no id of their own.
        """
        ...
