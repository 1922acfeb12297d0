"""Pattern drafters of other projects, as predictors: judged on the same runs, in the same process, by the same rules.

    pip install 'speculate-runtime[peers]'

Each is trained with its own code on the calls of the recorded sessions, and asked for as many guesses as it gives,
with what it may look at: the calls made so far and, where it reads them, their results. What it calls a score stands
for both probabilities. A peer that is not installed is left out, and said to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

from speculate.calls import ToolCall
from speculate.history import CallMade, History, ResultSeen
from speculate.prediction import Prediction, Predictor
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession

ORDER = 2  # calls that SpecuNode's index looks back; its own default
Specs = Mapping[str, ToolSpec]


class SpecuNode:
    """SpecuNode's tier 1: transitions between call signatures, arguments by the same name in earlier calls and
    results (`specunode.drafters.t1_pattern`)."""

    KIND = "specunode"

    def __init__(self, drafter: Any) -> None:
        self._drafter = drafter

    @classmethod
    def train(cls, sessions: Iterable[RecordedSession], specs: Specs) -> SpecuNode:
        from specunode.core.decision import ToolCall as Decision
        from specunode.drafters.t1_pattern import PatternDrafter, PatternIndex

        index = PatternIndex(order=ORDER)
        index.train([[Decision(call.tool, call.args) for call in session.calls] for session in sessions])
        return cls(PatternDrafter(index))

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        from specunode.core.decision import ToolCall as Decision
        from specunode.drafters.base import DraftContext

        calls = [event for event in history.events if isinstance(event, CallMade)]
        results = {event.id: event.value for event in history.events if isinstance(event, ResultSeen)}
        context = DraftContext(
            run_id=history.session,
            branch_id="",
            step_index=len(calls),
            node_id="",
            history=tuple(Decision(call.tool, call.arguments) for call in calls),
            results={number: results[call.id] for number, call in enumerate(calls) if call.id in results},
        )
        self._drafter.top_k = limit
        found = _at_once(self._drafter.predict(context))
        return [
            Prediction(each.decision.name, dict(each.decision.args), each.score, each.score, {}, self.KIND)
            for each in found
        ]

    def observe(self, history: History, call: ToolCall) -> None:
        """Learns from finished runs alone."""


class ToolAhead:
    """ToolAhead's transition table: the call that usually follows, with the arguments it usually had
    (`toolahead.speculator`). It makes one guess."""

    KIND = "toolahead"

    def __init__(self, table: Any) -> None:
        self._table = table

    @classmethod
    def train(cls, sessions: Iterable[RecordedSession], specs: Specs) -> ToolAhead:
        from toolahead.speculator import TransitionTable

        table = TransitionTable()
        for session in sessions:
            made = [(_key(call.tool, call.args), {"tool": call.tool, "args": call.args}) for call in session.calls]
            for (before, _), (key, example) in pairwise([("$START", {}), *made]):
                table.record(before, key, example)
        return cls(table)

    def predict(self, history: History, limit: int) -> Sequence[Prediction]:
        calls = (event for event in reversed(history.events) if isinstance(event, CallMade))
        last = next(calls, None)
        key, score = self._table.predict("$START" if last is None else _key(last.tool, last.arguments))
        example = None if key is None else self._table.example(key)
        if example is None or limit < 1:
            return []
        return [Prediction(example["tool"], example["args"], score, score, {}, self.KIND)]

    def observe(self, history: History, call: ToolCall) -> None:
        """Learns from finished runs alone."""


def _key(tool: str, arguments: Mapping[str, Any]) -> str:
    from toolahead.proxy import canon_key
    from toolahead.speculator import Context

    key: str = canon_key(tool, dict(arguments), Context())
    return key


def _at_once(coroutine: Any) -> Any:
    """What a coroutine that waits for nothing returns."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("a drafter that is asked without an event loop waits for something")


PEERS: Mapping[str, Callable[[Iterable[RecordedSession], Specs], Predictor]] = {
    "specunode": SpecuNode.train,
    "toolahead": ToolAhead.train,
}


def installed() -> Iterator[tuple[str, Callable[[Iterable[RecordedSession], Specs], Predictor]]]:
    """(name and version, how it is trained) of every peer that is there."""
    for name, train in PEERS.items():
        if find_spec(name) is not None:
            try:
                label = f"{name} {version(name)}"
            except PackageNotFoundError:  # a folder of that name, not the package
                continue
            yield label, train


def missing() -> list[str]:
    """The peers that are not there."""
    there = {label.split()[0] for label, _ in installed()}
    return [name for name in PEERS if name not in there]
