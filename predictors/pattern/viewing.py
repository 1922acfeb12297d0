"""One session as one predictor sees it, kept in step with its history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from predictors.pattern.guessing import Guesser
from predictors.pattern.indexing import Indexer
from predictors.pattern.state import State
from speculate.history import CallMade, History, ResultSeen


class View:
    """Kept in a history's memo. The history tells it of each event it appends, so that events are indexed when they
    come in and not when a prediction is asked for.

    A call that was made says when there is time: its tool runs, and what the next prediction will need can be worked
    out meanwhile. Nothing rests on that being done; it is done once for each prediction that was asked for, so not at
    all for a history that nobody asks about any longer, and for the first of several calls.

    prepare: called with the state, to do so.
    """

    __slots__ = ("_guesser", "_indexer", "_prepare", "answer", "is_asked", "state")

    def __init__(self, indexer: Indexer, guesser: Guesser, state: State, prepare: Callable[[State], None]) -> None:
        self._indexer = indexer
        self._guesser = guesser
        self._prepare = prepare
        self.state = state
        self.is_asked = False  # for a prediction, since one was prepared
        self.answer: Any = None  # what was predicted, kept until the history changes

    def fork(self) -> View:
        """An independent copy, for a history that forks."""
        return View(self._indexer, self._guesser, self.state.copy(), self._prepare)

    def appended(self, history: History) -> None:
        """Take in what the history appended, and use the time while a tool runs."""
        self.catch_up(history)
        if self.is_asked and type(history.events[-1]) is CallMade:
            self.is_asked = False
            self._prepare(self.state)

    def catch_up(self, history: History) -> None:
        """Take in the history's events that are new."""
        events = history.events
        state = self.state
        if state.count >= len(events):
            return
        self.answer = None
        while state.count < len(events):
            state.take(self._indexer.index(events[state.count], state.when, state.folders))
        state.fields.catch_up(state.pools)
        if type(events[-1]) is not ResultSeen:  # there is time
            state.records.catch_up()
        self._guesser.chooser.words(state)
