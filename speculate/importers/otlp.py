"""Spans in OTLP JSON: attributes as plain values, ids, status, exceptions. Both OpenTelemetry importers read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from speculate.importers.documents import Item
from speculate.importers.times import from_nanoseconds

CONTAINER = ("resourceSpans", "scopeSpans", "spans")
ERROR = (2, "STATUS_CODE_ERROR")


@dataclass(frozen=True, slots=True)
class OtlpSpan:
    """One span as OTLP has it. `raised` is "Type: message" of its exception event, if it has one."""

    trace: str
    id: str
    parent: str | None
    name: str
    start: float | None
    end: float | None
    attributes: Mapping[str, Any]
    is_error: bool
    message: str
    raised: str | None


def value_of(value: Any) -> Any:
    """An AnyValue as a plain value."""
    if type(value) is not dict or not value:
        return None
    if "stringValue" in value:
        return value["stringValue"]
    kind, inner = next(iter(value.items()))
    if kind == "intValue":
        return int(inner)
    if kind == "arrayValue":
        return [value_of(element) for element in (inner or {}).get("values", ())]
    if kind == "kvlistValue":
        return {pair["key"]: value_of(pair.get("value")) for pair in (inner or {}).get("values", ())}
    return inner


def otlp_span(item: Item) -> OtlpSpan | None:
    """The span of a record; None if it is none. Raises ValueError, KeyError or TypeError if it is broken."""
    row = item.value
    if item.container != CONTAINER and not (type(row) is dict and "traceId" in row):
        return None
    attributes = {pair["key"]: value_of(pair.get("value")) for pair in row.get("attributes") or ()}
    status = row.get("status") or {}
    raised = None
    for event in row.get("events") or ():
        if event.get("name") == "exception":
            found = {pair["key"]: value_of(pair.get("value")) for pair in event.get("attributes") or ()}
            kind = str(found.get("exception.type") or "Exception").rpartition(".")[2]
            raised = f"{kind}: {found.get('exception.message') or ''}"
    return OtlpSpan(
        trace=_id(row["traceId"]),
        id=_id(row["spanId"]),
        parent=_id(row["parentSpanId"]) if row.get("parentSpanId") else None,
        name=str(row.get("name") or ""),
        start=from_nanoseconds(row.get("startTimeUnixNano")),
        end=from_nanoseconds(row.get("endTimeUnixNano")),
        attributes=attributes,
        is_error=status.get("code") in ERROR,
        message=str(status.get("message") or ""),
        raised=raised,
    )


def _id(value: Any) -> str:
    if type(value) is not str or not value:
        raise ValueError("a span's traceId and spanId must be texts")
    return value
