"""A whole replay: every arm over the test sessions, and what they say together."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

from predictors.registry import create, predictor_class
from speculate.collecting import fewer_collections
from speculate.core.policy import Policy
from speculate.errors import SpeculateError
from speculate.prediction import Predictor
from speculate.replay import result
from speculate.replay.arms import FRONTIER, knowing, unlimited
from speculate.replay.contention import EVERY_TOOL, Contention, budgets, measure_contention, rounds
from speculate.replay.driver import Arm, ArmRun, Progress, Stage, run_arm
from speculate.replay.guessing import AllWrong, Foresight, Oracle, Recalled, Timed
from speculate.replay.judgement import Judge
from speculate.replay.latency import LatencyModel, Profile, load_profile
from speculate.replay.script import known_times, write_scripts
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession
from speculate.training.scoring import Scorer, introduce_tools, score


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """How to replay.

    profile: times for what was not recorded. online: the predictor goes on learning from the test runs.
    model_scale: all model times are multiplied by it (a faster model leaves less to hide under).
    sessions_at_once, capacity: if more than one session, or any capacity, is given, what speculation does to
    sessions that share tools with so many slots is measured too. keep_runs: keep every start of a tool.
    """

    policy: Policy = field(default_factory=Policy)
    profile: Profile = field(default_factory=load_profile)
    seed: int = 0
    frontier: bool = False
    online: bool = False
    model_scale: float = 1.0
    sessions_at_once: int = 1
    capacity: Mapping[str, int] = field(default_factory=dict)
    keep_runs: bool = False

    def __post_init__(self) -> None:
        if self.sessions_at_once < 1:
            raise ValueError(f"sessions_at_once must be at least 1, not {self.sessions_at_once}")
        if not 0 <= self.model_scale < float("inf"):
            raise ValueError(f"model_scale must be a finite number of at least 0, not {self.model_scale!r}")
        for tool, slots in self.capacity.items():
            if slots < 1:
                raise ValueError(f"the capacity of {tool!r} must be at least 1, not {slots}")

    @property
    def has_contention(self) -> bool:
        return self.sessions_at_once > 1 or bool(self.capacity)

    def sessions_to_play(self, test: Sequence[RecordedSession]) -> int:
        """How often `progress` is told of a session when these are replayed."""
        plays = len(test) * (5 + (len(FRONTIER) if self.frontier else 0))
        if self.has_contention:
            calls = sum(len(session.calls) for session in test)
            plays += len(test) * rounds(calls) * (2 + 2 * len(budgets(self.policy)))
        return plays


@dataclass(slots=True)
class Replay:
    """What a replay found. `document` is the JSON; the arms hold every session's times, for reports."""

    settings: ReplaySettings
    scores: Scorer
    calls: int
    speculable_calls: int
    modelled: bool
    sequential_s: float
    arms: dict[str, ArmRun]
    frontier: list[tuple[float, ArmRun]]
    contention: Contention | None
    predict_s: Sequence[float]
    train_s: float

    def document(self) -> dict[str, Any]:
        """The keys of the contract; `contention` only if it was asked for."""
        arms = self.arms
        off, speculative = arms["off"], arms["speculative"]
        document: dict[str, Any] = {
            "sessions": len(off.sessions),
            "calls": self.calls,
            "speculable_calls": self.speculable_calls,
            "modelled": self.modelled,
            "prediction": {
                name: None if value is None else result.rounded(value) for name, value in self.scores.document().items()
            },
            "speculation": result.speculation(speculative, self.speculable_calls),
            "latency": result.latency(
                self.sequential_s, off, speculative, arms["oracle"], arms["foresight"], self.settings.seed
            ),
            "controls": {"off_s": result.seconds_of(off), "all_wrong_s": result.seconds_of(arms["all_wrong"])},
            "safety": self.safety(),
            "frontier": [
                result.frontier_row(threshold, run, off, self.speculable_calls) for threshold, run in self.frontier
            ],
            "overhead": result.overhead(self.predict_s, speculative.call_us, self.train_s),
        }
        if self.contention is not None:
            document["contention"] = self.contention.document()
        return document

    def safety(self) -> dict[str, int]:
        """The world's verdict, over every arm that ran."""
        runs = [*self.arms.values(), *(run for _, run in self.frontier)]
        if self.contention is not None:
            runs += self.contention.runs
        total = dict.fromkeys(runs[0].safety.document(), 0)
        for run in runs:
            for name, count in run.safety.document().items():
                total[name] += count
        return total


def train_predictor(name: str, sessions: Sequence[RecordedSession], specs: Mapping[str, ToolSpec]) -> Predictor:
    """The predictor of this name, trained on these sessions if it can be. Raises UnknownPredictor."""
    kind = predictor_class(name)
    train = getattr(kind, "train", None)
    if callable(train):
        trained: Predictor = train(sessions, specs)
        return trained
    return create(name)


def replay_specs(specs: Mapping[str, ToolSpec]) -> dict[str, ToolSpec]:
    """The manifest's entries without time limits on real calls: the recorded run shows that each call ended."""
    return {
        name: replace(spec, real_timeout_s=None) if spec.real_timeout_s is not None else spec
        for name, spec in ((name, specs[name]) for name in specs)
    }


@fewer_collections()
def replay(
    train: Sequence[RecordedSession],
    test: Sequence[RecordedSession],
    specs: Mapping[str, ToolSpec],
    predictor: str | Predictor = "pattern",
    settings: ReplaySettings | None = None,
    *,
    progress: Progress | None = None,
    clock: Callable[[], float] = perf_counter,
) -> Replay:
    """Train on `train`, replay `test`. `progress` is told of every session played in every arm.

    predictor: a name, trained here, or a predictor that was trained already. Raises SpeculateError.
    """
    settings = settings or ReplaySettings()
    if not test:
        raise SpeculateError("there is no session to replay")
    specs = replay_specs(specs)
    began = clock()
    trained = train_predictor(predictor, train, specs) if isinstance(predictor, str) else predictor
    train_s = clock() - began if isinstance(predictor, str) else 0.0
    introduce_tools(trained, test, specs)

    latency = LatencyModel.fitted(settings.profile, [*train, *test], settings.seed, settings.model_scale)
    scripts = write_scripts(test, specs, latency)
    known = known_times(train, latency)
    stage = Stage(
        scripts=scripts,
        specs=specs,
        latency=latency,
        judge=Judge(specs),
        tools=sorted({*specs, *(call.tool for session in [*train, *test] for call in session.calls)}),
        known_tool_s=known.tool_s,
        known_lead_s=known.lead_s,
        keep_runs=settings.keep_runs,
    )
    strangers = sorted(set(settings.capacity) - {*stage.tools, EVERY_TOOL})
    if strangers:
        raise SpeculateError(f"capacity: no tool is called {strangers[0]!r}; there are {', '.join(stage.tools)}")
    recalled = Recalled(trained, scripts, clock)

    def guesser() -> Recalled | Timed:
        """The predictor under test: frozen, or a copy of its own for an arm in which it goes on learning."""
        return Timed(copy.deepcopy(trained), clock) if settings.online else recalled

    def run(name: str, policy: Policy, predictor: Predictor | None = None) -> ArmRun:
        return run_arm(stage, Arm(name, policy, predictor, settings.online), progress)

    policy = settings.policy
    tested = guesser()
    arms = {"off": run("off", policy)}
    arms["speculative"] = run("speculative", policy, tested)
    predict_s = list(tested.seconds)
    arms["oracle"] = run("oracle", knowing(policy), Oracle())
    off_turns = {session.id: session.turns for session in arms["off"].sessions}
    arms["foresight"] = run("foresight", knowing(policy), Foresight(specs, off_turns))
    arms["all_wrong"] = run("all_wrong", policy, AllWrong(guesser()))
    frontier = [
        (threshold, run(f"min_probability {threshold:.2f}", unlimited(policy, threshold), guesser()))
        for threshold in (FRONTIER if settings.frontier else ())
    ]
    contention = None
    if settings.has_contention:
        again = write_scripts(test, specs, latency, rounds(sum(len(script.calls) for script in scripts)))
        recalled.know(again)
        contention = measure_contention(
            replace(stage, scripts=again),
            policy,
            guesser,
            settings.sessions_at_once,
            settings.capacity,
            settings.online,
            progress,
        )
    calls = [call for script in scripts for call in script.calls]
    return Replay(
        settings=settings,
        scores=score(copy.deepcopy(trained) if settings.online else trained, test, specs, online=settings.online),
        calls=len(calls),
        speculable_calls=sum(call.speculable for call in calls),
        modelled=any(script.modelled for script in scripts),
        sequential_s=sum(script.sequential_s for script in scripts),
        arms=arms,
        frontier=frontier,
        contention=contention,
        predict_s=predict_s,
        train_s=train_s,
    )
