"""Tournament and Mixture: whom they trust, what their probabilities mean, and how fast they change their mind."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest

from predictors import Calibrator, MarkovPredictor, Mixture, RepeatPredictor, Tournament, load_predictor, save_predictor
from predictors.composition import Composition
from predictors.modelfile import from_envelope, to_envelope
from predictors.track import Track
from speculate.calls import ToolCall
from speculate.history import CallMade, History, ModelText, ResultSeen, UserText
from speculate.prediction import ArgumentSource, Prediction
from speculate.testing import ScriptedPredictor
from speculate.trace import SessionStarted
from tests.predictors.test_modelfile import Own
from tests.predictors.test_repeat import SPECS, run


def says(*guesses: tuple[str, Any, float], name: str = "") -> ScriptedPredictor:
    """A predictor that always says the same: tool, argument n, p_next."""
    made = [
        Prediction(tool, {"n": n}, p, min(1.0, p + 0.1), {"n": ArgumentSource("other", name)}, name)
        for tool, n, p in guesses
    ]
    return ScriptedPredictor(made)


def step(composition: Composition, session: str, *calls: ToolCall) -> None:
    """One turn of a session whose earlier turns are over: its calls are observed, then a result ends the moment."""
    history = History(session)
    for call in calls:
        composition.observe(history, call)
    history.append(ResultSeen("x", "x", True))
    composition.observe(history, ToolCall("end", {}))  # the next moment begins: the one before is judged


def quiet(composition: Composition) -> Composition:
    """Without recalibration, so that what is said can be worked out by hand."""
    composition.calibrator.learn = lambda p, happened: None  # type: ignore[method-assign]  # on purpose
    return composition


@pytest.mark.parametrize("kind", [Tournament, Mixture])
def test_untrained_it_trusts_all_alike(kind: type[Composition]) -> None:
    """A tournament then takes the first; a mixture averages."""
    both = kind([says(("look", 1, 0.8), name="a"), says(("look", 1, 0.4), ("look", 2, 0.2), name="b")])
    first, *rest = both.predict(History(), 5)
    assert first.arguments == {"n": 1}
    assert first.predictor == "a"
    assert first.p_next == pytest.approx(0.8 if kind is Tournament else 0.6)
    assert [guess.p_next for guess in rest] == ([] if kind is Tournament else [pytest.approx(0.1)])
    assert first.p_use == pytest.approx(0.9 if kind is Tournament else 0.7)


def test_a_tournament_chooses_per_tool() -> None:
    """One component knows `look`, the other `find`: each tool's guesses come from who knows it."""
    one = says(("look", 1, 0.9), ("find", 8, 0.9), name="one")
    other = says(("look", 7, 0.9), ("find", 2, 0.9), name="other")
    tournament = quiet(Tournament([one, other]))
    for n in range(10):
        step(tournament, f"s{n}", ToolCall("look", {"n": 1}), ToolCall("find", {"n": 2}))
    guesses = tournament.predict(History(), 5)
    assert {(guess.tool, guess.arguments["n"], guess.predictor) for guess in guesses} == {
        ("look", 1, "one"),
        ("find", 2, "other"),
    }


def test_a_mixture_weighs_by_loss() -> None:
    """Losses by hand after one moment: (0.6-1)^2 = 0.16, and for the silent one 1."""
    mixture = quiet(Mixture([says(("look", 1, 0.6)), says()], half_life=1e9))
    step(mixture, "s", ToolCall("look", {"n": 1}))
    # Both also owe four moments of their mean loss over all tools: the only tool so far is `look`.
    difference = (1.0 - 0.16) * (1 + 4)
    weight = 1 / (1 + math.exp(-0.5 * difference))
    (guess,) = mixture.predict(History(), 5)
    assert guess.p_next == pytest.approx(0.6 * weight)


def test_calls_of_one_turn_are_one_moment() -> None:
    """Two right guesses for a turn of two calls: neither counts against the other, in whatever order events come."""
    composition = Tournament([says(("look", 1, 0.5), ("look", 2, 0.5))], half_life=1e9)
    history = History("s", None, [UserText("go")])
    composition.observe(history, ToolCall("look", {"n": 1}))
    history.append(ModelText(0, "Both."))
    history.append(CallMade("c1", 0, "look", {"n": 1}))
    composition.observe(history, ToolCall("look", {"n": 2}))
    assert composition.track.to_document()["tools"] == {}  # not judged before the turn is over
    history.append(ResultSeen("c1", "look", True))
    composition.observe(history, ToolCall("look", {"n": 3}))
    assert composition.track.to_document()["tools"] == {"look": {"moments": 1.0, "losses": [0.5]}}


def test_silence_costs() -> None:
    """Who names no call of a tool is judged by the calls that were made and those that others named."""
    composition = Tournament([says(), says(("look", 1, 0.25))], half_life=1e9)
    step(composition, "s", ToolCall("look", {"n": 2}))
    assert composition.track.to_document()["tools"]["look"]["losses"] == [1.0, 1.0625]


def test_calls_without_identity_are_no_question() -> None:
    """Raw arguments can be matched by nobody, and a guess that is no JSON is dropped."""
    composition = Mixture([says(("look", math.nan, 0.9))], half_life=1e9)
    assert composition.predict(History(), 5) == []
    step(composition, "s", ToolCall("look", {"_raw": "1"}))
    assert composition.track.to_document()["tools"] == {}


@pytest.mark.parametrize("kind", [Tournament, Mixture])
def test_a_changed_agent_is_followed(kind: type[Composition]) -> None:
    """After hundreds of moments that suited one component, tens that suit the other turn the choice round."""
    one, other = says(("look", 1, 0.8), name="one"), says(("look", 2, 0.8), name="other")
    composition = kind([one, other], half_life=20)
    for n in range(400):
        step(composition, f"a{n}", ToolCall("look", {"n": 1}))
    assert composition.predict(History(), 1)[0].predictor == "one"
    for n in range(40):
        step(composition, f"b{n}", ToolCall("look", {"n": 2}))
    assert composition.predict(History(), 1)[0].predictor == "other"


def test_components_learn_too() -> None:
    """Every call reaches each of them, once."""
    one, other = says(("look", 1, 0.5)), says()
    composition = Mixture([one, other])
    step(composition, "s", ToolCall("look", {"n": 1}))
    assert [call.tool for call in one.observed] == ["look", "end"]
    assert one.observed == other.observed


def test_sessions_left_open_cost_bounded_memory() -> None:
    """The oldest open moment is judged when there are too many."""
    composition = Tournament([says(("look", 1, 0.5))], half_life=1e9)
    for n in range(1030):
        composition.observe(History(f"s{n}"), ToolCall("look", {"n": 1}))
    assert len(composition._pending) == 1024
    assert composition.track.to_document()["tools"]["look"]["moments"] == pytest.approx(6.0)


def _reliability(said: Sequence[tuple[float, bool]]) -> float:
    """The largest distance between said and happened over tenths with at least 150 cases."""
    worst = 0.0
    for tenth in range(10):
        cases = [(p, came) for p, came in said if tenth / 10 <= p < (tenth + 1) / 10]
        if len(cases) >= 150:
            worst = max(worst, abs(sum(p for p, _ in cases) - sum(came for _, came in cases)) / len(cases))
    return worst


def test_a_pool_stays_calibrated() -> None:
    """Two calibrated components with evidence of their own: averaged they are timid, recalibrated they are not."""
    rng = random.Random(7)
    now: list[float] = [0.0, 0.0]

    def component(index: int) -> Callable[[History], Sequence[Prediction]]:
        return lambda history: [Prediction("look", {"n": 1}, now[index], now[index])]

    mixture = Mixture([ScriptedPredictor(component(0)), ScriptedPredictor(component(1))])
    pooled, corrected = [], []
    for n in range(6000):
        evidence = [rng.gauss(0, 1.5), rng.gauss(0, 1.5)]
        came = rng.random() < 1 / (1 + math.exp(-2 * sum(evidence)))  # a seeded generator's method
        now = [1 / (1 + math.exp(-1.1 * each)) for each in evidence]
        history = History(f"s{n}")
        if n >= 3000:
            pooled.append((sum(now) / 2, came))
            corrected.append((mixture.predict(history, 1)[0].p_next, came))
        mixture.observe(history, ToolCall("look", {"n": 1 if came else 2}))
        mixture._judge(mixture._pending.pop(history.session))
    assert _reliability(pooled) > 0.1
    assert _reliability(corrected) < 0.05


def test_a_correction_by_hand() -> None:
    """Eight things said at one half, all of them true: expected 4, happened 8, so 0.5 means (8+2)/(4+2) times 0.5."""
    calibrator = Calibrator(half_life=1e9)
    assert calibrator.corrected(0.5) == 0.5
    for _ in range(8):
        calibrator.learn(0.5, True)
    assert calibrator.corrected(0.5) == pytest.approx(0.5 * 10 / 6)
    assert calibrator.corrected(0.999) == pytest.approx(0.999)  # far away in log-odds: untouched
    assert calibrator.corrected(0.0) == 0.0
    assert calibrator.corrected(1.0) == 1.0
    calibrator.learn(1.0, False)
    calibrator.learn(0.0, True)  # what is certain teaches nothing
    assert calibrator.corrected(0.5) == pytest.approx(0.5 * 10 / 6)


def test_a_correction_between_two_points_is_interpolated() -> None:
    """Half way between two points in log-odds it is the mean of their ratios; beyond the ends, that of the end."""
    calibrator = Calibrator(half_life=1e9)
    half_way = 1 / (1 + math.exp(-0.5))
    for _ in range(10):
        calibrator.learn(half_way, False)
    ratio = 2 / (5 * half_way + 2)
    assert calibrator.corrected(half_way) == pytest.approx(half_way * ratio)
    assert calibrator.corrected(1 / (1 + math.exp(-0.25))) == pytest.approx(ratio / (1 + math.exp(-0.25)))
    for _ in range(1000):
        calibrator.learn(0.001, True)
    assert calibrator.corrected(0.0001) == pytest.approx(0.0001 * 1002 / 3)


def test_old_outcomes_wear_off() -> None:
    """After a half-life one outcome counts half."""
    calibrator = Calibrator(half_life=4)
    calibrator.learn(0.5, True)
    for _ in range(4):
        calibrator.learn(0.5, False)
    assert calibrator.to_document()["happened"][5] == pytest.approx(0.5)


def test_a_track_is_bounded() -> None:
    """Tools beyond the bound share the record over all tools."""
    track = Track(2, half_life=1e9)
    for n in range(4096):
        track.learn(f"tool_{n}", [0.0, 0.0])
    track.learn("one too many", [1.0, 0.0])
    assert "one too many" not in track.to_document()["tools"]
    assert track.loss("one too many") == [pytest.approx(4 / 4097, rel=1e-4), 0.0]
    assert track.best("one too many") == 1


@pytest.mark.parametrize("kind", [Tournament, Mixture])
def test_training_judges_on_unseen_sessions(kind: type[Composition]) -> None:
    """Whom to trust is learned by cross-fitting; components are trained on everything."""
    runs = [run([("read", f"a{n}")], [("read", f"a{n}")], [("write", f"a{n}")]) for n in range(8)]
    model = kind.train(runs, SPECS, ["markov", "repeat"], half_life=50)
    markov, repeat = model.components
    assert to_envelope(markov) == to_envelope(MarkovPredictor.train(runs, SPECS))
    assert to_envelope(repeat) == to_envelope(RepeatPredictor.train(runs, SPECS))
    assert model.track.to_document()["all"]["moments"] > 0
    assert model.track.half_life == 50
    assert repr(model).startswith(f"<{kind.__name__} of <MarkovPredictor 2 tools")


def test_a_component_that_cannot_be_trained_takes_part_as_it_is() -> None:
    """By the name of its class."""
    model = Tournament.train([run([("read", "a")])], SPECS, [f"{__name__}:Silent", "repeat"])
    assert isinstance(model.components[0], Silent)


class Silent:
    """A predictor with nothing to learn or say."""

    KIND: ClassVar[str] = "silent"

    def predict(self, history: History, limit: int) -> list[Prediction]:
        return []

    def observe(self, history: History, call: ToolCall) -> None:
        """Nothing is learned."""


def test_components_of_ones_own_are_kept_too(tmp_path: Any) -> None:
    """If their class is passed when the file is read; a component that cannot be saved says so."""
    path = tmp_path / "model.json"
    save_predictor(Mixture([Own({"a": 1}), RepeatPredictor()]), path)
    loaded = load_predictor(path, also=[Own])
    assert isinstance(loaded, Mixture)
    assert isinstance(loaded.components[0], Own)
    with pytest.raises(Exception, match="the kind of model 'own' is not known here"):
        load_predictor(path)
    with pytest.raises(Exception, match="a Silent cannot be saved"):
        save_predictor(Mixture([Silent()]), path)


def test_names_make_components() -> None:
    """As `--predictor mixture` does."""
    assert [type(each) for each in Mixture(["markov", "repeat"]).components] == [MarkovPredictor, RepeatPredictor]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"components": []}, "needs at least one predictor"),
        ({"track": {"half_life": 0}}, "half_life must be a finite number above 0, not 0"),
        ({"track": {"half_life": 1, "all": {"losses": [1], "moments": 1}}}, "track.all.losses must be a list of 2"),
        ({"track": {"half_life": 1, "all": {"losses": [1, -1], "moments": 1}}}, "must hold finite numbers"),
        ({"calibration": {"half_life": math.inf}}, "half_life must be a finite number above 0, not inf"),
        ({"calibration": {"half_life": 5, "expected": []}}, "calibration.expected must be a list of 11"),
    ],
)
def test_damaged_documents_are_refused(change: dict[str, Any], problem: str) -> None:
    """With the field named."""
    document = json.loads(json.dumps(to_envelope(Mixture(["markov", "repeat"]))))
    document["model"].update(change)
    with pytest.raises(Exception, match=problem):
        from_envelope(document)


def test_training_corrects_p_use_by_what_came_later() -> None:
    """A call said to be of use half the time, and always used three turns later: training raises it."""

    class Hopeful(Silent):
        KIND: ClassVar[str] = "hopeful"

        def predict(self, history: History, limit: int) -> list[Prediction]:
            return [Prediction("read", {"path": "a"}, 0.1, 0.5)]

    globals()["Hopeful"] = Hopeful
    runs = [run([], [], [], [("read", "a")]) for _ in range(50)]
    model = Mixture.train(runs, SPECS, [f"{__name__}:Hopeful"])
    (guess,) = model.predict(History(), 5)
    assert guess.p_use > 0.9
    assert guess.p_next < 0.4


class Memory:
    """Remembers which sessions it was trained on, and whether it was ever judged on one of them."""

    KIND: ClassVar[str] = "memory"
    judged: ClassVar[list[tuple[str, bool]]] = []

    def __init__(self, known: frozenset[str]) -> None:
        self.known = known

    @classmethod
    def train(cls, sessions: Sequence[Any], specs: Any) -> Memory:
        return cls(frozenset(session.id for session in sessions))

    def predict(self, history: History, limit: int) -> list[Prediction]:
        self.judged.append((history.session, history.session in self.known))
        return []

    def observe(self, history: History, call: ToolCall) -> None:
        """Nothing is learned."""


def test_components_are_judged_on_sessions_they_have_not_seen() -> None:
    """Every session is judged once, by a component trained on the other half; the one that is kept knows them all."""
    runs = []
    for n in range(5):
        made = run([("read", "a")])
        made.start = SessionStarted(f"s{n}")
        runs.append(made)
    Memory.judged.clear()
    model = Tournament.train(runs, SPECS, [f"{__name__}:Memory"])
    assert sorted(Memory.judged) == [(f"s{n}", False) for n in range(5)]
    (kept,) = model.components
    assert isinstance(kept, Memory)
    assert kept.known == {f"s{n}" for n in range(5)}
