"""One trace v1 row, the JSON object of a line: checked and read into a record, and written from one."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json

from speculate.trace.records import (
    CallIssued,
    Record,
    ResultArrived,
    SessionEnded,
    SessionStarted,
    TurnTaken,
    UserSaid,
)

VERSION = 1
INFINITY = float("inf")


class RowError(ValueError):
    """A row is not trace v1. The message names the field; the reader adds file and line."""


def _refuse_constant(text: str) -> Any:
    raise RowError(f"{text} is not JSON; write null where a number is not known")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode


def decode_json(content: bytes) -> Any:
    """The JSON value of these bytes. Raises RowError saying what is wrong.

    pydantic's reader is about twice as fast as the standard library's. What it refuses (half surrogates, deep
    nesting and everything that is broken) the latter decides on.
    """
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError:
        pass
    try:
        return _decode(content.decode("utf-8"))
    except RowError:
        raise
    except UnicodeDecodeError as error:
        raise RowError(f"not UTF-8 at byte {error.start + 1} of the line") from error
    except RecursionError as error:
        raise RowError("nested too deep to be read") from error
    except ValueError as error:
        raise RowError(f"not JSON: {error}") from error


def _text(row: dict[str, Any], name: str) -> str:
    if name not in row:
        raise RowError(f"field {name!r} is missing")
    value = row.pop(name)
    if type(value) is not str:
        raise RowError(f"field {name!r} must be a string, not {_shown(value)}")
    return value


def _text_or_none(row: dict[str, Any], name: str) -> str | None:
    value = row.pop(name, None)
    if value is not None and type(value) is not str:
        raise RowError(f"field {name!r} must be a string or null, not {_shown(value)}")
    return value


def _whole(row: dict[str, Any], name: str) -> int:
    if name not in row:
        raise RowError(f"field {name!r} is missing")
    value = row.pop(name)
    if type(value) is not int or value < 0:
        raise RowError(f"field {name!r} must be a whole number of at least 0, not {_shown(value)}")
    return value


def _whole_or_none(row: dict[str, Any], name: str) -> int | None:
    if row.get(name) is None:
        row.pop(name, None)
        return None
    return _whole(row, name)


def _instant(row: dict[str, Any]) -> float | None:
    value = row.pop("at", None)
    if value is None or (type(value) is float and -INFINITY < value < INFINITY):
        return value
    if type(value) is int:
        return _as_float(value, "at")
    raise RowError(f"field 'at' must be a finite number of seconds or null, not {_shown(value)}")


def _seconds(row: dict[str, Any], name: str) -> float | None:
    value = row.pop(name, None)
    if value is None or (type(value) is float and 0.0 <= value < INFINITY):
        return value
    if type(value) is int and value >= 0:
        return _as_float(value, name)
    raise RowError(f"field {name!r} must be a finite number of at least 0 seconds or null, not {_shown(value)}")


def _as_float(value: int, name: str) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise RowError(f"field {name!r} is beyond every clock") from error


def _truth(row: dict[str, Any], name: str, default: bool) -> bool:
    value = row.pop(name, default)
    if type(value) is not bool:
        raise RowError(f"field {name!r} must be true or false, not {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    """A value in a message: short, whatever it is."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "an array"
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:59] + "…"


def record_of(row: Any) -> Record | None:
    """The record of a row, which is used up; None for an unknown type. Raises RowError naming the field.

    Fields that trace v1 does not know are kept in `extra`.
    """
    if type(row) is not dict:
        raise RowError("a line must be a JSON object")
    version = row.pop("v", VERSION)
    if version != VERSION or type(version) is not int:
        raise RowError(f"trace version {_shown(version)}; this release reads version {VERSION}")
    kind = _text(row, "type")
    if kind not in _KINDS:
        return None
    session = _text(row, "session")
    at = _instant(row)
    if kind == "call":
        turn, id, tool = _whole(row, "turn"), _text(row, "id"), _text(row, "tool")
        if "args" not in row:
            raise RowError("field 'args' is missing")
        args = row.pop("args")
        return CallIssued(session, turn, id, tool, args if type(args) is dict else {"_raw": args}, at, row)
    if kind == "result":
        known = "result" in row
        id, tool_s, ok = _text(row, "id"), _seconds(row, "tool_s"), _truth(row, "ok", True)
        result, raised, cut = row.pop("result", None), _text_or_none(row, "raised"), _truth(row, "cut", False)
        return ResultArrived(session, id, at, tool_s, ok and raised is None, result, known, raised, cut, row)
    if kind == "turn":
        return TurnTaken(
            session, _whole(row, "turn"), at, _seconds(row, "llm_s"), _text_or_none(row, "text"),
            _whole_or_none(row, "tokens_in"), _whole_or_none(row, "tokens_out"), row,
        )  # fmt: skip
    if kind == "user":
        return UserSaid(session, _text_or_none(row, "text") or "", at, row)
    if kind == "session":
        return SessionStarted(
            session, at, _text_or_none(row, "task"), _text_or_none(row, "model"), _text_or_none(row, "dataset"),
            _text_or_none(row, "tenant"), row,
        )  # fmt: skip
    return SessionEnded(session, at, row)


_KINDS = frozenset({"session", "user", "turn", "call", "result", "end"})


def row_of(record: Record) -> dict[str, Any]:
    """The row of a record. `record_of(row_of(record))` equals the record."""
    if type(record) is CallIssued:
        args: Any = record.args
        if type(args) is not dict:
            args = dict(args)
        row = {
            "session": record.session, "type": "call", "turn": record.turn, "id": record.id, "tool": record.tool,
            "args": args, "at": record.at,
        }  # fmt: skip
    elif type(record) is ResultArrived:
        row = {
            "session": record.session, "type": "result", "id": record.id, "at": record.at, "tool_s": record.tool_s,
            "ok": record.ok,
        }  # fmt: skip
        if record.raised is not None:
            row["raised"] = record.raised
        if record.known:
            row["result"] = record.result
        if record.cut:
            row["cut"] = True
    elif type(record) is TurnTaken:
        row = {
            "session": record.session, "type": "turn", "turn": record.turn, "at": record.at, "llm_s": record.llm_s,
            "text": record.text, "tokens_in": record.tokens_in, "tokens_out": record.tokens_out,
        }  # fmt: skip
    elif type(record) is UserSaid:
        row = {"session": record.session, "type": "user", "at": record.at, "text": record.text}
    elif type(record) is SessionStarted:
        row = {
            "v": VERSION, "session": record.session, "type": "session", "at": record.at, "task": record.task,
            "model": record.model, "dataset": record.dataset, "tenant": record.tenant,
        }  # fmt: skip
    else:
        row = {"session": record.session, "type": "end", "at": record.at}
    row.update(record.extra)
    return row
