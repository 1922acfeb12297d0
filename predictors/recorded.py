"""Recorded drafts: guesses that somebody else made and logged, played back at the turns they were made for.

JSON Lines (plain or gzipped), one moment a line; the reference is docs/predictors.md:

    {"session": "s1", "turn": 3, "guesses": [{"tool": "get_order", "args": {"id": "7"}, "p": 0.4}], "latency_s": 5.2}

`turn` is the model's turn that was about to be taken, counted from 0.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from speculate.calls import ToolCall
from speculate.errors import TraceError
from speculate.history import CallMade, History, ModelText
from speculate.identity import is_json
from speculate.prediction import Prediction
from speculate.trace.lines import Source, numbered_lines

DEFAULT_P = 0.3  # of a guess that was logged without a probability: about what language models reach


@dataclass(frozen=True, slots=True)
class RecordedGuesses:
    """What was guessed for one turn, best first, and how many seconds after the model was asked it was there."""

    session: str
    turn: int
    predictions: tuple[Prediction, ...]
    latency_s: float = 0.0


def _number(value: Any, name: str, high: float = math.inf) -> float:
    if type(value) not in (int, float) or not 0 <= value <= high or value == math.inf:
        raise ValueError(
            f'"{name}" must be a number from 0{"" if high == math.inf else f" to {high:g}"}, not {value!r}'
        )
    return float(value)


def _guess(row: Any, default_p: float, source: str) -> Prediction:
    if not isinstance(row, dict) or not isinstance(row.get("tool"), str) or not row["tool"]:
        raise ValueError('a guess needs a "tool"')
    arguments = row.get("args", {})
    if not isinstance(arguments, dict) or not is_json(arguments):
        raise ValueError(f'the "args" of a guess of {row["tool"]} must be an object of JSON values')
    p_next = _number(row["p"], "p", 1.0) if row.get("p") is not None else default_p
    p_use = _number(row["p_use"], "p_use", 1.0) if row.get("p_use") is not None else p_next
    return Prediction(row["tool"], arguments, p_next, max(p_next, p_use), {}, source)


def _latency(row: Mapping[str, Any]) -> float:
    if row.get("latency_s") is not None:
        return _number(row["latency_s"], "latency_s")
    if row.get("at") is None:
        return 0.0
    if row.get("asked_at") is None:
        raise ValueError('"at" says when the guess arrived; add "asked_at", when it was asked for, or "latency_s"')
    return max(0.0, _number(row["at"], "at") - _number(row["asked_at"], "asked_at"))


def read_row(row: Any, default_p: float = DEFAULT_P, source: str = "recorded") -> RecordedGuesses:
    """One line of the format. Raises ValueError."""
    if not isinstance(row, dict):
        raise ValueError("a line must be a JSON object")
    session, turn, guesses = row.get("session"), row.get("turn"), row.get("guesses")
    if not isinstance(session, str):
        raise ValueError('"session" is missing, or no text')
    if type(turn) is not int or turn < 0:
        raise ValueError('"turn" must be the number of the turn that was guessed, counted from 0')
    if not isinstance(guesses, list):
        raise ValueError('"guesses" must be a list')
    distinct: dict[str, Prediction] = {}
    for each in guesses:
        guess = _guess(each, default_p, source)
        distinct.setdefault(f"{guess.tool} {json.dumps(guess.arguments, sort_keys=True)}", guess)
    ranked = sorted(distinct.values(), key=lambda guess: -guess.p_next)
    return RecordedGuesses(session, turn, tuple(ranked), _latency(row))


def read_drafts(path: str | Path, default_p: float = DEFAULT_P) -> list[RecordedGuesses]:
    """All moments of a file. Raises TraceError naming file and line."""
    found = []
    with Source(path) as source:
        for line in numbered_lines(source):
            try:
                found.append(read_row(json.loads(line.content), default_p))
            except (ValueError, RecursionError) as error:
                problem = f"not JSON: {error}" if isinstance(error, json.JSONDecodeError) else str(error)
                raise TraceError(problem, file=source.name, line=line.number) from error
    return found


def next_turn(history: History) -> int:
    """The number of the turn the model is about to take: one more than the last that said or called anything."""
    for event in reversed(history.events):
        if type(event) in (CallMade, ModelText):
            return history.turn + 1
    return 0


class RecordedDraftPredictor:
    """Says at each moment what was recorded for it, as if it had taken no time. Learns nothing.

    `drafts`: a file, or the moments themselves. Of several for one turn, the last counts.
    """

    KIND: ClassVar[str] = "recorded"

    def __init__(self, drafts: str | Path | Sequence[RecordedGuesses] = ()) -> None:
        moments = read_drafts(drafts) if isinstance(drafts, (str, Path)) else drafts
        self._moments = {(each.session, each.turn): each for each in moments}

    def at(self, history: History) -> RecordedGuesses | None:
        """What was recorded for the turn that comes next."""
        return self._moments.get((history.session, next_turn(history)))

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        """The recorded guesses for the next turn, best first; none where nothing was recorded."""
        found = self.at(history)
        return [] if found is None else list(found.predictions[: max(0, limit)])

    def observe(self, history: History, call: ToolCall) -> None:
        """Nothing is learned: what was recorded stands."""

    def to_document(self) -> dict[str, Any]:
        rows = []
        for session, turn in sorted(self._moments):
            moment = self._moments[session, turn]
            guesses = [
                {"tool": guess.tool, "args": dict(guess.arguments), "p": guess.p_next, "p_use": guess.p_use}
                for guess in moment.predictions
            ]
            rows.append({"session": session, "turn": turn, "guesses": guesses, "latency_s": moment.latency_s})
        return {"drafts": rows}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        return cls([read_row(row) for row in document["drafts"]])

    def __repr__(self) -> str:
        return f"<RecordedDraftPredictor {len(self._moments)} moments>"


class RecordedDrafter:
    """The same as an asynchronous drafter: its guesses arrive after the latency that was recorded with them."""

    name = "recorded"

    def __init__(self, drafts: str | Path | Sequence[RecordedGuesses]) -> None:
        self._predictor = RecordedDraftPredictor(drafts)

    async def draft(self, history: History, limit: int) -> Sequence[Prediction]:
        """The recorded guesses for the next turn, once their recorded latency is over."""
        found = self._predictor.at(history)
        if found is None:
            return []
        await asyncio.sleep(found.latency_s)
        return list(found.predictions[: max(0, limit)])
