"""Inspect AI logs, `.json` and `.eval` (a zip, mostly of zstandard): one session a sample and epoch.

Tool and model events carry start, completion and working time. The working time, without waits for limits and
retries, is what the tool or model took.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from speculate.importers.documents import Item, Report
from speculate.importers.fields import count, required_text, text
from speculate.importers.messages import Conversation, text_of
from speculate.importers.spans import Span, SpanAssembler, arguments_of
from speculate.importers.times import from_iso
from speculate.trace.records import Record

ATTACHMENT = "attachment://"


class InspectImporter:
    name = "inspect"
    title = "Inspect AI logs (.json, .eval)"

    def recognizes(self, item: Item) -> bool:
        return _is_sample(item.value) and "epoch" in item.value

    def convert(self, items: Iterable[Item], name: str, report: Report) -> Iterator[Record]:
        for item in items:
            if not _is_sample(item.value):
                if item.container or "samples" in item.context:
                    report("no sample: id, and events or messages expected", item.line)
                continue
            try:
                yield from _sample(item, name)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                report(f"a broken sample {item.value['id']!r}: {error!r}", item.line)


def _is_sample(value: Any) -> bool:
    return (
        type(value) is dict
        and "id" in value
        and (type(value.get("events")) is list or type(value.get("messages")) is list)
    )


def _sample(item: Item, name: str) -> list[Record]:
    """A sample's records; a list, so that a broken one leaves nothing half converted."""
    sample = item.value
    evaluation = item.context.get("eval")
    evaluation = evaluation if type(evaluation) is dict else {}
    task = evaluation.get("task") or name
    id = f"{task}/{sample['id']}/{sample.get('epoch', 1)}"
    model = evaluation.get("model")
    model = model if type(model) is str else None
    events = sample.get("events")
    if not events:
        return list(_messages(Conversation(id, model), sample.get("messages") or []))
    attachments = sample.get("attachments") or {}
    spans = list(_spans(id, events, attachments, item))
    given = [_text(message, attachments) for message in _initial(sample) if message.get("role") == "user"]
    users = [said for said in given if said is not None]
    first = next((span for span in spans if span.kind == "model"), None)
    if first is not None:
        first.users = users
        first.model = model
    assembler = SpanAssembler()
    records: list[Record] = []
    for span in spans:
        records.extend(assembler.add(span))
    records.extend(assembler.finish())
    return records


def _initial(sample: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages the sample began with."""
    given = sample.get("input")
    if type(given) is str:
        return [{"role": "user", "content": given}]
    return [message for message in given if type(message) is dict] if type(given) is list else []


def _spans(trace: str, events: list[Any], attachments: dict[str, Any], item: Item) -> Iterator[Span]:
    tool_spans: dict[tuple[str | None, str], Span] = {}  # begun, and the tool event not yet seen
    size = item.size // max(1, len(events))
    for number, event in enumerate(events):
        if type(event) is not dict:
            continue
        kind = event.get("event")
        at = from_iso(event.get("timestamp"))
        if kind == "span_begin":
            id, parent = required_text(event, "id"), text(event.get("parent_id"))
            span = Span(trace, id, parent, "other", str(event.get("name")), item.line, size)
            if event.get("type") == "tool":
                tool_spans[parent, span.name] = span
            yield span
        elif kind in ("model", "tool"):
            span = Span(
                trace, text(event.get("uuid")) or f"event-{number}", text(event.get("span_id")), kind, kind, item.line,
                size, at, from_iso(event.get("completed")), seconds=_seconds(event.get("working_time")),
            )  # fmt: skip
            if kind == "model":
                _model(span, event, attachments)
            else:
                _tool(span, event, attachments)
                inside = tool_spans.pop((span.parent, span.name), None)
                if inside is not None:
                    inside.parent = span.id  # what runs within the tool is below its call
            yield span


def _model(span: Span, event: dict[str, Any], attachments: dict[str, Any]) -> None:
    output = event.get("output") or {}
    choices = output.get("choices") or []
    span.text = _text(choices[0]["message"], attachments) if choices else None
    calls = (choices[0]["message"].get("tool_calls") or []) if choices else []
    span.issued = [id for call in calls if (id := text(call.get("id"))) is not None]
    usage = output.get("usage") or {}
    span.tokens_in, span.tokens_out = count(usage.get("input_tokens")), count(usage.get("output_tokens"))


def _tool(span: Span, event: dict[str, Any], attachments: dict[str, Any]) -> None:
    span.name, span.call_id = required_text(event, "function"), text(event.get("id"))
    span.args = arguments_of(_resolved(event.get("arguments"), attachments))
    error = event.get("error")
    if type(error) is dict:
        # Inspect shows a tool's error to the model as the result; only its kind says that it was raised.
        span.ok, span.result, span.result_known = False, error.get("message"), True
    elif event.get("pending") or event.get("completed") is None:
        span.end = None
    else:
        result = _resolved(event.get("result"), attachments)
        span.result = result if type(result) is not list else text_of(result) or result
        span.result_known = True


def _resolved(value: Any, attachments: dict[str, Any]) -> Any:
    """The value with long texts put back that the log keeps aside."""
    if type(value) is str and value.startswith(ATTACHMENT):
        return attachments.get(value.removeprefix(ATTACHMENT), value)
    if type(value) is dict:
        return {key: _resolved(inner, attachments) for key, inner in value.items()}
    if type(value) is list:
        return [_resolved(inner, attachments) for inner in value]
    return value


def _text(message: dict[str, Any], attachments: dict[str, Any]) -> str | None:
    return text_of(_resolved(message.get("content"), attachments))


def _seconds(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and 0 <= value < 1e9 else None


def _messages(conversation: Conversation, messages: list[Any]) -> Iterator[Record]:
    """A log without events: its messages, without times."""
    for message in messages:
        role = message["role"]
        said = text_of(message.get("content"))
        if role == "user" and said is not None:
            yield from conversation.user(said)
        elif role == "assistant":
            calls = [
                (text(c.get("id")), required_text(c, "function"), arguments_of(c.get("arguments")))
                for c in message.get("tool_calls") or ()
            ]
            yield from conversation.assistant(text_of(message.get("content")), calls)
        elif role == "tool":
            error = message.get("error")
            value = error.get("message") if type(error) is dict else text_of(message.get("content")) or ""
            yield from conversation.result(required_text(message, "tool_call_id"), value, error is None)
    yield from conversation.end()
