"""Reading trace v1: JSON Lines, plain or gzipped, sessions interleaved, a torn last line skipped."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO, cast

from speculate.errors import TraceError
from speculate.trace.records import (
    CallIssued,
    Record,
    ResultArrived,
    SessionEnded,
    SessionStarted,
    TurnTaken,
    UserSaid,
)

_log = logging.getLogger(__name__)


def _parse(row: dict[str, Any]) -> Record | None:
    """One record; None for an unknown type. KeyError names a missing field."""
    kind = row.pop("type")
    row.pop("v", None)
    session = row.pop("session")
    at = row.pop("at", None)
    if kind == "session":
        return SessionStarted(
            session, at, row.pop("task", None), row.pop("model", None), row.pop("dataset", None),
            row.pop("tenant", None), row,
        )  # fmt: skip
    if kind == "user":
        return UserSaid(session, row.pop("text") or "", at, row)
    if kind == "turn":
        return TurnTaken(
            session, row.pop("turn"), at, row.pop("llm_s", None), row.pop("text", None),
            row.pop("tokens_in", None), row.pop("tokens_out", None), row,
        )  # fmt: skip
    if kind == "call":
        args = row.pop("args")
        if not isinstance(args, dict):
            args = {"_raw": args}
        return CallIssued(session, row.pop("turn"), row.pop("id"), row.pop("tool"), args, at, row)
    if kind == "result":
        known = "result" in row
        return ResultArrived(
            session, row.pop("id"), at, row.pop("tool_s", None), row.pop("ok", True), row.pop("result", None),
            known, row.pop("raised", None), row.pop("cut", False), row,
        )  # fmt: skip
    if kind == "end":
        return SessionEnded(session, at, row)
    return None


def read_trace(path: str | Path) -> Iterator[Record]:
    """The records of one file, in order, in constant memory.

    Raises TraceError naming file and line for anything but a torn last line, which is skipped with a warning.
    """
    name = str(path)
    try:
        stream = cast(TextIO, (gzip.open if name.endswith(".gz") else open)(path, "rt", encoding="utf-8"))
    except OSError as error:
        raise TraceError(f"cannot be opened: {error.strerror or error}", file=name) from error
    with stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                if not line.endswith("\n"):
                    _log.warning("%s:%d: torn last line skipped", name, number)
                    return
                raise TraceError(f"not JSON: {error}", file=name, line=number) from error
            if not isinstance(row, dict):
                raise TraceError("a line must be a JSON object", file=name, line=number)
            try:
                record = _parse(row)
            except KeyError as error:
                raise TraceError(f"field {error} is missing", file=name, line=number) from error
            if record is not None:
                yield record


def read_traces(paths: Iterable[str | Path]) -> Iterator[Record]:
    """The records of several files, one after the other."""
    for path in paths:
        yield from read_trace(path)
