"""A model keeps to its size, and what is left out is the same however training was spread out."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from predictors import load_predictor, save_predictor
from predictors.pattern import PatternPredictor
from predictors.pattern.bounding import Bound
from predictors.pattern.digest import Digest
from predictors.pattern.digest_document import read_digest, weight_of, write_digest
from predictors.pattern.document import Names
from predictors.pattern.part import Part
from speculate.calls import ToolCall
from speculate.spec import ArgumentSpec, Effect, ToolSpec
from speculate.trace import RecordedSession, moments
from tests.predictors.pattern.sessions import SPECS, Step, session

WORDS = "rome lima oslo bonn kiev riga bern cairo paris tokyo quito dakar minsk sofia tunis".split()  # noqa: SIM905  # a list of words is read easier


def runs(count: int, seed: int = 0) -> list[RecordedSession]:
    """Sessions with many paths, contexts, words, constants, mappings and records, most of them seen once."""
    random = Random(seed)
    out = []
    for number in range(count):
        town, other = random.sample(WORDS, 2)
        codes = {name: name[:3].upper() for name in random.sample(WORDS, 5)}
        user = f"u_{random.randrange(10_000)}"
        rows = [{"id": f"o_{random.randrange(10_000)}", f"k{random.randrange(60)}": town} for _ in range(3)]
        out.append(
            session(
                f"s{seed}.{number}",
                f"I am {user} and go from {town} to {other}, {random.choice(WORDS)} {random.randrange(10**6)} please",
                ("lookup", {"limit": random.choice([10, 20, 50])}, codes),
                ("find", {"key": user, "mode": f"m{random.randrange(40)}"}, {"user": user, "rows": rows}),
                [("order", {"id": row["id"]}, {f"f{random.randrange(60)}": row}) for row in rows[: 1 + number % 3]],
                0,
                f"book it for 2024-0{1 + number % 9}-1{number % 9}",
                (
                    "flights",
                    {
                        "from": town[:3].upper(),
                        "to": other[:3].upper(),
                        "date": f"2024-0{1 + number % 9}-1{number % 9}",
                    },
                    "Error: none" if number % 5 == 0 else {},
                ),
                ("file", {"cmd": f"cat {user}"}, number),
                tenant=None if number % 4 == 0 else f"t{number % 7}",
            )
        )
    return out


ALL_RUNS = runs(24)


def counted(sessions: list[RecordedSession], **chosen: int) -> Part:
    return Part.count(sessions, SPECS, **{"min_tenants": 3, "sample": 5, **chosen})


# The sample of the 23 is too large and that of the 24 is not: the one apart takes the place of a large one.
@example(max_bytes=64_032, places=[int(place == 18) for place in range(24)], through="nothing")
@settings(max_examples=15, deadline=None)
@given(
    max_bytes=st.integers(5_000, 130_000),
    places=st.lists(st.integers(0, 3), min_size=24, max_size=24),
    through=st.sampled_from(["nothing", "a pickle", "a file"]),
)
def test_bounded_parts_add_up(max_bytes: int, places: list[int], through: str) -> None:
    """Whatever the bound, and whichever sessions stand together: the same bytes as from all sessions at once."""
    parts = []
    for place in range(4):
        part = counted([run for run, at in zip(ALL_RUNS, places, strict=True) if at == place], max_bytes=max_bytes)
        if through == "a pickle":
            part = pickle.loads(pickle.dumps(part))  # made one line above
        elif through == "a file":
            part = Part.from_document(json.loads(json.dumps(part.to_document())))
        parts.append(part)
    whole = json.dumps(counted(ALL_RUNS, max_bytes=max_bytes).to_document())
    assert json.dumps(reduce(Part.merge, parts).to_document()) == whole
    assert json.dumps(parts[3].merge(parts[1].merge(parts[0].merge(parts[2]))).to_document()) == whole


@pytest.mark.parametrize("max_bytes", [5_000, 12_000, 30_000, 60_000, 1_000_000])
def test_a_file_is_never_larger_than_its_bound(max_bytes: int, tmp_path: Path) -> None:
    """Nor much smaller than it could be: the bound is there to be used."""
    path = tmp_path / "model.json"
    whole = PatternPredictor.train(ALL_RUNS, SPECS)
    save_predictor(whole, path)
    needed = path.stat().st_size
    bounded = PatternPredictor.train(ALL_RUNS, SPECS, max_bytes=max_bytes)
    save_predictor(bounded, path)
    assert min(needed, max_bytes) / 5 < path.stat().st_size <= max_bytes
    assert (bounded.part.bound.below is None) is (max_bytes == 1_000_000)
    loaded = load_predictor(path)
    for seen, _ in moments(runs(1, seed=9)[0]):
        assert loaded.predict(seen, 5) == bounded.predict(seen, 5)


def test_each_part_of_a_model_is_bounded(tmp_path: Path) -> None:
    """Hostile runs that make one table grow, each of them: calls, arguments, fields, texts, values, tools."""
    random = Random(1)

    def name() -> str:
        return "n" + "".join(random.choices("abcdefghij", k=9))

    hostile: dict[str, Callable[[], list[Step]]] = {
        "tools": lambda: [(name(), {"a": 1}, {}) for _ in range(5)],
        "arguments": lambda: [("find", {name(): name() for _ in range(9)}, {})],
        "fields": lambda: [("find", {"key": "a"}, {name(): {name(): 1} for _ in range(9)}), ("user", {"id": 1}, {})],
        "texts": lambda: [" ".join(random.choice(WORDS) + name() for _ in range(30)), ("find", {"key": "x"}, 1)],
        "values": lambda: [("find", {"key": name() * 4}, {}) for _ in range(5)],
        "listings": lambda: [("find", {}, {random.choice(WORDS) + chr(97 + i): name() for i in range(9)})] * 2,
        "records": lambda: [
            ("find", {}, [{name(): i, "a": f"{i}x", "b": f"{i}y"} for i in range(4)]),
            ("book", {"a": "2x", "b": "2y"}, {}),
        ],
    }
    for kind, steps in hostile.items():
        sessions = [session(f"{kind}{number}", *steps()) for number in range(60)]
        model = PatternPredictor.train(sessions, SPECS, max_bytes=9_000, sample=3)
        assert model.part.bound.below is not None, kind
        path = tmp_path / kind
        save_predictor(model, path)
        assert path.stat().st_size <= 9_000, kind


def test_a_constant_of_which_each_part_saw_too_little_opens_when_they_meet() -> None:
    """Though each part had more sealed values than it could keep, if it fits at all."""
    parts = []
    for tenant in range(3):
        sessions = [
            session(f"{tenant}.{number}", ("find", {"key": f"{tenant}-{number}", "mode": f"common {number % 40}"}, {}))
            for number in range(150)
        ]
        for each in sessions:
            each.start = type(each.start)(each.id, tenant=f"t{tenant}")
        parts.append(counted(sessions, max_bytes=16_000, sample=0))
    merged = reduce(Part.merge, parts)
    assert all(part.bound.below is not None and not part.vault.to_document()["open"] for part in parts)
    opened = merged.vault.to_document()["open"].values()
    assert len(opened) > 3
    assert all(text.partition(" ")[2].startswith('"common ') for text in opened)


def test_a_manifest_larger_than_the_bound_is_refused() -> None:
    """Nothing could be left out to make it fit."""
    arguments = {f"argument_{number}": ArgumentSpec() for number in range(500)}
    with pytest.raises(ValueError, match="max_bytes=5000 is too little for this manifest"):
        Part.count([], {"find": ToolSpec("find", Effect.READ, arguments=arguments)}, max_bytes=5_000)


def test_learning_goes_on_from_a_file_that_was_bounded(tmp_path: Path) -> None:
    """What is observed online stays when two such models meet."""
    path = tmp_path / "model.json.gz"
    save_predictor(PatternPredictor.train(ALL_RUNS, SPECS, max_bytes=40_000), path)
    first, second = load_predictor(path), load_predictor(path)
    assert isinstance(first, PatternPredictor)
    assert isinstance(second, PatternPredictor)
    for run in runs(5, seed=3):
        for seen, turn in moments(run):
            for call in turn.calls:
                first.observe(seen, ToolCall(call.tool, call.args, call.id))
    merged = first.merge(second)
    assert merged.counts.sessions == 48
    save_predictor(merged, path)
    assert load_predictor(path).to_document() == merged.to_document()


def test_a_digest_in_a_file_is_the_digest() -> None:
    """Every event, turn, rule and alias of it; and it weighs the same wherever it is kept."""
    sample = counted(ALL_RUNS, sample=24).sample
    for key in sample.hashes():
        digest = sample.get(key)
        names = Names()
        document = json.loads(json.dumps(write_digest(digest, names)))
        assert _comparable(read_digest(document, names.to_document())) == _comparable(digest)
        assert weight_of(read_digest(document, names.to_document())) == weight_of(digest)


def _comparable(digest: Digest) -> str:
    """Call ids and years are not kept; sequences may be tuples or lists."""
    return json.dumps(
        [
            [[e.kind, e.turn, e.tool, e.signature, e.items, e.words, dict(e.arguments), list(e.labels.items()),
              e.phrases] for e in digest.events],
            [[t.events, t.later, t.fresh_since, [str(key) for key in t.keys],
              [[c.tool, c.names, dict(c.values), dict(c.rules)] for c in t.calls]] for t in digest.turns],
            digest.aliases,
        ]
    )  # fmt: skip


def test_a_bound_that_makes_no_sense_is_refused() -> None:
    """Before anything is learned."""
    with pytest.raises(ValueError, match="max_bytes must be at least 5000, not 4999"):
        Bound(4_999)
