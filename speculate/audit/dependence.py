"""Which calls of a session had to wait for which, and which only stood one after the other.

A turn may join those before it, with nobody speaking in between, if all calls are reads that conflict with nothing
in the group, and every value in their arguments was known before the group began. What the model wrote freely, what
it did after an error, and a person's words are barriers: what they waited for cannot be seen in a trace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from speculate.audit.shapes import CallShape, WeakLink
from speculate.audit.tallies import Tallies
from speculate.audit.timing import TimedCall, TimedSession, TimedTurn, span


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the whole set of sessions says about a single call's values."""

    is_systematic: Callable[[WeakLink], bool]
    recurs: Callable[[str, int], bool]

    @classmethod
    def of(cls, tallies: Tallies) -> Knowledge:
        return cls(tallies.is_systematic, tallies.recurs)

    def ready(self, call: CallShape) -> int:
        """The first turn at which all the call's values were known."""
        weak = [link.since for link in call.weak if self.is_systematic(link)]
        return max([call.ready, *weak])

    def is_composed(self, call: CallShape) -> bool:
        """Whether the model wrote an argument freely; the same words again and again are a constant."""
        return call.is_composed and not (call.novel and all(self.recurs(*novel) for novel in call.novel))

    def may_move(self, turn: TimedTurn) -> bool:
        """Whether the turn's calls could be made earlier at all: reads whose values are all accounted for."""
        return bool(turn.calls) and all(call.shape.is_read and not self.is_composed(call.shape) for call in turn.calls)


def _conflict(calls: Sequence[TimedCall], others: Sequence[TimedCall]) -> bool:
    return any(call.shape.claims.conflicts_with(other.shape.claims) for call in calls for other in others)


def fan_out_groups(session: TimedSession, knowledge: Knowledge) -> list[list[TimedTurn]]:
    """The session's turns, those together that could have been one fan-out. Turns without calls stand alone."""
    groups: list[list[TimedTurn]] = []
    began = 0
    for place, turn in enumerate(session.turns):
        group = groups[-1] if groups else None
        if (
            group is not None
            and not turn.shape.after_user
            and knowledge.may_move(group[-1])
            and knowledge.may_move(turn)
            and not any(call.shape.failed for call in group[-1].calls)
            and all(knowledge.ready(call.shape) <= began for call in turn.calls)
            and not _conflict(turn.calls, [call for member in group for call in member.calls])
        ):
            group.append(turn)
        else:
            groups.append([turn])
            began = place
    return groups


def extra_calls(group: Sequence[TimedTurn]) -> int:
    """Calls a fan-out makes beyond those recorded: one over a list is over the whole list.

    Counted where two or more calls of the group took their argument from the same list.
    """
    used: dict[tuple[int, str, str], int] = {}
    length: dict[tuple[int, str, str], int] = {}
    for turn in group:
        for call in turn.calls:
            for flow in call.shape.flows:
                if flow.is_exact and flow.siblings > 1:
                    key = (flow.producer, flow.path, call.shape.tool)
                    used[key] = used.get(key, 0) + 1
                    length[key] = flow.siblings
    return sum(max(0, length[key] - count) for key, count in used.items() if count >= 2)


@dataclass(frozen=True, slots=True)
class Node:
    """One turn in the order of its dependencies: `waits_for` are places of earlier turns; `level` from 0."""

    place: int
    turn: TimedTurn
    waits_for: tuple[int, ...]
    level: int
    can_be_planned: bool  # everything it takes from results of its segment is the value of a field


def dependency_order(session: TimedSession, knowledge: Knowledge) -> list[list[Node]]:
    """Per stretch without a word from the user: every turn with the earlier ones it had to wait for."""
    segments: list[list[Node]] = []
    turn_of_call = {call.shape.number: place for place, turn in enumerate(session.turns) for call in turn.calls}
    barrier = 0
    for place, turn in enumerate(session.turns):
        if not segments or turn.shape.after_user:
            segments.append([])
            barrier = place
        segment = segments[-1]
        waits: set[int] = set()
        after_error = place > barrier and any(call.shape.failed for call in session.turns[place - 1].calls)
        can_be_planned = knowledge.may_move(turn) and not after_error
        if not can_be_planned:
            waits = {node.place for node in segment}
            barrier = place
        else:
            if place > barrier:
                # Nothing moves across a write, free text or an answer: the node that did so is waited for.
                first = segment[barrier - segment[0].place]
                if not knowledge.may_move(first.turn):
                    waits.add(barrier)
            for call in turn.calls:
                waits |= {turn_of_call[flow.producer] for flow in call.shape.flows}
                weak = [link for link in call.shape.weak if knowledge.is_systematic(link)]
                waits |= {link.since - 1 for link in weak}
                if weak or not all(flow.is_exact for flow in call.shape.flows):
                    can_be_planned = False
            waits |= {node.place for node in segment if _conflict(turn.calls, node.turn.calls)}
            waits = {earlier for earlier in waits if segment and segment[0].place <= earlier < place}
        levels = {node.place: node.level for node in segment}
        level = 1 + max((levels[earlier] for earlier in waits), default=-1)
        segment.append(Node(place, turn, tuple(sorted(waits)), level, can_be_planned))
    return segments


def critical_path_s(segments: Sequence[Sequence[Node]]) -> float:
    """Seconds of tool time that no order of the calls can avoid."""
    return sum(_longest(segment, lambda node: 0.0) for segment in segments)


def graph_s(segments: Sequence[Sequence[Node]]) -> float:
    """Seconds if every call began as soon as what it waits for was there, the model thinking once a level."""
    total = 0.0
    for segment in segments:
        thinking: dict[int, float] = {}
        for node in segment:
            thinking.setdefault(node.level, node.turn.llm_s)
        total += _longest(segment, lambda node, thinking=thinking: thinking[node.level])  # type: ignore[misc]
    return total


def planned_s(segments: Sequence[Sequence[Node]]) -> tuple[float, int]:
    """Seconds and model turns if the model also planned ahead, with placeholders for values to come."""
    total, turns = 0.0, 0
    for segment in segments:
        asked = {node.level for node in segment if not (node.can_be_planned and node.waits_for)}
        thinking: dict[int, float] = {}
        for node in segment:
            if not (node.can_be_planned and node.waits_for):
                thinking.setdefault(node.level, node.turn.llm_s)

        def think(node: Node, thinking: dict[int, float] = thinking) -> float:
            return 0.0 if node.can_be_planned and node.waits_for else thinking[node.level]

        total += _longest(segment, think)
        turns += len(asked)
    return total, turns


def level_count(segments: Sequence[Sequence[Node]]) -> int:
    """Model turns if independent turns were one."""
    return sum(len({node.level for node in segment}) for segment in segments)


def _longest(segment: Sequence[Node], think: Callable[[Node], float]) -> float:
    ends: dict[int, float] = {}
    for node in segment:
        began = max((ends[earlier] for earlier in node.waits_for), default=0.0)
        ends[node.place] = began + think(node) + span(node.turn.calls)
    return max(ends.values(), default=0.0)
