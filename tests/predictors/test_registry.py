"""Predictors by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import predictors
from predictors import RepeatPredictor, UnknownPredictor, create, predictor_class
from speculate.siblings import ShadowedPackage, sibling


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


@pytest.mark.parametrize("with_init", [True, False])
def test_a_users_own_folder_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_init: bool) -> None:
    """A folder of that name found first is named, with what to do; also one without __init__.py."""
    folder = tmp_path / "toolspecs"
    folder.mkdir()
    if with_init:
        (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    if not with_init:  # a folder without __init__.py gives way to a package further down the path
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for name in [name for name in sys.modules if name.partition(".")[0] == "toolspecs"]:
        monkeypatch.delitem(sys.modules, name)
    if with_init:
        with pytest.raises(ShadowedPackage, match="not the one of speculate-runtime: rename yours") as caught:
            sibling("toolspecs")
        assert str(folder) in str(caught.value)
    else:
        monkeypatch.setattr(sys, "meta_path", [finder for finder in sys.meta_path if "Path" in repr(finder)])
        with pytest.raises(ShadowedPackage) as caught:
            sibling("toolspecs")
        assert caught.value.found == str(folder)
    sys.modules.pop("toolspecs", None)
