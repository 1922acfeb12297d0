"""Texts that list things: where an entry begins, what it is called, what it names."""

from __future__ import annotations

import time
from typing import Any

import pytest

from predictors.pattern.counts import Counts
from predictors.pattern.entries import ENTRY, MAX_CALLS, called, first_of, is_numbered, split
from predictors.pattern.flatten import FIRST, MAX_ITEMS, Flattener
from predictors.pattern.folders import MAX_JOINED, beside
from predictors.pattern.indexing import Indexer
from predictors.pattern.layout import MAX_FIELDS, fields_of
from predictors.pattern.names import EXACT, OWNED, WITHIN, field_of, fields_for, fit, mark_of
from predictors.pattern.reading import read
from predictors.pattern.rows import combined
from predictors.pattern.rules import ToolRules
from predictors.pattern.state import State
from speculate.history import CallMade, Event, ResultSeen, UserText
from tests.predictors.pattern.sessions import history, session, train


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Found 2:\n- **Broken fetch** (ID: a1)\n- **Slow queue** (ID: a2)", 3),
        ("ID: 1\nTitle: one\n\nID: 2\nTitle: two", 2),
        ("[DIR] src\n[FILE] setup.py\n[DIR] tests", 3),
        ("#12 one (open)\n#13 two (closed)", 2),
        ("1. One\n   URL: https://x.org/1\n2. Two\n   URL: https://x.org/2", 2),
        ("## A-1\n\n- **State**: open\n- **Who**: ann\n\n## A-2\n\n- **State**: open\n- **Who**: ben", 2),
        ("commit 1a2b\nAuthor: x\n\n    why\ncommit 3c4d\nAuthor: y", 2),
        ("src/a.py:12: x\nsrc/b.py:3: y", 2),
        ("setup.py\nREADME.md", 2),
        ("order-17 1/1\nshop-18 1/1", 2),
        ("12:  one\n40:  two", 2),
        ('<item id="a"/>\n<item id="b"/>', 2),
        ("- main:\n  - link A [ref=e1]\n  - link B [ref=e2]", 3),
        ("orders\nusers\n\ncarts", 3),
        ("### Page\n### Outline\n" + "- link [ref=e1]\n" * 20, 21),
        ("Owner: acme\nRepo: shop", 1),
        ("A sentence of words.\nAnother one of them.", 1),
        ("One line alone.\n", 1),
        ("", 1),
    ],
)
def test_entries_begin_alike(text: str, count: int) -> None:
    """With a mark, a number, the same field; lines that begin each in their own way are one entry, or no list."""
    entries = split(text)
    assert len(entries) == count
    assert "".join("".join(entries).split()) == "".join(text.split())


def test_the_lines_of_a_file_are_no_entries() -> None:
    """They are told by numbers that follow each other."""
    assert is_numbered("   11\timport os\n   12\t\n")
    assert not is_numbered("11: one\n40: two")
    assert not is_numbered("1. One\n2. Two")
    assert not any(
        element >= ENTRY for _, _, element in Flattener().items("t", "   11\timport a_1\n   12\tb_2\n", None)[0]
    )


def test_what_an_entry_is_called_and_begins_with() -> None:
    """Plain words in a row; the first word without its mark."""
    assert called("- **Broken fetch** (ID: ab-17) - failed") == ["Broken fetch", "ab-17", "failed"]
    assert called("x" * 60) == []
    assert len(called("one, two, three, four, five, six, seven, eight")) == MAX_CALLS
    entries = ("1. [ab-12] name", "#17 name", "src/a.py: x", "- `web-1`: x", "***", "a" * 200)
    assert [first_of(entry) for entry in entries] == ["ab-12", "17", "src/a.py", "web-1", None, None]


def test_what_an_entry_names() -> None:
    """Lines of a field each, attributes, tags; not words before a colon in the middle of a line, nor parameters."""
    assert fields_of("**Status**: open\n- **Title:** Two words\nsee: this and that: no\n") == [
        ("Status", "open"), ("Title", "Two words"), ("see", "this and that: no"),
    ]  # fmt: skip
    assert fields_of("<a id=\"x-1\" name='two words' size=3><b>text</b></a>") == [
        ("id", "x-1"), ("name", "two words"), ("size", "3"), ("b", "text"),
    ]  # fmt: skip
    assert fields_of("https://x.org/?page=2&size=3 says so") == []
    assert len(fields_of("\n".join(f"f{'x' * n}: {n}" for n in range(30)))) <= MAX_FIELDS


def test_a_name_in_a_text_stands_in_no_path() -> None:
    """It may be a person's, in a record of who said what; a field is found by it all the same."""
    items = Flattener().items("t", "Ann Smith: yes\nBen Jones: no", None)[0]
    assert not any("ann" in path.lower() or "ben" in path.lower() for path, _, _ in items)
    assert fit("issueId", "t" + mark_of("Issue ID")) == EXACT
    assert fit("message_id", "list_messages[].text" + mark_of("ID")) == OWNED
    assert fit("message_id", "find" + mark_of("ID")) == WITHIN
    assert fit("channel", "channels" + mark_of("id")) == OWNED
    assert fit("channel", "find" + mark_of("Title")) is None
    assert fit("id", "find" + mark_of("Number")) is None
    field = field_of("t" + mark_of("Issue ID"))
    assert field in fields_for("issue_id")
    assert field_of(f"t{mark_of('ID')}%17") is None


def _offered(*events: Event) -> State:
    indexer, state = Indexer(), State()
    for event in events:
        state.take(indexer.index(event, None, state.folders))
    return state


def _listed(result: Any, said: str) -> list[Any]:
    """The values of the identifiers' pool that the user is taken to have spoken of."""
    state = _offered(UserText(said), CallMade("c", 0, "find", {}), ResultSeen("c", "find", True, result))
    path = next(path for path in state.where["a-1"] if path.endswith((".id", FIRST, mark_of("id"))))
    segment = state.pools[path].segments[-1]
    return [segment.values[index] for index in segment.find_mentioned(state)]


@pytest.mark.parametrize(
    "result",
    [
        "[a-1] Broken fetch (open)\n[a-2] Slow queue (open)\n[a-3] Late mail (open)",
        "ID: a-1\nTitle: Broken fetch\nStatus: open\n\nID: a-2\nTitle: Slow queue\nStatus: open",
        [{"id": "a-1", "names": [{"text": "Broken fetch"}]}, {"id": "a-2", "names": [{"text": "Slow queue"}]}],
        [{"id": "a-1", "name": "Broken fetch", "s": "open"}, {"id": "a-2", "name": "Slow queue", "s": "open"}],
    ],
)
def test_an_entry_is_found_by_what_the_user_calls_it(result: Any) -> None:
    """In texts as in records, in lists within them, and if the user said what all of them are besides."""
    assert _listed(result, "the open one with the slow queue") == ["a-2"]
    assert _listed(result, "the open one") == []
    assert set(_listed(result, "the slow queue and the broken fetch")) <= {"a-1", "a-2"}


def test_values_of_one_entry_go_together() -> None:
    """Path and name of one line, not of two."""

    def text(number: int) -> str:
        return "\n".join(f"- mod{number}_{n}/part.py (owner ab-{number}{n})" for n in range(4))

    def told(number: int) -> Any:
        found = {"file": f"mod{number}_1/part.py", "owner": f"ab-{number}1"}
        first = {"file": f"mod{number}_0/part.py", "owner": f"ab-{number}0"}
        return session(f"s{number}", "go", ("find", {}, text(number)), ("file", first, "x"), ("file", found, "x"))

    predictor = train(*map(told, range(10, 22)))
    made = predictor.predict(history("go", ("find", {}, text(77))), 9)
    calls = [each.arguments for each in made if each.tool == "file"]
    assert calls[0] == {"file": "mod77_0/part.py", "owner": "ab-770"}


def test_entries_of_one_text_are_no_two_records() -> None:
    """What stands above them goes with any; the same entry is likelier, another record's field is not."""
    rules = ToolRules(Counts(), "file", None)

    def chance(element: int) -> float:
        values = {"a": [(0.5, "x", "t:a", 0, 3, ENTRY, 3)], "b": [(0.25, "y", "t:b", 0, 3, element, 3)]}
        return combined([(1.0, ())], (), ["a", "b"], values, rules)[0][0]

    assert chance(ENTRY) == 0.25
    assert chance(2 * ENTRY) == 0.125
    assert chance(ENTRY + 1) == pytest.approx(0.0125)


def test_a_short_text_of_several_lines_is_read() -> None:
    """In a record and in a list."""
    for value in ({"text": "a_1\nb_2"}, ["a_1\nb_2"]):
        found = [each for path, each, _ in Flattener().items("t", value, None)[0] if path.endswith(FIRST)]
        assert found == ["a_1", "b_2"]


def test_files_beside_another() -> None:
    """Names that end as its name does, below its folder; paths, sentences and addresses are none."""
    items: list[tuple[str, Any, int]] = [
        ("t:a.a", "b.md", 0), ("t:a.a", "c.py", 0), ("t:a.a<see", "b.md", 0), ("t:path", "/x/b.md", 0),
        ("t:path", "./c/d.md", 0), ("t:url", "https://x.org/b.md", 0), ("t", "see b.md", 0), ("t", 3, 0),
    ]  # fmt: skip
    assert beside(items, "/docs/a.md") == [("t:a.a|beside", "/docs/b.md", 0), ("t:path|beside", "/docs/c/d.md", 0)]
    assert len(beside([("t", f"{n}.md", 0) for n in range(500)], "a/b.md")) == MAX_JOINED
    state = _offered(
        CallMade("c", 0, "read", {"path": "docs/a.md"}),
        ResultSeen("c", "read", True, "See [the guide](b.md) for more."),
    )
    assert "docs/b.md" in state.where
    assert "" not in state.folders  # the first folder that was named: none was


def test_repositories_and_issues_that_a_user_types() -> None:
    """`owner/name`, `owner/name#12`; a word with a sign is a word, too."""
    spans = read("look at acme/shop#12 and src/a/b.py")[0]
    assert {("path/1", "acme"), ("path/2", "shop"), ("path", "acme/shop"), ("path#", "12")} <= set(spans)
    assert not any(form.startswith("path/") and value in ("src", "b.py") for form, value in spans)
    assert "general" in read("what was said in #general today")[1]


def test_large_lists_take_bounded_time() -> None:
    """Whatever a text is made of."""
    started = time.process_time()
    for text in (
        "- a: b\n" * 5_000,
        "=" * 9_000,
        "a=" * 9_000,
        "x: " + " " * 9_000 + "y\n" * 20,
        "{\n" * 9_000,
        "<a>" * 3_000,
    ):
        for value in (text, [{"type": "text", "text": text}], "Words\n" + text):
            assert len(Flattener().items("t", value, None)[0]) <= MAX_ITEMS * 4
    assert time.process_time() - started < 5
