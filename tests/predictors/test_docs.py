"""docs/predictors.md: its code runs, in order, and what it says of files and fields is so."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from predictors import KINDS, OpenAIDrafter
from predictors.recorded import read_row
from speculate.prediction import Drafter, Predictor

DOC = Path(__file__).parent.parent.parent / "docs" / "predictors.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOC.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the page's code defines, run from the first block to the last."""
    scope: dict[str, Any] = {"__name__": "predictors_doc"}
    for code in blocks("python"):
        exec(compile(code, str(DOC), "exec"), scope)
    return scope


def test_the_code_runs(names: dict[str, Any]) -> None:
    """Its own assertions hold, and what it writes is a predictor."""
    assert isinstance(names["OpenWhatWasFound"](), Predictor)
    assert isinstance(names["drafter"], Drafter)


def test_the_twenty_lines_are_about_twenty(names: dict[str, Any]) -> None:
    """Without the two methods for model files, which the page says are not needed."""
    code = next(code for code in blocks("python") if "class OpenWhatWasFound" in code)
    body = code[code.index("class OpenWhatWasFound") : code.index("    def to_document")]
    assert len([line for line in body.splitlines() if line.strip()]) <= 20


def test_it_passes_what_the_page_asks_of_predictors(names: dict[str, Any]) -> None:
    """On hostile histories too."""
    from tests.contract.checks import check_predictions
    from tests.contract.histories import hostile, ordinary

    for history in [*ordinary(), *hostile().values(), names["history"]]:
        check_predictions(names["OpenWhatWasFound"]().predict(history, 8), 8)


def test_the_model_file_is_what_is_shown(names: dict[str, Any]) -> None:
    """Character by character."""
    shown = next(block for block in blocks("json") if "speculate-model" in block)
    assert names["path"].read_text() == shown


def test_the_recorded_line_is_read() -> None:
    """As shown."""
    line = next(block for block in blocks("json") if "guesses" in block)
    moment = read_row(json.loads(line))
    assert (moment.session, moment.turn, moment.latency_s, moment.predictions[0].p_next) == ("s1", 3, 5.2, 0.4)


def test_every_predictor_is_listed() -> None:
    """And every setting that is shown exists."""
    text = DOC.read_text(encoding="utf-8")
    assert all(f"| `{kind}` |" in text for kind in KINDS)
    shown = next(code for code in blocks("python") if "OpenAIDrafter(" in code)
    settings = set(re.findall(r"^    (\w+)=", shown, re.MULTILINE))
    assert settings <= set(inspect.signature(OpenAIDrafter).parameters)
