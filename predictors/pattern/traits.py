"""How one call stands among the others of its tool, and where its values come from: what its chance depends on, too.

What weighs most is the share of its tool's chances that a call has: raw chances say how likely a value is for an
argument by itself, not that only one of three lists can give the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from predictors.pattern.mappings import MAPPED
from predictors.pattern.pools import AGAIN, LEFT_MENTIONED, STALE
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

# What a value says of its call, summed up over all of its values: how many are of each kind.
CONSTANT, LEFT_OVER, TYPED, OLD = 1, 1 << 8, 1 << 16, 1 << 24
_COUNT = 0xFF


def marks_of(rule: str, slot: int) -> int:
    """The marks of a value that this rule gave."""
    if rule[0] == "=" or rule.startswith(MAPPED):
        return CONSTANT
    marks = 0
    if slot >= STALE:
        marks = OLD
        slot -= STALE
    if AGAIN <= slot <= LEFT_MENTIONED:
        marks += LEFT_OVER
    if rule[0] == "u" and is_typed(rule):
        marks += TYPED
    return marks


def note_traits(calls: Sequence[Call], listed_path: str | None) -> None:
    """Find out the traits of all likely calls of one tool. listed_path: of the list it last went through."""
    chances = [call.p_arguments for call in calls]
    total = sum(chances)
    best = max(chances, default=0.0)
    new = tuple.__new__
    for p, call in zip(chances, calls, strict=True):
        chosen = call.chosen
        marks = 0
        listed = 0.0
        for value in chosen:
            mark = value[7]
            if value[2] == listed_path and mark != CONSTANT:
                listed = 1.0
                mark &= ~(_COUNT * TYPED)
            marks += mark
        values = len(chosen) or 1
        call.traits = new(
            Traits,
            (
                p / total - 1 if p > 0 else -1.0,
                0.0 if p >= best else -1.0,
                (marks >> 16 & _COUNT) / values,
                listed,
                1.0 if marks & _COUNT else 0.0,
                1.0 if marks >> 8 & _COUNT else 0.0,
                (marks >> 24) / values,
            ),
        )
