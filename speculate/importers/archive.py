"""Inspect's `.eval` archives: the samples in the zip, one at a time."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from speculate.errors import MissingExtra, TraceError
from speculate.importers.documents import Item, Report
from speculate.trace.rows import RowError, decode_json

ZIP_MAGIC = b"PK\x03\x04"
ZSTANDARD = 93
LOCAL_HEADER_BYTES = 30


def archived_items(path: str, report: Report) -> Iterator[Item]:
    """The samples, each with the log's header as context. Raises TraceError if the archive cannot be read."""
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise TraceError(f"cannot be opened: {error}", file=path) from error
    with archive:
        members = {info.filename: info for info in archive.infolist()}
        context: dict[str, Any] = {}
        for header in ("header.json", "_journal/start.json"):  # the latter alone, if the evaluation was killed
            if header in members:
                with suppress(RowError, zipfile.BadZipFile):
                    context = decode_json(_content(archive, members[header]))
                break
        for name, info in members.items():
            if name.startswith("samples/"):
                try:
                    value = decode_json(_content(archive, info))
                except (RowError, zipfile.BadZipFile, OSError) as error:
                    report(f"{name}: {error}", None)
                    continue
                yield Item(1, value, info.file_size, ("samples",), context)


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.compress_type != ZSTANDARD:
        return archive.read(info)
    try:
        import zstandard
    except ImportError as error:
        raise MissingExtra("zstandard", "import", "reading this .eval file") from error
    stream = archive.fp
    assert stream is not None  # noqa: S101 - the archive is open
    stream.seek(info.header_offset)
    header = stream.read(LOCAL_HEADER_BYTES)
    names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    stream.seek(info.header_offset + LOCAL_HEADER_BYTES + names)
    packed = stream.read(info.compress_size)
    try:
        content: bytes = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    except zstandard.ZstdError as error:
        raise zipfile.BadZipFile(f"damaged: {error}") from error
    return content
