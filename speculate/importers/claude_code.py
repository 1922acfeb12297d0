"""Claude Code's session files: JSON Lines under ~/.claude/projects.

The format is undocumented and grows; unknown types are passed over. Its lines form a graph (`parentUuid`): calls of
one message are lines of their own with the same message id, their results are children of each, a user who goes back
begins a new branch. What is converted is what happened, in the order of the file: a branch that was left is a part of
the run as it was. Sub-agents (side chains) are sessions of their own. A tool's time is recorded only by some tools;
otherwise the time from call to result, which may hold a person's approval, is in the records' `at`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from speculate.importers.anthropic_messages import blocks_of, result_of
from speculate.importers.documents import Item, Report
from speculate.importers.fields import required_text
from speculate.importers.messages import text_of
from speculate.importers.spans import arguments_of
from speculate.importers.times import from_iso
from speculate.trace.records import CallIssued, Record, ResultArrived, SessionEnded, SessionStarted, TurnTaken, UserSaid

REMEMBERED_LINES = 100_000
OPEN_LANES = 1_000


@dataclass(slots=True)
class _Lane:
    """One session being converted: the main chain, or one side chain."""

    id: str
    began: float | None
    is_open: bool = False
    before: list[Record] = field(default_factory=list)  # what users said before the model is known
    turn: int = -1
    message: str | None = None  # the id of the message whose lines are coming in
    unwritten: TurnTaken | None = None
    calls: list[CallIssued] = field(default_factory=list)
    asked: float | None = None  # when the model was last asked
    last: float | None = None
    waiting: set[str] = field(default_factory=set)

    def since(self, at: float | None) -> float | None:
        return None if at is None or self.began is None else round(at - self.began, 6)


class ClaudeCodeImporter:
    name = "claude-code"
    title = "Claude Code session files"

    def recognizes(self, item: Item) -> bool:
        value = item.value
        return (
            type(value) is dict
            and value.get("type") in ("user", "assistant")
            and type(value.get("sessionId")) is str
            and type(value.get("message")) is dict
        )

    def convert(self, items: Iterable[Item], name: str, report: Report) -> Iterator[Record]:
        lanes: OrderedDict[str, _Lane] = OrderedDict()
        roots: OrderedDict[str, str] = OrderedDict()  # of side chains: line to the chain's first line
        seen: OrderedDict[str, None] = OrderedDict()
        for item in items:
            row = item.value
            if type(row) is not dict or type(row.get("type")) is not str:
                report("no session line: an object with a type expected", item.line)
                continue
            if row["type"] not in ("user", "assistant"):
                continue
            uuid = row.get("uuid")
            if type(uuid) is str:
                if uuid in seen:  # a resumed session repeats what went before
                    continue
                seen[uuid] = None
                if len(seen) > REMEMBERED_LINES:
                    seen.popitem(last=False)
            try:
                lane_id = _lane_of(row, roots)
                lane = lanes.get(lane_id)
                if lane is None:
                    lane = lanes[lane_id] = _Lane(lane_id, from_iso(row.get("timestamp")))
                lanes.move_to_end(lane_id)
                yield from _line(lane, row)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                report(f"a broken {row['type']} line: {error!r}", item.line)
            if len(lanes) > OPEN_LANES:
                yield from _end(lanes.popitem(last=False)[1])
        for lane in lanes.values():
            yield from _end(lane)


def _lane_of(row: dict[str, Any], roots: OrderedDict[str, str]) -> str:
    session = row["sessionId"]
    if type(session) is not str:
        raise TypeError("sessionId is no text")
    if type(row.get("agentId")) is str:
        return f"{session}/{row['agentId']}"
    if not row.get("isSidechain"):
        return session
    root = roots.get(row.get("parentUuid") or "", row["uuid"])
    roots[row["uuid"]] = root
    if len(roots) > REMEMBERED_LINES:
        roots.popitem(last=False)
    return f"{session}/{root}"


def _line(lane: _Lane, row: dict[str, Any]) -> Iterator[Record]:
    message = row["message"]
    at = from_iso(row.get("timestamp"))
    if at is not None:
        lane.last = at if lane.last is None else max(lane.last, at)
    if row["type"] == "assistant":
        yield from _assistant(lane, message, at)
        return
    yield from _flush(lane)
    for block in blocks_of(message):
        if block.get("type") == "tool_result":
            id = required_text(block, "tool_use_id")
            lane.waiting.remove(id)
            result = result_of(block.get("content"))
            yield ResultArrived(lane.id, id, lane.since(at), _tool_seconds(row), not block.get("is_error"), result)
            lane.asked = at
    text = text_of(blocks_of(message))
    if text is not None and not row.get("isMeta") and not row.get("isCompactSummary"):
        said = UserSaid(lane.id, text, lane.since(at))
        if lane.is_open:
            yield said
        else:
            lane.before.append(said)
        lane.asked = at
        lane.message = None


def _assistant(lane: _Lane, message: dict[str, Any], at: float | None) -> Iterator[Record]:
    if not lane.is_open:
        yield from _open(lane, message.get("model"))
    id = message.get("id")
    if lane.message is None or id != lane.message:
        yield from _flush(lane)
        lane.turn += 1
        lane.message = id if type(id) is str else None
        lane.unwritten = TurnTaken(lane.id, lane.turn, lane.since(lane.asked))
    if lane.unwritten is not None:  # else results of its first calls came in between: the turn is written
        usage = message.get("usage") or {}
        text = text_of(blocks_of(message))
        said = [part for part in (lane.unwritten.text, text) if part]
        asked, took = lane.asked, None
        if asked is not None and at is not None:
            took = max(round(at - asked, 6), 0.0)
        lane.unwritten = TurnTaken(
            lane.id, lane.turn, lane.since(asked), took, "\n".join(said) or None,
            _tokens(usage, "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"),
            _tokens(usage, "output_tokens"),
        )  # fmt: skip
    for block in blocks_of(message):
        if block.get("type") == "tool_use":
            id, tool = required_text(block, "id"), required_text(block, "name")
            lane.waiting.add(id)
            arguments = arguments_of(block.get("input"))
            call = CallIssued(lane.id, lane.turn, id, tool, arguments, lane.since(at))
            if lane.unwritten is not None:
                lane.calls.append(call)
            else:
                yield call


def _open(lane: _Lane, model: Any) -> Iterator[Record]:
    lane.is_open = True
    task = next((record.text for record in lane.before if isinstance(record, UserSaid)), None)
    at = None if lane.began is None else 0.0
    yield SessionStarted(lane.id, at, task, model if type(model) is str else None)
    yield from lane.before
    lane.before = []


def _flush(lane: _Lane) -> Iterator[Record]:
    if lane.unwritten is not None:
        yield lane.unwritten
        yield from lane.calls
        lane.unwritten, lane.calls = None, []


def _end(lane: _Lane) -> Iterator[Record]:
    if not lane.is_open:
        yield from _open(lane, None)
    yield from _flush(lane)
    yield SessionEnded(lane.id, lane.since(lane.last))


def _tokens(usage: dict[str, Any], *names: str) -> int | None:
    counts = [usage[name] for name in names if type(usage.get(name)) is int and usage[name] >= 0]
    return sum(counts) if counts else None


def _tool_seconds(row: dict[str, Any]) -> float | None:
    """What some tools record of themselves."""
    result = row.get("toolUseResult")
    if type(result) is not dict:
        return None
    for name, unit in (("durationMs", 1e-3), ("totalDurationMs", 1e-3), ("durationSeconds", 1.0)):
        value = result.get(name)
        if isinstance(value, (int, float)) and 0 <= value < 1e12:
            return float(value * unit)
    return None
