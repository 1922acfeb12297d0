"""Making a predictor: train it by name, or add trained ones up."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from speculate.errors import SpeculateError
from speculate.prediction import Predictor
from speculate.siblings import sibling
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession


def train(
    name: str,
    sessions: Sequence[RecordedSession],
    specs: Mapping[str, ToolSpec],
    settings: Mapping[str, Any] | None = None,
    progress: Callable[[], None] | None = None,
) -> Predictor:
    """Train the predictor of this name, or make it, if it has nothing to learn.

    `progress` is called after each session. Raises SpeculateError for an unknown name, or a
    setting that it does not have or that is wrong.
    """
    found: Any = sibling("predictors").predictor_class(name)
    chosen = dict(settings or {})

    def counted() -> Iterator[RecordedSession]:
        for session in sessions:
            yield session
            if progress is not None:
                progress()

    try:
        if callable(getattr(found, "train", None)):
            inspect.signature(found.train).bind(counted(), specs, **chosen)
            made: Predictor = found.train(counted(), specs, **chosen)
        else:
            made = found(**chosen)
    except (TypeError, ValueError) as error:
        if not chosen:
            raise
        shown = ", ".join(f"{key}={value!r}" for key, value in chosen.items())
        raise SpeculateError(f"the predictor {name!r} cannot be made with {shown}: {error}") from error
    return made


def merge(models: Iterable[Any], names: Sequence[str]) -> Any:
    """The exact sum of models of one kind. `names` say in errors which is which. Raises SpeculateError."""
    total: Any = None
    for model, name in zip(models, names, strict=True):
        if total is None:
            total = model
        elif type(total) is not type(model):
            raise SpeculateError(f"{name} is a {model.KIND} model, {names[0]} a {total.KIND} model: only equals add up")
        elif not callable(getattr(total, "merge", None)):
            raise SpeculateError(
                f"{total.KIND} models do not add up exactly: merge the models of their components, and compose those"
            )
        else:
            try:
                total = total.merge(model)
            except ValueError as error:
                raise SpeculateError(f"{name} cannot be merged with {names[0]}: {error}") from error
    return total
