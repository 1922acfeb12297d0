"""How one call stands among the others of its tool, and where its values come from: what its chance depends on, too.

What weighs most is the share of its tool's chances that a call has: raw chances say how likely a value is for an
argument by itself, not that only one of three lists can give the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from predictors.pattern.pools import AGAIN, STALE
from predictors.pattern.text import is_typed

if TYPE_CHECKING:
    from predictors.pattern.guessing import Call


class Traits(NamedTuple):
    """share: of its tool's chances, less 1, so that an only call has 0. behind: -1 unless none is likelier. typed:
    the share of its values that the user typed. listed: 1 if
    one is from the list the tool last went through. constant, left: 1 if one is the same in every session, or was
    used already or passed over. stale: the share of its values that stood there before the model's last turn."""

    share: float = 0.0
    behind: float = 0.0
    typed: float = 0.0
    listed: float = 0.0
    constant: float = 0.0
    left: float = 0.0
    stale: float = 0.0


UNREMARKABLE = Traits()


def note_traits(calls: Sequence[Call], listed_path: str | None) -> None:
    """Find out the traits of all likely calls of one tool. listed_path: of the list it last went through."""
    chances = [call.p_arguments for call in calls]
    total = sum(chances)
    best = max(chances, default=0.0)
    new = tuple.__new__
    for p, call in zip(chances, calls, strict=True):
        typed = stale = 0
        listed = constant = left = 0.0
        chosen = call.chosen
        for _, _, rule, slot, event, _, _ in chosen:
            if event < 0:
                constant = 1.0
                continue
            if slot >= STALE:
                stale += 1
                slot -= STALE
            if slot >= AGAIN:
                left = 1.0
            if rule == listed_path:
                listed = 1.0
            elif rule[0] == "u" and is_typed(rule):
                typed += 1
        values = len(chosen) or 1
        share = p / total - 1 if p > 0 else -1.0
        behind = 0.0 if p >= best else -1.0
        call.traits = new(Traits, (share, behind, typed / values, listed, constant, left, stale / values))
