"""One walk over recorded sessions that judges a predictor in every way the training report shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from speculate.core.policy import Policy
from speculate.prediction import Predictor
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession, moments
from speculate.training.analysis import Analysis
from speculate.training.outlook import Outlook
from speculate.training.presence import Presence
from speculate.training.reliability import Reliability
from speculate.training.scoring import PREDICTIONS, Scorer, introduce_tools, judge, untrusted_tools
from speculate.training.tradeoff import Tradeoff, recorded_latencies

WIDE = 64  # guesses looked through for values that were there and ranked low


class Judgement:
    """What a predictor is worth on runs it has not seen. Learning stays frozen."""

    def __init__(self, sessions: Sequence[RecordedSession], specs: Mapping[str, ToolSpec], policy: Policy) -> None:
        self._specs = specs
        self._untrusted = untrusted_tools(specs)
        self.sessions = 0
        self.scorer = Scorer()
        self.analysis = Analysis()
        self.next = Reliability()  # of p_next: over every turn, those without calls too
        self.use = Reliability()  # of p_use, of calls that could be launched
        self.tradeoff = Tradeoff(policy, recorded_latencies(sessions, policy))

    def add(self, predictor: Predictor, session: RecordedSession) -> None:
        """Walk one session."""
        self.sessions += 1
        outlook = Outlook(session, self._specs)
        candidates = self.tradeoff.open()
        presence = Presence()
        for index, (history, turn) in enumerate(moments(session, self._untrusted)):
            wide = predictor.predict(history, WIDE)
            guesses = wide[:PREDICTIONS]
            judged = judge(guesses, turn, self._specs)
            self.scorer.add_judged(judged)
            if turn.calls:
                presence.follow(history)
                self.analysis.add(judge(wide, turn, self._specs), presence)
            for each in judged.predictions:
                self.next.add(each.prediction.p_next, each.happened)
                if each.speculable:
                    used = outlook.next_use(each.resolved, index) is not None
                    self.use.add(each.prediction.p_use, used)
                self.tradeoff.add(candidates, each.prediction, each.resolved, outlook, index)
            self.tradeoff.calls += sum(call.speculable for call in judged.calls)

    def document(self) -> dict[str, Any]:
        """Everything, as JSON."""
        return {
            "sessions": self.sessions,
            "calls": self.scorer.calls,
            "speculable_calls": self.scorer.speculable_calls,
            "prediction": self.scorer.document(),
            **self.analysis.document(),
            "reliability": {"p_next": self.next.document(), "p_use": self.use.document()},
            "tradeoff": self.tradeoff.document(),
        }


def judge_predictor(
    predictor: Predictor,
    sessions: Sequence[RecordedSession],
    specs: Mapping[str, ToolSpec],
    policy: Policy | None = None,
    progress: Callable[[], None] | None = None,
) -> Judgement:
    """Judge on recorded sessions. `progress` is called after each."""
    introduce_tools(predictor, sessions, specs)
    judgement = Judgement(sessions, specs, policy or Policy())
    for session in sessions:
        judgement.add(predictor, session)
        if progress is not None:
            progress()
    return judgement
