"""Adding trained models up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from speculate.errors import SpeculateError

M = TypeVar("M")


def merge(models: Sequence[M], names: Sequence[str] = ()) -> M:
    """The model trained on the sessions of all of these, exactly. They stay as they are.

    Models of one class that has `merge`; those that are calibrated after counting are calibrated once. `names` say in
    errors which is which. Raises SpeculateError if they do not add up, or ValueError if there is none.
    """
    if not models:
        raise ValueError("there is no model to merge")
    first: Any = models[0]
    called = [*names, *(f"model {number + 1}" for number in range(len(names), len(models)))]
    for model, name in zip(models, called, strict=True):
        if type(model) is not type(first):
            raise SpeculateError(
                f"{name} is a {_kind(model)} model, {called[0]} a {_kind(first)} model: only equals add up"
            )
    if len(models) == 1:
        return models[0]
    if not callable(getattr(first, "merge", None)):
        raise SpeculateError(
            f"{_kind(first)} models do not add up exactly: merge the models of their components, and compose those"
        )
    has_parts = callable(getattr(first, "from_part", None))
    total = first.part if has_parts else first
    for model, name in zip(models[1:], called[1:], strict=True):
        other: Any = model
        try:
            total = total.merge(other.part if has_parts else other)
        except ValueError as error:
            raise SpeculateError(f"{name} cannot be merged with {called[0]}: {error}") from error
    merged: M = first.from_part(total) if has_parts else total
    return merged


def _kind(model: object) -> str:
    return str(getattr(model, "KIND", type(model).__name__))
