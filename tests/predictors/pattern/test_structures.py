"""Values that stand in a text's structure, or are made of two that were shown: tables, addresses, paths, numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from predictors.pattern.addresses import MAX_PARAMETERS, parts_of
from predictors.pattern.changes import fill, pieces_of, shifts_of
from predictors.pattern.flatten import MAX_ITEMS, MAX_LOOKED_AT, Flattener
from predictors.pattern.folders import MAX_JOINED, ROOT, is_absolute, is_file, is_folder, joined
from predictors.pattern.indexing import MAX_ARGUMENTS, Indexer
from predictors.pattern.layout import (
    MAX_CHARACTERS,
    MAX_ENTRIES,
    MAX_REFERENCES,
    MAX_ROWS,
    entries_of,
    references_of,
    structure_of,
)
from predictors.pattern.names import EXACT, FORMAT, OWNED, WITHIN, fit, words_of
from predictors.pattern.reading import read
from predictors.pattern.sealing import seal_of
from predictors.pattern.state import State
from predictors.pattern.text import shape
from speculate.history import CallMade, ResultSeen, UserText


def items(value: Any) -> list[tuple[str, Any]]:
    return [(path, found) for path, found, _ in Flattener().items("t", value, "2024")[0]]


@pytest.mark.parametrize(
    "text",
    [
        "| Contract | Kind |\n|---|:---:|\n| V-1 | gas |\n| V-2 | heat |\n",
        "Contract;Kind\nV-1;gas\nV-2;heat",
        'Contract,Kind\n"V-1",gas\nV-2,"heat"\n',
        "Contract\tKind\nV-1\tgas\nV-2\theat",
        '[{"Contract": "V-1", "Kind": "gas"}, {"Contract": "V-2", "Kind": "heat"}]',
        '{"Contract": "V-1", "Kind": "gas"}\n{"Contract": "V-2", "Kind": "heat"}',
        "Contract   Kind\nV-1        gas\nV-2        heat",
    ],
)
def test_a_table_in_a_text_is_a_list_of_records(text: str) -> None:
    """However it is written, its rows can be told apart and its columns have names."""
    rows = [{"Contract": "V-1", "Kind": "gas"}, {"Contract": "V-2", "Kind": "heat"}]
    assert structure_of(text) == (rows, "")
    assert items([{"type": "text", "text": text}])[1:] == [
        ("t[].text[].Contract", "V-1"), ("t[].text[].Kind", "gas"),
        ("t[].text[].Contract", "V-2"), ("t[].text[].Kind", "heat"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "Hello, friend\nthis is a text, with commas",
        "a,b\n1,2,3",
        "a,b\n1,2\n3",
        "1,2\n3,4",
        "| a | b |\nno rule\n| 1 | 2 |",
        "| a | b |\n|---|---|\n",
        "{not: json}",
        "a;\n1;",
        f"{'a' * 50},b\n1,2",
        "one line",
        "Two words\n{not json}",
        "Two words\n[1, 2] and more",
        "Two words\n[]",
        "Name:  x\nKind:  y",
    ],
)
def test_what_is_no_table_is_none(text: str) -> None:
    """Rows of other lengths, names that are none, no rows at all."""
    assert structure_of(text) == (None, text)


def test_what_follows_a_table_is_read_too() -> None:
    """A sentence below it may name what comes next."""
    text = "| Contract | Kind |\n|---|---|\n| V-1 | gas |\n\nThe next one is V-99999."
    assert structure_of(text) == ([{"Contract": "V-1", "Kind": "gas"}], text)
    assert {"V-1", "V-99999"} <= {value for _, value in items(text)}


def test_json_among_other_lines_is_taken_out() -> None:
    """After a line of words, in a fence, several values a line each as far as they go."""
    assert structure_of('Found 1:\n[{"id": 7}]') == ([{"id": 7}], "Found 1:\n")
    assert structure_of('Here:\n```json\n{\n "id": 7\n}\n```\nDone.') == ({"id": 7}, "Here:\n```json\n\n```\nDone.")
    assert structure_of('{"id": 7}\n{"id": 8}\n{broken') == ([{"id": 7}, {"id": 8}], "\n{broken")
    assert ("t.id", 7) in items('Found 1:\n{"id": 7}')


def test_of_a_long_list_all_records_are_looked_at() -> None:
    """What is short in them; of the first ones also what is short in what they hold."""
    record = {f"field_{n}": f"https://x.org/{n}" for n in range(30)}
    many = [{**record, "number": n, "title": "Two words", "repo": "a/b", "user": {"login": "ann"}} for n in range(30)]
    found = items(many)
    assert [value for path, value in found if path == "t[].number"] == list(range(30))
    assert [value for path, value in found if path == "t[].title"] == ["Two words"] * 30
    assert sum(path == "t[].user.login" for path, _ in found) == 3
    assert ("t[].repo|dirname", "a") in found
    assert not any("://" in str(value) for _, value in found)
    assert len(items([{f"f{n}": n for n in range(10_000)}] * 9)) <= MAX_ITEMS + MAX_LOOKED_AT
    assert items([{**record, "number": 1 << 80, "title": "x" * 200, "more": None}] * 30) == []


def test_tables_are_bounded() -> None:
    """Of a long table the first rows are read; one cut in two is left out."""
    assert len(structure_of("a,b\n" + "1,2\n" * 1_000)[0]) == MAX_ROWS
    rows, _ = structure_of("a,b\n" + f"{'x' * 400},2\n" * 100)
    assert len(rows) < MAX_CHARACTERS / 400
    assert all(len(row["a"]) == 400 for row in rows)
    assert len(Flattener().items("t", "a,b\n" + "1,2\n" * 1_000, None)[0]) <= MAX_ITEMS


def test_lines_of_a_text_are_values() -> None:
    """A text without a blank is not one value if it has lines."""
    assert [value for path, value in items("src/a.py\nsrc/b.py") if path == "t:path"] == ["src/a.py", "src/b.py"]


def test_entries_are_told_by_their_mark() -> None:
    """A listing's folders and files are of different kinds; lines of several words are no entries."""
    assert entries_of("[DIR] src\n[FILE] setup.py\n- main\n- two words\nplain") == [
        ("[DIR]", "src"), ("[FILE]", "setup.py"), ("-", "main"),
    ]  # fmt: skip
    assert entries_of("nothing of the kind") == []
    assert len(entries_of("- x\n" * 1_000)) == MAX_ENTRIES


def test_a_listing_of_one_entry_is_read() -> None:
    """Short as it is, it is no value but has one."""
    marked = f"t[].text:[{seal_of('DIR')}]"
    assert (marked, "src") in items([{"type": "text", "text": "[DIR] src"}])
    assert items([{"text": "a - b"}]) == [("t[].text", "a - b")]


def test_parts_of_addresses() -> None:
    """Segments by place, parameters by name, decoded."""
    assert parts_of("https://x.org/o/r/-/issues/7/8?page=2&q=a%20b&empty=&=x#top") == [
        ("/1", "o"), ("/2", "r"), ("/3", "-"), ("/4", "issues"), ("/5", "7"),
        ("?page", "2"), ("?q", "a b"), ("#", "top"),
    ]  # fmt: skip
    assert parts_of("src/a.py") == []
    assert len(parts_of("https://x.org?" + "&".join(f"a{n}=1" for n in range(50)))) <= MAX_PARAMETERS
    assert ("t.next?cursor", "abc") in items({"next": "https://x.org/v1?cursor=abc"})
    assert ("url/2", "repo") in read("see https://x.org/owner/repo.")[0]


def test_parts_of_paths_and_time_stamps() -> None:
    """The stem goes into templates, the day of a time stamp into arguments."""
    assert ("t.path|stem", "parse") in items({"path": "src/parse.py"})
    assert "parse" in pieces_of("tests/test_parse.py")
    assert ("t.at|date", "2024-05-06") in items({"at": "2024-05-06T12:00:00Z"})
    assert ("t.at|date", "2024-05-06") not in items({"at": "2024-05-06/12:00:00"})


def test_forms_in_texts() -> None:
    """Digests are of one form whatever their digits; short codes keep theirs; dotted days are dates."""
    assert shape("865f2b21f3bb1628643121653b1acb2d3bcf4006") == shape("0000000000000000000000000000000000abcdef")
    assert shape("ff2559db-9034-4e73-9c7d-ab865ddad2e4") == "hex36"
    assert shape("df5f990") == "hex7"
    assert shape("abc1234") == shape("xyz1234")
    assert shape("be-40213") == shape("xy-40213")
    spans = read("born 2.11.1972, not 2.13.1972; see --- a/src/x.py and ~/notes/a.txt.")[0]
    assert [value for form, value in spans if form == "date"] == ["1972-11-02"]
    assert ("path-", "src/x.py") in spans
    assert ("path", "~/notes/a.txt") in spans


def test_numbers_a_usual_distance_away() -> None:
    """A number is found as such or in a text; the template moves others as far."""
    found = shifts_of(498, {"508": [], 438: [], 7: []})
    assert found == [("-10", "508"), ("60", 438)]
    assert [fill(template, source) for template, source in found] == [498, 498]
    assert fill("-10", "x") is None
    assert fill("5", "1.5") is None
    assert fill(json.dumps(["a", "b"]), 3) is None
    assert len(shifts_of(100, range(1_000))) == 4


def test_paths_below_a_folder() -> None:
    """What stands below the folder asked about is put there; what stands there is offered without it."""
    made = joined([("g:path", "src/a.py", 0), ("g:Title", "Two words", 0), ("g", 3, 0)], "/r/", "/r")  # type: ignore[list-item]  # any item
    assert made == [("g:path|under", "/r/src/a.py", 0)]
    assert joined([("g:path", "./a/b", 0), ("g:Name", "word", 0)], None, "/r") == [("g:path|root", "/r/a/b", 0)]
    assert joined([("g(path)", "/r/a/b", 0), ("g(path)", "/other", 0)], None, "/r") == [("g(path)|relative", "a/b", 0)]
    assert joined([("g:path", "a/b", 0)], None, None) == []
    assert len(joined([("g:path", f"a/{n}", 0) for n in range(500)], "/r", None)) == MAX_JOINED
    assert is_folder("/home/x")
    assert is_file("docs/guide.md")
    assert is_file("/docs/guide.md")
    assert not any(map(is_file, ("guide.md", "docs/guide", "docs/.env", "https://x.org/a.md", "docs/a b.md", 3)))
    assert is_absolute("~/a.txt")
    assert not is_folder("/home/x/a.py")
    assert not is_absolute("a/b")
    assert not is_absolute("/")


def test_a_session_keeps_its_folders() -> None:
    """The first that was named, and what each call was asked about; a copy has its own."""
    indexer, state = Indexer(), State()
    for event in (
        UserText("In /home/u/shop: look at src/a.py"),
        CallMade("c1", 0, "list", {"path": "/home/u/shop/src"}),
        ResultSeen("c1", "list", True, "[DIR] core\n[FILE] a.py"),
    ):
        indexed = indexer.index(event, None, state.folders)
        state.take(indexed)
        offered = {(path, value) for path, value, _ in indexed.items}
    assert state.folders == {ROOT: "/home/u/shop", "c1": "/home/u/shop/src"}
    assert (f"list:[{seal_of('DIR')}]|under", "/home/u/shop/src/core") in offered
    assert "user:path|root" in state.pools
    assert "list(path)|relative" in state.pools
    copy = state.copy()
    copy.folders["c2"] = "/x"
    assert "c2" not in state.folders


def test_the_next_page_begins_after_this_one() -> None:
    """Offset and size added up are offered, and each number's successor; of many numbers only these."""
    found = Indexer().index(CallMade("c1", 0, "read", {"offset": 40, "limit": 25}), None).items
    assert sorted(value for path, value, _ in found if "+" in path) == [26, 41, 65]
    many = Indexer().index(CallMade("c1", 0, "read", {f"n{n}": n for n in range(9)}), None).items
    assert len(many) == 18


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("file_id", "find.file_id", EXACT),
        ("fileId", "find.files[].file-id", EXACT),
        ("fileId", "find.files[].id", OWNED),
        ("issueKey", "find.issues[].key", OWNED),
        ("channel", "find.channels[].id", OWNED),
        ("file_id", "list_files[].id", OWNED),
        ("customer_id", "billing.customers.list.data[].id", WITHIN),
        ("category_id", "find.categories[].id", OWNED),
        ("contract_number", "find[].Contract number", EXACT),
        ("pageUrl", "search:url", FORMAT),
        ("email", "user:a@a.a", FORMAT),
        ("order_id", "user:#A9", FORMAT),
        ("order_id", "user:#A9<order", None),
        ("order_id", "user:Name", None),
        ("id", "find.files[].title", None),
        ("file_id", "find.folders[].id", None),
        ("file_id", "find.file_id|basename", None),
        ("---", "find.id", None),
    ],
)
def test_fields_called_like_arguments(name: str, path: str, expected: int | None) -> None:
    """However the words are joined; the owner may be the list's name or the tool's."""
    assert fit(name, path) == expected


def test_words_of_names() -> None:
    """Case, marks and digits part words; plurals are as good as singulars."""
    assert words_of("getHTTPServer2") == ("get", "http", "server", "2")
    assert words_of("file_ids") == words_of("fileId") == words_of("file-ID") == ("file", "id")
    assert words_of("Adressen-Größe") == ("adressen", "größe")


def test_places_in_files_are_records() -> None:
    """Path and line of one match belong together, and lines are numbers."""
    text = 'src/a.py:12: x = 1\n  File "/r/src/b.py", line 7, in go\nsee (c.py:3) at 12:30, http://x.org:80/ and v1.2:3'
    assert references_of(text) == [
        {"path": "src/a.py", "line": 12}, {"path": "/r/src/b.py", "line": 7}, {"path": "c.py", "line": 3},
    ]  # fmt: skip
    assert references_of("nothing") == []
    assert len(references_of("a.py:1\n" * 1_000)) == MAX_REFERENCES
    assert ("t.@[].line", 12) in items(text)


def test_a_place_in_a_file_stands_in_its_entry() -> None:
    """So what else its line says goes with it; several places in one entry are told apart."""
    found = Flattener().items("t", [{"type": "text", "text": "src/a.py:12: x = 1\nsrc/b.py:340: y = 2"}], None)[0]
    of = {value: element for path, value, element in found if ".@[]." in path}
    assert of["src/a.py"] == of[12] != of["src/b.py"] == of[340]
    assert {element for _, value, element in found if value in ("12", "340")} == {of[12], of[340]}
    found = Flattener().items("t", "- a.py:1 and b.py:2\n- c.py:3", None)[0]
    of = {value: element for path, value, element in found if ".@[]." in path}
    assert len({of["a.py"], of["b.py"], of["c.py"]}) == 3


def test_places_in_the_middle_of_a_long_text_are_found() -> None:
    """Where nothing else is read any longer."""
    text = "start\n" + "some words here\n" * 100 + "src/a.py:12: x\n" + "some words here\n" * 100 + "end"
    assert ("t.@[].path", "src/a.py") in items(text)


def test_a_call_of_very_many_arguments_is_bounded() -> None:
    """What is looked at does not grow with it."""
    call = CallMade("c1", 0, "read", {f"n{n}": f"v{n}" for n in range(10_000)})
    assert len(Indexer().index(call, None).arguments) == MAX_ARGUMENTS
