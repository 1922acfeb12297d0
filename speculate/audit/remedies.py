"""What each remedy would have made of the recorded runs: seconds, calls, model turns and tokens, per session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from speculate.audit.dependence import (
    Knowledge,
    critical_path_s,
    dependency_order,
    extra_calls,
    fan_out_groups,
    graph_s,
    level_count,
    planned_s,
)
from speculate.audit.timing import TimedSession, TimedTurn, one_by_one, span

RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Effort:
    """One session under one remedy. tokens_saved: prompt tokens that are not sent, None if not recorded."""

    seconds: float
    calls: int
    turns: int
    tokens_saved: int | None = 0


@dataclass(slots=True)
class FanOut:
    """How often calls of a set of tools could have been one fan-out, and what that saves."""

    tools: tuple[str, ...]
    groups: int = 0
    calls: int = 0
    turns_saved: int = 0
    extra_calls: int = 0
    saved_s: float = 0.0
    example: str = ""


@dataclass(slots=True)
class Structure:
    """What the order of calls leaves open, over all sampled sessions."""

    now: list[Effort] = field(default_factory=list)
    fan_out: list[Effort] = field(default_factory=list)
    graph: list[Effort] = field(default_factory=list)
    planned: list[Effort] = field(default_factory=list)
    oracle: list[Effort] = field(default_factory=list)
    model_s: float = 0.0
    tool_s: float = 0.0
    critical_path_s: float = 0.0
    groups: dict[tuple[str, ...], FanOut] = field(default_factory=dict)
    adjacent: int = 0  # pairs of calls in neighbouring turns with nobody speaking in between
    independent: int = 0
    data: int = 0  # … of which the later took a value from the earlier
    conflicting: int = 0
    undetermined: int = 0  # … written freely, a write, or after an error: what it waited for cannot be seen


def turn_seconds(turn: TimedTurn, overlapped: bool) -> float:
    return turn.llm_s + (span(turn.calls) if overlapped else one_by_one(turn.calls))


def oracle_seconds(turn: TimedTurn) -> float:
    """A turn whose eligible calls began when the model was asked: what one-step speculation can hide at best."""
    hidden = [
        call if not call.shape.is_speculable else type(call)(call.shape, max(0.0, call.seconds - turn.llm_s))
        for call in turn.calls
    ]
    return turn.llm_s + span(hidden)


def measure(sessions: Sequence[TimedSession], knowledge: Knowledge, overlapped: bool) -> Structure:
    """Every session under every remedy that changes the order of calls. overlapped: turns' calls run side by side."""
    out = Structure()
    for session in sessions:
        calls = sum(len(turn.calls) for turn in session.turns)
        turns = len(session.turns)
        now_s = sum(turn_seconds(turn, overlapped) for turn in session.turns)
        out.now.append(Effort(now_s, calls, turns))
        out.model_s += session.model_s
        out.tool_s += session.tool_s
        groups = fan_out_groups(session, knowledge)
        out.fan_out.append(_fanned_out(session, groups, calls, overlapped, out))
        segments = dependency_order(session, knowledge)
        levels = level_count(segments)
        made = out.fan_out[-1].calls
        out.graph.append(Effort(min(graph_s(segments), out.fan_out[-1].seconds), made, levels, None))
        planned, asked = planned_s(segments)
        out.planned.append(Effort(min(planned, out.graph[-1].seconds), made, asked, None))
        out.oracle.append(Effort(sum(oracle_seconds(turn) for turn in session.turns), calls, turns))
        out.critical_path_s += critical_path_s(segments)
        _count_pairs(session, knowledge, out)
    return out


def _fanned_out(
    session: TimedSession, groups: list[list[TimedTurn]], calls: int, overlapped: bool, out: Structure
) -> Effort:
    seconds, extra, tokens = 0.0, 0, 0
    are_tokens_known = True
    for group in groups:
        members = [call for turn in group for call in turn.calls]
        together = group[0].llm_s + span(members)
        seconds += together
        saved = [turn.shape.tokens_in for turn in group[1:]]
        are_tokens_known = are_tokens_known and None not in saved
        tokens += sum(count for count in saved if count is not None)
        apart = sum(turn_seconds(turn, overlapped) for turn in group)
        if len(members) < 2 or apart - together <= 1e-9:
            continue
        tools = tuple(sorted({call.shape.tool for call in members}))
        found = out.groups.setdefault(tools, FanOut(tools))
        found.groups += 1
        found.calls += len(members)
        found.turns_saved += len(group) - 1
        found.extra_calls += extra_calls(group)
        found.saved_s += apart - together
        extra += extra_calls(group)
        if not found.example:
            found.example = f"session {session.id}, calls {', '.join(call.shape.id for call in members)}"
    return Effort(seconds, calls + extra, len(groups), tokens if are_tokens_known else None)


def _count_pairs(session: TimedSession, knowledge: Knowledge, out: Structure) -> None:
    for earlier, later in zip(session.turns, session.turns[1:], strict=False):
        if later.shape.after_user:
            continue
        for call in later.calls:
            for other in earlier.calls:
                out.adjacent += 1
                if any(flow.producer == other.shape.number for flow in call.shape.flows):
                    out.data += 1
                elif call.shape.claims.conflicts_with(other.shape.claims):
                    out.conflicting += 1
                elif not knowledge.may_move(later) or not knowledge.may_move(earlier) or other.shape.failed:
                    out.undetermined += 1
                elif knowledge.ready(call.shape) <= other.shape.turn:
                    out.independent += 1
                else:
                    out.data += 1  # a common value that usually comes from there


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % bootstrap interval over sessions."""

    value: float
    low: float
    high: float

    def document(self) -> list[float]:
        return [self.low, self.high]


def saved_share(now: Sequence[float], after: Sequence[float], seed: int) -> Interval:
    """1 − after/now as a ratio of sums, resampling whole sessions (Efron 1979; percentile interval)."""
    total = sum(now)
    value = 1 - sum(after) / total if total else 0.0
    count = len(now)
    if count < 2 or not total:
        return Interval(value, value, value)
    random = Random(seed)  # noqa: S311  # a seeded statistic, nothing secret
    pairs = list(zip(now, after, strict=True))
    shares: list[float] = []
    for _ in range(RESAMPLES):
        drawn = random.choices(pairs, k=count)
        base = sum(pair[0] for pair in drawn)
        shares.append(1 - sum(pair[1] for pair in drawn) / base if base else 0.0)
    shares.sort()
    return Interval(value, shares[int(0.025 * RESAMPLES)], shares[int(0.975 * RESAMPLES) - 1])
