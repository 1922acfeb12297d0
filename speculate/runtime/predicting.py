"""Asking predictors, and containing those that raise, overrun, or answer nonsense (law L9)."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from numbers import Real
from time import perf_counter
from typing import TYPE_CHECKING, Any

from speculate.calls import ToolCall
from speculate.core.stimuli import Candidate
from speculate.history import History
from speculate.notices import Fault, PredictionsMade
from speculate.prediction import ArgumentSource, Drafter, Prediction, Predictor
from speculate.runtime.tools import arguments_of
from speculate.spec import without_sensitive

if TYPE_CHECKING:
    from speculate.runtime.runtime import Runtime

_log = logging.getLogger(__name__)

REDACTED = "[redacted]"  # what stands in histories and records for a sensitive argument


def is_sound(prediction: Any) -> bool:
    """Whether this is a prediction at all: a named tool, an arguments object, probabilities that are ones."""
    if not isinstance(prediction, Prediction):
        return False
    chances = (prediction.p_next, prediction.p_use)
    if not all(isinstance(chance, Real) for chance in chances):
        return False
    return (
        type(prediction.tool) is str
        and bool(prediction.tool)
        and isinstance(prediction.arguments, Mapping)
        and isinstance(prediction.sources, Mapping)
        and all(isinstance(source, ArgumentSource) for source in prediction.sources.values())
        and all(math.isfinite(chance) and 0.0 <= chance <= 1.0 for chance in chances)
    )


class GuardedPredictor:
    """A predictor and its faults. Switched off after `limit` faults in a row."""

    __slots__ = ("_limit", "_limit_s", "_runtime", "faults", "is_on", "name", "predictor", "streak")

    def __init__(self, runtime: Runtime, predictor: Predictor, limit: int, limit_s: float | None) -> None:
        self._runtime, self._limit, self._limit_s = runtime, limit, limit_s
        self.predictor = predictor
        self.name = getattr(predictor, "name", None) or type(predictor).__name__
        self.faults = self.streak = 0
        self.is_on = True
        self._prepare()

    def _prepare(self) -> None:
        """Tell a predictor that listens what arguments the tools have; what it can work out before the first session,
        it works out now and not while a call waits."""
        try:
            if (introduce := getattr(self.predictor, "introduce", None)) is not None:
                tools = self._runtime.tools
                specs = {name: self._runtime.spec(name) for name in tools}
                introduce(without_sensitive(arguments_of(tools.values()), specs))
            if (warm := getattr(self.predictor, "warm", None)) is not None:
                warm()
        except Exception as error:  # as below; it will be met, and counted, when it is asked
            _log.warning("predictor %s could not be prepared: %r", self.name, error)

    def predict(self, history: History, session: str) -> list[Prediction]:
        """What it says, unsound predictions dropped; nothing once it is switched off."""
        if not self.is_on:
            return []
        limit = self._runtime.policy.predictions
        indexing_s, history.indexing_s = history.indexing_s, 0.0
        started = perf_counter()
        try:
            answer = self.predictor.predict(history, limit)
            if not isinstance(answer, Sequence):
                raise TypeError(f"predict returned {type(answer).__name__}, not a sequence of predictions")
            guesses = list(answer[:limit])
        except Exception as error:  # a predictor is foreign code: whatever it raises is counted and contained
            self._fault(session, f"raised {error!r}")
            return []
        seconds = perf_counter() - started
        sound = [guess for guess in guesses if is_sound(guess)]
        if len(sound) < len(guesses):
            self._fault(session, f"{len(guesses) - len(sound)} of {len(guesses)} predictions are unsound")
        elif self._limit_s is not None and seconds + indexing_s > self._limit_s:
            self._fault(session, f"took {seconds + indexing_s:.3f} s, more than {self._limit_s:g} s")
        else:
            self.streak = 0
        if self._runtime.observers:
            self._runtime.tell(
                PredictionsMade(self._runtime.now(), session, self.name, tuple(sound), seconds, indexing_s)
            )
        return sound

    def observe(self, history: History, call: ToolCall, session: str) -> None:
        if not self.is_on:
            return
        try:
            self.predictor.observe(history, call)
        except Exception as error:  # as above
            self._fault(session, f"observe raised {error!r}")

    def _fault(self, session: str, detail: str) -> None:
        self.faults += 1
        self.streak += 1
        _log.warning("predictor %s %s", self.name, detail)
        if self.streak >= self._limit:
            self.is_on = False
            detail += "; switched off"
        self._runtime.tell(Fault(self._runtime.now(), session, "predictor", self.name, detail))


class GuardedDrafter:
    """A drafter and its faults. Its drafts are abandoned when they take too long or the session moves on."""

    __slots__ = ("_runtime", "drafter", "is_on", "name", "streak")

    def __init__(self, runtime: Runtime, drafter: Drafter) -> None:
        self._runtime = runtime
        self.drafter = drafter
        self.name = getattr(drafter, "name", None) or type(drafter).__name__
        self.streak = 0
        self.is_on = True

    async def draft(self, history: History, session: str) -> list[Prediction]:
        """Its guesses, sound ones only. Runs in a task of its own; nothing waits for it."""
        policy = self._runtime.policy
        loop = self._runtime.loop
        started = loop.time()
        try:
            answer = await self.drafter.draft(history, policy.predictions)
            if not isinstance(answer, Sequence):
                raise TypeError(f"draft returned {type(answer).__name__}, not a sequence of predictions")
            guesses = list(answer[: policy.predictions])
        except Exception as error:  # foreign code: counted and contained
            self.fault(session, f"raised {error!r}")
            return []
        self.streak = 0
        sound = [guess for guess in guesses if is_sound(guess)]
        self._runtime.tell(PredictionsMade(loop.time(), session, self.name, tuple(sound), loop.time() - started))
        return sound

    def fault(self, session: str, detail: str) -> None:
        self.streak += 1
        _log.warning("drafter %s %s", self.name, detail)
        if self.streak >= self._runtime.policy.fault_limit:
            self.is_on = False
            detail += "; switched off"
        self._runtime.tell(Fault(self._runtime.now(), session, "drafter", self.name, detail))


def candidates(
    runtime: Runtime,
    predictions: Sequence[Prediction],
    source: str,
    *,
    depth: int,
    parent_p: float,
    untrusted: frozenset[str] | None,
) -> tuple[Candidate, ...]:
    """Predictions resolved against the manifest, ready for the gate.

    `untrusted`: ids of calls whose results may be hostile; None if the whole chain rests on such a result. A chance
    that rests on a guess is discounted by the guess's own.
    """
    out: list[Candidate] = []
    for guess in predictions:
        spec = runtime.spec(guess.tool)
        if spec.arguments and any(guess.arguments.get(name) == REDACTED for name in spec.sensitive_arguments()):
            continue  # a value nobody may learn cannot be guessed either
        call = spec.resolve(guess.arguments)
        tainted = untrusted is None or (
            bool(untrusted) and any(item.call in untrusted for item in guess.sources.values() if item.call)
        )
        out.append(
            Candidate(
                call=call,
                p_next=guess.p_next * parent_p,
                p_use=guess.p_use * parent_p,
                source=guess.predictor or source,
                sources=guess.sources,
                depth=depth,
                registered=guess.tool in runtime.tools,
                tainted=tainted,
            )
        )
    return tuple(out)
