"""A whole replay: the contract's keys, the same bytes twice, odd runs, learning, and bad input."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest

from predictors import RepeatPredictor, UnknownPredictor
from speculate.collecting import ALLOCATIONS
from speculate.core.policy import Policy
from speculate.errors import SpeculateError
from speculate.replay import ReplaySettings, replay, train_predictor
from speculate.replay.guessing import Recalled, Timed
from speculate.replay.thresholds import KEYS
from speculate.testing import ScriptedPredictor
from speculate.trace import read_sessions
from tests.replay.runs import SHOP, Call, Parrot, cancel, get, guess, play, session, stage, turn
from toolspecs import Manifest

FIXTURES = Path(__file__).parents[1] / "fixtures"

CONTRACT = {
    "": ["sessions", "calls", "speculable_calls", "modelled", "prediction", "speculation", "latency", "controls",
         "safety", "frontier", "overhead"],
    "prediction": ["tool@1", "exact@1", "exact@3", "exact@5", "brier"],
    "speculation": ["hit_rate", "ready_rate", "launched", "committed", "wasted", "waste_per_hit"],
    "latency": ["sequential_s", "speculative_s", "oracle_s", "foresight_s", "saved_share", "oracle_share", "captured",
                "p50_speedup", "wait_p99_ratio", "ci95"],
    "controls": ["off_s", "all_wrong_s"],
    "safety": ["writes_launched", "undeclared_launched", "stale_delivered", "mismatched_results"],
    "overhead": ["predict_us_p50", "predict_us_p99", "call_us_p50", "train_s"],
}  # fmt: skip


@pytest.fixture(autouse=True)
def few_calls(monkeypatch):
    """A smaller sample where sessions contend."""
    monkeypatch.setattr("speculate.replay.contention.ENOUGH_CALLS", 40)


def shoppers(count: int, first: int = 0):
    """Sessions that look at two orders again and again, and cancel one."""
    return [
        session(
            f"shopper-{n}",
            f"cancel order {n}",
            turn(4.0, get(str(n), result={"id": n})),
            turn(2.0, get(str(n + 1))),
            turn(2.0, get(str(n), result={"id": n})),
            turn(3.0, cancel(str(n), seconds=1.0)),
            turn(2.0, get(str(n), result={"id": n, "status": "cancelled"})),
            turn(1.0, text="done"),
        )
        for n in range(first, first + count)
    ]


def test_the_contracts_keys_in_their_order():
    """Every key of the contract, no other, and limits can be set on every number."""
    document = replay(shoppers(3), shoppers(4, 10), SHOP, "repeat").document()
    assert list(document) == CONTRACT[""]
    for name, keys in CONTRACT.items():
        if name:
            assert list(document[name]) == keys
    numbers = {name for name, value in document.items() if isinstance(value, int) and not isinstance(value, bool)}
    for name, part in document.items():
        if isinstance(part, dict):
            numbers |= {f"{name}.{key}" for key, value in part.items() if not isinstance(value, list)}
    assert numbers == set(KEYS)
    assert document["frontier"] == []
    assert document["modelled"] is False
    assert (document["sessions"], document["calls"], document["speculable_calls"]) == (4, 20, 16)


def test_the_arms_stand_in_their_order():
    """Foresight saves at least what the oracle does, which saves at least what repeating does; safety is zero."""
    document = replay(shoppers(5), shoppers(5, 10), SHOP, "repeat").document()
    latency, controls = document["latency"], document["controls"]
    assert latency["foresight_s"] <= latency["oracle_s"] <= latency["speculative_s"] <= controls["off_s"]
    assert controls["off_s"] == latency["sequential_s"] == 5 * 17.0
    assert latency["oracle_s"] == 5 * 15.0  # all four reads of half a second hide
    assert controls["all_wrong_s"] == controls["off_s"]
    assert set(document["safety"].values()) == {0}
    assert document["speculation"]["launched"] == (
        document["speculation"]["committed"] + document["speculation"]["wasted"]
    )


def test_an_arm_shows_itself_in_a_line():
    """asyncio writes down the result of what it ran: that must not grow with the sessions."""
    run = play(stage(*[session(f"s{number}", "hi", turn(1.0, get("1"))) for number in range(9)]))
    assert repr(run) == f"<ArmRun {run.name}: 9 sessions, 0 launched>"


def test_the_frontier_trades_waste_for_hits():
    """Twenty thresholds from 0.00 to 0.95; the higher, the less is launched."""
    found = replay(shoppers(5), shoppers(5, 10), SHOP, "repeat", ReplaySettings(frontier=True))
    rows = found.document()["frontier"]
    assert [row["min_probability"] for row in rows] == [round(n * 0.05, 2) for n in range(20)]
    assert list(rows[0]) == ["min_probability", "hit_rate", "waste_per_hit", "saved_share"]
    launched = [run.launched for _, run in found.frontier]
    assert launched == sorted(launched, reverse=True)
    assert rows[0]["hit_rate"] > 0.2


def test_foreknowledge_in_the_arms_does_not_reach_the_tested_one():
    """A predictor that knows nothing saves nothing, whatever ran before it."""
    document = replay([], shoppers(2), SHOP, ScriptedPredictor([])).document()
    assert document["speculation"]["launched"] == 0
    assert document["latency"]["saved_share"] == 0.0
    assert document["latency"]["captured"] == 0.0
    assert document["prediction"]["brier"] is None


def test_online_learning_reaches_copies_only():
    """With `online` a copy learns; the predictor that was given stays as it was."""
    parrot = Parrot()
    settings = ReplaySettings(online=True, policy=Policy(min_probability=0.5))
    found = replay([], shoppers(2), SHOP, parrot, settings)
    assert parrot.observed == 0
    assert set(found.safety().values()) == {0}
    frozen = replay([], shoppers(2), SHOP, parrot, ReplaySettings(policy=Policy(min_probability=0.5)))
    assert found.document()["speculation"] == frozen.document()["speculation"]


def odd() -> tuple[list, Manifest]:
    return read_sessions(FIXTURES / "odd.jsonl"), Manifest.load(FIXTURES / "odd.toml")


def test_odd_runs_are_replayed():
    """Raw arguments, results not recorded or cut, errors raised and returned, interleaved and half-timed sessions."""
    sessions, manifest = odd()
    settings = ReplaySettings(frontier=True, sessions_at_once=3, capacity={"*": 2})
    found = replay(sessions, sessions, manifest, "repeat", settings)
    document = found.document()
    assert set(document["safety"].values()) == {0}
    assert document["modelled"] is True
    assert document["calls"] == sum(len(each.calls) for each in sessions)
    raw = sum(call.is_raw for each in sessions for call in each.calls)
    assert raw == 4
    assert document["speculable_calls"] <= document["calls"] - raw
    assert document["latency"]["foresight_s"] <= document["controls"]["off_s"]
    assert document["latency"]["sequential_s"] > document["controls"]["off_s"]
    assert document["controls"]["all_wrong_s"] == document["controls"]["off_s"]
    json.dumps(document, allow_nan=False)


SCRIPT = """
import json, sys
from predictors import RepeatPredictor
from speculate.replay import ReplaySettings, contention, replay
from speculate.trace import read_sessions
from toolspecs import Manifest
contention.ENOUGH_CALLS = 64
folder = sys.argv[1]
sessions = read_sessions(f"{folder}/odd.jsonl")
settings = ReplaySettings(frontier=True, sessions_at_once=2, capacity={"*": 2}, seed=5)
document = replay(sessions, sessions, Manifest.load(f"{folder}/odd.toml"), "repeat", settings).document()
del document["overhead"]
print(json.dumps(document))
"""


def test_a_second_run_gives_the_same_bytes():
    """Nothing depends on the process, on the order of sets, or on the real clock."""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT, str(FIXTURES)],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_another_seed_draws_other_times():
    """The seed is what the drawn times depend on; recorded ones stay."""
    sessions, manifest = odd()
    one, two = (replay([], sessions, manifest, RepeatPredictor(), ReplaySettings(seed=seed)) for seed in (1, 2))
    assert one.document()["controls"]["off_s"] != two.document()["controls"]["off_s"]
    recorded = [replay([], shoppers(1), SHOP, RepeatPredictor(), ReplaySettings(seed=seed)) for seed in (1, 2)]
    assert recorded[0].document()["controls"] == recorded[1].document()["controls"]


def test_a_faster_model_leaves_less_to_hide_under():
    """`model_scale` multiplies every thinking time."""
    full, none = (
        replay([], shoppers(2), SHOP, RepeatPredictor(), ReplaySettings(model_scale=scale)).document()
        for scale in (1.0, 0.0)
    )
    assert full["controls"]["off_s"] - none["controls"]["off_s"] == 2 * 14.0
    assert none["latency"]["oracle_share"] == 0.0


def test_limits_of_real_calls_do_not_cut_the_recorded_run():
    """A manifest that is stricter than the recording changes nothing that the agent received."""
    manifest = Manifest.loads(
        'manifest = 1\nname = "x"\n[tools.get_order]\neffect = "read"\nreads = []\ntimeout_s = 0.25\n'
    )
    document = replay([], [session("s", "hi", turn(1.0, get("1")))], manifest, ScriptedPredictor([])).document()
    assert document["controls"]["off_s"] == 1.5
    assert document["safety"]["mismatched_results"] == 0


def test_the_egress_policy_reaches_every_arm():
    """With `never` not even the oracle calls an external tool early; with `always` it does."""
    sessions = [session("s", "hi", turn(4.0, Call("search", {"q": "cats"})))]

    def oracle_share(egress):
        settings = ReplaySettings(policy=Policy(egress=egress))
        return replay([], sessions, SHOP, ScriptedPredictor([]), settings).document()["latency"]["oracle_share"]

    assert oracle_share("never") == oracle_share("committed-values-only") == 0.0
    assert oracle_share("always") > 0.1


def test_faults_of_a_predictor_are_contained():
    """A predictor that raises is switched off; the replay goes on, and says so."""

    def fail(history):
        raise ZeroDivisionError

    class Late(ScriptedPredictor):
        """Well behaved where it is scored; raises in the runtime."""

        def predict(self, history, limit):
            return [] if limit == 10 else fail(history)

    found = replay([], shoppers(2), SHOP, Late([]))
    assert found.arms["speculative"].faults[0].kind == "predictor"
    assert found.document()["latency"]["saved_share"] == 0.0


def test_what_cannot_be_replayed():
    """No sessions, an unknown predictor, and settings out of range."""
    with pytest.raises(SpeculateError, match="no session to replay"):
        replay([], [], SHOP, "repeat")
    with pytest.raises(UnknownPredictor, match="repeat"):
        train_predictor("repaet", [], SHOP)
    assert isinstance(train_predictor("repeat", [], SHOP), RepeatPredictor)
    for wrong in ({"sessions_at_once": 0}, {"model_scale": -1.0}, {"capacity": {"x": 0}}):
        with pytest.raises(ValueError, match=next(iter(wrong)).split("_")[0]):
            ReplaySettings(**wrong)


def test_a_predictor_without_training_is_made_as_it_is():
    """A class that cannot be trained is created."""
    found = train_predictor("tests.replay.runs:Parrot", shoppers(1), SHOP)
    assert isinstance(found, Parrot)


def test_sessions_without_calls_are_replayed():
    """Nothing to speculate on: every ratio over calls is null."""
    document = replay([], [session("s", "hi", turn(2.0, text="hello"))], SHOP, "repeat").document()
    assert document["speculation"]["hit_rate"] is None
    assert document["latency"]["wait_p99_ratio"] is None
    assert document["latency"]["saved_share"] == 0.0
    assert document["prediction"]["tool@1"] is None


def test_hits_are_judged_by_the_first_use():
    """A result that was fetched turns ahead can save more than the oracle: captured goes above one."""
    sessions = [session("s", "hi", turn(1.0, get("1")), turn(4.0, text="thinking"), turn(0.25, get("2", seconds=4.0)))]
    sure = ScriptedPredictor([guess("get_order", 1.0, order_id="2")])
    document = replay([], sessions, SHOP, sure, ReplaySettings(policy=Policy(min_probability=0.5))).document()
    assert document["latency"]["captured"] > 1
    assert document["latency"]["foresight_s"] <= document["latency"]["speculative_s"]


def test_progress_is_told_of_every_session():
    """A bar that knows its end: as many steps as were announced."""
    told = []
    settings = ReplaySettings(frontier=True, sessions_at_once=2, capacity={"*": 2})
    sessions = shoppers(2)
    replay([], sessions, SHOP, ScriptedPredictor([]), settings, progress=lambda: told.append(None))
    assert len(told) == settings.sessions_to_play(sessions) == 2 * 25 + 2 * 4 * 10
    assert ReplaySettings().sessions_to_play(sessions) == 10


def test_the_oracle_leaves_raw_arguments_alone():
    """Arguments that were no object are never launched, even by one who knows them."""
    raw = Call("clock", {"_raw": [1]})
    found = replay([], [session("s", "hi", turn(4.0, raw))], SHOP, ScriptedPredictor([]))
    assert (found.arms["oracle"].launched, found.arms["foresight"].launched) == (0, 0)
    assert found.document()["speculable_calls"] == 0


def test_asking_once_changes_nothing():
    """What is remembered of a predictor leads to what asking it each time leads to."""
    sessions = shoppers(4)
    made = stage(*sessions)
    trained = train_predictor("markov", shoppers(6, 10), SHOP)
    policy = Policy(min_probability=0.05, max_depth=3)
    recalled = Recalled(trained, made.scripts, clock=lambda: 0.0)
    runs = [play(made, each, policy) for each in (Timed(trained, clock=lambda: 0.0), recalled, recalled)]
    assert runs[0].launched > 0
    assert len({(run.launched, run.committed, run.seconds, str(run.wasted_because)) for run in runs}) == 1


@pytest.mark.parametrize("online", [False, True])
def test_a_predictor_is_warm_before_it_is_timed(online):
    """As in a runtime: what it works out before the first session is no part of what a prediction costs."""
    made = stage(session("s", "hi", turn(1.0, get("1"))))
    done = []

    class Warming(ScriptedPredictor):
        def warm(self):
            done.append("warm")

        def predict(self, history, limit):
            done.append("asked")
            return super().predict(history, limit)

    warming = Warming([])
    play(made, Timed(warming, lambda: 0.0) if online else Recalled(warming, made.scripts, lambda: 0.0), Policy())
    assert done[:2] == ["warm", "asked"]
    assert done.count("warm") == 1


def test_the_collector_is_as_it_was_once_a_replay_has_ended():
    """Also where it was told to look even less often, and where the replay fails."""
    before = gc.get_threshold()
    seen = []
    parrot = ScriptedPredictor(lambda history: seen.append(gc.get_threshold()[0]) or [])
    try:
        for threshold in (700, 200_000):
            gc.set_threshold(threshold, 10, 10)
            replay([], [session("s", "hi", turn(1.0, get("1")))], SHOP, parrot)
            with pytest.raises(SpeculateError):
                replay([], [], SHOP, parrot)
            assert gc.get_threshold() == (threshold, 10, 10)
    finally:
        gc.set_threshold(*before)
    assert sorted(set(seen)) == [ALLOCATIONS, 200_000]
