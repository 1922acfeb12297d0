"""Readers: any cut of the text gives the same tasks; nothing a planner writes makes them raise or grow."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from speculate.plan.model import Task
from speculate.plan.readers import Join, JsonLinesReader, Malformed, NumberedReader
from speculate.plan.readers.lines import MAX_LINE

PARAMETERS = {"search": ("query", "limit"), "math": ("expression", "context")}
TEXT = """Thought: two searches
1. search("Ronaldo's \\"kids\\"", 3)
2) search(query='a, b) # not a comment', limit=None)   # a comment
3. math("$1 + ${2}", [$1.count, "$2[0]"])
4. math({"a": true, "b": (1, -2.5)}, null)
5. join()<END_OF_PLAN>
"""
EXPECTED = [
    Task("1", "search", {"query": 'Ronaldo\'s "kids"', "limit": 3}),
    Task("2", "search", {"query": "a, b) # not a comment", "limit": None}),
    Task("3", "math", {"expression": "$1 + ${2}", "context": ["$1.count", "$2[0]"]}),
    Task("4", "math", {"expression": {"a": True, "b": [1, -2.5]}, "context": None}),
    Join(),
]


@given(st.lists(st.integers(0, len(TEXT)), max_size=12))
def test_however_the_text_is_cut_the_tasks_are_the_same(cuts):
    reader = NumberedReader(PARAMETERS)
    edges = [0, *sorted(cuts), len(TEXT)]
    items = [item for start, end in pairwise(edges) for item in reader.feed(TEXT[start:end])]
    assert items + reader.end() == EXPECTED


def test_a_last_line_without_its_end_is_read_if_it_is_whole():
    reader = NumberedReader(PARAMETERS)
    assert reader.feed('1. search("a")') == []
    assert reader.end() == [Task("1", "search", {"query": "a"})]


def problem(line: str) -> str:
    [item] = NumberedReader(PARAMETERS).feed(line + "\n")
    assert isinstance(item, Malformed)
    return item.problem


def test_what_is_no_task_is_named():
    assert "not of the form" in problem("1. search")
    assert "cannot be read" in problem("1. search(os.system('x'))")
    assert "cannot be read" in problem("1. search(1 +)")
    assert "cannot be read" in problem("1. search({1, 2})")
    assert "more than one call" in problem("1. search(1)(2)")
    assert "** is not understood" in problem("1. search(**x)")
    assert "given twice" in problem('1. search("a", query="b")')
    assert "not known; write name=value" in problem('1. other("a")')
    assert "cannot be read" in problem("1. search(" + "[" * 5000 + "]" * 5000 + ")")


def test_an_endless_line_is_dropped_as_it_comes_and_reported_once():
    for reader in (NumberedReader(), JsonLinesReader()):
        assert reader.feed('1. search("') == []
        for _ in range(100):
            assert reader.feed("x" * MAX_LINE) == []
        [item] = reader.end()
        assert isinstance(item, Malformed)
        assert "longer than" in item.problem
        assert len(item.text) <= 120
        assert reader.feed("\n\n") == []


@given(st.text(max_size=300))
def test_no_text_makes_a_reader_raise(text):
    for reader in (NumberedReader(PARAMETERS), JsonLinesReader()):
        for item in [*reader.feed("1. search(" + text), *reader.feed(text), *reader.end()]:
            assert isinstance(item, (Task, Join, Malformed))


def test_json_lines_name_what_is_wrong():
    reader = JsonLinesReader()
    items = reader.feed('{"id": "1"}\n{"id": "2", "plan": "x"}\n[1]\n{"id": "3", "tool": "t", "color": 1}\n{"id"\n')
    problems = [item.problem for item in items if isinstance(item, Malformed)]
    assert "names no `tool`" in problems[0]
    assert "there is no plan 'x'" in problems[1]
    assert 'at least "id"' in problems[2]
    assert "no field 'color'" in problems[3]
    assert "not JSON" in problems[4]
    reader.feed('{"id": "4", "too')
    [item] = reader.end()
    assert isinstance(item, Malformed)
    assert "stopped in the middle" in item.problem
