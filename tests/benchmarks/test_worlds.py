"""Made-up worlds: the same for a seed, other for another, and honest about what could have been foreseen."""

from __future__ import annotations

import json
from random import Random

import pytest

from benchmarks.prediction.worlds import WORLDS, Story, World, __main__, probe_names, probes, probing
from benchmarks.prediction.worlds.judging import ceiling, judge_world
from benchmarks.prediction.worlds.provenance import provenance
from benchmarks.prediction.worlds.story import Free, Planned
from predictors.pattern.nesting import spread
from speculate.history import CallMade, ResultSeen, UserText
from speculate.spec import Effect, ToolSpec
from speculate.trace import encode_record, moments


def lines(session) -> list[bytes]:
    return [encode_record(call) for call in session.calls] + [
        encode_record(result) for turn in session.turns for result in turn.results.values()
    ]


@pytest.mark.parametrize("name", WORLDS)
def test_a_seed_makes_the_same_sessions_wherever_it_begins(name):
    """Session 7 is session 7, whether or not those before it were asked for; another seed tells other stories."""
    world = WORLDS[name]
    early, late = world.sessions(8, 1)[7], world.sessions(1, 1, first=7)[0]
    assert lines(early.session) == lines(late.session)
    assert lines(world.sessions(1, 2, first=7)[0].session) != lines(late.session)


@pytest.mark.parametrize("name", WORLDS)
def test_every_tool_is_declared_and_some_write(name):
    """Calls of undeclared tools would count as writes and silently leave the denominator."""
    world = WORLDS[name]
    called = {call.tool for told in world.sessions(60, 0) for call in told.session.calls}
    assert called <= set(world.specs)
    assert any(spec.effect is Effect.WRITE for spec in world.specs.values())
    assert len(called) > len(world.specs) * 0.8


def test_there_are_ninety_odd_tools():
    assert len(WORLDS["saas"].specs) == 96


@pytest.mark.parametrize("name", WORLDS)
def test_what_is_called_derivable_can_be_found(name):
    """Every argument of a derivable call stands in the history in some form, or other sessions give it too."""
    world = WORLDS[name]
    told = world.sessions(30, 0)
    seen: dict[str, set[str]] = {}
    for each in told:
        for call in each.session.calls:
            for key, value in spread(call.args).items():
                seen.setdefault(f"{call.tool} {key} {value!r}", set()).add(each.session.id)
    missing = []
    for each in told:
        for history, turn in moments(each.session):
            for call in turn.calls:
                if call.id in each.derivable:
                    for key, value in spread(call.args).items():
                        nowhere = provenance(value, history.events) == "nowhere"
                        if nowhere and len(seen[f"{call.tool} {key} {value!r}"]) < 2:
                            missing.append((call.tool, key, value))
    assert not missing


def told(build) -> Story:
    story = Story("s", Random(0))
    build(story)
    return story


def test_what_the_model_makes_up_is_not_derivable():
    """A free argument counts against the ceiling; its value is written like any other."""

    def build(story):
        story.calls([Planned("find", {"q": Free("words")}, []), Planned("look", {"id": 1}, {})])

    result = told(build).told()
    assert [call.args for call in result.session.calls] == [{"q": "words"}, {"id": 1}]
    assert result.derivable == {"c2"}


def test_an_unlikely_turn_cannot_be_foreseen():
    """A decision that went the rarer way counts against the next turn, unless something was said in between."""

    def build(story):
        assert story.pick(["usual", "never"], [1.0, 0.0]) == "usual"
        story.call("find", {}, "")
        while story.chance(0.9):
            pass
        story.call("find", {}, "")
        while story.pick(["usual", "rare"], [0.9, 0.1]) == "usual":
            pass
        story.call("find", {}, "")
        while story.chance(0.9):
            pass
        story.user("what was decided shows in this")
        story.call("find", {}, "")

    assert told(build).told().foreseeable == {"c1", "c4"}


def tiny(tell) -> World:
    return World(
        "tiny",
        "for tests",
        {"look": ToolSpec("look", effect=Effect.READ), "send": ToolSpec("send", effect=Effect.WRITE)},
        tell,
    )


def test_ceilings_count_what_can_be_launched():
    """Writes are no part of the denominator; of several calls in one turn one can come first."""

    def tell(story):
        story.call("send", {}, "")
        story.calls([Planned("look", {"id": n}, "") for n in range(3)])
        story.call("look", {"id": Free(9)}, "")

    world = tiny(tell)
    found = ceiling(world, world.sessions(2, 0))
    assert (found.calls, found.speculable) == (10, 8)
    assert found.derivable == 6 / 8
    assert found.first == 2 / 8


def events(result, arguments=None):
    return [UserText("see OPS-7"), CallMade("c1", 0, "find", arguments or {}), ResultSeen("c1", "find", True, result)]


@pytest.mark.parametrize(
    ("value", "result", "expected"),
    [
        ("a1", {"items": [{"id": "a1"}]}, "result find: field items[].id"),
        ("a1", [{"text": '{"id": "a1"}'}], "result find [].text: JSON in text, id"),
        ("a1", "| a1 | b |", "result find (all): a Markdown table's cell"),
        ("a1", "id: a1\nb: 2", "result find (all): `key: value`"),
        ("a1", "a1\nb2", "result find (all): a line of its own"),
        ("a1", "x (a1) y", "result find (all): text, between '(' and ')'"),
        ("A1", "found a1", "result find (all): other letter case"),
        ("OPS-7", "", "user: text, between 'space' and 'edge'"),
        (502, "src/m.py:512: x", "result find (all): a number -10"),
        ("2024-02-01", "on 01.02.2024", "result find (all): a date written otherwise"),
        ("unheard of", {"id": 1}, "nowhere"),
    ],
)
def test_where_a_value_stood(value, result, expected):
    """The plainest form that holds it is named."""
    assert provenance(value, events(result)) == expected


def test_a_path_of_two_parts_is_told_apart():
    assert provenance({"id": "a-1", "ids": ["a-1"]}, events({"key": "a-1"})) == (
        "id <- result find: field key, ids[] <- result find: field key"
    )
    found = provenance("/srv/x/a/b.py", events("a/b.py:3: x", {"path": "/srv/x"}))
    assert found.startswith("joined: argument find(path) + '/' + result find (all)")
    assert provenance("tests/test_parse.py", events("src/parse.py")) == "template: result find (all) has the stem"


def test_the_command_tells_figures_and_misses(tmp_path, capsys):
    """Every predictor has its row, beside the ceilings; what was missed stands below."""
    out = tmp_path / "worlds.json"
    __main__.main(["--worlds", "desk,saas", "--train", "6", "--dev", "4", "--json", str(out), "--verbose"])
    document = json.loads(out.read_text(encoding="utf-8"))
    assert list(document) == ["desk", "saas"]
    for found in document.values():
        assert [row["what"] for row in found["rows"]] == ["pattern", "repeat", "markov"]
        assert 0 < found["foreseeable"] <= found["derivable"] <= 1
        assert found["misses"] == sorted(found["misses"], key=lambda miss: (-miss["count"], miss["what"]))
    assert "derivable calls not among the first three" in capsys.readouterr().out


def test_an_unknown_world_is_named(capsys):
    with pytest.raises(SystemExit):
        __main__.main(["--worlds", "moon"])
    assert "no world is called 'moon'" in capsys.readouterr().err


def test_misses_are_those_that_could_have_been_foreseen():
    """Calls whose arguments the model made up are no misses."""

    def tell(story):
        story.user(f"{story.rng.random()}")
        story.call("look", {"id": Free(story.rng.random())}, "")

    document = judge_world(tiny(tell), 3, 3, 0, ["pattern"])
    assert document["derivable"] == 0
    assert document["misses"] == []


def test_probes_tell_one_thing_each(capsys, tmp_path):
    """What any predictor of patterns must manage is managed; the command prints a line for each."""
    assert probing.run("a field of the first record (plain JSON)", 10, 5)["first"] == 1.0
    assert len(probes.PROBES) == len(probes.names()) > 50
    for says in probes.names():
        assert probes.world(says).sessions(1, 0)[0].session.calls
    out = tmp_path / "probes.json"
    probing.main(
        ["--only", "UUID", "file_id from files", "--train", "2", "--dev", "2", "--verbose", "--json", str(out)]
    )
    assert next(row["what"] for row in json.loads(out.read_text(encoding="utf-8"))) == "user: a UUID"
    assert "without any session" in capsys.readouterr().out


def test_names_alone_find_what_is_called_alike():
    """The plainest cold start; others are measured, not promised."""
    assert probe_names.rank(probe_names.CASES[0]) == 1
