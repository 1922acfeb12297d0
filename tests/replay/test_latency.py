"""Profiles and their errors, recorded times, and times drawn for what was not recorded."""

from __future__ import annotations

import math

import pytest

from speculate.replay.fit import Lognormal
from speculate.replay.latency import (
    LatencyModel,
    ProfileError,
    load_profile,
    parse_profile,
    profile_names,
    recorded_model_s,
    recorded_tool_s,
    samples_by_tool,
)
from speculate.trace import CallIssued, RecordedTurn, ResultArrived, TurnTaken
from tests.replay.runs import Call, get, session, turn

GOOD = """
profile = 1
[model]
median_s = 2.0
sigma = 0.5
[default_tool]
median_s = 1.0
sigma = 0
[tools.Search]
median_s = 3
sigma = 0
[tools."*fetch*"]
median_s = 9.0
sigma = 0.1
max_s = 20.0
"""


def test_the_packages_profiles():
    """Three come with the package; support is the default."""
    assert profile_names() == ("coding", "research", "support")
    support = load_profile()
    assert (support.name, support.model, support.default_tool) == (
        "support",
        Lognormal(4.5, 0.7),
        Lognormal(0.8, 0.6),
    )
    assert load_profile("research").tool("fetch_page").median_s == 2.1
    assert load_profile("coding").default_tool.max_s == 64.0


def test_a_profile_of_ones_own(tmp_path):
    """An exact name wins, then the first pattern, letter case aside; the file's name is the profile's."""
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    profile = load_profile(path)
    assert profile.name == "mine"
    assert profile.tool("Search").median_s == 3
    assert profile.tool("WebFetch").max_s == 20.0
    assert profile.tool("other") == profile.default_tool


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        (("profile = 1", "profile = 2"), "profile", "write profile = 1"),
        (("profile = 1", "profile = true"), "profile", "write profile = 1"),
        (("profile = 1", "profile = 1\nname = 3"), "name", "must be text"),
        (("profile = 1", "profile = 1\nextra = 3"), "extra", "unknown field"),
        (("median_s = 2.0", "median_s = -1"), "model.median_s", "at least 0"),
        (("median_s = 2.0", "median_s = 'x'"), "model.median_s", "at least 0"),
        (("median_s = 2.0", "median_s = true"), "model.median_s", "at least 0"),
        (("median_s = 2.0", "median_s = inf"), "model.median_s", "finite"),
        (("median_s = 2.0", ""), "model.median_s", "is missing"),
        (("median_s = 2.0", "median = 2.0"), "model.median", "unknown field"),
        (("[tools.Search]\nmedian_s = 3\nsigma = 0", "[tools]\nSearch = 3"), "tools.Search", "write a table"),
    ],
)
def test_a_wrong_profile_is_named(change, field, problem):
    """The error names the file, the field and the mend."""
    with pytest.raises(ProfileError) as caught:
        parse_profile(GOOD.replace(*change), "mine.toml")
    assert caught.value.field == field
    assert problem in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_profiles_that_cannot_be_read(tmp_path):
    """No file, no text, no TOML, no tables."""
    with pytest.raises(ProfileError, match=r"nowhere\.toml: cannot be read .*support"):
        load_profile("nowhere.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ProfileError, match="not UTF-8"):
        load_profile(tmp_path / "bytes.toml")
    with pytest.raises(ProfileError, match="not TOML"):
        parse_profile("[", "x.toml")
    with pytest.raises(ProfileError, match="must be a table"):
        parse_profile("profile = 1\ntools = 3", "x.toml")
    with pytest.raises(ProfileError, match="'model'"):
        parse_profile("profile = 1", "x.toml")


def test_recorded_times_come_first_then_clock_readings():
    """llm_s and tool_s as recorded; else from when things began and ended; nonsense counts as not recorded."""
    call = CallIssued("s", 0, "c", "t", {}, at=2.0)
    assert recorded_tool_s(call, ResultArrived("s", "c", 2.5, 0.25)) == 0.25
    assert recorded_tool_s(call, ResultArrived("s", "c", 2.5)) == 0.5
    assert recorded_tool_s(call, ResultArrived("s", "c", 1.0)) is None
    assert recorded_tool_s(call, ResultArrived("s", "c", None, math.nan)) is None
    assert recorded_tool_s(call, ResultArrived("s", "c", None, -1.0)) is None
    assert recorded_tool_s(call, None) is None
    assert recorded_model_s(RecordedTurn(TurnTaken("s", 0, 0.5, 3.0), [call])) == 3.0
    assert recorded_model_s(RecordedTurn(TurnTaken("s", 0, 0.5), [call])) == 1.5
    assert recorded_model_s(RecordedTurn(TurnTaken("s", 0, 0.5))) is None


def test_a_tool_with_recorded_times_is_drawn_from_them():
    """Five recorded runs outweigh the profile; a tool without is the profile's; every draw is repeatable."""
    recorded = session("s", "hi", *(turn(1.0, get(str(n), seconds=100.0 + n)) for n in range(6)))
    model = LatencyModel.fitted(load_profile(), [recorded], seed=1)
    assert 90 < model.tool_s("get_order", "s", 3) < 115
    assert model.tool_s("unknown", "s", 3) < 20
    again = LatencyModel.fitted(load_profile(), [recorded], seed=1)
    assert (
        model.guess_s("get_order", "s", "k")
        == again.guess_s("get_order", "s", "k")
        == model.guess_s("get_order", "s", "k")
    )
    assert model.model_s("s", 1) == again.model_s("s", 1) != model.model_s("s", 2)
    other = LatencyModel.fitted(load_profile(), [recorded], seed=2)
    assert other.model_s("s", 1) != model.model_s("s", 1)


def test_sizes_are_recorded_with_times():
    """A result that was cut or not recorded has no size."""
    found = samples_by_tool([session("s", turn(1.0, Call("t", {}, 1.0, "four"), Call("t", {}, 2.0, raised="E: x")))])
    assert [(sample.seconds, sample.size) for sample in found["t"]] == [(1.0, 4), (2.0, None)]
