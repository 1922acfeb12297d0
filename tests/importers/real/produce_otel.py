"""OpenTelemetry GenAI spans by the real SDK, written by its OTLP JSON file exporter."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tests.importers.real import scenario


def produce(folder: Path) -> Path:
    path = folder / "otel.jsonl"
    provider = TracerProvider(resource=Resource.create({"service.name": "shop-agent"}))
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(path)))
    tracer = provider.get_tracer("shop")
    history: list[dict[str, object]] = [
        {"role": "user", "parts": [{"type": "text", "content": scenario.USER}]},
    ]
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "shop"}
    with tracer.start_as_current_span("invoke_agent shop", attributes=agent) as root:
        root.set_attribute("gen_ai.conversation.id", "conv-1")
        for number, calls in enumerate(scenario.TURNS):
            text = (scenario.FIRST_TEXT, "", scenario.LAST_TEXT)[number]
            parts: list[dict[str, object]] = [{"type": "text", "content": text}] if text else []
            parts += [{"type": "tool_call", "id": id, "name": n, "arguments": a} for id, n, a in calls]
            chat = {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": "fake-model",
                "gen_ai.input.messages": json.dumps(history),
                "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": parts}]),
                "gen_ai.usage.input_tokens": 100 + number,
                "gen_ai.usage.output_tokens": 10,
            }
            with tracer.start_as_current_span("chat fake-model", attributes=chat):
                pass
            history.append({"role": "assistant", "parts": parts})
            for id, name, arguments in calls:
                attributes = {
                    "gen_ai.operation.name": "execute_tool",
                    "gen_ai.tool.name": name,
                    "gen_ai.tool.call.id": id,
                    "gen_ai.tool.call.arguments": json.dumps(arguments),
                }
                with (
                    suppress(scenario.Shipped),
                    tracer.start_as_current_span(f"execute_tool {name}", attributes=attributes) as span,
                ):
                    result = getattr(scenario, name)(**arguments)
                    span.set_attribute("gen_ai.tool.call.result", json.dumps(result))
    provider.shutdown()
    return path
