"""What free text and JSON offer as values."""

from __future__ import annotations

import pytest

from predictors.pattern.flatten import MAX_ITEMS, Flattener
from predictors.pattern.indexing import Indexer
from predictors.pattern.outcomes import outcome
from predictors.pattern.reading import MAX_SPANS, read
from predictors.pattern.text import MAIL, bucket, shape
from speculate.history import ResultSeen


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("My zip is 78260.", ("9x5", "78260")),
        ("My zip is 78260.", ("9x5<is", "78260")),
        ("order #W4689314, please", ("#A9", "#W4689314")),
        ("order #W4689314, please", ("#A9.bare", "W4689314")),
        ("mail a.b_c@example.com", ("mailbox", "a.b_c")),
        ("code 3JA7XV", ("Ax6", "3JA7XV")),
        ("see https://x.org/a?b=1.", ("url", "https://x.org/a?b=1")),
        ("open /etc/hosts now", ("path", "/etc/hosts")),
        ("it said 'City Hall, Dublin' here", ("quoted", "City Hall, Dublin")),
        ("the file 'a/b.c' here", ("path", "a/b.c")),
        ("Do Roses Are Red and Sleeping with Sirens agree", ("Title", "Sleeping with Sirens")),
        ("from New York to Lima", ("Name<to", "Lima")),
        ("I'm Sofia Li", ("Name2.last", "Li")),
        ("on May 20th", ("date", "2024-05-20")),
        ("on May 20, 1999", ("date", "1999-05-20")),
        ("at AT&T Park", ("Name", "AT&T Park")),
        ("fly to JFK", ("Ax3", "JFK")),
        ("Ulf's dog", ("Name", "Ulf")),
    ],
)
def test_spans(text: str, span: tuple[str, str]) -> None:
    """Form and value."""
    assert span in read(text, "2024")[0]


def test_sentences_do_not_start_names() -> None:
    """A capital at the start of a sentence is no name if the word is a function word; an article may begin a title."""
    values = [value for form, value in read("What is it? The Wall. Is Ann here", None)[0] if form == "Title"]
    assert values == ["The Wall", "Ann"]


def test_a_text_costs_bounded_work() -> None:
    """Head and tail of a megabyte, and no more spans than allowed."""
    spans, words = read("Ann Lee 12345 " * 100_000, None)
    assert len(spans) <= MAX_SPANS + 12
    assert len(words) < 300
    assert read("a" + "." * 1_000_000, None)[0] == []
    assert read("\ud800 \x00 \U0001f600 ² é", None)[1] == ["é"]


def test_shapes_and_buckets_are_stable() -> None:
    """They stand in model files."""
    assert [shape(each) for each in ("12345", "AB12", "sara_doe_496", "ab-12.txt")] == ["9x5", "Ax4", "a_a_9", "a-9.a"]
    assert bucket("hello") == bucket("hello") < 4096


def test_a_mail_address_is_one_form_however_it_is_made_up() -> None:
    """What was learned of one holds for another; a version of a package is none, nor is what has a path."""
    for address in ("ann@x.org", "ann.lee@x.org", "a_lee_99@mail.x.co.uk", "ann+list@x.org", "ANN7@X.ORG"):
        assert shape(address) == MAIL
        assert (MAIL, address) in read(f"it is {address}.", None)[0]
    assert MAIL not in {shape(each) for each in ("pkg@1.2.3", "pkg@^2.x.0", "a.b@host", "@x.org", "lib/a@b.c")}


def _items(value: object) -> list[tuple[str, object, int]]:
    return Flattener().items("t", value, None)[0]


def test_paths() -> None:
    """Elements share a path and are told apart by number; keys that are data are values."""
    assert _items({"a": {"b": [1, 2]}, "c": None, "d": True}) == [("t.a.b[]", 1, 1), ("t.a.b[]", 2, 2)]
    assert _items({"10-a": {"x": 1}, "11-b": {"x": 2}}) == [
        ("t{key}", "10-a", 1),
        ("t.*.x", 1, 1),
        ("t{key}", "11-b", 2),
        ("t.*.x", 2, 2),
    ]
    assert ("t{key}", "Ann", 1) in _items({"Ann": {"p": 1, "q": 2}, "Bob": {"p": 3, "q": 4}})
    assert ("t.day+1d", "2024-03-01", 0) in _items({"day": "2024-02-29"})
    assert [path for path, _, _ in _items({"day": "2024-99-99"})] == ["t.day"]
    assert ("t.f|basename", "c.py", 0) in _items({"f": "a/b/c.py"})
    assert _items(float("nan")) == []
    assert _items({1: 2}) == []


def test_hostile_values_cost_bounded_work() -> None:
    """Depth, breadth and size are capped."""
    deep: object = "x"
    for _ in range(10_000):
        deep = [deep]
    assert _items(deep) == []
    deep = 1
    for _ in range(10_000):
        deep = {"k": deep}
    assert _items(deep) == []
    assert len(_items(list(range(100_000)))) <= MAX_ITEMS
    assert len(_items({f"k{i}": {"v": i, "w": i} for i in range(5_000)})) <= MAX_ITEMS + 2
    assert len(_items({"t": "word " * 100_000})) < 200


@pytest.mark.parametrize(
    ("ok", "known", "value", "expected"),
    [
        (False, True, {}, "!"),
        (True, False, None, "?"),
        (True, True, [], "0"),
        (True, True, [1], "1"),
        (True, True, [1, 2], "+"),
        (True, True, {"a": [1, 2]}, "+"),
        (True, True, {"a": []}, "0"),
        (True, True, {"a": [1]}, "1"),
        (True, True, {"a": 1}, "1"),
        (True, True, "x" * 100, "t"),
        (True, True, 5, "1"),
    ],
)
def test_outcomes(ok: bool, known: bool, value: object, expected: str) -> None:
    """Error, unknown, empty, one, many, text."""
    assert outcome(ok, known, value) == expected


@pytest.mark.parametrize(
    ("token", "form"),
    [
        ("W8l76ksT8A7t8KZydI0Zmh==", "mixed"),
        ("uBhUTsIVWjRKFMSQzWep==", "mixed"),
        ("cus_9f8Xk2LmQ1aZ", "mixed"),
        ("INV-2024-0012-A1", "A-9-9-A9"),  # regular: told from others by its runs
        ("v2ApiKeyOfTeam", "a9AaAaAaAa"),
        ("credit_card_4421486", "a_a_9"),
        ("ff2559db-9034-0e73-3c7d-ab865ddad2e4", "hex36"),
    ],
)
def test_codes_without_a_rule_have_one_form(token: str, form: str) -> None:
    """Cursors and tokens, each of which has runs of its own; the padding belongs to them."""
    assert shape(token) == form
    spans, _ = read(f"nextCursor: {token}, a==b and x=1")
    assert (form, token) in spans
    assert ("mixed", "a==") not in spans


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([{"type": "text", "text": '{"items": []}'}], "0"),
        ([{"type": "text", "text": "[]"}], "0"),
        ([{"type": "text", "text": '{"items": [1, 2], "n": 2}'}], "+"),
        ([{"type": "text", "text": "- one\n- two"}], "+"),
        ([{"type": "text", "text": "Nothing was found,\nsorry for that."}], "t"),
        ([{"type": "text", "text": "Nothing was found."}], "1"),
        ([{"id": "1", "text": "- one\n- two", "kind": "note"}], "1"),
        ("- one\n- two", "+"),
    ],
)
def test_outcomes_of_texts(value: object, expected: str) -> None:
    """A text that is all of a result is what it holds."""
    event = ResultSeen("c", "find", True, value)
    assert Indexer().index(event, None).signature == "find>" + expected
