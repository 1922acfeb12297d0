"""Tools that take the same arguments: what one was asked, the other may be asked next."""

from __future__ import annotations

import pytest

from predictors.pattern import PatternPredictor
from predictors.pattern.counts import SEPARATOR, WIDTH
from predictors.pattern.pools import STALE
from predictors.pattern.sisters import BEFORE, DOUBT, EARLIER, LAST, TRUST, sister_rules, usual_names
from speculate.spec import ArgumentSpec, Effect, ToolSpec
from tests.predictors.pattern.sessions import history, session, train

ROUTE = {"from": "LJU", "to": "OSL"}
RULE = "direct(&from=direct(from)\x1eto=direct(to)"


def searches(count: int) -> list[object]:
    """Sessions that search directly, and others that search for connections at once, never both."""
    places = ["ZAG", "BEG", "SKP", "TIA", "SOF", "OTP", "BUD", "VIE"]
    return [
        session(
            f"s{n}",
            f"Is there a flight from {places[n % 8]} to {places[(n + 3) % 8]}?",
            (("direct", "onestop")[n % 2], {"from": places[n % 8], "to": places[(n + 3) % 8]}, {"rows": []}),
            "Thank you",
        )
        for n in range(count)
    ]


def test_what_a_sister_was_asked_is_asked_again() -> None:
    """Although no session of the training ever called both."""
    learned = train(*searches(16))  # type: ignore[arg-type]  # sessions
    predictions = learned.predict(history("Find one", ("direct", ROUTE, {"rows": []}), "Anything else?"), 10)
    found = next(each for each in predictions if each.tool == "onestop")
    assert found.arguments == ROUTE
    assert {source.kind for source in found.sources.values()} == {"argument"}


def test_of_all_calls_of_a_sister_the_last_is_likeliest() -> None:
    """Nothing the user says tells them apart."""
    learned = train(*searches(16))  # type: ignore[arg-type]  # sessions
    calls = [("direct", {"from": a, "to": b}, {"rows": []}) for a, b in (("LJU", "OSL"), ("ZRH", "CPH"))]
    predictions = learned.predict(history("Find something", *calls, "Go on"), 20)
    asked = [list(each.arguments.values()) for each in predictions if each.tool == "onestop"]
    assert asked.index(["ZRH", "CPH"]) < asked.index(["LJU", "OSL"])


def test_a_manifest_alone_tells_of_sisters() -> None:
    """Before any trace."""
    specs = {
        name: ToolSpec(name, Effect.READ, arguments={"from": ArgumentSpec(), "to": ArgumentSpec()})
        for name in ("direct", "onestop")
    }
    untrained = PatternPredictor.train([], specs)
    predictions = untrained.predict(history("Go", ("direct", ROUTE, {"rows": []})), 5)
    assert ("onestop", ROUTE) in [(each.tool, each.arguments) for each in predictions]


def test_the_arguments_a_tool_usually_takes() -> None:
    """The form of most calls; none is as good as none."""
    assert usual_names({"": 5.0, f"a{SEPARATOR}b": 3.0, "a": 2.0}) == ["a", "b"]
    assert usual_names({"": 5.0}) == usual_names({}) == ()


@pytest.mark.parametrize(
    ("names", "takes"),
    [
        (["from"], {"direct": ["from"]}),
        (["from", "to"], {"onestop": ["from", "to"]}),
        (["from", "to"], {"direct": ["from"]}),
    ],
    ids=["a single argument", "the tool itself", "fewer arguments"],
)
def test_who_is_no_sister(names: list[str], takes: dict[str, list[str]]) -> None:
    """One argument is found by its name."""
    assert sister_rules("onestop", names, takes, {}) == []


def test_what_traces_showed_weighs_more_and_more() -> None:
    """Taken over stale in 4 of 6 turns, in none of 10 fresh ones."""
    takes = {"direct": ["to", "from", "class"]}
    ((group, paths, assumed, rule),) = sister_rules("onestop", ["to", "from"], takes, {})
    assert (group, dict(paths), rule) == ("direct(", {"from": "direct(from)", "to": "direct(to)"}, RULE)
    prior = TRUST / (TRUST + DOUBT)
    assert [assumed[slot] for slot in (LAST, BEFORE)] == pytest.approx([prior, EARLIER * prior])
    taken, there = [0.0] * WIDTH, [0.0] * WIDTH
    taken[STALE] = 4.0
    there[0], there[STALE] = 10.0, 6.0
    ((_, _, chances, _),) = sister_rules("onestop", ["to", "from"], takes, {"direct(": there, RULE: taken})
    assert chances[LAST] == pytest.approx(TRUST / 12)
    assert chances[STALE] == pytest.approx(4.7 / 8)
