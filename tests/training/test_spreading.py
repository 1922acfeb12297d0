"""Training in several processes: the same model, clear errors, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from predictors import MarkovPredictor, PatternPredictor
from predictors.modelfile import to_envelope
from speculate.errors import SpeculateError
from speculate.prediction import Predictor
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession
from speculate.training import learning
from speculate.training.learning import train
from speculate.training.spreading import cores, counter_of
from tests.contract.runs import SPECS, shop_run

ROOT = Path(__file__).parent.parent.parent


def sessions(count: int) -> Iterator[RecordedSession]:
    return (shop_run(number) for number in range(count))


def written(predictor: Predictor) -> str:
    return json.dumps(to_envelope(predictor))


@pytest.mark.parametrize("name", ["pattern", "markov"])
def test_the_model_is_the_same_whatever_the_number_of_processes(name: str) -> None:
    """Byte for byte; and every session is told to the progress bar."""
    told: list[None] = []
    spread = train(name, sessions(60), SPECS, progress=lambda: told.append(None), jobs=2)
    assert written(spread) == written(train(name, sessions(60), SPECS))
    assert len(told) == 60


def test_processes_are_started_only_when_there_is_enough_to_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Left to itself: not for few calls, nor on one core, nor for what does not add up from parts."""
    started: list[int] = []

    def counted(name: str, sessions: Iterable[RecordedSession], *rest: Any) -> list[Any]:
        started.append(rest[2])
        return [PatternPredictor.train_part(sessions, SPECS)]

    monkeypatch.setattr(learning, "count_parts", counted)
    monkeypatch.setattr(learning, "cores", lambda: 3)
    monkeypatch.setattr(learning, "ENOUGH_CALLS", 40)
    few, many = (written(PatternPredictor.train(sessions(count), SPECS)) for count in (4, 20))
    assert written(train("pattern", sessions(4), SPECS, jobs=None)) == few
    assert started == []
    assert written(train("pattern", sessions(20), SPECS, jobs=None)) == many
    assert started == [3]
    train("repeat", sessions(20), SPECS, jobs=None)
    monkeypatch.setattr(learning, "cores", lambda: 1)
    train("pattern", sessions(20), SPECS, jobs=None)
    assert started == [3]
    train("tournament", sessions(4), SPECS, {"components": ["markov", "repeat"]}, jobs=3)
    assert started == [3]
    assert cores() >= 1
    assert counter_of(MarkovPredictor) == MarkovPredictor.train


def test_wrong_settings_are_told_before_anything_is_started() -> None:
    """As without processes."""
    with pytest.raises(SpeculateError, match="cannot be made with sample=-1: sample must be at least 0"):
        train("pattern", sessions(1), SPECS, {"sample": -1}, jobs=2)
    with pytest.raises(SpeculateError, match="jobs must be at least 1, not 0"):
        train("pattern", sessions(1), SPECS, jobs=0)


class Odd(MarkovPredictor):
    """Goes wrong on some sessions, as predictors of users do."""

    @classmethod
    def train(cls, sessions: Iterable[RecordedSession], specs: Mapping[str, ToolSpec], **settings: Any) -> Any:
        for session in sessions:
            if session.id == "shop-7":
                raise KeyError("shop-7 is odd")
            if session.id == "shop-8":
                raise Unsendable(session.id, "odd, too")
            if session.id == "shop-9":
                os._exit(3)
        return cls()


class Unsendable(Exception):  # what a user may call theirs
    def __init__(self, session: str, problem: str) -> None:
        super().__init__(f"{session}: {problem}")


@pytest.mark.parametrize(
    ("number", "kind", "problem"),
    [
        (7, KeyError, "shop-7 is odd"),
        (8, RuntimeError, "Unsendable: shop-8: odd, too"),
        (9, SpeculateError, r"a training process died \(exit code 3\): if memory ran out, try fewer --jobs"),
    ],
)
def test_what_goes_wrong_in_a_process_is_raised_by_its_parent(
    number: int, kind: type[Exception], problem: str
) -> None:  # fmt: skip
    """With the traceback it had there, if there was one."""
    with pytest.raises(kind, match=problem) as raised:
        train(f"{__name__}:Odd", [shop_run(number)] * 400, SPECS, jobs=2)
    if kind is not SpeculateError:
        assert "Traceback" in raised.value.__notes__[0]


ENDLESS = """
import multiprocessing
from itertools import count
from speculate.training import learning
from tests.contract.runs import SPECS, shop_run

def endless():
    for number in count():
        if number == 500:
            print(*[child.pid for child in multiprocessing.active_children()], flush=True)
        yield shop_run(number)

if __name__ == "__main__":
    learning.train("pattern", endless(), SPECS, jobs=2)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal to a process group")
def test_ctrl_c_leaves_no_process_behind(tmp_path: Path) -> None:
    """The whole group is interrupted, as by a terminal: the parent alone says so, and all are gone after it."""
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    children = [int(pid) for pid in process.stdout.readline().split()]
    assert len(children) == 2
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert told.count("Traceback") == told.count("KeyboardInterrupt") == 1
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
