"""One session as one predictor sees it, kept in step with its history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from predictors.pattern.guessing import Guesser
from predictors.pattern.indexing import Indexer
from predictors.pattern.state import State
from speculate.history import CallMade, History, ModelText, ResultSeen, UserText

PREPARATIONS = 2  # for each prediction that was asked for
MAX_BALANCE = 3


class View:
    """Kept in a history's memo. The history tells it of each event it appends, so that events are indexed when they
    come in and not when a prediction is asked for.

    Once the model has made a call or said something there is time: a tool runs, or the user reads and types. What the
    next prediction will need can be worked out meanwhile. Nothing rests on that being done. It is done at most twice
    for each prediction that was asked for, so not at all for a history that nobody asks about any longer, and for
    the first of several calls alone; after a text, where the session's texts are answered and not followed by calls.

    prepare: called with the state, and whether a call was made, to do so.
    """

    __slots__ = ("_balance", "_guesser", "_indexer", "_preparations", "_prepare", "_was_text", "answer", "state")

    def __init__(
        self, indexer: Indexer, guesser: Guesser, state: State, prepare: Callable[[State, bool], None]
    ) -> None:  # fmt: skip
        self._indexer = indexer
        self._guesser = guesser
        self._prepare = prepare
        self._preparations = 0  # left
        self._was_text = False  # the last event was the model's
        self._balance = 0  # of texts the user answered over texts that calls came with
        self.state = state
        self.answer: Any = None  # what was predicted, kept until the history changes

    def fork(self) -> View:
        """An independent copy, for a history that forks."""
        return View(self._indexer, self._guesser, self.state.copy(), self._prepare)

    def appended(self, history: History) -> None:
        """Take in what the history appended, and use the time there is after it."""
        self.catch_up(history)
        if self._preparations:
            last = type(history.events[-1])
            if last is CallMade:
                self._preparations = 0
                self._prepare(self.state, True)
            elif last is ModelText and self._balance >= 0:
                self._preparations -= 1
                self._prepare(self.state, False)

    def asked(self) -> None:
        """A prediction is asked for: there will be another one to prepare."""
        self._preparations = PREPARATIONS

    def catch_up(self, history: History) -> None:
        """Take in the history's events that are new."""
        events = history.events
        state = self.state
        if state.count >= len(events):
            return
        self.answer = None
        while state.count < len(events):
            event = events[state.count]
            kind = type(event)
            if self._was_text and kind is not ResultSeen:
                change = 1 if kind is UserText else -1 if kind is CallMade else 0
                self._balance = max(-MAX_BALANCE, min(self._balance + change, MAX_BALANCE))
            self._was_text = kind is ModelText
            state.take(self._indexer.index(event, state.when, state.folders))
        state.fields.catch_up(state.pools)
        if kind is not ResultSeen:  # there is time
            state.records.catch_up()
        self._guesser.chooser.words(state)
