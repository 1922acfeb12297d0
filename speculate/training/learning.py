"""Making a predictor: train it by name, on one core or many."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from itertools import chain
from typing import Any

from speculate.errors import SpeculateError
from speculate.prediction import Predictor
from speculate.siblings import sibling
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession
from speculate.training.spreading import cores, count_parts, counter_of

ENOUGH_CALLS = 3_000  # in about a second; with fewer, starting processes costs more than it saves


def train(
    name: str,
    sessions: Iterable[RecordedSession],
    specs: Mapping[str, ToolSpec],
    settings: Mapping[str, Any] | None = None,
    progress: Callable[[], None] | None = None,
    jobs: int | None = 1,
) -> Predictor:
    """Train the predictor of this name, or make it, if it has nothing to learn.

    The sessions are read once, as they are needed. `progress` is called after each of them. `jobs`: over how many
    processes to spread them, for predictors whose parts add up exactly; None: over all cores, if there are enough
    calls to gain by it. The model is the same, byte for byte. Processes are spawned, so a script that asks for them
    does so under `if __name__ == "__main__":`.

    Raises SpeculateError for an unknown name, or a setting that it does not have or that is wrong.
    """
    if jobs is not None and jobs < 1:
        raise SpeculateError(f"jobs must be at least 1, not {jobs}")
    found: Any = sibling("predictors").predictor_class(name)
    chosen = dict(settings or {})
    counter = counter_of(found)
    adds_parts = counter is not None and counter != getattr(found, "train", None)
    with _naming(name, chosen):
        if not callable(getattr(found, "train", None)):
            untrained: Predictor = found(**chosen)
            return untrained
        inspect.signature(found.train).bind(sessions, specs, **chosen)
        if jobs != 1 and adds_parts and counter is not None:
            counter((), specs, **chosen)  # wrong settings are told before anything is started
    if jobs is None:
        is_enough = False
        if adds_parts and cores() > 1:
            sessions, is_enough = _ahead(sessions, ENOUGH_CALLS)
        jobs = cores() if is_enough else 1
    if jobs == 1 or counter is None:
        with _naming(name, chosen):
            trained: Predictor = found.train(_told(sessions, progress), specs, **chosen)
            return trained
    total = reduce(_merged, count_parts(name, sessions, specs, chosen, jobs, progress))
    made: Predictor = found.from_part(total) if adds_parts else total
    return made


def _merged(one: Any, other: Any) -> Any:
    return one.merge(other)


@contextmanager
def _naming(name: str, chosen: Mapping[str, Any]) -> Iterator[None]:
    """What goes wrong may be the settings' fault, if there are any: then the error names them."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if not chosen:
            raise
        shown = ", ".join(f"{key}={value!r}" for key, value in chosen.items())
        raise SpeculateError(f"the predictor {name!r} cannot be made with {shown}: {error}") from error


def _told(sessions: Iterable[RecordedSession], progress: Callable[[], None] | None) -> Iterator[RecordedSession]:
    for session in sessions:
        yield session
        if progress is not None:
            progress()


def _ahead(sessions: Iterable[RecordedSession], calls: int) -> tuple[Iterable[RecordedSession], bool]:
    """The same sessions, and whether they hold more than so many calls: looks no further than it must."""
    rest = iter(sessions)
    seen = []
    for session in rest:
        seen.append(session)
        calls -= len(session.calls)
        if calls < 0:
            return chain(seen, rest), True
    return seen, False
