"""LangSmith run exports: one run a line, an array of runs, or `{"runs": […]}`; nested `child_runs` too."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from speculate.importers.documents import Item, Report
from speculate.importers.fields import count as _count
from speculate.importers.fields import text as _text
from speculate.importers.spans import Kind, Span, SpanAssembler, arguments_of
from speculate.importers.times import from_iso
from speculate.trace.records import Record


class LangSmithImporter:
    name = "langsmith"
    title = "LangSmith run export"

    def recognizes(self, item: Item) -> bool:
        return _is_run(item.value)

    def convert(self, items: Iterable[Item], name: str, report: Report) -> Iterator[Record]:
        assembler = SpanAssembler()
        for item in items:
            if not _is_run(item.value):
                report("no LangSmith run: id, run_type and name expected", item.line)
                continue
            for run in _flat(item.value):
                yield from assembler.add(_span(run, item))
        yield from assembler.finish()


def _is_run(value: Any) -> bool:
    return (
        type(value) is dict
        and type(value.get("run_type")) is str
        and type(value.get("id")) is str
        and type(value.get("name")) is str
    )


def _flat(run: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The run and those nested in it, which may leave out what they share with it."""
    waiting = [run]
    while waiting:
        run = waiting.pop()
        yield run
        trace = run.get("trace_id") or run["id"]
        for child in run.get("child_runs") or ():
            if _is_run(child):
                inherited = {"trace_id": child.get("trace_id") or trace, "parent_run_id": run["id"]}
                waiting.append({**child, **inherited})


def _span(run: dict[str, Any], item: Item) -> Span:
    kinds: Mapping[str, Kind] = {"tool": "tool", "llm": "model"}
    kind = kinds.get(run["run_type"], "other")
    parent = run.get("parent_run_id")
    extra = run.get("extra")
    metadata = extra.get("metadata") if type(extra) is dict else None
    metadata = metadata if type(metadata) is dict else {}
    thread = metadata.get("session_id") or metadata.get("thread_id") or metadata.get("conversation_id")
    span = Span(
        _text(run.get("trace_id")) or (run["id"] if parent is None else str(parent)),
        run["id"],
        _text(parent),
        kind,
        run["name"] or "unknown",
        item.line,
        item.size,
        from_iso(run.get("start_time")),
        from_iso(run.get("end_time")),
        _text(thread),
    )
    inputs = run.get("inputs") if type(run.get("inputs")) is dict else {}
    outputs = run.get("outputs") if type(run.get("outputs")) is dict else {}
    assert inputs is not None and outputs is not None  # noqa: S101, PT018 - for mypy
    if kind == "tool":
        span.args = _arguments(inputs)
        message = _kwargs(outputs.get("output"))
        span.call_id = _text(message.get("tool_call_id")) or (
            _text(extra.get("tool_call_id")) if type(extra) is dict else None
        )
        error = run.get("error")
        if type(error) is str and error:
            span.ok, span.raised = False, _error(error)
        elif outputs:
            is_message = "content" in message and message.get("type") == "tool"
            span.result = message["content"] if is_message else outputs.get("output", outputs)
            span.result_known = True
            span.ok = message.get("status") != "error"
    elif kind == "model":
        span.users = _users(inputs)
        span.model = _text(metadata.get("ls_model_name"))
        _said(outputs, span)
    elif parent is None:
        span.users = _users(inputs)
    return span


def _arguments(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs; older tracers put the arguments' Python text under "input"."""
    if set(inputs) != {"input"} or type(inputs["input"]) is not str:
        return dict(inputs)
    text = inputs["input"]
    arguments = arguments_of(text)
    if "_raw" in arguments and text.startswith("{"):
        try:
            read = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return arguments
        return read if type(read) is dict and all(type(key) is str for key in read) else arguments
    return arguments if "_raw" not in arguments else dict(inputs)


def _kwargs(value: Any) -> dict[str, Any]:
    """A message as fields, whether dumped plainly or as LangChain's constructor."""
    if type(value) is not dict:
        return {}
    inner = value.get("kwargs")
    return inner if value.get("type") == "constructor" and type(inner) is dict else value


def _error(text: str) -> str:
    """LangChain writes `repr(error)` and the traceback; the traceback's last line is "Type: message"."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    last = lines[-1].strip() if lines else text
    if "Traceback" in text and ": " in last:
        kind, _, message = last.partition(": ")
        return f"{kind.rpartition('.')[2]}: {message}"
    return lines[0].strip() if lines else "Error"


def _content(value: Any) -> str | None:
    if type(value) is str:
        return value or None
    if type(value) is not list:
        return None
    texts = [part if type(part) is str else part.get("text") if type(part) is dict else None for part in value]
    return "\n".join(text for text in texts if type(text) is str) or None


def _users(inputs: Mapping[str, Any]) -> list[str]:
    """What users said: from dumped messages, from (role, text) pairs, or from an agent's plain input."""
    messages = inputs.get("messages")
    if type(messages) is not list:
        text = _text(inputs.get("input")) or _text(inputs.get("question"))
        return [text] if text is not None else []
    if messages and type(messages[0]) is list and messages[0] and type(messages[0][0]) is dict:
        messages = messages[0]  # one list of messages for each prompt of a batch
    users = []
    for message in messages:
        if type(message) is list and len(message) == 2 and message[0] in ("user", "human"):
            text = _content(message[1])
        else:
            fields = _kwargs(message)
            is_user = fields.get("type") == "human" or fields.get("role") in ("user", "human")
            text = _content(fields.get("content")) if is_user else None
        if text is not None:
            users.append(text)
    return users


def _said(outputs: Mapping[str, Any], span: Span) -> None:
    """The model's text and tokens."""
    generations = outputs.get("generations")
    first: Any = generations
    while type(first) is list and first:
        first = first[0]
    generation = first if type(first) is dict else {}
    message = _kwargs(generation.get("message") or outputs.get("message") or outputs)
    span.text = _content(message.get("content")) or _text(generation.get("text"))
    calls = message.get("tool_calls")
    span.issued = [id for call in calls if (id := _id(call))] if type(calls) is list else []
    usage = message.get("usage_metadata") or outputs.get("usage_metadata")
    if type(usage) is dict:
        span.tokens_in, span.tokens_out = _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))


def _id(call: Any) -> str | None:
    return _text(call.get("id")) if type(call) is dict else None
