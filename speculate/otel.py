"""OpenTelemetry: a span for every session, real call, model turn and launch, from the runtime's notices.

Calls follow the semantic conventions for generative AI (`execute_tool {tool}`, `gen_ai.tool.*`). The attribute
names are written out: the constants that the Python packages ship are deprecated or private.
Needs the extra `otel`. Spans carry the span of whoever opened the session as their ancestor.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from speculate.errors import MissingExtra
from speculate.notices import (
    CallEnded,
    CallStarted,
    Fault,
    Launched,
    LaunchRetired,
    Notice,
    SessionClosed,
    SessionOpened,
    TurnBegan,
    TurnEnded,
)

if TYPE_CHECKING:
    from opentelemetry.trace import Span, TracerProvider


@dataclass(slots=True)
class _Spans:
    """The open spans of one session."""

    session: Span
    turn: Span | None = None
    calls: dict[str, Span] = field(default_factory=dict)
    launches: dict[int, Span] = field(default_factory=dict)


class OpenTelemetryObserver:
    """Turns notices into spans. Pass it as an observer.

    tracer_provider: where spans go; by default the process's own. record_content: also record arguments and
    results (the conventions make that opt-in; sensitive arguments are replaced before they get here).
    Raises MissingExtra without OpenTelemetry.
    """

    def __init__(self, tracer_provider: TracerProvider | None = None, *, record_content: bool = False) -> None:
        try:
            from opentelemetry import trace
        except ImportError as error:
            raise MissingExtra("opentelemetry-sdk", "otel", "OpenTelemetryObserver") from error
        self._trace = trace
        self._tracer = trace.get_tracer("speculate", tracer_provider=tracer_provider)
        self._record_content = record_content
        self._sessions: dict[str, _Spans] = {}
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            SessionOpened: self._session_opened,
            TurnBegan: self._turn_began,
            TurnEnded: self._turn_ended,
            Launched: self._launched,
            LaunchRetired: self._launch_retired,
            CallStarted: self._call_started,
            CallEnded: self._call_ended,
            Fault: self._faulted,
            SessionClosed: self._session_closed,
        }

    def notice(self, notice: Notice) -> None:
        """Start, end or annotate a span. Predictions and denials make none: metrics count them."""
        handler = self._handlers.get(type(notice))
        if handler is not None:
            handler(notice)

    def _start(self, session: str, name: str, attributes: Mapping[str, Any]) -> Span:
        spans = self._sessions.get(session)
        context = None if spans is None else self._trace.set_span_in_context(spans.session)
        return self._tracer.start_span(
            name, context=context, attributes={**attributes, "gen_ai.conversation.id": session}
        )

    def _session_opened(self, notice: SessionOpened) -> None:
        attributes = {"gen_ai.operation.name": "invoke_agent"}
        if notice.tenant is not None:
            attributes["speculate.tenant"] = notice.tenant
        self._sessions[notice.session] = _Spans(self._start(notice.session, "invoke_agent", attributes))

    def _turn_began(self, notice: TurnBegan) -> None:
        if (spans := self._sessions.get(notice.session)) is not None:
            spans.turn = self._start(
                notice.session, "chat", {"gen_ai.operation.name": "chat", "speculate.turn": notice.turn}
            )

    def _turn_ended(self, notice: TurnEnded) -> None:
        spans = self._sessions.get(notice.session)
        if spans is not None and spans.turn is not None:
            spans.turn.end()
            spans.turn = None

    def _launched(self, notice: Launched) -> None:
        if (spans := self._sessions.get(notice.session)) is not None:
            spans.launches[notice.id] = self._start(
                notice.session,
                f"speculate {notice.tool}",
                {
                    "gen_ai.tool.name": notice.tool,
                    "speculate.launch.id": notice.id,
                    "speculate.launch.source": notice.source,
                    "speculate.launch.p_use": notice.p_use,
                },
            )

    def _launch_retired(self, notice: LaunchRetired) -> None:
        spans = self._sessions.get(notice.session)
        span = None if spans is None else spans.launches.pop(notice.id, None)
        if span is None:
            return
        span.set_attribute("speculate.launch.outcome", notice.outcome)
        span.set_attribute("speculate.launch.reason", notice.reason)
        span.set_attribute("speculate.launch.cost", notice.cost)
        span.set_attribute("speculate.hidden_s", notice.hidden_s)
        if notice.ran_s is not None:
            span.set_attribute("speculate.launch.ran_s", notice.ran_s)
        span.end()

    def _call_started(self, notice: CallStarted) -> None:
        spans = self._sessions.get(notice.session)
        if spans is None:
            return
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": notice.tool,
            "gen_ai.tool.call.id": notice.id,
            "gen_ai.tool.type": "function",
            "speculate.turn": notice.turn,
        }
        if self._record_content:
            attributes["gen_ai.tool.call.arguments"] = _text(notice.arguments)
        spans.calls[notice.id] = self._start(notice.session, f"execute_tool {notice.tool}", attributes)

    def _call_ended(self, notice: CallEnded) -> None:
        spans = self._sessions.get(notice.session)
        span = None if spans is None else spans.calls.pop(notice.id, None)
        if span is None:
            return
        span.set_attribute("speculate.served", notice.served.value)
        span.set_attribute("speculate.speculable", notice.speculable)
        span.set_attribute("speculate.waited_s", notice.waited_s)
        span.set_attribute("speculate.hidden_s", notice.hidden_s)
        if notice.served.is_hit:
            span.add_event("speculate.hit", {"speculate.hidden_s": notice.hidden_s})
        if notice.tool_s is not None:
            span.set_attribute("speculate.tool_s", notice.tool_s)
        if self._record_content and notice.raised is None:
            span.set_attribute("gen_ai.tool.call.result", _text(notice.snapshot))
        if not notice.ok:
            # The conventions want the class of the error, of which there are few, not its message.
            kind = "tool_error" if notice.raised is None else notice.raised.partition(":")[0]
            span.set_attribute("error.type", kind)
            span.set_status(self._trace.StatusCode.ERROR, notice.raised)
        span.end()

    def _faulted(self, notice: Fault) -> None:
        spans = None if notice.session is None else self._sessions.get(notice.session)
        if spans is not None:
            spans.session.add_event(
                "speculate.fault",
                {"speculate.fault.kind": notice.kind, "speculate.fault.name": notice.name, "detail": notice.detail},
            )

    def _session_closed(self, notice: SessionClosed) -> None:
        spans = self._sessions.pop(notice.session, None)
        if spans is None:
            return
        # A turn or a call that the application cancelled has no end of its own.
        for left in (spans.turn, *spans.calls.values(), *spans.launches.values()):
            if left is not None:
                left.end()
        if notice.unstopped:
            spans.session.set_attribute("speculate.unstopped", list(notice.unstopped))
        spans.session.end()


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
