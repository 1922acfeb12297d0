"""How much less likely a text's value is for an argument: by its kind, what results call it, the word before it.

Texts are full of values of the right form; results and earlier calls tell which of them are what.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from predictors.pattern.counts import Counts
from predictors.pattern.kinds import fits, kind_of_value
from predictors.pattern.rules import ArgumentRules
from predictors.pattern.standing import Doubted
from predictors.pattern.state import State
from predictors.pattern.text import is_spoken

NEVER_TAKEN = 2.0  # turns in which a path gave nothing that halve the chance of what it gives
AFTER = 8.0  # turns that a form counts for beside the word before it


class Doubts:
    """Of values that stand in texts, from counts; what is worked out of an argument is kept with its rules."""

    __slots__ = ("_counts",)

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def weigh(
        self, entry: list[Any], state: State, argument: ArgumentRules, before: Doubted,
        doubted: dict[tuple[Any, str], tuple[int, float]],
    ) -> None:  # fmt: skip
        """A value in a text counts less if the argument was never of its kind, or never what results call it."""
        value, rule = entry[2], entry[3]
        paths = state.where.get(value, ())
        known = before.get((value, rule))
        if known is None or known[0] != len(paths):
            known = (len(paths), self._fit(argument, value, rule, paths))
        doubted[value, rule] = known
        fit = known[1]
        if fit != 1.0:
            entry[0] *= fit
            entry[1] *= fit

    def _fit(self, argument: ArgumentRules, value: Any, rule: str, paths: Sequence[str]) -> float:
        kind = kind_of_value(value)
        fit = argument.fit_of.get(kind)
        if fit is None:
            fit = argument.fit_of[kind] = fits(argument.kinds, kind)
        if len(paths) > 1:
            fit *= self._known_for(argument, paths)
            if ":" in rule and "<" not in rule:
                fit *= self._after(argument, rule + "<", paths)
        return fit

    def stand(self, doubted: Doubted, state: State, argument: ArgumentRules) -> bool:
        """Whether a text's values are as likely as they were: results may hold them by now."""
        where = state.where
        for (value, rule), (size, fit) in doubted.items():
            paths = where.get(value, ())
            if len(paths) != size and self._fit(argument, value, rule, paths) != fit:
                return False
        return True

    def _known_for(self, argument: ArgumentRules, paths: Sequence[str]) -> float:
        """How much less likely a value in a text is if results gave it only as what this argument never was."""
        known = argument.never
        most = 0.0
        for path in paths:
            turns = known.get(path)
            if turns is None:
                turns = known[path] = self._turns_in_vain(argument, path)
            if turns < 0:
                return 1.0
            if turns > most:
                most = turns
        return NEVER_TAKEN / (most + NEVER_TAKEN)

    def _after(self, argument: ArgumentRules, start: str, paths: Sequence[str]) -> float:
        """How much less likely a value of this form in a text is for the word it stands after."""
        known = argument.after
        most = -1.0
        for path in paths:
            if path.startswith(start):
                ratio = known.get(path)
                if ratio is None:
                    ratio = known[path] = self._ratio_after(argument, path)
                if ratio > most:
                    most = ratio
        return 1.0 if most < 0 else most

    def _ratio_after(self, argument: ArgumentRules, path: str) -> float:
        offers = self._counts.offers.get(argument.tool, {})
        taken = self._counts.takes.get(argument.tool, {}).get(argument.name, {})
        form = path.partition("<")[0]
        usual = sum(taken.get(form, ())) / max(1.0, sum(offers.get(form, ())))
        if usual <= 0:
            return 1.0
        hits, turns = max(0.0, sum(taken.get(path, ()))), max(0.0, sum(offers.get(path, ())))
        return min(1.0, (hits + AFTER * usual) / (turns + AFTER) / usual)

    def _turns_in_vain(self, argument: ArgumentRules, path: str) -> float:
        """In how many turns with the tool a result's path gave something that the argument was not; -1 if it ever was,
        0 if the path is none of a result's."""
        if is_spoken(path) or "(" in path or ":" in path:
            return 0.0
        row = self._counts.takes.get(argument.tool, {}).get(argument.name, {}).get(path)
        if row is not None and sum(row) > 0:
            return -1.0
        return sum(self._counts.offers.get(argument.tool, {}).get(path, ()))
