"""RepeatPredictor: the session will make one of its last calls again. The static baseline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

from predictors.counts import read_count, read_list
from predictors.recent import call_key, latest_calls
from speculate.calls import ToolCall
from speculate.history import History
from speculate.prediction import ArgumentSource, Prediction
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession, moments
from speculate.training.outlook import Outlook
from speculate.training.scoring import resolve

_PRIOR_MOMENTS = 4.0  # how many moments the untrained guess counts for
_PRIOR_FIRST = 0.2  # untrained: the last call comes again one time in five, each older one half as often


class RepeatPredictor:
    """Predicts the session's `window` latest distinct calls, newest first, with its learned rates of return.

    Of the call at each place (newest, second newest …) it counts how often the next turn made it again
    (`p_next`), and how often any turn did while its result was still fresh (`p_use`). Nothing of any call itself
    is learned, so a model holds no value anybody typed.
    """

    KIND: ClassVar[str] = "repeat"

    def __init__(self, window: int = 8) -> None:
        if type(window) is not int or window < 1:
            raise ValueError(f"window must be a whole number of at least 1, not {window!r}")
        self.window = window
        self._moments = [0] * window  # how often there was a call at this place
        self._next = [0] * window
        self._use = [0] * window

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        """The latest distinct calls, best `p_next` first."""
        guesses = []
        for place, (_, call) in enumerate(latest_calls(history, self.window)):
            p_next = self._rate(self._next, place)
            guesses.append(
                Prediction(
                    call.tool,
                    dict(call.arguments),
                    p_next,
                    max(p_next, self._rate(self._use, place)),
                    {name: ArgumentSource("argument", "the same call again", call.id) for name in call.arguments},
                    self.KIND,
                )
            )
        guesses.sort(key=lambda guess: -guess.p_next)
        return guesses[: max(0, limit)]

    def _rate(self, hits: Sequence[int], place: int) -> float:
        """The posterior mean of a rate under a Beta prior (a moment seen counts one)."""
        prior = _PRIOR_FIRST * 0.5**place
        return (hits[place] + _PRIOR_MOMENTS * prior) / (self._moments[place] + _PRIOR_MOMENTS)

    def observe(self, history: History, call: ToolCall) -> None:
        """Count a real call as one moment. What comes later is not known yet, so a use counts only if it is next."""
        made = call_key(call.tool, call.arguments)
        for place, (key, _) in enumerate(latest_calls(history, self.window)):
            self._moments[place] += 1
            self._next[place] += key == made
            self._use[place] += key == made

    @classmethod
    def train(cls, sessions: Iterable[RecordedSession], specs: Mapping[str, ToolSpec], **settings: Any) -> Self:
        """Count the rates over recorded sessions; turns without calls are moments too."""
        model = cls(**settings)
        for session in sessions:
            outlook = Outlook(session, specs)
            for turn, (history, _) in enumerate(moments(session)):
                for place, (_, call) in enumerate(latest_calls(history, model.window)):
                    used = outlook.next_use(resolve(call.tool, call.arguments, specs), turn)
                    model._moments[place] += 1
                    model._next[place] += used == turn
                    model._use[place] += used is not None
        return model

    def merge(self, other: Self) -> Self:
        """The model trained on the sessions of both. Raises ValueError if their windows differ."""
        if self.window != other.window:
            raise ValueError(f"the windows differ: {self.window} and {other.window}")
        merged = type(self)(self.window)
        for name in ("_moments", "_next", "_use"):
            pairs = zip(getattr(self, name), getattr(other, name), strict=True)
            setattr(merged, name, [one + two for one, two in pairs])
        return merged

    def explain(self) -> list[str]:
        """What was learned, one line a place."""
        return [
            f"call {place + 1} from the end comes again next turn {self._rate(self._next, place):.1%}, while still "
            f"fresh {max(self._rate(self._next, place), self._rate(self._use, place)):.1%} ({seen} moments)"
            for place, seen in enumerate(self._moments)
            if seen
        ]

    def to_document(self) -> dict[str, Any]:
        return {"window": self.window, "moments": self._moments, "next": self._next, "use": self._use}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        model = cls(read_count(document["window"], "window"))
        model._moments = read_list(document["moments"], "moments", model.window)
        model._next = read_list(document["next"], "next", model.window)
        model._use = read_list(document["use"], "use", model.window)
        for place in range(model.window):
            if max(model._next[place], model._use[place]) > model._moments[place]:
                raise ValueError(f"place {place} was hit more often than it was seen")
        return model

    def __repr__(self) -> str:
        return f"<RepeatPredictor window={self.window}, {self._moments[0]} moments>"
