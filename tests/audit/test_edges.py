"""A user's own graph: the ways it may be written, and what is said about a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from speculate.audit import EdgesError, load_edges

EDGES = frozenset({("find_user", "get_orders"), ("get_orders", "get_invoice")})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("e.toml", 'edges = [["find_user", "get_orders"], ["get_orders", "get_invoice"]]'),
        (
            "e.toml",
            '[[edges]]\nfrom = "find_user"\nto = "get_orders"\n[[edges]]\nfrom = "get_orders"\nto = "get_invoice"',
        ),
        ("e.json", '{"edges": [["find_user", "get_orders"], {"from": "get_orders", "to": "get_invoice"}]}'),
        (
            "e.json",
            (
                '{"tasks": [{"id": "1", "tool": "find_user"}, {"id": "2", "tool": "get_orders", "arguments": '
                '{"who": ["$1.user_id"]}}, {"id": "3", "tool": "get_invoice", "after": "2", "args": {"x": 1}}]}'
            ),
        ),
        (
            "e.toml",
            (
                '[tasks.a]\ntool = "find_user"\n[tasks.b]\ntool = "get_orders"\ndepends_on = ["a"]\n'
                '[tasks.c]\ntool = "get_invoice"\narguments = {of = "${b}.invoice"}'
            ),
        ),
    ],
)
def test_every_way_to_write_it_means_the_same(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert load_edges(path) == EDGES


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("e.toml", "edges = [", "not TOML"),
        ("e.json", "{", "not JSON"),
        ("e.json", "[1]", "write edges ="),
        ("e.toml", "edges = []", "there is no edge"),
        ("e.toml", 'edges = [["a"]]', r"edges\[0\]: an edge is"),
        ("e.json", '{"edges": [["a", "b"], {"from": "a"}]}', r"edges\[1\]: an edge is"),
        ("e.json", '{"tasks": [{"id": "1"}]}', r"tasks\[0\]: a task needs a tool"),
        ("e.json", '{"tasks": [7]}', "a task needs a tool"),
        ("e.json", '{"tasks": [{"id": "1", "tool": "a", "after": ["9"]}]}', "there is no task '9'"),
    ],
)
def test_a_wrong_file_says_where_and_what(tmp_path: Path, name: str, text: str, problem: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(EdgesError, match=problem) as caught:
        load_edges(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EdgesError, match=r"nowhere.toml: cannot be read"):
        load_edges(tmp_path / "nowhere.toml")
