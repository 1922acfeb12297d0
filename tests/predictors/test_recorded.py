"""Recorded drafts: the format, and what is played back when."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from predictors import RecordedDrafter, RecordedDraftPredictor, read_drafts
from predictors.recorded import next_turn, read_row
from speculate.errors import TraceError
from speculate.history import CallMade, History, ModelText, ResultSeen, UserText
from speculate.prediction import Drafter
from speculate.testing import run_virtual

ROWS = [
    {"session": "s", "turn": 0, "guesses": [{"tool": "find", "args": {"n": 1}, "p": 0.2}, {"tool": "list"}]},
    {"session": "s", "turn": 1, "guesses": [{"tool": "get", "p": 0.5, "p_use": 0.75}], "latency_s": 2.5},
    {"session": "t", "turn": 1, "guesses": [{"tool": "other"}], "at": 9.5, "asked_at": 8.25},
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "drafts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_each_turn_gets_its_own_guesses(file: Path) -> None:
    """Ranked by p; what was logged without p counts as 0.3; nothing for turns and sessions nobody guessed."""
    predictor = RecordedDraftPredictor(file)
    history = History("s", None, [UserText("go")])
    assert [(guess.tool, guess.p_next) for guess in predictor.predict(history, 5)] == [("list", 0.3), ("find", 0.2)]
    assert len(predictor.predict(history, 1)) == 1
    history.append(CallMade("c", 0, "find", {"n": 1}))
    history.append(ResultSeen("c", "find", True))
    (guess,) = predictor.predict(history, 5)
    assert (guess.tool, guess.p_next, guess.p_use, guess.predictor) == ("get", 0.5, 0.75, "recorded")
    history.append(ModelText(1, "Done."))
    assert predictor.predict(history, 5) == []
    assert predictor.predict(History("u"), 5) == []
    assert repr(predictor) == "<RecordedDraftPredictor 3 moments>"


def test_the_next_turn_is_told_by_what_the_model_did() -> None:
    """Users and results take no turn."""
    history = History("s", None, [UserText("go"), ResultSeen("x", "x", True)])
    assert next_turn(history) == 0
    history.append(ModelText(0, "Hm."))
    history.append(UserText("Well?"))
    assert next_turn(history) == 1


def test_gzip_is_read_too(file: Path) -> None:
    """Told by its first bytes."""
    packed = file.with_suffix(".gz")
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert read_drafts(packed) == read_drafts(file)


def test_a_draft_arrives_after_its_latency(file: Path) -> None:
    """Recorded as such, or as the difference of two times."""

    async def main() -> list[tuple[float, list[str]]]:
        drafter = RecordedDrafter(file)
        assert isinstance(drafter, Drafter)
        loop = asyncio.get_running_loop()
        arrivals = []
        for session in ("s", "t", "u"):
            start = loop.time()
            history = History(session, None, [ModelText(0, "Hm.")])
            guesses = await drafter.draft(history, 5)
            arrivals.append((loop.time() - start, [guess.tool for guess in guesses]))
        return arrivals

    assert run_virtual(main()) == [(2.5, ["get"]), (1.25, ["other"]), (0.0, [])]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"session": None}, '"session" is missing'),
        ({"turn": "3"}, '"turn" must be the number of the turn'),
        ({"turn": -1}, '"turn" must be the number of the turn'),
        ({"guesses": {}}, '"guesses" must be a list'),
        ({"guesses": ["get"]}, 'a guess needs a "tool"'),
        ({"guesses": [{"tool": ""}]}, 'a guess needs a "tool"'),
        ({"guesses": [{"tool": "get", "args": [1]}]}, '"args" of a guess of get must be an object'),
        ({"guesses": [{"tool": "get", "args": {"n": float("nan")}}]}, '"args" of a guess of get must be an object'),
        ({"guesses": [{"tool": "get", "p": 1.5}]}, '"p" must be a number from 0 to 1, not 1.5'),
        ({"guesses": [{"tool": "get", "p_use": "x"}]}, '"p_use" must be a number from 0 to 1'),
        ({"latency_s": -1}, '"latency_s" must be a number from 0, not -1'),
        ({"at": 3.0}, 'add "asked_at"'),
    ],
)
def test_wrong_lines_are_named(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    """File, line, and what is wrong."""
    path = tmp_path / "drafts.jsonl"
    path.write_text(json.dumps(ROWS[0]) + "\n\n" + json.dumps({**ROWS[0], **change}) + "\n")
    with pytest.raises(TraceError) as caught:
        read_drafts(path)
    assert str(caught.value).startswith(f"{path}:3: ")
    assert problem in str(caught.value)


def test_lines_that_are_no_json_are_named(tmp_path: Path) -> None:
    """Likewise."""
    path = tmp_path / "drafts.jsonl"
    path.write_text("{\n")
    with pytest.raises(TraceError, match=r"drafts\.jsonl:1: not JSON"):
        read_drafts(path)
    with pytest.raises(ValueError, match="a line must be a JSON object"):
        read_row([])
