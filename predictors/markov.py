"""MarkovPredictor: the tool that usually follows, with the arguments it last had. A baseline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

from predictors.counts import added, added_tables, bump, read_counts
from predictors.recent import call_key, latest_by_tool
from speculate.calls import ToolCall
from speculate.history import CallMade, History
from speculate.prediction import ArgumentSource, Prediction
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession, moments
from speculate.training.outlook import Outlook
from speculate.training.scoring import resolve

_BACK_OFF = 2.0  # how many moments the order-0 rate counts for beside those of the state
_PRIOR = 1.0  # likewise a rate of one half for an argument's repeat


class MarkovPredictor:
    """An order-1 chain over tools; of the tool it expects, the session's last arguments, or none at all.

    State: the tool called last ("" before the first call). `p_next` is the chance that the next turn calls the
    tool, backed off to how often any turn does, times the chance that the tool's last arguments come again; for a
    tool this session has not called, the chance that it is called without arguments. Nothing of any argument is
    learned but whether it was there.
    """

    KIND: ClassVar[str] = "markov"
    _TABLES: ClassVar[tuple[str, ...]] = ("moments", "called", "could_repeat", "repeated", "bare", "kept", "used")

    def __init__(self) -> None:
        self._follows: dict[str, dict[str, int]] = {}  # state -> tool -> moments whose next turn called it
        self._anywhere: dict[str, int] = {}  # tool -> the sum of that over all states
        self._seen = 0  # moments over all states
        self._moments: dict[str, int] = {}  # state -> moments
        self._called: dict[str, int] = {}  # tool -> its calls
        self._could_repeat: dict[str, int] = {}  # tool -> its calls in sessions that had called it before
        self._repeated: dict[str, int] = {}  # tool -> those with the same arguments as last time
        self._bare: dict[str, int] = {}  # tool -> its calls without arguments
        self._kept: dict[str, int] = {}  # tool -> moments at which its last call could have been launched again
        self._used: dict[str, int] = {}  # tool -> those at which that would have been used

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        """For every tool that may follow: its last call again, or the call without arguments."""
        state, last = latest_by_tool(history)
        tools = dict.fromkeys([*last, *self._follows.get(state, ()), *self._bare])
        chance = self._chances(state, tools)
        guesses = []
        for tool, p_tool in chance.items():
            call = last.get(tool)
            if call is not None:
                could = self._could_repeat.get(tool, 0)
                p_same = (self._repeated.get(tool, 0) + _PRIOR / 2) / (could + _PRIOR)
                p_next = p_tool * p_same
                kept = self._kept.get(tool, 0)
                p_use = max(p_next, (self._used.get(tool, 0) + _PRIOR * p_next) / (kept + _PRIOR))
                sources = {name: ArgumentSource("argument", f"{tool}.{name}", call.id) for name in call.arguments}
                guesses.append(Prediction(tool, dict(call.arguments), p_next, p_use, sources, self.KIND))
            elif self._bare.get(tool):
                p_next = p_tool * self._bare[tool] / self._called[tool]
                guesses.append(Prediction(tool, {}, p_next, p_next, {}, self.KIND))
        guesses.sort(key=lambda guess: -guess.p_next)
        return guesses[: max(0, limit)]

    def _chances(self, state: str, tools: Iterable[str]) -> dict[str, float]:
        """P(the next turn calls the tool | state), backed off to the rate over all states."""
        here, follows = self._moments.get(state, 0), self._follows.get(state, {})
        chances = {}
        for tool in tools:
            rate = self._anywhere.get(tool, 0) / self._seen if self._seen else 0.5
            chances[tool] = (follows.get(tool, 0) + _BACK_OFF * rate) / (here + _BACK_OFF)
        return chances

    def observe(self, history: History, call: ToolCall) -> None:
        """Count a real call as one moment. Turns that make no call are not seen here, only in training."""
        state, last = latest_by_tool(history)
        self._follow(state, [call.tool])
        self._count(last, call.tool, call.arguments)

    def _follow(self, state: str, tools: Iterable[str]) -> None:
        """One moment in this state, whose next turn called these tools."""
        self._seen += 1
        bump(self._moments, state)
        for tool in tools:
            bump(self._follows.setdefault(state, {}), tool)
            bump(self._anywhere, tool)

    def _count(self, last: Mapping[str, CallMade], tool: str, arguments: Mapping[str, Any]) -> None:
        bump(self._called, tool)
        if not arguments:
            bump(self._bare, tool)
        if tool in last:
            bump(self._could_repeat, tool)
            if call_key(tool, arguments) == call_key(tool, last[tool].arguments):
                bump(self._repeated, tool)

    @classmethod
    def train(cls, sessions: Iterable[RecordedSession], specs: Mapping[str, ToolSpec], **settings: Any) -> Self:
        """Count over recorded sessions; turns without calls are moments too."""
        model = cls(**settings)
        for session in sessions:
            outlook = Outlook(session, specs)
            for index, (history, turn) in enumerate(moments(session)):
                state, last = latest_by_tool(history)
                model._follow(state, sorted({call.tool for call in turn.calls}))
                for call in turn.calls:
                    model._count(last, call.tool, call.args)
                for tool, made in last.items():
                    bump(model._kept, tool)
                    if outlook.next_use(resolve(tool, made.arguments, specs), index) is not None:
                        bump(model._used, tool)
        return model

    def merge(self, other: Self) -> Self:
        """The model trained on the sessions of both."""
        merged = type(self)()
        merged._follows = added_tables(self._follows, other._follows)
        merged._anywhere = added(self._anywhere, other._anywhere)
        merged._seen = self._seen + other._seen
        for name in self._TABLES:
            setattr(merged, f"_{name}", added(getattr(self, f"_{name}"), getattr(other, f"_{name}")))
        return merged

    def explain(self) -> list[str]:
        """What was learned, one line for each way from one tool to the next, the commonest of a state first."""
        lines = []
        for state in sorted(self._follows, key=lambda each: (-self._moments[each], each)):
            chances = self._chances(state, self._follows[state])
            for tool in sorted(chances, key=lambda each: (-chances[each], each)):
                could = self._could_repeat.get(tool, 0)
                again = f"; with its last arguments {self._repeated.get(tool, 0)} of {could} times" if could else ""
                lines.append(
                    f"{state or '(start)'} -> {tool}: {chances[tool]:.1%} "
                    f"({self._follows[state][tool]} of {self._moments[state]} moments){again}"
                )
        return lines

    def to_document(self) -> dict[str, Any]:
        """Tables with sorted keys: the same counts are the same document in whatever order they came."""
        tables = {name: added(getattr(self, f"_{name}"), {}) for name in self._TABLES}
        return {"follows": added_tables(self._follows, {}), **tables}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        model = cls()
        follows = document["follows"]
        if not isinstance(follows, dict):
            raise ValueError("follows must be an object of tables")
        model._follows = {state: read_counts(table, f"follows.{state}") for state, table in follows.items()}
        for name in cls._TABLES:
            setattr(model, f"_{name}", read_counts(document[name], name))
        model._seen = sum(model._moments.values())
        for table in model._follows.values():
            model._anywhere = added(model._anywhere, table)
        for tool, bare in model._bare.items():
            if bare > model._called.get(tool, 0):
                raise ValueError(f"{tool} was called without arguments more often than it was called")
        return model

    def __repr__(self) -> str:
        return f"<MarkovPredictor {len(self._called)} tools, {sum(self._moments.values())} moments>"
