"""What a session went on to do: whether a call, had it been launched at some turn, would have been used."""

from __future__ import annotations

from collections.abc import Mapping

from speculate.resources import Claims
from speculate.spec import Effect, ResolvedCall, ToolSpec
from speculate.trace import RecordedSession
from speculate.training.scoring import resolve

HORIZON_TURNS = 8


class Outlook:
    """The rest of a recorded session, seen from each of its turns.

    Freshness is judged by conflicting writes and by `horizon` turns, not by `ttl_s`: recorded runs seldom have
    the times that would need.
    """

    def __init__(self, session: RecordedSession, specs: Mapping[str, ToolSpec], horizon: int = HORIZON_TURNS) -> None:
        self.turns: list[list[ResolvedCall]] = [
            [resolve(call.tool, call.args, specs) for call in turn.calls] for turn in session.turns
        ]
        self.horizon = horizon
        self._made: dict[str, list[tuple[int, int]]] = {}
        self._writes: list[tuple[tuple[int, int], Claims]] = []
        for turn, calls in enumerate(self.turns):
            for place, call in enumerate(calls):
                if call.key is not None:
                    self._made.setdefault(call.key, []).append((turn, place))
                if call.effect is not Effect.READ:
                    self._writes.append(((turn, place), call.claims))

    def next_use(self, call: ResolvedCall, turn: int) -> int | None:
        """The turn that first makes this call, if it still were fresh when launched just before `turn`; else None."""
        if call.key is None:
            return None
        made = next((at for at in self._made.get(call.key, ()) if at[0] >= turn), None)
        if made is None or made[0] >= turn + self.horizon:
            return None
        for at, claims in self._writes:
            if (turn, 0) <= at < made and call.claims.is_changed_by(claims):
                return None
        return made[0]

    def last_fresh(self, call: ResolvedCall, turn: int) -> int:
        """The last turn that a launch of this call just before `turn` could serve: until a conflicting write, or
        the horizon.
        """
        last = turn + self.horizon - 1
        for at, claims in self._writes:
            if at >= (turn, 0) and at[0] < last and call.claims.is_changed_by(claims):
                return at[0]
        return last
