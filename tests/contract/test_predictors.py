"""One suite over every predictor: pure, bounded, ordered, honest about its probabilities, and kept by its file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from predictors import load_predictor, save_predictor
from predictors.modelfile import to_envelope
from predictors.registry import Model, TrainableModel, predictor_class
from speculate.calls import ToolCall
from speculate.history import CallMade, Event, History, ModelText, ResultSeen, UserText
from speculate.prediction import Prediction, Predictor
from speculate.trace import moments
from tests.contract.checks import check_predictions, frozen, same
from tests.contract.histories import hostile, ordinary
from tests.contract.runs import SPECS, shop_run, training_runs
from tests.contract.subjects import SUBJECTS, TRAINABLE

LIMIT = 8
HOSTILE = hostile()
_made: dict[str, Predictor] = {}


def _shared(name: str) -> Predictor:
    """Trained once; for tests that only predict."""
    if name not in _made:
        _made[name] = SUBJECTS[name]()
    return _made[name]


@pytest.fixture(params=sorted(SUBJECTS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def subject(name: str) -> Predictor:
    return _shared(name)


@pytest.fixture
def fresh(name: str) -> Callable[[], Predictor]:
    return SUBJECTS[name]


def _learn(predictor: Predictor, number: int) -> None:
    for history, turn in moments(shop_run(number)):
        for call in turn.calls:
            predictor.observe(history, ToolCall(call.tool, call.args, call.id))


def test_it_is_a_predictor(subject: Predictor) -> None:
    """Both methods of the protocol are there."""
    assert isinstance(subject, Predictor)


def test_ordinary_histories_give_orderly_predictions(subject: Predictor) -> None:
    """At every moment of a run: limits, order, ranges, JSON."""
    for history in ordinary():
        check_predictions(subject.predict(history, LIMIT), LIMIT)


@pytest.mark.parametrize("limit", [0, 1, 2, 100])
def test_the_limit_is_honoured(subject: Predictor, limit: int) -> None:
    """And a shorter list is the beginning of a longer one: the best come first whatever is asked for."""
    for history in ordinary():
        few = subject.predict(history, limit)
        check_predictions(few, limit)
        assert [guess.p_next for guess in few] == [guess.p_next for guess in subject.predict(history, 100)][:limit]


def test_predicting_is_pure(subject: Predictor) -> None:
    """Twice the same answer, from the history, from a fork, and with the scratch space dropped."""
    for history in [*ordinary(), *hostile().values()]:
        before = frozen(history)
        first = list(subject.predict(history, LIMIT))
        assert same(list(subject.predict(history, LIMIT)), first)
        assert same(list(subject.predict(history.fork(), LIMIT)), first)
        history.memo.clear()
        assert same(list(subject.predict(history, LIMIT)), first)
        assert same(frozen(history), before)


def test_a_growing_history_is_followed(subject: Predictor) -> None:
    """Whatever is kept between predictions of one session, the answer is that of a history seen for the first time."""
    for history, _ in moments(shop_run(107)):
        assert same(list(subject.predict(history, LIMIT)), list(subject.predict(history.fork(), LIMIT)))


def test_sessions_do_not_leak_into_each_other(subject: Predictor) -> None:
    """What one session says changes nothing in the predictions for another."""
    histories = ordinary()
    alone = [list(subject.predict(history, LIMIT)) for history in histories]
    for history in reversed(histories):
        subject.predict(HOSTILE["unicode"], LIMIT)
        subject.predict(history, LIMIT)
    assert same([list(subject.predict(history, LIMIT)) for history in histories], alone)


@pytest.mark.parametrize("odd", sorted(HOSTILE))
def test_hostile_histories_are_survived(subject: Predictor, odd: str) -> None:
    """Nothing is raised, the contract holds, and the history is left as it was."""
    history = hostile()[odd]
    before = frozen(history)
    check_predictions(subject.predict(history, LIMIT), LIMIT)
    assert same(frozen(history), before)


# A fresh predictor for every oddity would be dear: these are the ones that differ for learning.
LEARNED_FROM = ["empty", "unicode", "arguments that are no JSON", "raw arguments", "deep nesting", "many keys"]


@pytest.mark.parametrize("odd", LEARNED_FROM)
def test_hostile_histories_can_be_learned_from(fresh: Callable[[], Predictor], odd: str) -> None:
    """Learning from oddities raises nothing, changes no history, and leaves orderly predictions."""
    predictor = fresh()
    history = hostile()[odd]
    before = frozen(history)
    for call in (
        ToolCall("get_order", {"order_id": "O-1"}),
        ToolCall("get_order", {"_raw": "x"}),
        ToolCall("", {"n": float("nan")}),
        ToolCall("new_tool", {}),
    ):
        predictor.observe(history, call)
    assert same(frozen(history), before)
    for each in [history, *ordinary()]:
        check_predictions(predictor.predict(each, LIMIT), LIMIT)


def test_observing_never_changes_the_history(fresh: Callable[[], Predictor]) -> None:
    """Over a whole run, learned online."""
    predictor = fresh()
    for history, turn in moments(shop_run(108)):
        before = frozen(history)
        for call in turn.calls:
            predictor.observe(history, ToolCall(call.tool, call.args, call.id))
        assert same(frozen(history), before)
        check_predictions(predictor.predict(history, LIMIT), LIMIT)


def test_equal_lives_give_equal_predictions(fresh: Callable[[], Predictor]) -> None:
    """Trained alike and shown alike, two instances say the same: nothing depends on chance or on memory addresses."""
    one, other = fresh(), fresh()
    for number in (50, 51):
        _learn(one, number)
        _learn(other, number)
    assert same(
        [list(one.predict(history, LIMIT)) for history in ordinary()],
        [list(other.predict(history, LIMIT)) for history in ordinary()],
    )


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_a_model_file_keeps_everything(fresh: Callable[[], Predictor], tmp_path: Path, suffix: str) -> None:
    """Saved and loaded, also after learning online, it predicts exactly the same, and saves to the same bytes."""
    predictor = fresh()
    if not isinstance(predictor, Model):
        pytest.skip("not kept in a model file")
    _learn(predictor, 52)
    path, again = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    save_predictor(predictor, path)
    loaded = load_predictor(path)
    assert type(loaded) is type(predictor)
    for history in [*ordinary(), *hostile().values()]:
        assert same(list(loaded.predict(history, LIMIT)), list(predictor.predict(history, LIMIT)))
    save_predictor(loaded, again)
    assert again.read_bytes() == path.read_bytes()


def test_no_sensitive_value_is_in_a_model(fresh: Callable[[], Predictor]) -> None:
    """Forty runs typed PINs into an argument the manifest calls sensitive; the model knows none."""
    predictor = fresh()
    if not isinstance(predictor, Model):
        pytest.skip("not kept in a model file")
    text = json.dumps(to_envelope(predictor))
    assert not [number for number in range(0, 40, 5) if f"secret-{number}" in text]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
_tools = st.sampled_from([*SPECS, "never_seen", ""])
_arguments = st.dictionaries(st.sampled_from(["order_id", "customer_id", "mail", "_raw", "x"]), _json, max_size=3)
_events: st.SearchStrategy[Event] = st.one_of(
    st.builds(UserText, st.text(max_size=60)),
    st.builds(ModelText, st.integers(0, 9), st.text(max_size=60)),
    st.builds(CallMade, st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 9), _tools, _arguments),
    st.builds(ResultSeen, st.sampled_from(["a", "b", "c", "d"]), _tools, st.booleans(), _json),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(_events, max_size=12), limit=st.integers(0, 12))
def test_any_history_at_all(subject: Predictor, events: list[Event], limit: int) -> None:
    """Random events in random order."""
    history = History("random", None, events)
    before = frozen(history)
    predictions = subject.predict(history, limit)
    check_predictions(predictions, limit)
    assert same(list(subject.predict(history.fork(), limit)), list(predictions))
    assert same(frozen(history), before)


def _answers() -> dict[str, Any]:
    """What every subject predicts at every ordinary moment, as JSON."""

    def plain(guess: Prediction) -> Mapping[str, Any]:
        return {"tool": guess.tool, "args": dict(guess.arguments), "p": [guess.p_next, guess.p_use]}

    histories = ordinary()
    return {
        name: [[plain(guess) for guess in _shared(name).predict(history, LIMIT)] for history in histories]
        for name in sorted(SUBJECTS)
    }


def test_hash_seeds_change_nothing() -> None:
    """Trained and asked in processes with other seeds for hashing: the same predictions in the same order."""
    program = "import json; from tests.contract.test_predictors import _answers; print(json.dumps(_answers()))"
    root = Path(__file__).parent.parent.parent
    here = json.loads(json.dumps(_answers()))
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        assert json.loads(done.stdout) == here


@pytest.mark.parametrize("kind", TRAINABLE)
def test_training_apart_adds_up(kind: str) -> None:
    """train(A) + train(B) is the model of train(A + B), in either order, and training changes no run."""
    cls = cast(type[TrainableModel], predictor_class(kind))
    runs = training_runs()
    whole = to_envelope(cls.train(training_runs(), SPECS))
    one, other = cls.train(runs[:17], SPECS), cls.train(runs[17:], SPECS)
    assert to_envelope(one.merge(other)) == whole
    assert to_envelope(other.merge(one)) == whole
    assert to_envelope(one.merge(cls.train([], SPECS))) == to_envelope(one)
    assert same(runs, training_runs())


@pytest.mark.parametrize("kind", TRAINABLE)
def test_a_merge_leaves_its_parts_alone(kind: str) -> None:
    """Merging makes a new model; what it learns later is not learned by its parts."""
    cls = cast(type[TrainableModel], predictor_class(kind))
    one, other = cls.train([shop_run(1)], SPECS), cls.train([shop_run(2)], SPECS)
    before = to_envelope(one), to_envelope(other)
    before_text = json.dumps(before)
    _learn(one.merge(other), 53)
    assert json.dumps((to_envelope(one), to_envelope(other))) == before_text
