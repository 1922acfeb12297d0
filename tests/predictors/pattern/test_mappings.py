"""What people say stands for argument values: learned from runs and from listings, never invented."""

from __future__ import annotations

import json
from collections.abc import Sequence

from predictors.modelfile import to_envelope
from predictors.pattern import PatternPredictor
from predictors.pattern.counts import without
from predictors.pattern.kinds import fits, kind_of_value, stand_in
from predictors.pattern.mappings import Mappings, alone
from predictors.pattern.part import Part
from predictors.pattern.phrases import name_hash, phrase_hash, phrases_of
from speculate.prediction import Prediction
from speculate.trace import RecordedSession
from tests.predictors.pattern.sessions import SPECS, history, session, top, train

_CODES = {"Rome": "FCO", "Lima": "LIM", "Porto": "OPO", "New Delhi": "DEL", "Oslo": "OSL"}
_PAIRS = [("Rome", "Lima"), ("Lima", "Porto"), ("Porto", "New Delhi"), ("New Delhi", "Oslo"), ("Oslo", "Rome")]


def _trips(pairs: Sequence[tuple[str, str]], times: int = 3) -> list[RecordedSession]:
    return [
        session(
            f"{one}-{other}-{time}",
            f"I want to fly from {one} to {other} please",
            ("search", {"start": _CODES[one], "goal": _CODES[other]}, "nothing"),
        )
        for one, other in pairs
        for time in range(times)
    ]


def _searched(learned: PatternPredictor, text: str) -> list[Prediction]:
    return [guess for guess in learned.predict(history(text), 10) if guess.tool == "search"]


def test_names_stand_for_codes_and_prepositions_tell_which_argument() -> None:
    """A pair of towns never asked for together; both arguments have the same vocabulary."""
    learned = train(*_trips(_PAIRS))
    guess = top(learned, "Could I fly from New Delhi to Rome tomorrow?")
    assert (guess.tool, guess.arguments) == ("search", {"start": "DEL", "goal": "FCO"})
    assert guess.sources["start"].kind == "user"
    assert guess.sources["start"].tenants == 6
    guess = top(learned, "can you fly me to lima from oslo?")  # no capitals, the other way round
    assert (guess.tool, guess.arguments) == ("search", {"start": "OSL", "goal": "LIM"})


def test_a_name_never_heard_is_given_no_code() -> None:
    """Nothing is known of Quito: what stands for another town is not offered in its place with any confidence."""
    learned = train(*_trips(_PAIRS))
    sure = _searched(learned, "I want to fly from Oslo to Lima please")[0].p_next
    unsure = [guess.p_next for guess in _searched(learned, "I want to fly from Quito to Ankara please")]
    assert max(unsure, default=0.0) < sure / 2


def test_two_tenants_are_too_few() -> None:
    """A code shown by fewer than k tenants is neither offered nor written down; by k, it is both."""
    few, enough = train(*_trips(_PAIRS[:1], times=2)), train(*_trips(_PAIRS[:1], times=3))
    text = "I want to fly from Rome to Lima please"
    assert all("FCO" not in guess.arguments.values() for guess in few.predict(history(text), 10))
    assert "FCO" not in json.dumps(to_envelope(few))
    assert top(enough, text).arguments == {"start": "FCO", "goal": "LIM"}
    assert "Rome" not in json.dumps(to_envelope(enough))
    assert "rome" not in json.dumps(to_envelope(enough))


def test_halves_add_up_to_the_whole() -> None:
    """Merged in either order, the mapping and the file are those of training on everything; also through a file."""
    runs = _trips(_PAIRS, times=4)
    whole = train(*runs)
    one, other = train(*runs[::2]), train(*runs[1::2])
    assert to_envelope(one.merge(other)) == to_envelope(other.merge(one)) == to_envelope(whole)
    through = PatternPredictor.from_document(json.loads(json.dumps(whole.to_document())))
    text = "fly from Porto to Rome"
    assert top(through, text).arguments == top(whole, text).arguments == {"start": "OPO", "goal": "FCO"}


def test_a_sensitive_argument_is_not_mapped() -> None:
    """However many people said the same and meant the same."""
    runs = [session(f"s{i}", "let me in as Boss please", ("login", {"pin": "QX7"}, {})) for i in range(30)]
    learned = train(*runs)
    assert learned.counts.links == {}
    assert "QX7" not in json.dumps(to_envelope(learned))


def test_phrases_of_several_texts_are_heard_once_each() -> None:
    """Those said since the tool's last call; the same two texts are put together once, for whichever tool."""
    runs = session(
        "s", "Fly to Rome", "Please fly to Lima", ("search", {}, 1), ("book", {}, 1), "Yes", ("search", {}, 1)
    )
    heard = Part.count([runs], SPECS).counts.heard
    both = {*phrases_of(["fly", "to", "rome"]), *phrases_of(["please", "fly", "to", "lima"])}
    assert heard["book"] == {f"{number}<{before}": 1 for number, before in both}
    assert heard["search"] == heard["book"] | {f"{number}<{before}": 1 for number, before in phrases_of(["yes"])}


def test_what_no_mapping_looks_at_can_be_left_out_beforehand() -> None:
    """Before some sessions are taken out again: what few tenants showed, what met once, and what was told of."""
    told = [session(f"told-{n}", "hi", ("towns", {}, {**_CODES, "Quito": "UIO"})) for n in range(4)]
    odd = [session("odd", "Take me to Rome tomorrow", ("search", {"start": "XXX", "goal": "FCO"}, "nothing"))]
    once = [session("once", "Take me from Quito", ("search", {"start": "UIO", "goal": "FCO"}, "nothing"))]
    every = [*_trips(_PAIRS), *told, *odd, *once]
    part = Part.count(every, SPECS, min_tenants=3, sample=0)

    def is_open(digest: str) -> bool:
        return part.vault.value(digest) is not None

    few = alone(part.counts, is_open)
    assert sum(map(len, few.links.values())) < sum(map(len, part.counts.links.values()))
    assert sum(map(len, few.heard.values())) < sum(map(len, part.counts.heard.values()))
    for start in range(0, len(every), 4):
        own = Part.count(every[start : start + 4], SPECS, min_tenants=3, sample=0).counts
        found, expected = (Mappings(without(counts, own), is_open) for counts in (few, part.counts))
        assert expected._meanings
        for name in Mappings.__slots__:
            assert getattr(found, name) == getattr(expected, name)


def test_a_listing_tells_what_names_stand_for() -> None:
    """Products and their numbers side by side in a result: enough to look one up that nobody looked up before."""
    shelf = {"Blue Lamp": "p-100", "Tea Pots": "p-200", "Desk": "p-300", "Rug": "p-400"}
    wanted = ["Blue Lamp", "Desk", "Rug"]
    runs = [
        session(f"l{i}", f"what about the {wanted[i % 3]}", ("find", {}, shelf), ("order", {"id": "x"}, {}))
        for i in range(6)
    ] + [
        session(f"d{i}", f"tell me about the {wanted[i % 3]}", ("lookup", {"item": shelf[wanted[i % 3]]}, {}))
        for i in range(12)
    ]  # fmt: skip
    listed = [{"name": name, "number": number} for name, number in shelf.items()]
    for learned in (train(*runs), train(*runs[6:], *[session(f"r{i}", ("find", {}, listed)) for i in range(6)])):
        found = learned.predict(history("tell me about the tea pot"), 5)
        assert next(dict(guess.arguments) for guess in found if guess.tool == "lookup") == {"item": "p-200"}


def test_mappings_are_learned_while_running() -> None:
    """Calls observed one by one are enough, too."""
    from speculate.calls import ToolCall
    from speculate.trace import moments

    learned = train(min_tenants=2)
    for run in _trips(_PAIRS, times=4):
        for seen, turn in moments(run):
            for call in turn.calls:
                learned.observe(seen, ToolCall(call.tool, call.args, call.id))
    assert top(learned, "I want to fly from Rome to Oslo please").arguments == {"start": "FCO", "goal": "OSL"}


def test_phrases_are_runs_of_content_words() -> None:
    """With the word before them; plurals count as singulars, and a name of many words is none."""
    found = phrases_of(["fly", "from", "new", "york", "today", "to", "rome"])
    assert (phrase_hash(["new", "york"]), "from") in found
    assert (phrase_hash(["york"]), "~") in found
    assert (phrase_hash(["rome"]), "to") in found
    assert (phrase_hash(["fly"]), "^") in found
    assert name_hash("Tea Pots") == phrase_hash(["tea", "pot"])
    assert [name_hash(text) for text in ("a b c d", "x1", "", "y" * 41)] == [None] * 4
    assert len(phrases_of([f"w{i}" for i in range(500)])) <= 99


def test_a_value_of_another_kind_is_unlikely() -> None:
    """Codes stay codes; where every value is of its own kind, nothing is told."""
    assert [kind_of_value(each) for each in ("AB12", "2024-05-01", "a/b", "https://x.y", "two words", 7)] == [
        "Ax4", "9-9-9", "path", "url", "words", "int",
    ]  # fmt: skip
    assert [kind_of_value(each) for each in ("é", "line\nline", "lower|\x7f3~Ax4", stand_in(3, "AB12"))] == [
        "other", "long", None, "Ax4",
    ]  # fmt: skip
    assert fits({"Ax4": 20}, kind_of_value("WXYZ")) == 1.0
    assert fits({"Ax4": 20}, kind_of_value("Economy")) < 0.05
    assert fits({"a": 1, "b-c": 1, "9": 1}, kind_of_value("Economy")) > 0.9
    assert fits({"a": -1}, kind_of_value("Economy")) == 0.7


def test_a_date_without_a_year_lies_in_the_year_of_the_runs_dates() -> None:
    """The year people leave out is known from the arguments, also in the first call of a run."""
    runs = [session(f"d{i}", f"on May {10 + i}", ("lookup", {"day": f"2031-05-{10 + i}"}, {})) for i in range(5)]
    learned = train(*runs)
    assert top(learned, "on June 7").arguments == {"day": "2031-06-07"}
    assert any(rule.rule.startswith("user:date") for rule in learned.explain())


def test_a_code_that_a_result_gave_as_something_else_is_unlikely() -> None:
    """The user repeats the seat a booking told of; bookings were never looked up by seat."""
    runs = [
        session(
            f"s{i}",
            f"my code is AB{i:02}CD",
            ("find", {"id": f"AB{i:02}CD"}, {"seat": f"QX{i:02}YZ"}),
            f"and the code ZZ{i:02}AA",
            ("find", {"id": f"ZZ{i:02}AA"}, {"seat": f"QW{i:02}YZ"}),
        )
        for i in range(12)
    ]
    learned = train(*runs)
    steps = ("my code is AB77CD", ("find", {"id": "AB77CD"}, {"seat": "QX77YZ"}))
    guesses = learned.predict(history(*steps, "and the code for QX77YZ, it is KK77AA"), 5)
    chance = {guess.arguments["id"]: guess.p_next for guess in guesses}
    assert chance.get("QX77YZ", 0.0) < chance["KK77AA"]
