"""Track: how well each of several predictors has done of late, tool by tool."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

from predictors.calibration import read_amounts

_BORROWED = 4.0  # moments of a tool that the record over all tools counts for
_MAX_TOOLS = 4096  # tools with a record of their own; later ones share the record over all tools


class Track:
    """Discounted squared errors of `components` forecasters, per tool and over all tools.

    A moment's loss is the sum over the calls in question of (p - happened)^2: every call that any forecaster
    named, and every call that was made, so that silence costs too and all are judged on the same calls. The loss
    wears off by half every `half_life` moments in which the tool was in question.
    """

    def __init__(self, components: int, half_life: float = 200.0) -> None:
        if not 0 < half_life < math.inf:
            raise ValueError(f"half_life must be a finite number above 0, not {half_life!r}")
        self.components, self.half_life = components, half_life
        self._keep = 0.5 ** (1.0 / half_life)
        self._losses: dict[str, list[float]] = {}
        self._moments: dict[str, float] = {}
        self._all = [0.0] * components
        self._all_moments = 0.0

    def learn(self, tool: str, losses: Sequence[float]) -> None:
        """One moment in which this tool was in question: each forecaster's loss."""
        self._all = [self._keep * old + new for old, new in zip(self._all, losses, strict=True)]
        self._all_moments = self._keep * self._all_moments + 1.0
        own = self._losses.get(tool)
        if own is None:
            if len(self._losses) >= _MAX_TOOLS:
                return
            own = [0.0] * self.components
        self._losses[tool] = [self._keep * old + new for old, new in zip(own, losses, strict=True)]
        self._moments[tool] = self._keep * self._moments.get(tool, 0.0) + 1.0

    def loss(self, tool: str) -> list[float]:
        """Each forecaster's discounted loss on this tool, with four moments borrowed from its mean over all tools."""
        own = self._losses.get(tool) or [0.0] * self.components
        if not self._all_moments:
            return own
        return [mine + _BORROWED * total / self._all_moments for mine, total in zip(own, self._all, strict=True)]

    def best(self, tool: str) -> int:
        """The forecaster with the least loss; of equals the first."""
        losses = self.loss(tool)
        return losses.index(min(losses))

    def explain(self, names: Sequence[str]) -> list[str]:
        """Each forecaster's mean loss a moment, tool by tool, the least first."""
        lines = []
        for tool in sorted(self._losses, key=lambda each: (-self._moments[each], each)):
            losses = zip(self._losses[tool], names, strict=True)
            means = sorted((loss / self._moments[tool], name) for loss, name in losses)
            told = ", ".join(f"{name} {mean:.3f}" for mean, name in means)
            lines.append(f"{tool}: mean loss {told} (over {self._moments[tool]:.0f} recent moments)")
        return lines

    def to_document(self) -> dict[str, Any]:
        tools = {tool: {"moments": self._moments[tool], "losses": self._losses[tool]} for tool in sorted(self._losses)}
        return {
            "half_life": self.half_life,
            "all": {"moments": self._all_moments, "losses": self._all},
            "tools": tools,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any], components: int) -> Self:
        track = cls(components, document["half_life"])
        whole = document["all"]
        track._all = read_amounts(whole["losses"], "track.all.losses", components)
        track._all_moments = read_amounts([whole["moments"]], "track.all.moments", 1)[0]
        for tool, row in document["tools"].items():
            track._losses[tool] = read_amounts(row["losses"], f"track.tools.{tool}.losses", components)
            track._moments[tool] = read_amounts([row["moments"]], f"track.tools.{tool}.moments", 1)[0]
        return track
