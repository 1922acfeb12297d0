"""What a predictor is told of its tools by who knows their schemas: names it has sealed, tools nobody called yet."""

from __future__ import annotations

import copy
import functools
import json
import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from predictors import Mixture, RepeatPredictor
from predictors.pattern import PatternPredictor
from speculate import Runtime, ToolCall
from speculate.audit.speculation import Folds
from speculate.history import History
from speculate.replay import replay
from speculate.spec import ArgumentSpec, Effect, ToolSpec
from speculate.training.judging import judge_predictor
from speculate.training.scoring import introduce_tools
from tests.predictors.pattern.sessions import SPECS, Step, history, session, train

FOUND: tuple[Step, ...] = ("look", ("find", {"q": "x"}, {"ref": "r9"}))


def _runs(count: int) -> list[Any]:
    """Each of them calls `page` with a name of its own tool's, which too few of them show."""
    return [
        session(f"s{n}", "look", ("find", {"q": "x"}, {"ref": f"r{n}"}), ("page", {"pagemark": f"r{n}"}, "fine"))
        for n in range(count)
    ]


def _taught(sessions: int = 2) -> PatternPredictor:
    """So many sessions showed the name, three are needed; others showed what comes before."""
    others = [session(f"o{n}", "look", ("find", {"q": "x"}, {"ref": f"o{n}"})) for n in range(3)]
    return train(*_runs(sessions), *others)


def _pages(predictor: PatternPredictor) -> list[Mapping[str, Any]]:
    return [guess.arguments for guess in predictor.predict(history(*FOUND), 10) if guess.tool == "page"]


def test_a_sealed_name_is_of_use_once_it_is_told() -> None:
    """The rules a model keeps under a seal hold for the name; names it never heard change nothing."""
    predictor = _taught()
    assert _pages(predictor) == []
    predictor.introduce({"page": {"other": True}})
    assert _pages(predictor) == []
    predictor.introduce({"page": {"pagemark": True}})
    assert {"pagemark": "r9"} in _pages(predictor)


def test_no_file_gets_a_name_that_was_told() -> None:
    """Neither the model's, nor a copy's; and it is of use afterwards as before."""
    predictor = _taught()
    before = predictor.to_document()
    predictor.introduce({"page": {"pagemark": True}})
    guesses = predictor.predict(history(*FOUND), 10)
    for each in (predictor, copy.deepcopy(predictor), pickle.loads(pickle.dumps(predictor))):
        assert each.to_document() == before
        assert each.predict(history(*FOUND), 10) == guesses
    assert "pagemark" not in json.dumps(before)
    assert predictor.merge(PatternPredictor()).to_document()["counts"] == before["counts"]


def test_what_is_learned_after_it_was_told_stays_sealed() -> None:
    """A call that is observed counts under the same name, and goes in a file under the same seal."""
    predictor = _taught(sessions=1)
    predictor.introduce({"page": {"pagemark": True}})
    for _ in range(2):
        now = history(*FOUND)
        assert {"pagemark": "r9"} in _pages(predictor)
        predictor.observe(now, ToolCall("page", {"pagemark": "r9"}))
    text = json.dumps(predictor.to_document())
    assert "pagemark" not in text
    assert {"pagemark": "r9"} in _pages(predictor)


def test_an_untaught_predictor_finds_arguments_by_their_names() -> None:
    """The tools' signatures alone: what a result calls by an argument's name is its value."""

    async def list_files() -> None: ...

    async def read_file(file_id: str, encoding: str = "utf-8") -> None: ...

    predictor = PatternPredictor()
    Runtime({"list_files": list_files, "read_file": read_file}, predictor=predictor)
    now = history("go", ("list_files", {}, {"files": [{"file_id": "f7", "name": "a"}]}))
    assert {"file_id": "f7"} in [guess.arguments for guess in predictor.predict(now, 5) if guess.tool == "read_file"]
    assert "read_file" not in json.dumps(predictor.to_document())


def test_nobody_guesses_a_value_that_is_called_sensitive() -> None:
    """A tool that needs one is not told of; where it may be left out, the tool is, without it."""

    async def find(q: str) -> None: ...

    async def unlock(pin: str) -> None: ...

    async def read(id: str, pin: str = "") -> None: ...

    secret = {"pin": ArgumentSpec(sensitive=True)}
    specs = {"find": SPECS["find"]} | {
        name: ToolSpec(name, Effect.READ, arguments=secret) for name in ("unlock", "read")
    }
    now = history("go", ("find", {"q": "x"}, {"pin": "4711", "id": "i7"}))
    runs = [session("s", "go", ("unlock", {"pin": "1"}, {}), ("read", {"id": "1", "pin": "1"}, {}))]
    runs += [session("t", "go", ("read", {"id": "1"}, {}))]
    live, replayed = PatternPredictor(), PatternPredictor()
    Runtime({"find": find, "unlock": unlock, "read": read}, specs, live)
    introduce_tools(replayed, runs, specs)
    for predictor in (live, replayed):
        guesses = predictor.predict(now, 10)
        assert {"id": "i7"} in [guess.arguments for guess in guesses if guess.tool == "read"]
        assert "4711" not in json.dumps([dict(guess.arguments) for guess in guesses])


class Told:
    """A predictor that remembers what it was told, and when it was first asked."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def introduce(self, tools: Mapping[str, Mapping[str, bool]]) -> None:
        self.heard.append({tool: dict(arguments) for tool, arguments in tools.items()})

    def warm(self) -> None:
        self.heard.append("warm")

    def predict(self, history: History, limit: int) -> Sequence[Any]:
        self.heard.append("asked")
        return []

    def observe(self, history: History, call: Any) -> None: ...


def test_a_runtime_tells_what_its_tools_take() -> None:
    """From signatures, before it warms the predictor: bound arguments and those of anything left out."""

    async def get(id: str, *, fields: str = "") -> None: ...

    async def anything(id: str, **more: Any) -> None: ...

    told = Told()
    Runtime({"get": get, "part": functools.partial(get, fields="a"), "any": anything, "max": max}, predictor=told)
    given = {"id": True, "fields": False}
    assert told.heard == [{"get": given, "part": given}, "warm"]


def test_recorded_runs_tell_what_their_tools_take() -> None:
    """All of them before the first is played: what every call of a tool has, and what only some have."""
    runs = [
        session("s1", "go", ("find", {"q": "x"}, {}), ("find", {"q": "x", "limit": 2}, {}), ("order", {}, {})),
        session("s2", "go", ("order", {"id": "a"}, {}), ("page", {"_raw": [1]}, {})),
    ]
    expected = {"find": {"q": True, "limit": False}, "order": {"id": False}}
    for play in (
        lambda told: introduce_tools(told, runs, SPECS),
        lambda told: judge_predictor(told, runs, SPECS),
        lambda told: replay([], runs, SPECS, told),
    ):
        told = Told()
        play(told)
        assert told.heard[0] == expected
    introduce_tools(RepeatPredictor(), runs, SPECS)  # does not listen


def test_both_halves_of_an_audit_are_told_of_all_runs() -> None:
    """A tool that only the other half called is known by its schema, too."""
    runs = [session(f"s{n}", "go", ("find", {"q": "x"}, {}), ("order", {f"id{n}": "a"}, {})) for n in range(8)]
    folds = Folds.train(runs, SPECS, f"{__name__}:Told")
    assert folds is not None
    for told in folds.predictors:
        assert isinstance(told, Told)
        assert told.heard == [{"find": {"q": True}, "order": {f"id{n}": False for n in range(8)}}]


def test_a_composition_passes_it_on() -> None:
    """To those of its components that listen."""
    predictor = _taught()
    Mixture([predictor, RepeatPredictor()]).introduce({"page": {"pagemark": True}})
    assert {"pagemark": "r9"} in _pages(predictor)


def test_one_that_cannot_listen_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    """It is said, and the runtime is made."""

    class Deaf(Told):
        def introduce(self, tools: Mapping[str, Mapping[str, bool]]) -> None:
            raise ValueError("no ears")

    Runtime({}, predictor=Deaf())
    assert "could not be prepared: ValueError('no ears')" in caplog.text
