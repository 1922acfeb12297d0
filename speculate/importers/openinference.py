"""OpenInference spans (Phoenix, Arize) in OTLP JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from speculate.importers.documents import Item, Report
from speculate.importers.fields import count as _count
from speculate.importers.fields import text as _text
from speculate.importers.otlp import OtlpSpan, otlp_span
from speculate.importers.spans import Kind, Span, SpanAssembler, arguments_of
from speculate.trace.records import Record

SPAN_KIND = "openinference.span.kind"


class OpenInferenceImporter:
    name = "openinference"
    title = "OpenInference spans (OTLP JSON)"

    def recognizes(self, item: Item) -> bool:
        try:
            span = otlp_span(item)
        except (KeyError, TypeError, ValueError, AttributeError):
            return False
        return span is not None and SPAN_KIND in span.attributes

    def convert(self, items: Iterable[Item], name: str, report: Report) -> Iterator[Record]:
        assembler = SpanAssembler()
        for item in items:
            try:
                found = otlp_span(item)
                span = None if found is None else openinference_span(found, item)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                report(f"not an OTLP span: {error!r}", item.line)
                continue
            if span is None:
                report("no OTLP span", item.line)
                continue
            yield from assembler.add(span)
        yield from assembler.finish()


def openinference_span(found: OtlpSpan, item: Item) -> Span:
    """What the span says in OpenInference's words."""
    attributes = found.attributes
    kinds: Mapping[str, Kind] = {"TOOL": "tool", "LLM": "model"}
    kind = kinds.get(str(attributes.get(SPAN_KIND)), "other")
    span = Span(
        found.trace, found.id, found.parent, kind, found.name, item.line, item.size, found.start, found.end,
        _text(attributes.get("session.id")),
    )  # fmt: skip
    if kind == "tool":
        span.name = _text(attributes.get("tool.name")) or found.name or "unknown"
        span.call_id = _text(attributes.get("tool_call.id") or attributes.get("tool.id"))
        span.args = _arguments(attributes)
        if "output.value" in attributes:
            span.result, span.result_known = _result(attributes), True
        if found.is_error or found.raised is not None:
            span.ok = False
            if not span.result_known:
                span.raised = found.raised or (f"Error: {found.message}" if found.message else "Error")
    elif kind == "model":
        span.users = [text for role, text in _messages(attributes, "llm.input_messages") if role == "user"]
        span.text = "\n".join(text for _, text in _messages(attributes, "llm.output_messages")) or None
        span.model = _text(attributes.get("llm.model_name"))
        span.tokens_in = _count(attributes.get("llm.token_count.prompt"))
        span.tokens_out = _count(attributes.get("llm.token_count.completion"))
    return span


def _arguments(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """`input.value`; else `tool.parameters`, unless that is the tool's schema (instrumentations differ)."""
    if attributes.get("input.value") is not None:
        return arguments_of(attributes["input.value"])
    arguments = arguments_of(attributes.get("tool.parameters"))
    is_schema = type(arguments.get("properties")) is dict and arguments.get("type") == "object"
    return {"_raw": None} if is_schema else arguments


def _result(attributes: Mapping[str, Any]) -> Any:
    value = attributes["output.value"]
    if type(value) is str and attributes.get("output.mime_type") == "application/json":
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _messages(attributes: Mapping[str, Any], prefix: str) -> Iterator[tuple[str | None, str]]:
    """Role and text of the messages flattened to `prefix.0.message.role`, … ."""
    index = 0
    while f"{prefix}.{index}.message.role" in attributes:
        at = f"{prefix}.{index}.message"
        text = _text(attributes.get(f"{at}.content"))
        if text is None:
            parts, part = [], 0
            while (content := f"{at}.contents.{part}.message_content") + ".type" in attributes:
                parts.append(_text(attributes.get(f"{content}.text")))
                part += 1
            text = "\n".join(found for found in parts if found) or None
        if text is not None:
            yield _text(attributes[f"{at}.role"]), text
        index += 1
