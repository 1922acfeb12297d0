"""The predictors of a replay's arms: the one under test, frozen; all-wrong; oracle; foresight.

The last three are controls and limits. They know the recorded run, which no predictor does: an arm that saves more
than the oracle has fetched results turns ahead, and none can save more than foresight.
"""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from speculate.calls import ToolCall
from speculate.history import CallMade, Event, History, ModelText, ResultSeen, UserText
from speculate.prediction import ArgumentSource, Prediction, Predictor
from speculate.replay.judgement import overlap
from speculate.replay.script import ScriptedCall, SessionScript
from speculate.replay.world import SessionState
from speculate.spec import ToolSpec

NEVER_AN_ARGUMENT = "speculate_replay_never_made"


@dataclass(slots=True)
class _Place:
    """How far into a history its state is known. None: it holds something that cannot be told from other things."""

    seen: int
    state: int | None

    def fork(self) -> _Place:
        return _Place(self.seen, self.state)


class Recalled:
    """A predictor whose learning stays frozen, and that answers the same question once.

    Predictors are pure, so what one said in one state of a recorded session it says in every arm. `seconds` lists
    what its own answers took on `clock`.
    """

    def __init__(self, predictor: Predictor, scripts: Sequence[SessionScript], clock: Callable[[], float]) -> None:
        self._predictor, self._clock = predictor, clock
        self.seconds: list[float] = []
        self.spent_s = 0.0
        self._scripts: dict[str, tuple[str, Mapping[str, ScriptedCall]]] = {}
        self.know(scripts)
        self._next_state = 1
        self._states: dict[tuple[int, tuple[str, ...]], int] = {}  # a trie of the events so far
        self._answers: dict[tuple[int, int], Sequence[Prediction]] = {}

    def know(self, scripts: Sequence[SessionScript]) -> None:
        """These sessions will be played too."""
        for script in scripts:
            self._scripts[script.id] = (script.recorded_id, {call.call.id or "": call for call in script.calls})

    def warm(self) -> None:
        _warm(self._predictor)

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        state = self._state(history)
        if state is None:
            return self._ask(history, limit)
        known = self._answers.get((state, limit))
        if known is None:
            known = self._answers[state, limit] = self._ask(history, limit)
        return known

    def observe(self, history: History, call: ToolCall) -> None:
        """Learns nothing."""

    def _ask(self, history: History, limit: int) -> Sequence[Prediction]:
        began = self._clock()
        answer = self._predictor.predict(history, limit)
        taken = self._clock() - began
        self.seconds.append(taken)
        self.spent_s += taken
        return answer

    def _state(self, history: History) -> int | None:
        """The number of the state this history is in, None if it cannot be told."""
        recorded_id, recorded = self._scripts.get(history.session, (history.session, {}))
        place = history.memo.get(self)
        if place is None:
            place = history.memo[self] = _Place(0, self._step(0, ("session", recorded_id)))
        events = history.events
        while place.state is not None and place.seen < len(events):
            tag = _tag(events[place.seen], recorded)
            place.state = None if tag is None else self._step(place.state, tag)
            place.seen += 1
        return place.state

    def _step(self, state: int, tag: tuple[str, ...]) -> int:
        following = self._states.get((state, tag))
        if following is None:
            following = self._states[state, tag] = self._next_state
            self._next_state += 1
        return following


def _tag(event: Event, recorded: Mapping[str, ScriptedCall]) -> tuple[str, ...] | None:
    """What tells this event from any other in its place of the session; None if nothing does.

    A recorded event is told by its id. One of a guess, whose id is new every time, by its content.
    """
    content: tuple[Any, ...]
    match event:
        case UserText():
            return ("user",)
        case ModelText():
            return ("model",)
        case CallMade():
            call = recorded.get(event.id)
            if call is not None and call.call.tool == event.tool:
                return "call", event.id
            content = (event.tool, event.turn, event.arguments)
        case ResultSeen():
            if event.id in recorded:
                return "result", event.id
            content = (event.tool, event.ok, event.raised, event.value)
    try:
        text = json.dumps(content)
    except (TypeError, ValueError, RecursionError):
        return None
    return "guess", type(event).__name__, blake2b(text.encode(), digest_size=16).hexdigest()


class Timed:
    """A predictor that goes on learning from the test runs (`--online`), timed."""

    def __init__(self, predictor: Predictor, clock: Callable[[], float]) -> None:
        self._predictor, self._clock = predictor, clock
        self.seconds: list[float] = []
        self.spent_s = 0.0

    def warm(self) -> None:
        _warm(self._predictor)

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        began = self._clock()
        answer = self._predictor.predict(history, limit)
        taken = self._clock() - began
        self.seconds.append(taken)
        self.spent_s += taken
        return answer

    def observe(self, history: History, call: ToolCall) -> None:
        self._predictor.observe(history, call)


def _warm(predictor: Predictor) -> None:
    """As a runtime has it do when it is made, and before anything is timed."""
    warm = getattr(predictor, "warm", None)
    if callable(warm):
        warm()


class AllWrong:
    """Says what another predictor says, with the same confidence, of calls that are never made.

    Each gets one argument more, which no tool has. Its value is one the call has already, and comes from where that
    came from, so that what the call reads, where it may be sent and how it is priced do not change.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        return [_wrong(prediction) for prediction in self._predictor.predict(history, limit)]

    def observe(self, history: History, call: ToolCall) -> None:
        self._predictor.observe(history, call)


def _wrong(prediction: Prediction) -> Prediction:
    name = next(iter(prediction.arguments), None)
    value = "" if name is None else prediction.arguments[name]
    source = prediction.sources.get(name) if name is not None else None
    sources = dict(prediction.sources)
    if source is not None or len(sources) == len(prediction.arguments):
        sources[NEVER_AN_ARGUMENT] = source or ArgumentSource("other", "wrong on purpose")
    return replace(prediction, arguments={**prediction.arguments, NEVER_AN_ARGUMENT: value}, sources=sources)


class Knowing:
    """A predictor that looks into the script. `states` are the sessions under way, by id."""

    def __init__(self) -> None:
        self.states: dict[str, SessionState] = {}

    def enter(self, state: SessionState) -> None:
        """A session began."""
        self.states[state.script.id] = state

    def leave(self, state: SessionState) -> None:
        """A session is over."""
        self.states.pop(state.script.id, None)

    def observe(self, history: History, call: ToolCall) -> None:
        """Knows already."""


class Oracle(Knowing):
    """Knows the calls of the next turn, and nothing beyond."""

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        state = self.states.get(history.session)
        if state is None or state.next_turn >= len(state.script.turns):
            return ()
        calls = state.script.turns[state.next_turn].calls
        return [_certain(call, "oracle") for call in calls if call.speculable][:limit]


@dataclass(frozen=True, slots=True)
class TurnTimes:
    """When a turn's thinking began and when its calls were made, in seconds since the session began."""

    began_s: float
    made_s: float


class Foresight(Knowing):
    """Knows the whole session, and starts each read as early as it stays valid.

    That is once no write is left before it that changes what it reads, and at most its time to live before the
    call. `off` is the schedule without speculation, by session: no other leaves more time between two moments, so
    what is started by it never grows too old.
    """

    def __init__(self, specs: Mapping[str, ToolSpec], off: Mapping[str, Sequence[TurnTimes]]) -> None:
        super().__init__()
        self._specs, self._off = specs, off
        self._horizons: dict[str, _Horizon] = {}

    def enter(self, state: SessionState) -> None:
        super().enter(state)
        self._horizons[state.script.id] = _Horizon(state.script, self._specs, self._off[state.script.id])

    def leave(self, state: SessionState) -> None:
        super().leave(state)
        self._horizons.pop(state.script.id, None)

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        state = self.states.get(history.session)
        if state is None or state.next_turn >= len(state.script.turns):
            return ()
        turns = state.script.turns
        answered = state.next_turn == 0 or _results(history) >= len(turns[state.next_turn - 1].calls)
        calls = self._horizons[history.session].valid(state.next_turn, answered)
        return [_certain(call, "foresight") for call in calls[:limit]]


class _Horizon:
    """Which of one session's calls may be started by now."""

    def __init__(self, script: SessionScript, specs: Mapping[str, ToolSpec], off: Sequence[TurnTimes]) -> None:
        self._script, self._off = script, off
        self._ttl_s = [spec.ttl_s if (spec := specs.get(call.call.tool)) else 0.0 for call in script.calls]
        self._made_before = [0]  # per turn, the calls of all turns before it
        for turn in script.turns:
            self._made_before.append(self._made_before[-1] + len(turn.calls))
        # Calls by how many must have been made before: all up to the last write that changes what they read.
        self._free_after: dict[int, list[int]] = {}
        writes: list[ScriptedCall] = []
        for call in script.calls:
            if call.speculable and call.raised is None and call.tool_s < specs[call.call.tool].timeout_s:
                before = (w.index + 1 for w in reversed(writes) if overlap(call.judged.rests_on, w.judged.writes))
                self._free_after.setdefault(next(before, 0), []).append(call.index)
            if call.judged.writes:
                writes.append(call)
        self._made = -1
        self._free: list[int] = []

    def valid(self, next_turn: int, answered: bool) -> list[ScriptedCall]:
        """The calls from this turn on that may be started, nearest first.

        answered: all calls of the turn before are. While some are out, the moment is taken for that of their being
        made: too early rather than too late.
        """
        made = self._made_before[next_turn]
        for count in range(self._made + 1, made + 1):
            for index in self._free_after.get(count, ()):
                insort(self._free, index)
        self._made = made
        del self._free[: bisect_left(self._free, made)]
        now_s = self._off[next_turn].began_s if answered else self._off[next_turn - 1].made_s
        calls = self._script.calls
        return [calls[i] for i in self._free if self._off[calls[i].turn].made_s - now_s <= self._ttl_s[i]]


def _results(history: History) -> int:
    """How many results there are since the last call was made."""
    count = 0
    for event in reversed(history.events):
        if isinstance(event, CallMade):
            break
        count += isinstance(event, ResultSeen)
    return count


def _certain(call: ScriptedCall, predictor: str) -> Prediction:
    # Where a value came from is not known to those who know the future: the gate judges it by itself.
    sources = {name: ArgumentSource("other", predictor) for name in call.call.arguments}
    return Prediction(call.call.tool, call.call.arguments, 1.0, 1.0, sources, predictor)
