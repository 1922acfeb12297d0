"""OpenInference spans by its real tracer, written by OpenTelemetry's OTLP JSON file exporter."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from openinference.instrumentation import OITracer, TraceConfig, using_session
from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tests.importers.real import scenario


def produce(folder: Path) -> Path:
    path = folder / "openinference.jsonl"
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(path)))
    tracer = OITracer(provider.get_tracer("shop"), config=TraceConfig())
    with using_session("session-1"), tracer.start_as_current_span("shop", openinference_span_kind="agent") as root:
        root.set_input(scenario.USER)
        for number, calls in enumerate(scenario.TURNS):
            text = (scenario.FIRST_TEXT, "", scenario.LAST_TEXT)[number]
            with tracer.start_as_current_span("model", openinference_span_kind="llm") as span:
                span.set_attribute("llm.model_name", "fake-model")
                span.set_attribute("llm.input_messages.0.message.role", "user")
                span.set_attribute("llm.input_messages.0.message.content", scenario.USER)
                span.set_attribute("llm.output_messages.0.message.role", "assistant")
                if text:
                    span.set_attribute("llm.output_messages.0.message.content", text)
                for index, (id, name, arguments) in enumerate(calls):
                    prefix = f"llm.output_messages.0.message.tool_calls.{index}.tool_call"
                    span.set_attribute(f"{prefix}.id", id)
                    span.set_attribute(f"{prefix}.function.name", name)
                    span.set_attribute(f"{prefix}.function.arguments", json.dumps(arguments))
                span.set_attribute("llm.token_count.prompt", 100 + number)
                span.set_attribute("llm.token_count.completion", 10)
            tools = {"get_order": tracer.tool(scenario.get_order), "cancel_order": tracer.tool(scenario.cancel_order)}
            for _, name, arguments in calls:
                with suppress(scenario.Shipped):
                    tools[name](**arguments)
    provider.shutdown()
    return path
