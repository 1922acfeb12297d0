"""Model files: what is written is whole, and what cannot be read says why."""

from __future__ import annotations

import gzip
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest

from predictors import MarkovPredictor, RepeatPredictor, load_predictor, save_predictor
from predictors.modelfile import from_envelope, to_envelope
from speculate.calls import ToolCall
from speculate.errors import ModelFileError
from speculate.history import History
from speculate.prediction import Prediction
from speculate.testing import ScriptedPredictor
from tests.predictors.test_repeat import SPECS, run


class Own:
    """A predictor somebody wrote."""

    KIND: ClassVar[str] = "own"

    def __init__(self, document: Mapping[str, Any] | None = None) -> None:
        self.document: Any = document if document is not None else {}

    def predict(self, history: History, limit: int) -> list[Prediction]:
        return []

    def observe(self, history: History, call: ToolCall) -> None:
        self.document["seen"] = call.tool

    def to_document(self) -> dict[str, Any]:
        return dict(self.document)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        if document.get("old"):
            raise ModelFileError("too old for Own")
        return cls(document)


def _markov() -> MarkovPredictor:
    return MarkovPredictor.train([run([("read", "a")], [("read", f"b{n}")]) for n in range(30)], SPECS)


def test_a_person_can_read_it(tmp_path: Path) -> None:
    """An envelope with version and kind first, short values on one line, long ones spread."""
    path = tmp_path / "model.json"
    save_predictor(_markov(), path)
    lines = path.read_text().splitlines()
    assert lines[:3] == ["{", ' "speculate-model": 1,', ' "kind": "markov",']
    assert '  "follows": {"":{"read":30},"read":{"read":30}},' in lines
    assert json.loads(path.read_text()) == to_envelope(_markov())


def test_long_values_are_spread(tmp_path: Path) -> None:
    """Objects and lists beyond one line stand on several, to a bounded depth."""
    deep: Any = {"leaf": ["x" * 200, "y" * 200]}
    for _ in range(10):
        deep = {"in": deep}
    own = Own({"list": ["a" * 60, "b" * 60], "deep": deep})
    path = tmp_path / "own.json"
    save_predictor(own, path)
    text = path.read_text()
    assert '\n  "list": [\n   "aaa' in text
    assert len(text.splitlines()) < 24
    loaded = load_predictor(path, also=[Own])
    assert isinstance(loaded, Own)
    assert loaded.document == own.document


def test_gzip_goes_by_the_name_when_written_and_by_the_data_when_read(tmp_path: Path) -> None:
    """A renamed file is read all the same."""
    path = tmp_path / "model.json.gz"
    save_predictor(_markov(), path)
    assert path.read_bytes()[:2] == b"\x1f\x8b"
    renamed = path.rename(tmp_path / "model.json")
    assert to_envelope(load_predictor(renamed)) == to_envelope(_markov())


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing beside it."""
    path = tmp_path / "model.json"
    save_predictor(_markov(), path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelFileError, match=r"model\.json: cannot be written: No space left on device"):
        save_predictor(RepeatPredictor(), path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["model.json"]


def test_nothing_is_written_of_what_is_no_json(tmp_path: Path) -> None:
    """The document is checked whole before a file is opened."""
    path = tmp_path / "model.json"
    with pytest.raises(ModelFileError, match="its document is not JSON"):
        save_predictor(Own({"n": float("nan")}), path)
    with pytest.raises(ModelFileError, match=r"a ScriptedPredictor cannot be saved: it needs KIND, to_document"):
        save_predictor(ScriptedPredictor([]), path)
    assert list(tmp_path.iterdir()) == []


def test_permissions_are_those_of_a_plain_file(tmp_path: Path) -> None:
    """Not the temporary file's: others may read a model; what an operator set stays."""
    path, plain = tmp_path / "model.json", tmp_path / "plain"
    plain.touch()
    save_predictor(_markov(), path)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    path.chmod(0o640)
    save_predictor(_markov(), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Both ways."""
    with pytest.raises(ModelFileError, match="cannot be written: No such file"):
        save_predictor(RepeatPredictor(), tmp_path / "none" / "model.json")
    with pytest.raises(ModelFileError, match="cannot be read: No such file"):
        load_predictor(tmp_path / "none" / "model.json")


_WHOLE = json.dumps(to_envelope(RepeatPredictor(2))).encode()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "the file is empty: train the model again"),
        (b" \n", "the file is empty"),
        (_WHOLE[:-20], "cut short: copy it again, or train"),
        (_WHOLE[:-1], "cut short"),
        (_WHOLE[:30], "cut short"),
        (b"# a manifest\nmanifest = 1\n", "not JSON: "),
        (b'{"a": 1, }', "not JSON: "),
        (b"\xff\xfe\x00", "it is no text"),
        (b"[" * 200_000, "nested too deep"),
        (gzip.compress(_WHOLE)[:-12], "gzip data is damaged or cut short"),
        (b"\x1f\x8b\x08garbage-garbage", "gzip data is damaged or cut short"),
        (b"[1, 2]", 'a JSON object with "speculate-model" is expected; `speculate train` writes one'),
        (b'{"session": "s", "type": "user"}', 'a JSON object with "speculate-model" is expected'),
        (b'{"speculate-model": "1"}', "must be a version number such as 1, not '1'"),
        (b'{"speculate-model": 0}', "must be a version number"),
        (b'{"speculate-model": true}', "must be a version number"),
        (
            b'{"speculate-model": 7, "kind": "repeat", "model": {}}',
            "written by a newer version (model format 7; this one reads up to 1): upgrade speculate-runtime, or train",
        ),
        (b'{"speculate-model": 1, "model": {}}', "the kind of model None is not known here"),
        (b'{"speculate-model": 1, "kind": ["x"], "model": {}}', "the kind of model ['x'] is not known here"),
        (b'{"speculate-model": 1, "kind": "os:system", "model": {}}', "pass its class to load_predictor(path, also="),
        (b'{"speculate-model": 1, "kind": "repeat"}', '"model" is missing or no object'),
        (b'{"speculate-model": 1, "kind": "repeat", "model": {}}', "no repeat model can be read from it ('window' is"),
        (b'{"speculate-model": 1, "kind": "repeat", "model": {"window": -1}}', "window must be a whole number"),
        (b'{"speculate-model": 1, "kind": "own", "model": {"old": true}}', "too old for Own"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, data: bytes, problem: str) -> None:
    """File, problem and mend, on one line."""
    path = tmp_path / "model.json"
    path.write_bytes(data)
    with pytest.raises(ModelFileError) as caught:
        load_predictor(path, also=[Own])
    assert str(caught.value).startswith(f"{path}: ")
    assert problem in str(caught.value)


def test_a_document_needs_no_file() -> None:
    """For models that live in a database."""
    assert repr(from_envelope(to_envelope(RepeatPredictor(2)))) == "<RepeatPredictor window=2, 0 moments>"
    with pytest.raises(ModelFileError, match=r"^model: not a model file"):
        from_envelope(None)
