"""The frozen values that pass between the parts: calls and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from speculate.values import quick


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool: its name and its arguments, a JSON object.

    `id` is the caller's own (a provider's tool-call id); it has no bearing on identity.
    """

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None


class Served(Enum):
    """How a real call got its result."""

    READY = "ready"  # a speculation had finished: committed at once (a hit)
    JOINED = "joined"  # a speculation was running: promoted, then committed (a hit)
    RAN = "ran"  # the tool ran for this call (a miss)
    DEDUPLICATED = "deduplicated"  # the write gate returned an earlier successful outcome
    REFUSED = "refused"  # the application's confirmer said no; nothing ran

    @property
    def is_hit(self) -> bool:
        return self in (Served.READY, Served.JOINED)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the agent gets in place of a result when a write was not confirmed."""

    tool: str
    reason: str

    def __str__(self) -> str:
        return f"The call of {self.tool} was refused: {self.reason}. Nothing was changed."


@quick
@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one real call: `value`, or `error` if the tool raised.

    `waited_s` is the time in seconds the caller waited.
    """

    call: ToolCall
    value: Any = None
    error: BaseException | None = None
    served: Served = Served.RAN
    waited_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the tool returned (an error the tool *returned* is a result like any other)."""
        return self.error is None

    def result(self) -> Any:
        """The value; raises the tool's own exception, unwrapped, if it raised."""
        if self.error is not None:
            raise self.error
        return self.value
