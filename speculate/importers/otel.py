"""OpenTelemetry GenAI spans in OTLP JSON.

Attribute names as in the semantic conventions for generative AI, with the aliases that instrumentations wrote before
them (Traceloop, Google's ADK) and MCP's. Arguments and results are opt-in there: often they were not recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from speculate.importers.documents import Item, Report
from speculate.importers.fields import count as _count
from speculate.importers.fields import seconds
from speculate.importers.fields import text as _text
from speculate.importers.openinference import SPAN_KIND, openinference_span
from speculate.importers.otlp import OtlpSpan, otlp_span
from speculate.importers.spans import Exact, Kind, Span, SpanAssembler, arguments_of
from speculate.trace.records import Record, SessionStarted

OPERATION = "gen_ai.operation.name"
MODEL_OPERATIONS = ("chat", "generate_content", "text_completion")
ARGUMENTS = (
    "gen_ai.tool.call.arguments", "tool_arguments", "gcp.vertex.agent.tool_call_args", "traceloop.entity.input",
)  # fmt: skip
RESULTS = (
    "gen_ai.tool.call.result", "tool_response", "gcp.vertex.agent.tool_response", "traceloop.entity.output",
)  # fmt: skip
IS_JSON_RESULT = "speculate.result_is_json"  # written by our own export: whether the text is JSON, of any type


class OtelImporter:
    name = "otel"
    title = "OpenTelemetry GenAI spans (OTLP JSON)"

    def recognizes(self, item: Item) -> bool:
        try:
            span = otlp_span(item)
        except (KeyError, TypeError, ValueError, AttributeError):
            return False
        return span is not None  # the first GenAI span may come late, after many of other libraries

    def convert(self, items: Iterable[Item], name: str, report: Report) -> Iterator[Record]:
        assembler = SpanAssembler()
        for item in items:
            try:
                found = otlp_span(item)
                if found is not None and SPAN_KIND in found.attributes:  # instrumented both ways
                    span: Span | None = openinference_span(found, item)
                else:
                    span = None if found is None else _span(found, item)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                report(f"not an OTLP span: {error!r}", item.line)
                continue
            if span is None:
                report("no OTLP span", item.line)
                continue
            yield from assembler.add(span)
        yield from assembler.finish()


def _kind(span: OtlpSpan) -> Kind:
    attributes = span.attributes
    operation = attributes.get(OPERATION)
    if operation == "execute_tool" or attributes.get("traceloop.span.kind") == "tool":
        return "tool"
    if operation is None and attributes.get("mcp.method.name") == "tools/call":
        return "tool"
    return "model" if operation in MODEL_OPERATIONS else "other"


def _span(found: OtlpSpan, item: Item) -> Span:
    attributes = found.attributes
    kind = _kind(found)
    span = Span(
        found.trace, found.id, found.parent, kind, found.name, item.line, item.size, found.start, found.end,
        _text(attributes.get("gen_ai.conversation.id")),
    )  # fmt: skip
    if kind == "tool":
        named = attributes.get("gen_ai.tool.name") or attributes.get("traceloop.entity.name")
        span.name = _text(named) or found.name.removeprefix("execute_tool ").removeprefix("tools/call ") or "unknown"
        span.call_id = _text(attributes.get("gen_ai.tool.call.id"))
        span.args = arguments_of(_first(attributes, ARGUMENTS))
        for name in RESULTS:
            if name in attributes:
                span.result = _result(attributes[name], attributes.get(IS_JSON_RESULT))
                span.result_known = True
                break
        if found.is_error or "error.type" in attributes or found.raised is not None:
            span.ok = False
            if not span.result_known:
                kind_of_error = _text(attributes.get("error.type")) or "Error"
                span.raised = found.raised or (f"{kind_of_error}: {found.message}" if found.message else kind_of_error)
    else:
        span.users = _users(attributes.get("gen_ai.input.messages"))
        span.model = _text(attributes.get("gen_ai.response.model") or attributes.get("gen_ai.request.model"))
    if kind == "model":
        said = _messages(attributes.get("gen_ai.output.messages"))
        span.text = _said(said)
        span.issued = _issued(said)
        span.tokens_in = _count(attributes.get("gen_ai.usage.input_tokens"))
        span.tokens_out = _count(attributes.get("gen_ai.usage.output_tokens"))
    if "speculate.turn" in attributes or "speculate.user" in attributes or "speculate.session" in attributes:
        _add_exact(span, attributes)
    return span


def _add_exact(span: Span, attributes: Mapping[str, Any]) -> None:
    """What our own export wrote beside the conventions' attributes."""
    at = seconds(attributes.get("speculate.at"))
    opening = None
    if attributes.get("speculate.session"):
        opening = SessionStarted(
            "", at, _text(attributes.get("speculate.task")), _text(attributes.get("gen_ai.request.model")),
            _text(attributes.get("speculate.dataset")), _text(attributes.get("speculate.tenant")),
        )  # fmt: skip
    span.exact = Exact(
        at,
        _count(attributes.get("speculate.turn")),
        seconds(attributes.get("speculate.result_at")),
        attributes.get("speculate.is_answered") is not False,
        said if type(said := attributes.get("speculate.user")) is str else None,
        opening,
    )
    span.users = []
    span.seconds = seconds(attributes.get("speculate.seconds"))
    if span.kind == "tool":
        span.ok = attributes.get("speculate.is_ok") is not False
        span.raised = _text(attributes.get("speculate.raised"))
        span.cut = attributes.get("speculate.is_cut") is True


def _first(attributes: Any, names: Iterable[str]) -> Any:
    return next((attributes[name] for name in names if attributes.get(name) is not None), None)


def _result(value: Any, is_json: bool | None) -> Any:
    """A result as recorded; JSON text of an object or array is read, for the attribute may be either."""
    if type(value) is str and (is_json or (is_json is None and value[:1] in ("{", "["))):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _messages(value: Any) -> list[dict[str, Any]]:
    if type(value) is str:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    return [message for message in value if type(message) is dict] if type(value) is list else []


def _parts(message: dict[str, Any]) -> str | None:
    """The text of a message: of its parts, or its content as older instrumentations wrote it."""
    parts = message.get("parts")
    if type(parts) is not list:
        return _text(message.get("content"))
    texts = [part.get("content") for part in parts if type(part) is dict and part.get("type") == "text"]
    return "\n".join(text for text in texts if type(text) is str) or None


def _users(value: Any) -> list[str]:
    texts = [_parts(message) for message in _messages(value) if message.get("role") == "user"]
    return [text for text in texts if text is not None]


def _issued(messages: list[dict[str, Any]]) -> list[str]:
    """The ids of the calls in the model's answer."""
    found = [part for message in messages if type(parts := message.get("parts")) is list for part in parts]
    ids = [_text(part.get("id")) for part in found if type(part) is dict and part.get("type") == "tool_call"]
    return [id for id in ids if id is not None]


def _said(messages: list[dict[str, Any]]) -> str | None:
    texts = [_parts(message) for message in messages]
    return "\n".join(text for text in texts if text is not None) or None
