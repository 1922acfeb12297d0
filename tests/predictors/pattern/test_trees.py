"""Trees of folders in results: the path of a file is the names on the way to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from predictors.pattern.flatten import Flattener
from predictors.pattern.indexing import Indexer
from predictors.pattern.state import State
from predictors.pattern.text import bucket
from predictors.pattern.trees import MAX_PATHS, TREE, paths_of
from speculate.history import CallMade, ResultSeen, UserText

FOLDERS = [
    {
        "name": "src",
        "type": "directory",
        "children": [
            {"name": "a.py", "type": "file"},
            {"name": "core", "type": "directory", "children": [{"name": "b.py", "type": "file"}]},
        ],
    },
    {"name": "README.md", "type": "file"},
]


def trees(value: Any) -> list[tuple[str, Any]]:
    found = Flattener().items("t", value, None)[0]
    return [(path, item) for path, item, _ in found if path.endswith(TREE)]


@pytest.mark.parametrize("value", [FOLDERS, [{"type": "text", "text": json.dumps(FOLDERS, indent=2)}]])
def test_records_within_records_of_their_kind(value: Any) -> None:
    """As a list or as JSON in a text."""
    found = trees(value)
    assert [path for _, path in found] == ["src", "src/a.py", "src/core", "src/core/b.py"]
    assert len({path for path, _ in found}) == 1


@pytest.mark.parametrize(
    "value",
    [
        [{"id": "o1", "status": "open", "items": [{"sku": "s1", "price": 2}]}],
        [{"name": "Anna Berg", "role": "x", "team": [{"name": "Ben Cole", "role": "y"}]}],
        [{"name": "a/b", "type": "x", "children": [{"name": "c", "type": "y"}]}],
        {"name": "src", "type": "directory"},
    ],
)
def test_what_is_no_tree(value: Any) -> None:
    """Records of another kind, names of people, whole paths."""
    assert trees(value) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            ".\n├── src\n│   ├── a.py\n│   └── core\n│       └── b.py\n└── README.md\n\n2 directories",
            ["src", "src/a.py", "src/core", "src/core/b.py", "README.md"],
        ),
        ("/r/x\n|-- src/\n|   |-- a.py  (1 KB)\n`-- b.py", ["/r/x/src", "/r/x/src/a.py", "/r/x/b.py"]),
        ("- /r/x/\n  - src/\n    - a.py\n  - b.py\n\nMind this: x", ["/r/x/src", "/r/x/src/a.py", "/r/x/b.py"]),
        ("Below /x are:\nsrc/\n  core/\n    b.py\n  a.py\nREADME.md", ["src/core", "src/core/b.py", "src/a.py"]),
        ("def run():\n    return 1\n", []),
        ("- one\n  - two\n- three", []),
    ],
)
def test_drawn_and_indented_lines(text: str, expected: list[str]) -> None:
    """With the folder it begins with, if that is said."""
    assert paths_of(text) == expected


def test_trees_are_bounded() -> None:
    """However wide or deep they are."""
    assert len(paths_of("├── file.py\n" * 10_000)) == MAX_PATHS
    deep: list[Any] = []
    for number in range(100):
        deep = [{"name": f"n{number}", "type": "d", "children": deep}]
    assert len(trees(deep)) < MAX_PATHS
    wide = [{"name": f"n{number}", "type": "f"} for number in range(1_000)]
    assert len(trees([{"name": "top", "type": "d", "children": wide}])) <= MAX_PATHS


@pytest.mark.parametrize(
    "said", ["what does label_order.py do?", "what does lib/src/label_order do?", "the label order"]
)
def test_a_file_that_the_user_names_is_told_from_others(said: str) -> None:
    """By the words of its name, below the folder that was asked about."""
    names = ["fetch_order.py", "label_order.py", "send_label.py"]
    tree = "\n".join([".", "├── src", *(f"│   ├── {name}" for name in names)])
    indexer, state = Indexer(), State()
    for event in (
        UserText(said),
        CallMade("c", 0, "tree", {"path": "/r"}),
        ResultSeen("c", "tree", True, [{"type": "text", "text": tree}]),
    ):
        state.take(indexer.index(event, None, state.folders))
    segment = state.pools["tree[].text|tree|under"].segments[-1]
    assert [segment.values[index] for index in segment.find_mentioned(state)] == ["/r/src/label_order.py"]


def test_words_of_names_are_no_words_of_the_user() -> None:
    """They tell files apart, not tools; those of codes and addresses do nothing."""
    state, indexer = State(), Indexer()
    state.take(indexer.index(UserText("see label_order.py and order AB-402-order, a.label@order.org"), None))
    plain = State()
    plain.take(indexer.index(UserText("see and order"), None))
    assert list(state.words) == list(plain.words)
    assert state.spoken - plain.spoken == {bucket("label"), bucket("label_order")}


def test_only_names_of_files_are_taken_apart() -> None:
    """A state that is written as one word is one: whoever says its words may mean something else."""
    indexer, state = Indexer(), State()
    rows = [{"id": "a", "kind": "basic_order"}, {"id": "b", "kind": "late_order"}, {"id": "c", "kind": "order.py"}]
    for event in (UserText("my basic order is late"), ResultSeen("c", "find", True, rows)):
        state.take(indexer.index(event, None))
    segment = state.pools["find[].id"].segments[-1]
    assert [segment.values[index] for index in segment.find_mentioned(state)] == ["c"]
    state.take(indexer.index(UserText("see late_order()"), None))
    assert [segment.values[index] for index in segment.find_mentioned(state)] == ["b", "c"]
