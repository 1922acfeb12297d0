"""OpenTelemetry spans, as the SDK's own in-memory exporter receives them."""

from __future__ import annotations

import json
import sys

import pytest

from speculate.calls import Served
from speculate.errors import MissingExtra
from speculate.notices import Fault, SessionClosed, SessionOpened, TurnBegan, TurnEnded
from speculate.otel import OpenTelemetryObserver
from tests.metrics.notices_of_a_run import a_run, end, launch, retire, start

sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="the extra `otel` is not installed")
export = pytest.importorskip("opentelemetry.sdk.trace.export", reason="the extra `otel` is not installed")


@pytest.fixture
def recorded():
    """A provider whose spans land in a list: (provider, exporter)."""
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    yield provider, exporter
    provider.shutdown()


def spans_of(recorded, notices, **options):
    provider, exporter = recorded
    observer = OpenTelemetryObserver(provider, **options)
    for notice in notices:
        observer.notice(notice)
    return exporter.get_finished_spans()


def test_a_run_becomes_one_tree(recorded):
    """Turns, calls and launches hang below their session's span, and all of them end."""
    spans = spans_of(recorded, a_run())
    names = sorted(span.name for span in spans)
    assert names == [
        "chat",
        "execute_tool cancel_order",
        *["execute_tool get_order"] * 3,
        "invoke_agent",
        *["speculate get_order"] * 3,
    ]
    (session,) = [span for span in spans if span.name == "invoke_agent"]
    assert session.parent is None
    assert session.attributes["speculate.tenant"] == "acme"
    assert session.attributes["speculate.unstopped"] == ("get_order 3",)
    assert [event.name for event in session.events] == ["speculate.fault"]
    for span in spans:
        assert span.attributes["gen_ai.conversation.id"] == "s1"
        if span is not session:
            assert span.parent.span_id == session.context.span_id


def test_calls_follow_the_conventions(recorded):
    """A real call has the attributes of `execute_tool`, and says how it was served."""
    spans = spans_of(recorded, a_run())
    hit, joined, failed = [span for span in spans if span.name == "execute_tool get_order"]
    assert hit.attributes["gen_ai.operation.name"] == "execute_tool"
    assert hit.attributes["gen_ai.tool.name"] == "get_order"
    assert hit.attributes["gen_ai.tool.call.id"] == "c1"
    assert (hit.attributes["speculate.served"], joined.attributes["speculate.served"]) == ("ready", "joined")
    assert [event.name for event in hit.events] == ["speculate.hit"]
    assert hit.attributes["speculate.hidden_s"] == 0.5
    assert "gen_ai.tool.call.arguments" not in hit.attributes
    assert failed.attributes["error.type"] == "TimeoutError"
    assert failed.status.is_ok is False
    (write,) = [span for span in spans if span.name == "execute_tool cancel_order"]
    assert write.attributes["error.type"] == "tool_error"


def test_launches_carry_the_ledger(recorded):
    """A launch's span says what became of it."""
    spans = spans_of(recorded, a_run())
    outcomes = [
        (span.attributes["speculate.launch.outcome"], span.attributes["speculate.launch.reason"])
        for span in spans
        if span.name == "speculate get_order"
    ]
    assert outcomes == [("committed", "ready"), ("committed", "joined"), ("wasted", "closed")]


def test_content_is_recorded_on_request_only(recorded):
    """Arguments and results appear, as JSON, with record_content."""
    notices = [
        SessionOpened(0.0, "s1", None),
        start("c1"),
        end("c1", Served.RAN),
        start("c2"),
        end("c2", Served.RAN, ok=False, raised="ValueError"),
        SessionClosed(1.0, "s1", ()),
    ]
    fine, failed, session = spans_of(recorded, notices, record_content=True)
    assert json.loads(fine.attributes["gen_ai.tool.call.arguments"]) == {"order_id": "W1"}
    assert json.loads(fine.attributes["gen_ai.tool.call.result"]) == {"status": "sent"}
    assert "gen_ai.tool.call.result" not in failed.attributes
    assert "speculate.tenant" not in session.attributes


def test_a_session_below_the_applications_own_span(recorded):
    """A session opened inside a span of the application belongs to that trace."""
    provider, exporter = recorded
    observer = OpenTelemetryObserver(provider)
    with provider.get_tracer("app").start_as_current_span("request") as request:
        observer.notice(SessionOpened(0.0, "s1", None))
        observer.notice(SessionClosed(1.0, "s1", ()))
    session = next(span for span in exporter.get_finished_spans() if span.name == "invoke_agent")
    assert session.parent.span_id == request.get_span_context().span_id


def test_notices_without_a_beginning_are_passed_over(recorded):
    """An observer added late sees sessions whose beginnings it missed."""
    notices = [
        TurnBegan(1.0, "s1", 0),
        launch(1),
        start("c1"),
        TurnEnded(1.0, "s1", 0, 1.0, None),
        retire(1, "wasted", "unused"),
        end("c1", Served.RAN),
        Fault(1.0, None, "observer", "recorder", "disk full"),
        SessionClosed(1.0, "s1", ()),
    ]
    assert spans_of(recorded, notices) == ()


def test_a_launch_that_never_ended(recorded):
    """A launch abandoned without an end has a span that ends and no run time; so do a turn and a call cut short."""
    notices = [
        SessionOpened(0.0, "s1", None),
        TurnEnded(0.0, "s1", 0, 0.0, None),
        TurnBegan(0.0, "s1", 1),
        launch(1),
        end("c0", Served.RAN),
        start("c1"),
        retire(1, "wasted", "abandoned", ran_s=None),
        SessionClosed(1.0, "s1", ()),
    ]
    abandoned, turn, call, session = spans_of(recorded, notices)
    assert "speculate.launch.ran_s" not in abandoned.attributes
    assert (turn.name, call.name, session.name) == ("chat", "execute_tool get_order", "invoke_agent")


def test_without_opentelemetry_it_names_the_extra(monkeypatch):
    """The missing package is reported with the extra that brings it."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingExtra, match=r"speculate-runtime\[otel\]"):
        OpenTelemetryObserver()
