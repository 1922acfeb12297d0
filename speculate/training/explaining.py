"""What a predictor has learned, as data and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

from speculate.errors import SpeculateError
from speculate.prediction import Predictor

_SHOWN = 6  # rules of one argument that are shown; all are in the data


def rules_of(predictor: Predictor) -> list[dict[str, Any] | str]:
    """What `explain()` says, as JSON: lines of text, or objects with tool, argument, rule, support, precision, tenants.

    Raises SpeculateError for a predictor without rules to explain.
    """
    explain = getattr(predictor, "explain", None)
    if not callable(explain):
        raise SpeculateError(f"a {type(predictor).__name__} has no rules to explain")
    return [asdict(rule) if is_dataclass(rule) and not isinstance(rule, type) else str(rule) for rule in explain()]


def lines(rules: Sequence[dict[str, Any] | str]) -> Iterator[str]:
    """For people: rules about arguments under the argument's name, how often right and of how many turns."""
    argument, shown, hidden = "", 0, 0
    for rule in rules:
        if isinstance(rule, str):
            yield f"  {rule}"
            continue
        name = f"{rule['tool']}.{rule['argument']}"
        if name != argument:
            if hidden:
                yield f"           … {hidden} more"
            yield f"  {name}"
            argument, shown, hidden = name, 0, 0
        if shown == _SHOWN:
            hidden += 1
            continue
        shown += 1
        tenants = f", {rule['tenants']} tenants" if rule["tenants"] is not None else ""
        yield f"    {rule['precision']:6.1%}  {rule['rule']} (right {rule['support']:g}×{tenants})"
    if hidden:
        yield f"           … {hidden} more"
