"""Other people's recordings to trace v1: `import_file(path)` finds the format out and streams the records.

Bounded memory whatever the file's size. What was not recorded stays null. A record that cannot be read is told, with
file and line, and skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from speculate.errors import TraceError
from speculate.importers.anthropic_messages import AnthropicImporter
from speculate.importers.archive import ZIP_MAGIC, archived_items
from speculate.importers.claude_code import ClaudeCodeImporter
from speculate.importers.documents import Item, Report, items
from speculate.importers.inspect_ai import InspectImporter
from speculate.importers.langsmith import LangSmithImporter
from speculate.importers.mcp_jsonrpc import McpImporter
from speculate.importers.openai_chat import OpenAIImporter
from speculate.importers.openinference import OpenInferenceImporter
from speculate.importers.otel import OtelImporter
from speculate.importers.protocol import Importer
from speculate.importers.trace_v1 import TraceImporter
from speculate.trace.lines import Problem, Source
from speculate.trace.records import Record

__all__ = ["IMPORTERS", "Import", "Importer", "Item", "Report", "detect", "import_file", "open_import"]

_ALL: tuple[Importer, ...] = (
    TraceImporter(), OpenInferenceImporter(), OtelImporter(), InspectImporter(), ClaudeCodeImporter(),
    LangSmithImporter(), McpImporter(), AnthropicImporter(), OpenAIImporter(),
)  # fmt: skip
IMPORTERS: Mapping[str, Importer] = {importer.name: importer for importer in _ALL}
"""By name; the most particular first, which is the order of detection."""

SAMPLED = 200


def detect(sample: list[Item]) -> Importer | None:
    """The importer that recognises any of these records, the most particular one first."""
    return next((i for i in _ALL if any(i.recognizes(item) for item in sample)), None)


@dataclass(frozen=True, slots=True)
class Import:
    """One file being converted: the importer that does it (None: the file is empty), and the records as they come."""

    importer: Importer | None
    records: Iterator[Record]


def open_import(source: Source, format: str | None = None, on_problem: Problem | None = None) -> Import:
    """Begin to convert an open file to trace v1, whatever it is.

    format: a key of IMPORTERS, or None to find it out. on_problem: is told of each record that is skipped; without
    it the first raises.

    Raises TraceError: the file cannot be read or its format is unknown; MissingExtra: a `.eval` needs a package.
    """

    def report(problem: str, line: int | None) -> None:
        error = TraceError(problem, file=source.name, line=line)
        if on_problem is None:
            raise error
        on_problem(error)

    if format is not None and format not in IMPORTERS:
        raise TraceError(f"unknown format {format!r}; one of {', '.join(IMPORTERS)}", file=source.name)
    is_archive = source.start == ZIP_MAGIC
    found = archived_items(source.name, report) if is_archive else items(source, report)
    sample = list(islice(found, SAMPLED))
    importer = detect(sample) if format is None else IMPORTERS[format]
    if importer is None:
        if sample:
            known = ", ".join(IMPORTERS)
            raise TraceError(f"none of the known formats ({known}); name it with --format", file=source.name)
        return Import(None, iter(()))
    stem = Path(source.name).name.split(".")[0].strip("-") or "session"
    return Import(importer, importer.convert(chain(sample, found), stem, report))


def import_file(path: str | Path, format: str | None = None, on_problem: Problem | None = None) -> Iterator[Record]:
    """The records of one file as trace v1. See `open_import`."""
    with Source(path) as source:
        yield from open_import(source, format, on_problem).records
