"""The pattern predictor with one of its parts taken out, and proof that it is out.

Parts are removed where events come in and where sessions are kept, while training and while predicting, so that what
is left is trained and calibrated without them. (Chains are the runtime's: benchmarks/prediction/chains.py.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from predictors.pattern import PatternPredictor, learning, online, predictor, training
from predictors.pattern.counts import Counts
from predictors.pattern.digest import Sample
from predictors.pattern.indexing import UNLABELLED, Indexed, Indexer
from predictors.pattern.namevault import FieldNames
from predictors.pattern.records import Records
from predictors.pattern.state import State
from predictors.pattern.vault import Vault
from speculate.history import History
from speculate.prediction import Prediction
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession, moments
from speculate.training.scoring import PREDICTIONS, untrusted_tools

CHECKED_SESSIONS = 12
Removed = Callable[[ExitStack], None]
Remains = Callable[[PatternPredictor, Sequence[tuple[History, Prediction]]], str | None]


@dataclass(frozen=True, slots=True)
class Part:
    """One part. `remains` says what of it is still at work, None if nothing."""

    says: str
    remove: Removed
    remains: Remains


def _indexing(change: Callable[[Indexed], Indexed]) -> Removed:
    def remove(stack: ExitStack) -> None:
        whole = Indexer.index

        def index(self: Indexer, *args: Any, **named: Any) -> Indexed:
            return change(whole(self, *args, **named))

        stack.enter_context(patch.object(Indexer, "index", index))

    return remove


def _sources(*kinds: str) -> Remains:
    """Arguments must not come from these."""

    def remains(model: PatternPredictor, made: Sequence[tuple[History, Prediction]]) -> str | None:
        for _, prediction in made:
            for name, source in prediction.sources.items():
                if source.kind in kinds:
                    return f"{prediction.tool}({name}) still comes from {source.kind}: {source.detail}"
        return None

    return remains


def _keys(table: str, allowed: Callable[[str], bool]) -> Remains:
    """Nothing else may have been counted in this table."""

    def remains(model: PatternPredictor, made: Sequence[tuple[History, Prediction]]) -> str | None:
        for key in getattr(model.counts, table):
            if not allowed(key):
                return f"{table} still counts {key!r}"
        return None

    return remains


def _no_flow(event: Indexed) -> Indexed:
    return event._replace(items=(), phrases=(), labels=UNLABELLED)


def _no_texts(event: Indexed) -> Indexed:
    return event._replace(items=(), phrases=()) if event.kind in ("U", "M") else event


def _no_words(event: Indexed) -> Indexed:
    return event._replace(words=())


def _no_records(stack: ExitStack) -> None:
    stack.enter_context(patch.object(Records, "add", lambda *_: None))


def _no_joint(model: PatternPredictor, made: Sequence[tuple[History, Prediction]]) -> str | None:
    return next((f"{tool} still has rules for records" for tool, rows in model.counts.joint.items() if rows), None)


ANYWHERE = ("^1", "^2", "^3", "^4", "^5")  # contexts that are the same wherever a session stands


def _no_context(stack: ExitStack) -> None:
    stack.enter_context(patch.object(State, "contexts", lambda _: list(ANYWHERE)))
    stack.enter_context(patch.object(learning, "later_keys", lambda _: ["", ANYWHERE[0], ANYWHERE[2]]))
    stack.enter_context(patch.object(online, "later_keys", lambda _: ["", ANYWHERE[0], ANYWHERE[2]]))


SESSION_COUNTS = ("local", "follow", "joint")


def _no_session(stack: ExitStack) -> None:
    whole = State.take

    def take(self: State, *args: Any) -> None:
        whole(self, *args)
        for name in SESSION_COUNTS:
            getattr(self, name).clear()

    stack.enter_context(patch.object(State, "take", take))


def _session_remains(model: PatternPredictor, made: Sequence[tuple[History, Prediction]]) -> str | None:
    for history, _ in made:
        state = history.memo[model].state
        for name in SESSION_COUNTS:
            if getattr(state, name):
                return f"a session still keeps its {name}"
    return None


def _no_calibration(stack: ExitStack) -> None:
    untrained = training.calibrate(Counts(), Vault(1), FieldNames(1), Sample(0), {})
    for module in [module for module in (predictor, training) if hasattr(module, "calibrate")]:
        stack.enter_context(patch.object(module, "calibrate", lambda *_, **__: untrained))


def _weights_remain(model: PatternPredictor, made: Sequence[tuple[History, Prediction]]) -> str | None:
    is_untrained = model.to_document()["weights"] == PatternPredictor().to_document()["weights"]
    return None if is_untrained else "the weights were fitted"


PARTS: Mapping[str, Part] = {
    "data flow": Part(
        "no value of a result, a text or an earlier call: constants alone",
        _indexing(_no_flow),
        _sources("result", "user", "text", "argument"),
    ),
    "texts": Part("no value of what user or model said", _indexing(_no_texts), _sources("user", "text")),
    "records": Part("no values taken together from one record", _no_records, _no_joint),
    "context": Part(
        "no state but how often each tool is called", _no_context, _keys("contexts", lambda key: key in ("", *ANYWHERE))
    ),
    "words": Part("no words of user or model", _indexing(_no_words), _keys("words", lambda key: not key[1:].isdigit())),
    "this session": Part("nothing learned from the session's own calls so far", _no_session, _session_remains),
    "calibration": Part("the weights that an untrained predictor has", _no_calibration, _weights_remain),
}


@contextmanager
def without(name: str) -> Iterator[None]:
    """The pattern predictor without this part, while training and predicting."""
    with ExitStack() as stack:
        PARTS[name].remove(stack)
        yield


def still_there(
    name: str, model: PatternPredictor, sessions: Sequence[RecordedSession], specs: Mapping[str, ToolSpec]
) -> str | None:
    """What of the part is still at work in a model trained without it, asked about a few sessions; None if nothing.

    To be called inside `without`.
    """
    made: list[tuple[History, Prediction]] = []
    for session in sessions[:CHECKED_SESSIONS]:
        for history, _ in moments(session, untrusted_tools(specs)):
            made.extend((history, prediction) for prediction in model.predict(history, PREDICTIONS))
    return PARTS[name].remains(model, made)
