"""What Tournament and Mixture share: components, the record of how they did, and how the two are learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from predictors.calibration import Calibrator
from predictors.modelfile import from_envelope, to_envelope
from predictors.recent import call_key
from predictors.registry import Model, predictor_class
from predictors.track import Track
from speculate.calls import ToolCall
from speculate.history import History, ResultSeen, UserText
from speculate.prediction import Prediction, Predictor
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession, moments
from speculate.training.outlook import Outlook
from speculate.training.scoring import resolve

DEFAULT_COMPONENTS = ("pattern", "markov", "repeat")
_WIDTH = 16  # guesses every component is asked for, whatever the limit: the best of all come first
_MAX_PENDING = 1024  # sessions whose latest moment may still be growing

Forecast = dict[str, Prediction]  # by the key of the call


@dataclass(slots=True)
class _Moment:
    """A moment whose turn may go on: what was forecast, and which calls were made of it so far."""

    length: int
    forecasts: list[Forecast]
    said: list[tuple[str, Prediction]]
    made: dict[str, str] = field(default_factory=dict)  # key -> tool


class Composition(ABC):
    """A predictor made of predictors. Its probabilities are recalibrated on what came true.

    Every call that is observed teaches three things: the components, which of them to trust for which tool
    (`Track`), and what the combined probabilities mean (`Calibrator`). Components are judged by what they said
    before they saw the call. Identity is canonical JSON without a manifest's normalisation.
    """

    KIND: ClassVar[str]
    COMPOSED: ClassVar[bool] = True  # its document holds other models' documents

    def __init__(self, components: Sequence[Predictor | str] = DEFAULT_COMPONENTS, half_life: float = 200.0) -> None:
        self.components: list[Predictor] = [
            predictor_class(each)() if isinstance(each, str) else each for each in components
        ]
        if not self.components:
            raise ValueError("a composition needs at least one predictor")
        self.track = Track(len(self.components), half_life)
        self.calibrator = Calibrator(10 * half_life)
        self.use_calibrator = Calibrator(10 * half_life)  # of p_use; only training sees what a session goes on to do
        self._pending: dict[str, _Moment] = {}

    @abstractmethod
    def _combine(self, forecasts: Sequence[Forecast]) -> list[Prediction]:
        """One list of all components' guesses, each call once, before recalibration."""

    def warm(self) -> None:
        """Warm every component that can be."""
        for component in self.components:
            if (warm := getattr(component, "warm", None)) is not None:
                warm()

    def introduce(self, tools: Mapping[str, Mapping[str, bool]]) -> None:
        """Tell every component that listens what arguments tools take."""
        for component in self.components:
            if (introduce := getattr(component, "introduce", None)) is not None:
                introduce(tools)

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        """The combined and recalibrated guesses, best `p_next` first."""
        guesses = []
        for guess in self._combine(self._forecasts(history)):
            p_next = self.calibrator.corrected(guess.p_next)
            p_use = self.use_calibrator.corrected(guess.p_use)
            guesses.append(replace(guess, p_next=p_next, p_use=max(p_next, p_use)))
        guesses.sort(key=lambda guess: -guess.p_next)
        return guesses[: max(0, limit)]

    def _forecasts(self, history: History) -> list[Forecast]:
        forecasts = []
        for component in self.components:
            forecast: Forecast = {}
            for guess in component.predict(history, _WIDTH):
                key = call_key(guess.tool, guess.arguments)
                if key is not None:
                    forecast.setdefault(key, guess)
            forecasts.append(forecast)
        return forecasts

    def observe(self, history: History, call: ToolCall) -> None:
        """Learn from a real call. Calls of one turn belong to one moment, which is judged when the next one comes."""
        moment = self._pending.pop(history.session, None)
        if moment is None or not _is_same_moment(history, moment.length):
            if moment is not None:
                self._judge(moment)
            moment = self._moment(history)
        key = call_key(call.tool, call.arguments)
        if key is not None:
            moment.made[key] = call.tool
        self._pending[history.session] = moment
        if len(self._pending) > _MAX_PENDING:
            self._judge(self._pending.pop(next(iter(self._pending))))
        for component in self.components:
            component.observe(history, call)

    def _moment(self, history: History) -> _Moment:
        forecasts = self._forecasts(history)
        said = [(str(call_key(guess.tool, guess.arguments)), guess) for guess in self._combine(forecasts)]
        return _Moment(len(history), forecasts, said)

    def _judge(self, moment: _Moment) -> None:
        questions: dict[str, dict[str, None]] = {}  # tool -> keys, in a fixed order
        for forecast in moment.forecasts:
            for key, guess in forecast.items():
                questions.setdefault(guess.tool, {})[key] = None
        for key, tool in moment.made.items():
            questions.setdefault(tool, {})[key] = None
        for tool, keys in questions.items():
            losses = []
            for forecast in moment.forecasts:
                said = ((forecast[key].p_next if key in forecast else 0.0, key in moment.made) for key in keys)
                losses.append(sum((p - happened) ** 2 for p, happened in said))
            self.track.learn(tool, losses)
        for key, guess in moment.said:
            self.calibrator.learn(guess.p_next, key in moment.made)

    @classmethod
    def train(
        cls,
        sessions: Iterable[RecordedSession],
        specs: Mapping[str, ToolSpec],
        components: Sequence[str] = DEFAULT_COMPONENTS,
        **settings: Any,
    ) -> Self:
        """Train components by name, and whom to trust on sessions they had not seen.

        Each half of the sessions is judged by components trained on the other half (two-fold cross-fitting); the
        components that are kept are trained on all. So, unlike its components, a composition does not add up.
        """
        runs = list(sessions)
        model = cls([_train(name, runs, specs) for name in components], **settings)
        for seen, unseen in ((runs[::2], runs[1::2]), (runs[1::2], runs[::2])):
            judge = cls([_train(name, seen, specs) for name in components], **settings)
            judge.track, judge.calibrator = model.track, model.calibrator
            for session in unseen:
                outlook = Outlook(session, specs)
                for index, (history, turn) in enumerate(moments(session)):
                    moment = judge._moment(history)
                    for _, guess in moment.said:
                        used = outlook.next_use(resolve(guess.tool, guess.arguments, specs), index) is not None
                        model.use_calibrator.learn(guess.p_use, used)
                    for call in turn.calls:
                        key = call_key(call.tool, call.args)
                        if key is not None:
                            moment.made[key] = call.tool
                    judge._judge(moment)
        return model

    def explain(self) -> list[str]:
        """Whom it trusts for which tool, then what each component that can say has learned."""
        names = [str(getattr(each, "KIND", type(each).__name__)) for each in self.components]
        lines = self.track.explain(names)
        for name, component in zip(names, self.components, strict=True):
            explain = getattr(component, "explain", None)
            lines += [f"{name}: {line}" for line in explain()] if callable(explain) else []
        return lines

    def to_document(self) -> dict[str, Any]:
        """Raises ModelFileError if a component cannot be kept."""
        return {
            "components": [to_envelope(component) for component in self.components],
            "track": self.track.to_document(),
            "calibration": self.calibrator.to_document(),
            "use_calibration": self.use_calibrator.to_document(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any], also: Iterable[type[Model]] = ()) -> Self:
        own = tuple(also)
        model = cls([from_envelope(each, also=own) for each in document["components"]])
        model.track = Track.from_document(document["track"], len(model.components))
        model.calibrator = Calibrator.from_document(document["calibration"])
        model.use_calibrator = Calibrator.from_document(document["use_calibration"])
        return model

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {', '.join(map(repr, self.components))}>"


def _train(name: str, runs: Sequence[RecordedSession], specs: Mapping[str, ToolSpec]) -> Predictor:
    found: Any = predictor_class(name)
    train: Callable[..., Predictor] | None = getattr(found, "train", None)
    made: Predictor = found() if train is None else train(runs, specs)
    return made


def _is_same_moment(history: History, length: int) -> bool:
    """Whether all that happened since is the same turn going on: nothing came back, and nobody spoke."""
    if len(history) < length:
        return False
    return not any(type(event) in (ResultSeen, UserText) for event in history.events[length:])
