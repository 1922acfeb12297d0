"""A few sessions as they ran and as they would have run, to be drawn: when the model thought, what ran meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from speculate.audit.speculation import Arms, Measured
from speculate.audit.timing import TimedSession, TimedTurn, span
from speculate.notices import LaunchRetired
from speculate.replay import SessionRun

DECIMALS = 3
MAX_TURNS = 60  # a drawing of more could not be read


@dataclass(frozen=True, slots=True)
class Chosen:
    """A session to draw, and why."""

    place: int
    why: str


def choose(measured: Measured, sessions: Sequence[TimedSession], draw: Sequence[str] = ()) -> list[Chosen]:
    """The sessions asked for, or those that gained most, in the middle and least, by share of their time."""
    asked = [
        Chosen(place, "asked for")
        for place, session in enumerate(sessions)
        if session.id in draw and any(turn.calls for turn in session.turns)
    ]
    if asked:
        return asked
    ranked = sorted(
        (
            (1 - times.speculative_s / times.off_s, place)
            for place, times in enumerate(measured.sessions)
            if times.off_s > 0
            and len(sessions[place].turns) <= MAX_TURNS
            and any(t.calls for t in sessions[place].turns)
        ),
        reverse=True,
    )
    if not ranked:
        return []
    chosen = [Chosen(ranked[0][1], "gained most"), Chosen(ranked[len(ranked) // 2][1], "in the middle")]
    chosen.append(Chosen(ranked[-1][1], "gained least"))
    seen: set[int] = set()
    return [one for one in chosen if not (one.place in seen or seen.add(one.place))]  # type: ignore[func-returns-value]


def _r(seconds: float) -> float:
    return round(seconds, DECIMALS) + 0.0


def _run(session: TimedSession, run: SessionRun) -> dict[str, Any]:
    """One arm's lanes: turns of the model, and the real calls with how each was served."""
    waits, served = iter(run.waits), iter(run.served)
    turns, calls = [], []
    for turn, times in zip(session.turns, run.turns, strict=True):
        turns.append({"start_s": _r(times.began_s), "end_s": _r(times.made_s)})
        calls += [
            {
                "tool": call.shape.tool,
                "start_s": _r(times.made_s),
                "end_s": _r(times.made_s + next(waits)),
                "tool_s": _r(call.seconds),
                "served": next(served).value,
            }
            for call in turn.calls
        ]
    return {"seconds": _r(run.seconds), "turns": turns, "calls": calls}


def _launch(retired: LaunchRetired, began_at: float) -> dict[str, Any]:
    start = retired.launched_at - began_at
    end = retired.at - began_at if retired.ran_s is None else start + retired.ran_s
    return {
        "tool": retired.tool,
        "start_s": _r(start),
        "end_s": _r(end),
        "outcome": retired.outcome,
        "reason": retired.reason,
        "hidden_s": _r(retired.hidden_s),
    }


def one_by_one(session: TimedSession) -> dict[str, Any]:
    """The session with every call alone, one after the other."""
    now, turns, calls = 0.0, [], []
    for turn in session.turns:
        turns.append({"start_s": _r(now), "end_s": _r(now + turn.llm_s)})
        now += turn.llm_s
        for call in turn.calls:
            calls.append(_call(call.shape.tool, now, call.seconds))
            now += call.seconds
    return {"seconds": _r(now), "turns": turns, "calls": calls}


def fanned_out(groups: Sequence[Sequence[TimedTurn]]) -> dict[str, Any]:
    """The session with calls that nothing kept apart made together."""
    now, turns, calls = 0.0, [], []
    for group in groups:
        turns.append({"start_s": _r(now), "end_s": _r(now + group[0].llm_s)})
        now += group[0].llm_s
        members = [call for turn in group for call in turn.calls]
        for position, call in enumerate(members):
            ends = span(members[: position + 1]) if any(
                call.shape.claims.conflicts_with(earlier.shape.claims) for earlier in members[:position]
            ) else call.seconds  # fmt: skip
            calls.append(_call(call.shape.tool, now + max(0.0, ends - call.seconds), call.seconds))
        now += span(members)
    return {"seconds": _r(now), "turns": turns, "calls": calls}


def _call(tool: str, start_s: float, seconds: float) -> dict[str, Any]:
    return {
        "tool": tool,
        "start_s": _r(start_s),
        "end_s": _r(start_s + seconds),
        "tool_s": _r(seconds),
        "served": "ran",
    }


def speculative(session: TimedSession, arms: Arms) -> dict[str, Any]:
    """The session with speculation: the model, the real calls, and what was started early."""
    run = arms.speculative.sessions[arms.place]
    launches = [_launch(retired, run.began_at) for retired in arms.speculative.retired if retired.session == run.id]
    return {**_run(session, run), "launches": sorted(launches, key=lambda launch: (launch["start_s"], launch["tool"]))}
