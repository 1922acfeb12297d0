"""Renamed copies, hostile histories and the commands that measure with them: small, no figure asserted."""

from __future__ import annotations

import json

import pytest

from benchmarks.prediction import __main__ as prediction
from benchmarks.prediction import chains, hostile, scale
from benchmarks.prediction.ablation import PARTS, still_there, without
from benchmarks.prediction.renaming import Renamer, many, renamed, shared_words
from benchmarks.prediction.worlds import WORLDS
from predictors.pattern import PatternPredictor
from speculate.history import ResultSeen
from speculate.spec import Effect
from speculate.trace import TraceWriter, moments, read_sessions

DESK = WORLDS["desk"]


def sessions(count, first=0):
    return [told.session for told in DESK.sessions(count, 0, first)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of recorded runs as the benchmarks want it."""
    folder = tmp_path_factory.mktemp("traces")
    (folder / "manifests").mkdir()
    lines = ['manifest = 1\nname = "desk"']
    for name, spec in DESK.specs.items():
        lines.append(f'[tools.{name}]\neffect = "{"read" if spec.effect is Effect.READ else "write"}"')
        lines.append("reads = []" if spec.effect is Effect.READ else "writes = []")
    (folder / "manifests" / "desk.toml").write_text("\n".join(lines), encoding="utf-8")
    for part, found in (("train", sessions(10)), ("dev", sessions(6, 100))):
        with TraceWriter(folder / f"desk.{part}.jsonl.gz") as writer:
            for session in found:
                writer.write(session.start)
                for step in session.steps:
                    if not hasattr(step, "calls"):
                        writer.write(step)
                        continue
                    for record in (step.record, *step.calls, *step.results.values()):
                        writer.write(record)
    assert len(read_sessions(folder / "desk.dev.jsonl.gz")) == 6
    return folder


def test_the_same_thing_gets_the_same_new_name():
    """An identifier of a result is still the one a later call takes, and what a text quotes is still in the text."""
    for session in many(sessions(12), 12):
        known = ""
        for history, turn in moments(session):
            known = " ".join(repr(event) for event in history.events)
            for call in turn.calls:
                for name in ("kundennummer", "vertragsnummer", "rechnungsnummer", "zaehlernummer"):
                    if name in call.args:
                        assert str(call.args[name]) in known


def test_copies_differ_from_each_other_and_keep_their_structure():
    """Every copy of a session has other identifiers, the same tools and fields, a name and a tenant of its own."""
    originals = sessions(3)
    copies = many(originals, 9)
    assert len({copy.id for copy in copies}) == len({copy.start.tenant for copy in copies}) == 9
    assert [copy.id for copy in many(originals, 9)] == [copy.id for copy in copies]
    for number, copy in enumerate(copies):
        original = originals[number % 3]
        assert [call.tool for call in copy.calls] == [call.tool for call in original.calls]
        assert [list(call.args) for call in copy.calls] == [list(call.args) for call in original.calls]
    first = [copy.calls[-1].args for copy in copies[::3]]
    assert len({json.dumps(arguments, sort_keys=True) for arguments in first}) == 3
    assert many(originals, 9)[4].calls == copies[4].calls
    assert many(originals, 9, seed=1)[4].calls != copies[4].calls


def test_what_is_renamed_and_what_is_kept():
    """Identifiers keep their shape, dates stay dates, shared words and small numbers stay as they are."""
    renamer = Renamer(frozenset({"order", "please", "look"}), "seed")
    text = renamer.text("please look at order AB1234, 2 of Zanzibar, born 2001-05-31")
    assert text == renamer.text("please look at order AB1234, 2 of Zanzibar, born 2001-05-31")
    words = text.replace(",", "").split()
    assert words[:4] == ["please", "look", "at", "order"]
    assert words[4] != "AB1234"
    assert words[4][:2].isalpha()
    assert words[4][2:].isdigit()
    assert len(words[4]) == 6
    assert words[5:7] == ["2", "of"]
    assert words[7] != "Zanzibar"
    assert words[7].istitle()
    assert words[9][4:] == "-05-31"
    value = {"AB1234": {"name": "zanzibar", "sum": 12_345, "share": 1234.5, "none": None, "list": [True, "on 2 May 3"]}}
    found = renamer.value(value)
    ((key, record),) = found.items()
    assert key == words[4]
    assert list(record) == ["name", "sum", "share", "none", "list"]
    assert record["name"].capitalize() == words[7]
    assert record["sum"] != 12_345
    assert len(str(record["sum"])) == 5
    assert record["none"] is None
    assert record["list"][0] is True


def test_words_of_the_whole_set_are_shared():
    """What most sessions say is no particular of one of them."""
    found = shared_words(sessions(20))
    assert {"kundennummer", "vertrag"} <= found
    session = sessions(1)[0]
    assert renamed(session, found, "x", "name", "tenant").start.tenant == "tenant"


def test_scale_measures_every_figure(folder, tmp_path, capsys, monkeypatch):
    """Training, model, loading and predicting are all there."""
    out = tmp_path / "scale.json"
    monkeypatch.setattr(scale, "HISTORIES", 30)
    monkeypatch.setattr(scale, "WARMING", 2)
    scale.main(["--traces", str(folder), "--sessions", "12", "--no-hostile", "--json", str(out)])
    found = json.loads(out.read_text(encoding="utf-8"))["desk"]
    assert found["sessions"] == 12
    assert found["count_s"] > 0
    assert found["calibrate_s"] > 0
    assert found["model_bytes"] > found["model_gz_bytes"] > 0
    assert {row["what"] for row in found["prediction"]} == set(scale.LABELS)
    assert all(row["count"] for row in found["prediction"])
    assert "first prediction, 40 events unseen" in capsys.readouterr().out


def test_histories_end_after_so_many_events():
    """Short sessions are played on into the next, and call ids stay unique."""
    for events in scale.histories(sessions(20), frozenset(), 3):
        assert len(events) == scale.EVENTS
        ids = [event.id for event in events if isinstance(event, ResultSeen)]
        assert len(ids) == len(set(ids))


def test_hostile_histories_are_what_they_are_called():
    """Sizes are checked here, so that a figure is of what it says."""
    made = hostile.histories(["look", "find"])
    for name, raw in made.items():
        if name.startswith("a text of one megabyte"):
            assert 700_000 < len(raw[-1][1]) < 2_000_000
    assert len(made["a list of 100,000 records"][-1][1]) == 100_000
    assert len(made["10,000 fields"][-1][1]) == 10_000
    assert sum(value is not None for _, value in made["1,000 calls of one session"]) == 1_000
    assert len({event.tool for event, _ in made["200 different tools"][1:]}) == 200


def test_hostile_histories_are_measured_beside_a_plain_one(capsys):
    """Each has its worst append and its worst prediction."""
    model = PatternPredictor.train(sessions(5), DESK.specs)
    names = ["plain", "no text and no result", "Unicode: right to left, joined, half a surrogate"]
    rows = hostile.measure(model, [*DESK.specs], rounds=1, only=names)
    assert {row["what"] for row in rows} == set(names)
    for row in rows:
        assert row["both_us"] >= max(row["append_us"], row["predict_us"]) > 0
    hostile.print_rows(rows)
    assert "worst CPU microseconds" in capsys.readouterr().out


@pytest.mark.parametrize("part", PARTS)
def test_a_removed_part_is_out(part):
    """Trained without it, nothing of it is at work; trained with it, the check says so."""
    train, dev = sessions(12), sessions(4, 100)
    whole = PatternPredictor.train(train, DESK.specs)
    assert still_there(part, whole, dev, DESK.specs) is not None
    with without(part):
        bare = PatternPredictor.train(train, DESK.specs)
        assert still_there(part, bare, dev, DESK.specs) is None


def test_the_ablation_table_and_chains_run(folder, tmp_path, capsys):
    """One run prints and keeps every part, the chains and the learning curve."""
    out = tmp_path / "prediction.json"
    prediction.main(["--traces", str(folder), "--json", str(out)])
    found = json.loads(out.read_text(encoding="utf-8"))["desk"]
    assert [row["what"] for row in found["ablation"]] == [f"without {part}" for part in PARTS]
    assert {row["max_depth"] for row in found["chains"]} == set(chains.DEPTHS)
    assert [row["what"] for row in found["curve"]] == ["1 sessions", "3 sessions"]
    assert "no chains, model x 10" in capsys.readouterr().out


def test_chains_alone_run(folder, capsys):
    chains.main(["--traces", str(folder), "--latency", "research"])
    assert "no chains" in capsys.readouterr().out
