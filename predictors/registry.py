"""Which predictors there are, by name: what `--predictor NAME` and a model file's "kind" may say.

A kind's class is imported only when it is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from speculate.errors import SpeculateError
from speculate.prediction import Predictor
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession

KINDS: Mapping[str, str] = {
    "pattern": "predictors.pattern:PatternPredictor",
    "repeat": "predictors.repeat:RepeatPredictor",
    "markov": "predictors.markov:MarkovPredictor",
    "tournament": "predictors.tournament:Tournament",
    "recorded": "predictors.recorded:RecordedDraftPredictor",
    "mixture": "predictors.mixture:Mixture",
}


@runtime_checkable
class Model(Predictor, Protocol):
    """A predictor that can be kept in a model file.

    `KIND` is its name there. A document holds JSON values only, and everything that decides what is predicted.
    """

    KIND: ClassVar[str]

    def to_document(self) -> dict[str, Any]:
        """What is learned, and the settings, as JSON values."""
        ...

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """The predictor this document describes. Raises ValueError, KeyError or TypeError if it is no such document."""
        ...


@runtime_checkable
class TrainableModel(Model, Protocol):
    """A model learned from recorded runs, whose training can be spread out and added up."""

    @classmethod
    def train(cls, sessions: Iterable[RecordedSession], specs: Mapping[str, ToolSpec], **settings: Any) -> Self:
        """Learn from these sessions. Never from arguments that the manifest calls sensitive."""
        ...

    def explain(self) -> Iterable[Any]:
        """What was learned: lines of text, or rules with tool, argument, rule, support, precision and tenants."""
        ...

    def merge(self, other: Self) -> Self:
        """A new model, equal to the one trained on the sessions of both. Raises ValueError if settings differ."""
        ...


class UnknownPredictor(SpeculateError):
    """No predictor has this name. Lists those there are."""

    def __init__(self, name: str, problem: str | None = None) -> None:
        self.name = name
        near = get_close_matches(name, KINDS, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        super().__init__(
            problem
            or f"no predictor is called {name!r}; {hint}there are {', '.join(sorted(KINDS))}, "
            "or name a class of your own as 'package.module:Class'"
        )


def predictor_class(name: str) -> type[Predictor]:
    """The class of a kind, or of a user's own 'package.module:Class'. Raises UnknownPredictor."""
    target = name if ":" in name else KINDS.get(name)
    if target is None:
        raise UnknownPredictor(name)
    module_name, _, attribute = target.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        if name in KINDS:
            raise
        raise UnknownPredictor(name, f"the predictor {name!r} cannot be imported: {error}") from error
    if not isinstance(found, type) or not callable(getattr(found, "predict", None)):
        raise UnknownPredictor(name, f"{name!r} is no predictor class: it has no predict(history, limit)")
    return found


def create(name: str, **settings: Any) -> Predictor:
    """A fresh, untrained predictor. Raises UnknownPredictor, or TypeError for a setting it does not have."""
    return predictor_class(name)(**settings)
