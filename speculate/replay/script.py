"""What each recorded session will do again: every text, call, result and time, fixed before any arm runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from speculate.calls import ToolCall
from speculate.history import snapshot
from speculate.replay.fit import result_size
from speculate.replay.judgement import Judge, JudgedCall
from speculate.replay.latency import LatencyModel, recorded_model_s, recorded_tool_s
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession, RecordedTurn, UserSaid
from speculate.training.scoring import is_speculable, resolve


@dataclass(slots=True, eq=False)
class ScriptedCall:
    """One recorded call and what came of it. `index` counts within the session, in issue order."""

    index: int
    turn: int
    call: ToolCall
    judged: JudgedCall
    speculable: bool
    tool_s: float
    value: Any
    known: bool
    ok: bool
    raised: str | None
    _copy: Any = field(default=None, repr=False)

    @property
    def seen(self) -> Any:
        """The bounded copy of the result that a history keeps; taken once for all arms, never to be changed."""
        if self._copy is None:
            self._copy = snapshot(self.value)
        return self._copy

    def answers_like(self, other: ScriptedCall) -> bool:
        """Whether an agent could not tell the two answers apart."""
        return self is other or (
            self.ok == other.ok
            and self.raised == other.raised
            and self.known == other.known
            and type(self.value) is type(other.value)
            and bool(self.value == other.value)
        )


@dataclass(frozen=True, slots=True)
class UserStep:
    """What the user typed, in no time."""

    text: str


@dataclass(frozen=True, slots=True, eq=False)
class TurnStep:
    """The model thinks for `llm_s` seconds, then says `text` and makes `calls`. `number` counts turns from 0."""

    number: int
    llm_s: float
    text: str | None
    calls: tuple[ScriptedCall, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SessionScript:
    """One session. `id` is unique within the replay; `number` is its place in it.

    `recorded_id`: the same for all rounds of one recorded session, which differ in nothing but drawn times.
    """

    id: str
    recorded_id: str
    number: int
    tenant: str | None
    steps: tuple[UserStep | TurnStep, ...]
    calls: tuple[ScriptedCall, ...]
    turns: tuple[TurnStep, ...]
    modelled: bool

    @property
    def sequential_s(self) -> float:
        """The time it takes with every call alone."""
        return sum(turn.llm_s for turn in self.turns) + sum(call.tool_s for call in self.calls)


def write_scripts(
    sessions: Sequence[RecordedSession], specs: Mapping[str, ToolSpec], latency: LatencyModel, rounds: int = 1
) -> list[SessionScript]:
    """The scripts of these sessions under one manifest; times that were not recorded are drawn.

    rounds: how often each session is to be played, with times of its own where they are drawn.
    """
    judge = Judge(specs)
    seen: Counter[str] = Counter()
    unique: list[tuple[str, RecordedSession]] = []
    for session in sessions:
        seen[session.id] += 1
        repeat = seen[session.id]
        unique.append((session.id if repeat == 1 else f"{session.id}#{repeat}", session))
    return [
        _Writer(
            id if again == 0 else f"{id}~{again + 1}", id, again * len(unique) + place, session, judge, specs, latency
        ).script()
        for again in range(rounds)
        for place, (id, session) in enumerate(unique)
    ]


class _Writer:
    """Walks one session."""

    def __init__(
        self,
        id: str,
        recorded_id: str,
        number: int,
        session: RecordedSession,
        judge: Judge,
        specs: Mapping[str, ToolSpec],
        latency: LatencyModel,
    ) -> None:
        self.id, self.recorded_id, self.number, self.session = id, recorded_id, number, session
        self.judge, self.specs, self.latency = judge, specs, latency
        self.modelled = False
        self.calls: list[ScriptedCall] = []
        self.ids: Counter[str] = Counter()

    def script(self) -> SessionScript:
        steps: list[UserStep | TurnStep] = []
        turns: list[TurnStep] = []
        for step in self.session.steps:
            if isinstance(step, UserSaid):
                steps.append(UserStep(step.text))
            else:
                turn = self._turn(step, len(turns))
                turns.append(turn)
                steps.append(turn)
        return SessionScript(
            id=self.id,
            recorded_id=self.recorded_id,
            number=self.number,
            tenant=self.session.start.tenant,
            steps=tuple(steps),
            calls=tuple(self.calls),
            turns=tuple(turns),
            modelled=self.modelled,
        )

    def _turn(self, turn: RecordedTurn, number: int) -> TurnStep:
        llm_s = recorded_model_s(turn)
        if llm_s is None:
            llm_s = self.latency.model_s(self.id, number)
            self.modelled = True
        calls = tuple(self._call(turn, position, number) for position in range(len(turn.calls)))
        return TurnStep(number, llm_s * self.latency.model_scale, turn.record.text or None, calls)

    def _call(self, turn: RecordedTurn, position: int, number: int) -> ScriptedCall:
        call = turn.calls[position]
        result = turn.results.get(call.id)
        index = len(self.calls)
        tool_s = recorded_tool_s(call, result)
        if tool_s is None:
            known_size = result_size(result.result) if result is not None and result.known and not result.cut else None
            tool_s = self.latency.tool_s(call.tool, self.id, index, known_size)
            self.modelled = True
        self.ids[call.id] += 1
        repeat = self.ids[call.id]
        scripted = ScriptedCall(
            index=index,
            turn=number,
            call=ToolCall(call.tool, call.args, call.id if repeat == 1 else f"{call.id}#{repeat}"),
            judged=self.judge.judge(call.tool, call.args),
            speculable=is_speculable(resolve(call.tool, call.args, self.specs)),
            tool_s=tool_s,
            value=result.result if result is not None else None,
            known=result is not None and result.known,
            ok=result is None or (result.ok and result.raised is None),
            raised=result.raised if result is not None else None,
        )
        self.calls.append(scripted)
        return scripted


@dataclass(frozen=True, slots=True)
class KnownTimes:
    """What a live runtime would have seen of these runs: tools' times, and leads from a prediction to the next call.

    Seconds, oldest first.
    """

    tool_s: Mapping[str, Sequence[float]]
    lead_s: Sequence[float]


def known_times(sessions: Iterable[RecordedSession], latency: LatencyModel) -> KnownTimes:
    """The times of these sessions, those that were not recorded drawn as in a script."""
    tool_s: dict[str, list[float]] = {}
    lead_s: list[float] = []
    for session in sessions:
        lead, index = 0.0, 0
        for number, turn in enumerate(session.turns):
            recorded = recorded_model_s(turn)
            lead += (latency.model_s(session.id, number) if recorded is None else recorded) * latency.model_scale
            for call in turn.calls:
                seconds = recorded_tool_s(call, turn.results.get(call.id))
                if seconds is None:
                    seconds = latency.tool_s(call.tool, session.id, index)
                tool_s.setdefault(call.tool, []).append(seconds)
                index += 1
            if turn.calls:
                lead_s.append(lead)
                lead = 0.0
    return KnownTimes(tool_s, lead_s)
