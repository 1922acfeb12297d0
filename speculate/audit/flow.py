"""One recorded session, walked once: where every argument came from, and what therefore waited on what."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from speculate.audit.shapes import CallShape, Flow, Provenance, SessionShape, TurnShape, WeakLink
from speculate.audit.values import Seen, comparable, decoded, is_telling, leaves, tokens
from speculate.replay.latency import recorded_model_s, recorded_tool_s
from speculate.spec import Effect, ResolvedCall, ToolSpec
from speculate.trace import CallIssued, RecordedSession, RecordedTurn, ResultArrived, UserSaid

FREE_TEXT_WORDS = 4  # an argument of at least so many words, or
FREE_TEXT_CHARACTERS = 40  # so long, was written by the model rather than picked
MAX_TOKENS = 5  # looked up of one free text: each may be searched for in all that was said before
MAX_ARGUMENT_LEAVES = 64  # values looked up of one call


@dataclass(frozen=True, slots=True)
class ArgumentSeen:
    """One value of a call's arguments: its slot ("get_order.order_id"), where it came from and by which rule."""

    slot: str
    provenance: Provenance
    rule: str


@dataclass(frozen=True, slots=True)
class CallSeen:
    """One call in full, told while its session is walked."""

    call: CallIssued
    resolved: ResolvedCall
    result: ResultArrived | None
    seconds: float | None
    step: int
    shape: CallShape
    arguments: tuple[ArgumentSeen, ...]


_PROVENANCE = {
    "user": Provenance.USER,
    "result": Provenance.RESULT,
    "argument": Provenance.ARGUMENT,
    "model": Provenance.MODEL,
}


def _fingerprint(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


class _Arguments:
    """The provenance of one call's arguments."""

    def __init__(self, call: CallIssued, seen: Seen, spec: ToolSpec) -> None:
        self.tool = call.tool
        self.is_language = bool(spec.when)  # what a call does depends on what its text says: a shell, a query language
        self.seen = seen
        self.ready = 0
        self.is_composed = False
        self.flows: list[Flow] = []
        self.weak: list[WeakLink] = []
        self.novel: list[tuple[str, int]] = []
        self.found: list[ArgumentSeen] = []
        for count, (path, value) in enumerate(leaves(dict(call.args))):
            if count >= MAX_ARGUMENT_LEAVES:
                self.is_composed = True  # what was not looked at may have come from anywhere
                break
            text = comparable(value)
            if text is not None:
                self._look(path[1:], text)

    def _look(self, argument: str, text: str) -> None:
        slot = f"{self.tool}.{argument}"
        if not is_telling(text):
            self._look_trivial(slot, text)
            return
        origin = self.seen.find(text)
        if origin is None:
            self._look_inside(argument, slot, text)
            return
        self.ready = max(self.ready, origin.since)
        is_exact = True
        rule = origin.place
        if origin.kind == "result" and origin.call is not None:
            is_exact = self.seen.value(text) is not None
            siblings = self.seen.siblings(origin.call, origin.place)
            self.flows.append(Flow(origin.call, origin.place, argument, is_exact, siblings))
        self.found.append(ArgumentSeen(slot, _PROVENANCE[origin.kind], rule))

    def _look_trivial(self, slot: str, text: str) -> None:
        origin = self.seen.value(text)
        if origin is not None and origin.kind == "result":
            self.weak.append(WeakLink(slot, origin.place, origin.since))
        self.found.append(ArgumentSeen(slot, Provenance.TRIVIAL, "a value that occurs everywhere"))

    def _look_inside(self, argument: str, slot: str, text: str) -> None:
        """A value that nothing shows as a whole: its words may still come from somewhere."""
        words = tokens(text, MAX_TOKENS)
        is_partly_known = has_new_words = False
        if words != [text]:
            for word in words:
                origin = self.seen.find(word)
                if origin is None:
                    has_new_words = True
                    continue
                self.ready = max(self.ready, origin.since)
                if origin.kind == "result" and origin.call is not None:
                    is_partly_known = True
                    self.flows.append(Flow(origin.call, origin.place, argument, False))
        is_free = len(text) >= FREE_TEXT_CHARACTERS or text.count(" ") >= FREE_TEXT_WORDS - 1
        if self.is_language or (is_free and (has_new_words or len(words) >= MAX_TOKENS or not words)):
            self.is_composed = True
        self.novel.append((slot, _fingerprint(text)))
        kind = Provenance.PARTIAL if is_partly_known else Provenance.NOVEL
        self.found.append(ArgumentSeen(slot, kind, "written by the model" if is_free else "not seen before"))


def _shape_call(
    call: CallIssued,
    number: int,
    turn: int,
    resolved: ResolvedCall,
    result: ResultArrived | None,
    seconds: float | None,
    arguments: _Arguments,
) -> CallShape:
    return CallShape(
        number=number,
        turn=turn,
        id=call.id,
        tool=call.tool,
        seconds=seconds,
        is_read=resolved.effect is Effect.READ and resolved.idempotent,
        is_speculable=resolved.speculable and not call.is_raw,
        claims=resolved.claims,
        ready=min(arguments.ready, turn),
        flows=tuple(dict.fromkeys(arguments.flows)),
        weak=tuple(arguments.weak),
        novel=tuple(arguments.novel),
        is_composed=arguments.is_composed or call.is_raw,
        failed=result is not None and (not result.ok or result.raised is not None),
    )


def _ran_overlapped(turn: RecordedTurn) -> bool | None:
    """Whether calls of a turn ran at the same time, by what was recorded; None where it cannot be told."""
    if len(turn.calls) < 2:
        return None
    spans: list[tuple[float, float]] = []
    for call in turn.calls:
        result = turn.results.get(call.id)
        if call.at is None or result is None or result.at is None:
            return None
        spans.append((call.at, result.at))
    spans.sort()
    # A result that ends as the next call begins is no overlap; recorders round to milliseconds.
    return any(following[0] < earlier[1] - 0.001 for earlier, following in itertools.pairwise(spans))


def walk(
    session: RecordedSession,
    spec_of: Callable[[CallIssued], ToolSpec],
    tell: Callable[[CallSeen], None] | None = None,
) -> SessionShape:
    """The shape of a session; `tell` hears of every call as it is passed."""
    seen = Seen()
    turns: list[TurnShape] = []
    after_user = False
    number = 0
    for step in session.steps:
        at = len(turns)
        if isinstance(step, UserSaid):
            after_user = True
            seen.add(step.text, at, "user", None, "what the user typed")
            continue
        shapes: list[CallShape] = []
        results: list[tuple[int, str, Any]] = []
        for call in step.calls:
            resolved = spec_of(call).resolve(call.args)
            arguments = _Arguments(call, seen, resolved.spec)
            result = step.results.get(call.id)
            seconds = recorded_tool_s(call, result)
            shape = _shape_call(call, number, at, resolved, result, seconds, arguments)
            shapes.append(shape)
            if tell is not None:
                tell(CallSeen(call, resolved, result, seconds, at, shape, tuple(arguments.found)))
            if result is not None and result.known:
                results.append((number, call.tool, result.result))
            number += 1
        for shape, call in zip(shapes, step.calls, strict=True):
            seen.add(dict(call.args), at, "argument", shape.number, f"{call.tool} argument ")
        if step.record.text:
            seen.add_text(step.record.text, at, "model", None, "what the model said")
        for position, tool, value in results:
            seen.add(decoded(value), at + 1, "result", position, tool)
        turns.append(
            TurnShape(
                place=at,
                llm_s=recorded_model_s(step),
                after_user=after_user,
                calls=tuple(shapes),
                tokens_in=step.record.tokens_in,
                tokens_out=step.record.tokens_out,
                overlapped=_ran_overlapped(step),
            )
        )
        after_user = False
    return SessionShape(session.id, tuple(turns), seen.weight)
