"""Predictors by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import predictors
from predictors import RepeatPredictor, UnknownPredictor, create, predictor_class
from speculate.errors import SpeculateError
from speculate.siblings import sibling


def test_a_name_makes_a_predictor_with_its_settings() -> None:
    """Fresh each time."""
    made = create("repeat", window=3)
    assert isinstance(made, RepeatPredictor)
    assert made.window == 3
    assert create("repeat") is not create("repeat")


@pytest.mark.parametrize("kind", sorted(predictors.KINDS))
def test_every_kind_can_be_imported(kind: str) -> None:
    """And is kept in files under that name."""
    assert kind == predictor_class(kind).KIND  # type: ignore[attr-defined]  # kinds of ours are models


def test_a_predictor_of_ones_own_is_named_by_its_class() -> None:
    """As package.module:Class."""
    assert predictor_class("speculate.testing:ScriptedPredictor").__name__ == "ScriptedPredictor"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("repeet", "no predictor is called 'repeet'; did you mean 'repeat'? there are markov, "),
        ("zzz", "no predictor is called 'zzz'; there are "),
        ("no.such.module:Thing", "cannot be imported: No module named 'no'"),
        ("speculate.testing:Nothing", "cannot be imported: "),
        (":Thing", "cannot be imported: "),
        ("speculate.testing:FakeTool", "is no predictor class"),
        ("speculate.testing:run_virtual", "is no predictor class"),
    ],
)
def test_unknown_names_are_answered_with_the_known(name: str, problem: str) -> None:
    """And the nearest one is suggested."""
    with pytest.raises(UnknownPredictor) as caught:
        create(name)
    assert problem in str(caught.value)


def test_our_own_packages_are_found() -> None:
    """Both siblings stand beside `speculate`."""
    assert sibling("predictors") is predictors
    assert sibling("toolspecs").__name__ == "toolspecs"


def test_a_users_own_folder_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of that name found first is named, with what to do."""
    (tmp_path / "predictors").mkdir()
    (tmp_path / "predictors" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "predictors"]:
        monkeypatch.delitem(sys.modules, name)
    try:
        with pytest.raises(SpeculateError, match="shadows it; rename") as caught:
            sibling("predictors")
    finally:
        sys.modules.pop("predictors", None)
    assert str(tmp_path / "predictors") in str(caught.value)
