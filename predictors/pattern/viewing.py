"""One session as one predictor sees it, kept in step with its history."""

from __future__ import annotations

from typing import Any

from predictors.pattern.guessing import Guesser
from predictors.pattern.indexing import Indexer
from predictors.pattern.state import State
from speculate.history import History


class View:
    """Kept in a history's memo. The history tells it of each event it appends, so that events are indexed when they
    come in and not when a prediction is asked for."""

    __slots__ = ("_guesser", "_indexer", "answer", "state")

    def __init__(self, indexer: Indexer, guesser: Guesser, state: State) -> None:
        self._indexer = indexer
        self._guesser = guesser
        self.state = state
        self.answer: Any = None  # what was predicted, kept until the history changes

    def fork(self) -> View:
        """An independent copy, for a history that forks."""
        return View(self._indexer, self._guesser, self.state.copy())

    def appended(self, history: History) -> None:
        """Take in the history's events that are new."""
        events = history.events
        state = self.state
        if state.count >= len(events):
            return
        self.answer = None
        while state.count < len(events):
            state.take(self._indexer.index(events[state.count], state.when, state.folders))
        self._guesser.chooser.words(state)
