"""Adding models up: exactly, whatever their number, and with errors that say which does not fit."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest

import predictors.pattern.predictor as pattern
from predictors import MarkovPredictor, PatternPredictor, RepeatPredictor, Tournament, load_predictor, merge
from predictors.modelfile import save_predictor, to_envelope
from speculate.errors import ModelFileError, SpeculateError
from tests.contract.runs import SPECS, shop_run
from tests.predictors.pattern.sessions import session


def written(model: object) -> str:
    return json.dumps(to_envelope(model))


@pytest.mark.parametrize("kind", [PatternPredictor, MarkovPredictor])
def test_any_number_of_models_adds_up(kind: type[PatternPredictor | MarkovPredictor]) -> None:
    """To the one trained on all their sessions; the parts stay as they were."""
    shards = [[shop_run(number) for number in range(start, start + 5)] for start in (0, 5, 10)]
    models = [kind.train(shard, SPECS) for shard in shards]
    before = [written(model) for model in models]
    assert written(merge(models)) == written(kind.train([run for shard in shards for run in shard], SPECS))
    assert [written(model) for model in models] == before
    assert merge(models[:1]) is models[0]


def test_many_models_are_calibrated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calibrating takes longer than adding up."""
    models = [PatternPredictor.train([shop_run(number)], SPECS) for number in range(4)]
    times: list[None] = []
    calibrate = pattern.calibrate  # type: ignore[attr-defined]  # imported there, to be called

    def counted(*arguments: object) -> object:
        times.append(None)
        return calibrate(*arguments)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(pattern, "calibrate", counted)
    merge(models)
    assert len(times) == 1


def test_what_does_not_add_up_is_named() -> None:
    """By its name, or by its place."""
    one, other = PatternPredictor(sample=3), PatternPredictor(sample=4)
    with pytest.raises(SpeculateError, match=r"b\.json cannot be merged with a\.json: models with different settings"):
        merge([one, other], ["a.json", "b.json"])
    with pytest.raises(SpeculateError, match="model 2 is a repeat model, model 1 a pattern model: only equals add up"):
        merge([one, RepeatPredictor()])
    with pytest.raises(SpeculateError, match="tournament models do not add up exactly"):
        merge([Tournament([MarkovPredictor()]), Tournament([MarkovPredictor()])])
    with pytest.raises(ValueError, match="no model to merge"):
        merge([])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"format": None}, "format None, and this version reads formats 2 to 4"),
        ({"format": 1}, "format 1, and this version reads formats 2 to 4"),
        ({"format": 5}, "format 5 need a newer version of speculate-runtime"),
        ({"counts": {}}, "'sessions' is missing"),
        ({"counts": {"sessions": 1}}, "'contexts' is missing"),
        ({"names": 7}, "the names are no list of texts"),
        ({"values": {"open": {}}}, "'sealed' is missing"),
        ({"max_bytes": 12}, "max_bytes must be at least 5000, not 12"),
        ({"sample": {"size": -1, "ceiling": None, "digests": {}}}, "sample must be at least 0"),
        ({"weights": {"next": [], "use": []}}, "the weights are of another version"),
    ],
)
def test_a_pattern_model_that_cannot_be_read_says_why(
    change: dict[str, object], problem: str, tmp_path: Path
) -> None:  # fmt: skip
    """With the file's name, and what to do about it."""
    document = to_envelope(PatternPredictor())
    document["model"].update(change)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ModelFileError, match=r"model\.json: no pattern model can be read from it \(.*train it again"):
        load_predictor(path)
    with pytest.raises(ModelFileError) as raised:
        load_predictor(path)
    assert problem in str(raised.value)


def test_a_table_that_is_damaged_is_no_object(tmp_path: Path) -> None:
    """Noticed when the file is loaded, not when the table is read."""
    document = to_envelope(PatternPredictor())
    document["model"]["counts"]["words"] = [1]
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ModelFileError, match="the table words is no object"):
        load_predictor(path)


@pytest.mark.parametrize(
    ("table", "content"),
    [
        ("contexts", {"1": "99999"}),
        ("words", {"many": "u1"}),
        ("offers", {"find": {"99:1": "0"}}),
        ("offers", {"find": {"3:1 2:1": "0"}}),
        ("takes", {"find": {"id": {"0:1": "=7"}}}),
        ("reach", {"find": ["1 1"]}),
        ("told", {"1": "5"}),
    ],
)
def test_a_row_that_is_damaged_is_noticed_when_it_is_read(
    table: str, content: object, tmp_path: Path
) -> None:  # fmt: skip
    """The table is named."""
    document = to_envelope(PatternPredictor())
    document["model"]["counts"][table] = content
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    model = load_predictor(path)
    with pytest.raises(ModelFileError, match=f"its table {table} is damaged .*: train the model again"):
        model.merge(PatternPredictor())  # type: ignore[attr-defined]  # a pattern model


def test_a_loaded_model_can_be_sent_to_another_process(tmp_path: Path) -> None:
    """Pickled, before and after its tables were read."""
    path = tmp_path / "model.json"
    model = PatternPredictor.train([shop_run(number) for number in range(6)], SPECS)
    save_predictor(model, path)
    loaded = load_predictor(path)
    for each in (loaded, pickle.loads(pickle.dumps(loaded)), copy.deepcopy(loaded)):  # made here
        assert written(each) == written(model)


def test_half_a_character_in_a_name_can_be_saved(tmp_path: Path) -> None:
    """JSON may hold one, as an argument's name; UTF-8 may not."""
    runs = [session(f"s{number}", ("find", {"\ud800": f"\udfff {number}"}, {"\udc00": 1})) for number in range(4)]
    model = PatternPredictor.train(runs, SPECS)
    path = tmp_path / "model.json.gz"
    save_predictor(model, path)
    assert written(load_predictor(path)) == written(model)
