"""What speculation would have made of the recorded runs: replayed through the runtime, learned from other sessions.

The sessions are cut in two; each half is replayed with what was learned from the other, so that every session is
judged by a predictor that has not seen it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from speculate.audit.folds import halves
from speculate.notices import LaunchRetired
from speculate.prediction import Predictor
from speculate.replay import (
    Arm,
    ArmRun,
    LatencyModel,
    Replay,
    ReplaySettings,
    SessionScript,
    Stage,
    replay,
    run_arm,
    train_predictor,
    write_scripts,
)
from speculate.replay.arms import knowing
from speculate.replay.guessing import Oracle, Recalled
from speculate.replay.judgement import Judge
from speculate.replay.running import replay_specs
from speculate.replay.script import known_times
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession
from speculate.training.scoring import Scorer, introduce_tools, judged_turns, ratio

MODEL_SPEEDS = (0.5, 0.25, 0.125, 0.0625)
MIN_SESSIONS = 4  # fewer cannot teach and test
BINS = 10

Told = Callable[[], None]


@dataclass(slots=True)
class ToolLedger:
    """What speculation did for one tool."""

    speculable_calls: int = 0
    launched: int = 0
    committed: int = 0
    wasted: int = 0
    hidden_s: float = 0.0
    wasted_cost: float = 0.0


@dataclass(slots=True)
class SessionTimes:
    """One session in every arm, in seconds."""

    off_s: float = 0.0
    speculative_s: float = 0.0
    oracle_s: float = 0.0
    foresight_s: float = 0.0
    all_wrong_s: float = 0.0


@dataclass(slots=True)
class Bin:
    """Predictions of about the same probability, and how many came true."""

    predictions: int = 0
    expected: float = 0.0
    happened: int = 0


@dataclass(slots=True)
class FrontierSums:
    """One admission threshold, both halves added up."""

    off_s: float = 0.0
    seconds: float = 0.0
    hits: int = 0
    wasted: int = 0
    speculable_calls: int = 0


@dataclass(slots=True)
class Arms:
    """What the replay of one session needs to be drawn: its runs without and with speculation, and the ledger."""

    off: ArmRun
    speculative: ArmRun
    place: int


@dataclass(slots=True)
class Measured:
    """Speculation over all sessions, each judged by what was learned from others."""

    sessions: list[SessionTimes]
    tools: dict[str, ToolLedger] = field(default_factory=dict)
    scores: dict[str, float | None] = field(default_factory=dict)
    reliability: list[Bin] = field(default_factory=lambda: [Bin() for _ in range(BINS)])
    arms: dict[int, Arms] = field(default_factory=dict)
    launched: int = 0
    committed: int = 0
    wasted: int = 0
    wasted_cost: float = 0.0
    ready: int = 0
    joined: int = 0
    speculable_calls: int = 0
    calls: int = 0
    denied: dict[str, int] = field(default_factory=dict)
    wasted_because: dict[str, int] = field(default_factory=dict)
    safety: dict[str, int] = field(default_factory=dict)
    frontier: dict[float, FrontierSums] = field(default_factory=dict)

    def frontier_rows(self) -> list[dict[str, float | None]]:
        """Gain and waste over the admission threshold, under the keys of the replay's document."""
        return [
            {
                "min_probability": threshold,
                "hit_rate": ratio(sums.hits, sums.speculable_calls),
                "waste_per_hit": ratio(sums.wasted, sums.hits),
                "saved_share": ratio(sums.off_s - sums.seconds, sums.off_s),
            }
            for threshold, sums in sorted(self.frontier.items())
        ]


@dataclass(frozen=True, slots=True)
class Folds:
    """Two predictors and the sessions each is judged on."""

    judged_on: tuple[tuple[int, ...], tuple[int, ...]]
    predictors: tuple[Predictor, Predictor]

    @classmethod
    def train(cls, sessions: Sequence[RecordedSession], specs: Mapping[str, ToolSpec], predictor: str) -> Folds | None:
        """Trained on one half, judged on the other, both ways; None with too few sessions to do so."""
        one, other = halves(sessions)
        if min(len(one), len(other)) < MIN_SESSIONS // 2:
            return None
        trained = [train_predictor(predictor, [sessions[place] for place in half], specs) for half in (other, one)]
        for each in trained:
            introduce_tools(each, sessions, specs)
        return cls((tuple(one), tuple(other)), (trained[0], trained[1]))


def measure(
    sessions: Sequence[RecordedSession],
    specs: Mapping[str, ToolSpec],
    folds: Folds,
    settings: ReplaySettings,
    progress: Told | None = None,
) -> Measured:
    """Replay every session. Times must stand in the sessions; the profile is for guesses that never came true."""
    measured = Measured([SessionTimes() for _ in sessions])
    scorer = Scorer()
    for run, judged in _replays(sessions, specs, folds, settings, progress):
        _take(run, judged, measured)
    for places, predictor in zip(folds.judged_on, folds.predictors, strict=True):
        for _, turn in judged_turns(predictor, [sessions[place] for place in places], specs):
            scorer.add_judged(turn)
            for call in turn.calls:
                if call.speculable:
                    measured.tools.setdefault(call.call.tool, ToolLedger()).speculable_calls += 1
            for prediction in turn.predictions:
                share = min(max(prediction.prediction.p_next, 0.0), 1.0)
                found = measured.reliability[min(int(share * BINS), BINS - 1)]
                found.predictions += 1
                found.expected += share
                found.happened += prediction.happened
    measured.scores = scorer.document()
    return measured


def _replays(
    sessions: Sequence[RecordedSession],
    specs: Mapping[str, ToolSpec],
    folds: Folds,
    settings: ReplaySettings,
    progress: Told | None,
) -> list[tuple[Replay, tuple[int, ...]]]:
    """One replay for each half, learned from the other."""
    found = []
    for half, places in enumerate(folds.judged_on):
        learned_from = [sessions[place] for place in folds.judged_on[1 - half]]
        judged = [sessions[place] for place in places]
        found.append((replay(learned_from, judged, specs, folds.predictors[half], settings, progress=progress), places))
    return found


def _take(run: Replay, places: Sequence[int], measured: Measured) -> None:
    arms = run.arms
    for number, place in enumerate(places):
        measured.sessions[place] = SessionTimes(
            arms["off"].sessions[number].seconds,
            arms["speculative"].sessions[number].seconds,
            arms["oracle"].sessions[number].seconds,
            arms["foresight"].sessions[number].seconds,
            arms["all_wrong"].sessions[number].seconds,
        )
        measured.arms[place] = Arms(arms["off"], arms["speculative"], number)
    speculative = arms["speculative"]
    document = run.document()
    measured.launched += speculative.launched
    measured.committed += speculative.committed
    measured.wasted += speculative.wasted
    measured.wasted_cost += speculative.wasted_cost
    measured.calls += run.calls
    measured.speculable_calls += run.speculable_calls
    for served in (how for session in speculative.sessions for how in session.served):
        measured.ready += served.value == "ready"
        measured.joined += served.value == "joined"
    for counts, found in (
        (measured.denied, speculative.denied),
        (measured.wasted_because, speculative.wasted_because),
        (measured.safety, document["safety"]),
    ):
        for name, count in found.items():
            counts[name] = counts.get(name, 0) + count
    for threshold, arm in run.frontier:
        sums = measured.frontier.setdefault(threshold, FrontierSums())
        sums.off_s += arms["off"].seconds
        sums.seconds += arm.seconds
        sums.hits += sum(how.is_hit for session in arm.sessions for how in session.served)
        sums.wasted += arm.wasted
        sums.speculable_calls += run.speculable_calls
    for retired in speculative.retired:
        _book(retired, measured.tools.setdefault(retired.tool, ToolLedger()))


def _book(retired: LaunchRetired, ledger: ToolLedger) -> None:
    ledger.launched += 1
    if retired.outcome == "committed":
        ledger.committed += 1
        ledger.hidden_s += retired.hidden_s
    else:
        ledger.wasted += 1
        ledger.wasted_cost += retired.cost


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """All sessions with the model's times multiplied by `model_scale`."""

    model_scale: float
    off_s: float
    speculative_s: float
    oracle_s: float


class _Light:
    """One half's sessions, replayed in the arms that are asked for and no others.

    What a predictor says depends on what happened, never on when: it is asked once for all speeds of the model.
    """

    def __init__(
        self,
        learned_from: Sequence[RecordedSession],
        judged: Sequence[RecordedSession],
        specs: Mapping[str, ToolSpec],
        predictor: Predictor,
        settings: ReplaySettings,
    ) -> None:
        self.learned_from, self.judged, self.settings = learned_from, judged, settings
        self.specs = replay_specs(specs)
        self.tools = sorted({*specs, *(call.tool for session in [*learned_from, *judged] for call in session.calls)})
        scripts, _ = self._scripts(1.0)
        self.recalled = Recalled(predictor, scripts, perf_counter)

    def _scripts(self, model_scale: float) -> tuple[list[SessionScript], LatencyModel]:
        sessions = [*self.learned_from, *self.judged]
        latency = LatencyModel.fitted(self.settings.profile, sessions, self.settings.seed, model_scale)
        return write_scripts(self.judged, self.specs, latency), latency

    def run(self, model_scale: float, names: Sequence[str]) -> dict[str, ArmRun]:
        """The arms of these names: "off", "speculative", "oracle"."""
        scripts, latency = self._scripts(model_scale)
        known = known_times(self.learned_from, latency)
        stage = Stage(
            scripts, self.specs, latency, Judge(self.specs), self.tools, known.tool_s, known.lead_s
        )  # fmt: skip
        policy = self.settings.policy
        arms = {
            "off": Arm("off", policy),
            "speculative": Arm("speculative", policy, self.recalled),
            "oracle": Arm("oracle", knowing(policy), Oracle()),
        }
        return {name: run_arm(stage, arms[name]) for name in names}


def _lights(
    sessions: Sequence[RecordedSession], specs: Mapping[str, ToolSpec], folds: Folds, settings: ReplaySettings
) -> list[tuple[_Light, tuple[int, ...]]]:
    return [
        (
            _Light(
                [sessions[place] for place in folds.judged_on[1 - half]],
                [sessions[place] for place in places],
                specs,
                folds.predictors[half],
                settings,
            ),
            places,
        )
        for half, places in enumerate(folds.judged_on)
    ]


@dataclass(slots=True)
class Together:
    """Speculation on sessions whose calls were fanned out before."""

    speculative_s: list[float]
    wasted: int = 0
    wasted_cost: float = 0.0


def measure_together(
    sessions: Sequence[RecordedSession],
    specs: Mapping[str, ToolSpec],
    folds: Folds,
    settings: ReplaySettings,
    progress: Told | None = None,
) -> Together:
    """What speculation still gives after fan-out. `sessions` are the fanned-out ones."""
    together = Together([0.0] * len(sessions))
    for light, places in _lights(sessions, specs, folds, settings):
        arm = light.run(1.0, ["speculative"])["speculative"]
        together.wasted += arm.wasted
        together.wasted_cost += arm.wasted_cost
        for place, session in zip(places, arm.sessions, strict=True):
            together.speculative_s[place] = session.seconds
            if progress is not None:
                progress()
    return together


def sweep(
    sessions: Sequence[RecordedSession],
    specs: Mapping[str, ToolSpec],
    folds: Folds,
    settings: ReplaySettings,
    measured: Measured,
    progress: Told | None = None,
) -> list[SweepPoint]:
    """The same runs under faster models: what is left to hide under. `measured` is the model as it is."""
    points = [
        SweepPoint(
            1.0,
            sum(times.off_s for times in measured.sessions),
            sum(times.speculative_s for times in measured.sessions),
            sum(times.oracle_s for times in measured.sessions),
        )
    ]
    lights = _lights(sessions, specs, folds, settings)
    for scale in MODEL_SPEEDS:
        sums = dict.fromkeys(("off", "speculative", "oracle"), 0.0)
        for light, _ in lights:
            for name, arm in light.run(scale, list(sums)).items():
                sums[name] += arm.seconds
                if progress is not None:
                    progress()
        points.append(SweepPoint(scale, sums["off"], sums["speculative"], sums["oracle"]))
    return points
