"""What a call tells: where its arguments came from, which list it went through, what was made of it before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from predictors.pattern.nesting import RAW
from predictors.pattern.pools import AGAIN, STALE
from predictors.pattern.text import is_identifier_path, is_spoken
from speculate.identity import canonical_json

if TYPE_CHECKING:
    from predictors.pattern.indexing import Indexed
    from predictors.pattern.state import State

MAX_ARGUMENTS = 64
MAX_DONE = 12  # tools named in a context
MAX_LOCAL = 256
MAX_RECENT = 32  # calls of one tool, whose arguments are looked at together
MAX_EXPLAINED = 72  # pools looked at for one call
MAX_USED = 4_000
SCALARS = (str, int, float)


def note_call(state: State, event: Indexed) -> None:
    """Take in a call."""
    tool, arguments = event.tool, event.arguments
    if RAW in arguments:  # no arguments at all: nothing to learn from or to repeat
        state.calls.append((tool, {}))
        return
    used = state.used.setdefault(tool, {})
    if not state.is_counted:
        _note_habits(state, tool, arguments)
    _note_feed(state, tool, arguments)
    for value in arguments.values():
        if type(value) in SCALARS and len(used) < MAX_USED:
            used[value] = state.count - 1
            state.spent.add(value)
    state.calls.append((tool, arguments))
    recent = state.recent.setdefault(tool, [])
    recent.append(arguments)
    if len(recent) > MAX_RECENT:
        del recent[0]
    count = state.tools[tool] = state.tools.get(tool, 0) + 1
    if count == 1:
        state.done = ",".join(sorted(state.tools)[:MAX_DONE])


def _note_habits(state: State, tool: str, arguments: Mapping[str, Any]) -> None:
    """Remember what only guesses rest on: where the arguments came from, what the call followed, that it was made."""
    _note_sources(state, tool, arguments)
    before = state.signatures[-1] if state.signatures else "^"
    followers = state.follow.setdefault(before, {})
    followers[tool] = followers.get(tool, 0) + 1
    if len(state.made) < MAX_USED:
        key = made_key(tool, arguments)
        if key is not None:
            state.made.add(key)


def _note_sources(state: State, tool: str, arguments: Mapping[str, Any]) -> None:
    """Remember where the arguments came from."""
    local = state.local.setdefault(tool, {})
    looked_at = 0
    for name, value in arguments.items():
        if len(local) >= MAX_ARGUMENTS and name not in local:
            continue
        counts = local.setdefault(name, {})
        if type(value) not in SCALARS or value not in state.where:
            continue
        looked_at += len(state.where[value])
        if looked_at > MAX_EXPLAINED:
            continue
        for path, slot in explain(state, tool, value):
            counts[path, slot] = counts.get((path, slot), 0) + 1
    if len(arguments) > 1:
        scalars = {name: value for name, value in arguments.items() if type(value) in SCALARS}
        joint = state.joint.setdefault(tool, {})
        for rule in state.records.explain(scalars):
            if len(joint) < MAX_LOCAL or rule in joint:
                joint[rule] = joint.get(rule, 0) + 1


def _note_feed(state: State, tool: str, arguments: Mapping[str, Any]) -> None:
    """Remember the longest list this call took an argument from."""
    best: tuple[int, str] = (1, "")
    for value in arguments.values():
        if type(value) is str or type(value) is int:
            for path in state.where.get(value, ()):
                if is_spoken(path) and not is_identifier_path(path):
                    continue
                size = len(state.pools[path].segments[-1].values)
                if size > best[0]:
                    best = (size, path)
    if best[1]:
        state.feed[tool] = best[1]
    else:
        state.feed.pop(tool, None)


def explain(state: State, tool: str, value: Any) -> list[tuple[str, int]]:
    """(path, slot) of every pool that offers this value."""
    kind = type(value)
    if kind is not str and kind is not int and kind is not float:
        return []
    used, at = state.used.get(tool) or {}, state.latest.get(tool, -1)
    pools, boundary = state.pools, state.boundary
    out: list[tuple[str, int]] = []
    for path in state.where.get(value, ()):
        pool = pools[path]
        segments = pool.segments
        if len(segments) == 1 == len(segments[0].values):  # most of them
            segment = segments[0]
            if segment.values[0] == value and type(segment.values[0]) is kind:
                out.append((path, (AGAIN if value in used else 0) + (STALE if segment.event < boundary else 0)))
            continue
        for slot, offered, _, _ in pool.slots(used, state, True, at):
            if offered == value and type(offered) is kind:
                out.append((path, slot))
                break
    return out


def remaining(state: State) -> str:
    """How many elements are left of the list the last call took its argument from."""
    if not state.calls:
        return ""
    tool = state.calls[-1][0]
    path = state.feed.get(tool)
    if path is None:
        return "-"
    used = state.used[tool]
    left = 0
    for value in state.pools[path].segments[-1].values:
        if value not in used:
            left += 1
            if left > 1:
                return "2"
    return "1" if left else "0"


def made_key(tool: str, arguments: Mapping[str, Any]) -> Any:
    """The call's key in `State.made`; None if it holds a container: that may be large, and is not looked for."""
    try:  # `suppress` takes ten times as long
        return (tool, frozenset(arguments.items()))
    except TypeError:
        return None


def call_key(tool: str, arguments: Mapping[str, Any]) -> Any:
    """A key for comparing calls of one session; None if an argument is no JSON value."""
    for value in arguments.values():
        if type(value) not in SCALARS:
            text = canonical_json(dict(arguments))
            return None if text is None else (tool, text)
    return (tool, frozenset(arguments.items()))
