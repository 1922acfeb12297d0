"""What one pass over the recorded runs counts: per tool, per step, per argument, per pair of calls."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from speculate.audit.flow import CallSeen
from speculate.audit.shapes import Flow, Provenance, SessionShape, WeakLink
from speculate.audit.tally import Counts, Quantiles
from speculate.resources import EVERYTHING, Claims, overlaps
from speculate.spec import Effect

MAX_TOOLS = 1_024
MAX_SLOTS = 4_096
MAX_RULES = 64  # different origins counted of one argument
MAX_EDGES = 8_192
MAX_CONSTANTS = 512  # different unseen values remembered of one argument, to tell what recurs
STEPS = 20  # turns of a session told apart; the rest are counted together
NEAR = 4  # calls back that a hidden dependency is looked for
OTHER_TOOLS = "(other tools)"


@dataclass(slots=True)
class ToolTally:
    """One tool's calls."""

    calls: int = 0
    errors: int = 0  # the tool returned an error
    raised: int = 0
    unanswered: int = 0
    speculable: int = 0
    derived: int = 0  # every telling argument occurs earlier in the session
    derived_speculable: int = 0
    constant: int = 0  # no telling argument at all
    repeated: int = 0
    redundant: int = 0
    why_not: Counts[str] = field(default_factory=lambda: Counts(16))
    effects: Counts[str] = field(default_factory=lambda: Counts(8))
    arguments: Counts[str] = field(default_factory=lambda: Counts(128))
    times: Quantiles = field(default_factory=Quantiles)


@dataclass(slots=True)
class SlotTally:
    """One argument of one tool: where its values came from."""

    seen: int = 0
    kinds: Counts[Provenance] = field(default_factory=lambda: Counts(16))
    rules: Counts[tuple[Provenance, str]] = field(default_factory=lambda: Counts(MAX_RULES))
    weak: Counts[str] = field(default_factory=lambda: Counts(MAX_RULES))
    constants: dict[int, str | None] = field(default_factory=dict)  # value: the one task that showed it, None: several


@dataclass(slots=True)
class EdgeTally:
    """Values that went from one tool's results into another's argument."""

    calls: int = 0
    sessions: int = 0
    exact: int = 0
    last_session: int = -1


@dataclass(slots=True)
class HiddenTally:
    """Two calls in conflict over a declared resource, with no value between them."""

    calls: int = 0
    sessions: int = 0
    same_turn: int = 0
    last_session: int = -1
    example: str = ""
    resource: str = ""


@dataclass(slots=True)
class RetryTally:
    """A write that is not idempotent, made again with the same arguments in one session."""

    after_failure: int = 0
    after_success: int = 0
    same_turn: int = 0
    example: str = ""


def conflict_kind(earlier: Claims, later: Claims) -> tuple[str, str] | None:
    """("write-write" | "write-read" | "read-write", the later call's claim), or None if the two do not conflict."""
    for kind, ours, theirs in (
        ("write-write", later.writes, earlier.writes),
        ("write-read", later.reads, earlier.writes),
        ("read-write", later.writes, earlier.reads),
    ):
        for claim in ours:
            if any(overlaps(claim, other) for other in theirs):
                return kind, claim
    return None


_NOTHING = Claims()


def said_claims(seen: CallSeen) -> Claims:
    """What the manifest says that the call touches, without the "*" assumed where it says nothing."""
    claims, spec = seen.resolved.claims, seen.resolved.spec
    if not spec.declared:
        return _NOTHING
    reads = () if spec.reads is None and claims.reads == EVERYTHING else claims.reads
    writes = () if spec.writes is None and claims.writes == EVERYTHING else claims.writes
    return Claims(reads, writes)


class Tallies:
    """Sums of everything, bounded however long the stream is. Sessions come one at a time."""

    def __init__(self, declared_edges: frozenset[tuple[str, str]] = frozenset()) -> None:
        self.sessions = self.turns = self.user_messages = self.calls = 0
        self.turns_with_calls = self.multi_call_turns = self.overlapped_turns = self.serial_turns = 0
        self.sessions_with_calls = 0
        self.tools: dict[str, ToolTally] = {}
        self.slots: dict[str, SlotTally] = {}
        self.edges: dict[tuple[str, str, str, str], EdgeTally] = {}
        self.tool_edges: dict[tuple[str, str], EdgeTally] = {}
        self.hidden: dict[tuple[str, str, str], HiddenTally] = {}
        self.retries: dict[str, RetryTally] = {}
        self.pairs_of_tools: Counts[tuple[str, str]] = Counts(MAX_EDGES)  # first before second, in one session
        self.model_times = Quantiles()
        self.tool_times = Quantiles()
        self.tokens_in = self.tokens_out = self.turns_with_tokens = 0
        self.idle_s: float | None = None
        self.extent_s = 0.0
        self.idle_sessions = 0
        self.step_model = [Quantiles() for _ in range(STEPS + 1)]
        self.step_tool = [Quantiles() for _ in range(STEPS + 1)]
        self.step_calls = [0] * (STEPS + 1)
        self.step_turns = [0] * (STEPS + 1)
        self._declared = declared_edges
        self._task = ""
        self._current: list[CallSeen] = []
        self._keys: dict[str, CallSeen] = {}
        self._recent: deque[tuple[CallSeen, Claims]] = deque(maxlen=NEAR)

    def tool(self, name: str) -> ToolTally:
        found = self.tools.get(name)
        if found is None:
            if len(self.tools) >= MAX_TOOLS:
                name = OTHER_TOOLS
            found = self.tools.setdefault(name, ToolTally())
        return found

    def begin(self, task: str) -> None:
        """A session of this task begins. Runs of one task say the same things; that makes them no constants."""
        self._task = task

    def call(self, seen: CallSeen) -> None:
        """Count one call; those of its session so far came before."""
        self.calls += 1
        tally = self.tool(seen.call.tool)
        tally.calls += 1
        tally.effects.add(seen.resolved.effect.value)
        for name in seen.call.args:
            tally.arguments.add(name)
        result = seen.result
        if result is None:
            tally.unanswered += 1
        elif result.raised is not None:
            tally.raised += 1
        elif not result.ok:
            tally.errors += 1
        if seen.seconds is not None:
            tally.times.add(seen.seconds)
            self.tool_times.add(seen.seconds)
            self.step_tool[min(seen.step, STEPS)].add(seen.seconds)
        self._count_speculable(seen, tally)
        self._count_arguments(seen)
        self._count_flows(seen)
        self._compare(seen, tally)
        self._current.append(seen)

    def _count_speculable(self, seen: CallSeen, tally: ToolTally) -> None:
        told = [found.provenance for found in seen.arguments if found.provenance is not Provenance.TRIVIAL]
        is_derived = bool(told) and all(provenance.is_derived for provenance in told)
        tally.derived += is_derived
        tally.constant += not told
        if seen.shape.is_speculable:
            tally.speculable += 1
            tally.derived_speculable += is_derived
        else:
            tally.why_not.add(seen.resolved.why_not or "not-json")

    def _count_arguments(self, seen: CallSeen) -> None:
        for found in seen.arguments:
            slot = self._slot(found.slot)
            if slot is None:
                continue
            slot.seen += 1
            slot.kinds.add(found.provenance)
            slot.rules.add((found.provenance, found.rule))
        for link in seen.shape.weak:
            if (slot := self._slot(link.slot)) is not None:
                slot.weak.add(link.path)
        for name, fingerprint in seen.shape.novel:
            if (slot := self._slot(name)) is not None:
                known = slot.constants.get(fingerprint, self._task)
                if known != self._task:
                    slot.constants[fingerprint] = None
                elif len(slot.constants) < MAX_CONSTANTS:
                    slot.constants[fingerprint] = known

    def _slot(self, name: str) -> SlotTally | None:
        found = self.slots.get(name)
        if found is None and len(self.slots) < MAX_SLOTS:
            found = self.slots[name] = SlotTally()
        return found

    def _count_flows(self, seen: CallSeen) -> None:
        flows: dict[tuple[str, str, str, str], Flow] = {}
        for flow in seen.shape.flows:
            if (producer := self._producer(flow.producer)) is not None:
                flows[producer.call.tool, seen.call.tool, flow.path, flow.argument] = flow
        for key, flow in flows.items():
            _count_edge(self.edges, key, self.sessions, flow.is_exact)
        for pair in {(first, second) for first, second, _, _ in flows}:
            exact = any(flow.is_exact for key, flow in flows.items() if key[:2] == pair)
            _count_edge(self.tool_edges, pair, self.sessions, exact)

    def _producer(self, number: int) -> CallSeen | None:
        return self._current[number] if number < len(self._current) else None

    def _compare(self, seen: CallSeen, tally: ToolTally) -> None:
        """Repeats and retries, and conflicts over resources with calls shortly before."""
        key = seen.resolved.key
        before = self._keys.get(key) if key is not None else None
        if before is not None:
            tally.repeated += 1
            if seen.shape.is_read and not self._was_changed(before, seen):
                tally.redundant += 1
            self._count_retry(seen, before)
        if key is not None:
            self._keys[key] = seen
        claims = said_claims(seen)
        if claims.reads or claims.writes:
            producers = {flow.producer for flow in seen.shape.flows}
            for earlier, touched in self._recent:
                if earlier.shape.number not in producers and (found := conflict_kind(touched, claims)) is not None:
                    self._count_hidden(earlier, seen, found)
            self._recent.append((seen, claims))

    def _was_changed(self, before: CallSeen, seen: CallSeen) -> bool:
        between = self._current[before.shape.number + 1 :]
        return any(seen.resolved.claims.is_changed_by(call.resolved.claims) for call in between)

    def _count_retry(self, seen: CallSeen, before: CallSeen) -> None:
        resolved = seen.resolved
        if resolved.effect is not Effect.WRITE or resolved.idempotent or resolved.dedup_key is not None:
            return
        if seen.call.tool not in self.retries and len(self.retries) >= MAX_TOOLS:
            return
        retry = self.retries.setdefault(seen.call.tool, RetryTally())
        if before.step == seen.step:
            retry.same_turn += 1
        failed = before.result is None or before.result.raised is not None or not before.result.ok
        if failed:
            retry.after_failure += 1
        else:
            retry.after_success += 1
        retry.example = retry.example or _where(seen)

    def _count_hidden(self, earlier: CallSeen, seen: CallSeen, found: tuple[str, str]) -> None:
        kind, resource = found
        key = (earlier.call.tool, seen.call.tool, kind)
        if key not in self.hidden and len(self.hidden) >= MAX_EDGES:
            return
        hidden = self.hidden.setdefault(key, HiddenTally())
        hidden.calls += 1
        hidden.same_turn += earlier.step == seen.step
        if hidden.last_session != self.sessions:
            hidden.last_session = self.sessions
            hidden.sessions += 1
        if not hidden.example:
            hidden.example, hidden.resource = f"{_where(seen)} after {earlier.call.id}", resource

    def session(self, shape: SessionShape, extent_s: float | None) -> None:
        """Count a whole session, after its calls. `extent_s`: from its first to its last recorded instant."""
        busy, is_known = 0.0, extent_s is not None
        self.sessions_with_calls += bool(self._current)
        for place, turn in enumerate(shape.turns):
            self.turns += 1
            self.user_messages += turn.after_user
            step = min(place, STEPS)
            self.step_turns[step] += 1
            self.step_calls[step] += len(turn.calls)
            self.turns_with_calls += bool(turn.calls)
            self.multi_call_turns += len(turn.calls) > 1
            self.overlapped_turns += turn.overlapped is True
            self.serial_turns += turn.overlapped is False
            if turn.tokens_in is not None or turn.tokens_out is not None:
                self.turns_with_tokens += 1
                self.tokens_in += turn.tokens_in or 0
                self.tokens_out += turn.tokens_out or 0
            if turn.llm_s is None:
                is_known = False
            else:
                self.model_times.add(turn.llm_s)
                self.step_model[step].add(turn.llm_s)
                busy += turn.llm_s
            seconds = [call.seconds for call in turn.calls if call.seconds is not None]
            is_known = is_known and len(seconds) == len(turn.calls)
            if seconds:
                busy += max(seconds) if turn.overlapped else sum(seconds)
        if is_known and extent_s is not None:
            self.idle_sessions += 1
            self.extent_s += extent_s
            self.idle_s = (self.idle_s or 0.0) + max(0.0, extent_s - busy)
        tools = list(dict.fromkeys(call.call.tool for call in self._current))
        for first, second in self._declared:
            if first in tools and second in tools:
                self.pairs_of_tools.add((first, second))
        self.sessions += 1
        self._current.clear()
        self._keys.clear()
        self._recent.clear()

    def is_systematic(self, link: WeakLink) -> bool:
        """Whether a common value comes from this place at least every second time the argument is given."""
        slot = self.slots.get(link.slot)
        return slot is not None and slot.seen >= 2 and 2 * slot.weak[link.path] >= slot.seen

    def recurs(self, slot: str, fingerprint: int) -> bool:
        """Whether a value that nothing showed before is used in several tasks: a constant of the application."""
        found = self.slots.get(slot)
        return found is not None and fingerprint in found.constants and found.constants[fingerprint] is None


def _count_edge(edges: dict[Any, EdgeTally], key: Any, session: int, is_exact: bool) -> None:
    edge = edges.get(key)
    if edge is None:
        if len(edges) >= MAX_EDGES:
            return
        edge = edges[key] = EdgeTally()
    edge.calls += 1
    edge.exact += is_exact
    if edge.last_session != session:
        edge.last_session = session
        edge.sessions += 1


def _where(seen: CallSeen) -> str:
    return f"session {seen.call.session}, turn {seen.call.turn}, call {seen.call.id}"
