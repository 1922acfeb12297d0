"""Writing trace v1: records to lines, lines to a file."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

from speculate.errors import TraceError
from speculate.trace.records import CallIssued, Record, ResultArrived
from speculate.trace.rows import row_of

_encode = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "), allow_nan=False).encode
_encode_ascii = json.JSONEncoder(ensure_ascii=True, separators=(", ", ": "), allow_nan=False).encode

MAX_WRITTEN_DEPTH = 200


def encode_record(record: Record) -> bytes:
    """The record's line, its newline included.

    Never raises for what a record holds: what JSON cannot say stands as null, a result that lost something that way
    is marked cut, arguments that did stand as {"_raw": …} and are never speculated.
    """
    row = row_of(record)
    try:
        return _encode(row).encode("utf-8") + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair: JSON can say it, UTF-8 cannot
        return _encode_ascii(row).encode("ascii") + b"\n"
    except (ValueError, TypeError, RecursionError):
        row = {name: writable(value, MAX_WRITTEN_DEPTH) for name, value in row.items()}
        if type(record) is CallIssued and row["args"] != record.args:
            row["args"] = {"_raw": row["args"]}
        if type(record) is ResultArrived and row.get("result") != record.result:
            row["cut"] = True
        return _encode_ascii(row).encode("ascii") + b"\n"


def writable(value: Any, depth: int) -> Any:
    """A copy that JSON can say: what is no JSON value, or nested deeper than `depth`, is null."""
    if value is None or type(value) in (str, bool):
        return value
    if type(value) is int:
        return value if value.bit_length() < 10_000 else None
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth > 0 and isinstance(value, dict):
        return {str(key): writable(item, depth - 1) for key, item in value.items()}
    if depth > 0 and isinstance(value, (list, tuple)):
        return [writable(item, depth - 1) for item in value]
    return None


class TraceWriter:
    """Writes a trace file anew; gzipped if its name ends in ".gz". A context manager.

    Raises TraceError if the file cannot be written. (For runs as they happen use `TraceRecorder`, which never does.)
    """

    def __init__(self, path: str | Path) -> None:
        self.name = str(path)
        self.written = 0
        try:
            stream = gzip.open(path, "wb", compresslevel=6) if self.name.endswith(".gz") else open(path, "wb")  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise self._error(error) from error
        self._stream = cast(BinaryIO, stream)

    def write(self, record: Record) -> None:
        try:
            self._stream.write(encode_record(record))
        except OSError as error:
            raise self._error(error) from error
        self.written += 1

    def close(self) -> None:
        try:
            self._stream.close()  # of a gzip file it ends the stream; io closes the file even if that fails
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> TraceError:
        return TraceError(f"cannot be written: {error.strerror or error}", file=self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
