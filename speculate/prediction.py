"""What a predictor says, and the protocol it says it through.

A predictor is two methods. It never touches the runtime: it sees a `History`, it returns whole calls with
probabilities, and the runtime decides what becomes of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from speculate.calls import ToolCall
from speculate.history import History
from speculate.values import quick


@quick
@dataclass(frozen=True, slots=True)
class ArgumentSource:
    """Where a predicted argument's value came from.

    kind: "result" (a path in an earlier result), "argument" (an earlier call's argument), "user" (text the user
    typed), "text" (what the model said in an earlier turn), "constant", "mapping", "schema", "other".
    detail: the rule, for people ("get_user.orders[next unused]"). call: the id of the call whose result or
    argument it was, where there is one. tenants: for learned constants and mappings, how many distinct tenants
    showed the value (a session without a tenant counts as a tenant of its own).
    """

    kind: str
    detail: str = ""
    call: str | None = None
    tenants: int | None = None


@quick
@dataclass(frozen=True, slots=True)
class Prediction:
    """A whole call, guessed.

    p_next: probability that the model's next turn makes this call. p_use: probability that the session makes
    it while the result would still be fresh (at least p_next). sources: per argument, where it came from; of values
    within an argument apart, as "filter.status" or "ids[0]", besides one of them under the argument's own name.
    """

    tool: str
    arguments: Mapping[str, Any]
    p_next: float
    p_use: float
    sources: Mapping[str, ArgumentSource] = field(default_factory=dict)
    predictor: str = ""


@runtime_checkable
class Predictor(Protocol):
    """Guesses the next calls. Must be pure, synchronous, and bounded by construction (law L9)."""

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        """At most `limit` whole calls, best `p_next` first, writes included (they are scored, never launched)."""
        ...

    def observe(self, history: History, call: ToolCall) -> None:
        """Learn online from a real call, made in the state `history` is in just before it. Off the hot path."""
        ...


@runtime_checkable
class Drafter(Protocol):
    """A slow guesser (a draft model, a remote service). Nothing waits for it; its guesses join when they come."""

    async def draft(self, history: History, limit: int) -> Sequence[Prediction]:
        """Like `Predictor.predict`, and may take its time. Cancelled when the session moves on."""
        ...
