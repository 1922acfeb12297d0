"""Files that a file of code imports, by the names of their modules."""

from __future__ import annotations

import pytest

from predictors.pattern.indexing import Indexer
from predictors.pattern.modules import FAR, MAX_MODULES, MODULE, NEAR, imported, modules_of
from predictors.pattern.state import State
from speculate.history import CallMade, ResultSeen


@pytest.mark.parametrize(
    ("line", "module"),
    [
        ("from shop.cart import total", "shop/cart"),
        ("   12\tfrom shop.cart import total", "shop/cart"),
        ("import shop.cart as cart", "shop/cart"),
        ("from .cart import total", "./cart"),
        ("from ..core.cart import total", "../core/cart"),
        ("import { total } from './cart'", "./cart"),
        ('const cart = require("../lib/cart.js")', "../lib/cart.js"),
        ("import os", None),
        ("from dataclasses import field", None),
        ('import React from "react"', None),
        ("a note from the.team on what is important", None),
    ],
)
def test_modules_of_a_line(line: str, module: str | None) -> None:
    """As paths; one word alone is mostly no file of the program's own."""
    assert modules_of(f"first\n{line}\nlast") == ([] if module is None else [module])


@pytest.mark.parametrize(
    ("module", "file", "found", "mark"),
    [
        ("shop/cart", "/r/src/shop/api/main.py", "/r/src/shop/cart.py", NEAR),
        ("./cart", "/r/src/shop/main.ts", "/r/src/shop/cart.ts", NEAR),
        ("../lib/cart.js", "src/shop/main.ts", "src/lib/cart.js", NEAR),
        ("other/cart", "src/main.py", "src/other/cart.py", FAR),
        ("../../../x", "src/main.py", "x.py", NEAR),
    ],
)
def test_paths_of_modules(module: str, file: str, found: str, mark: str) -> None:
    """Where the module's name starts, else beside the file."""
    assert imported([("t" + MODULE, module, 3), ("t:path", "a/b", 0)], file) == [("t" + MODULE + mark, found, 3)]


def test_modules_are_bounded() -> None:
    """However much a file imports, or repeats."""
    assert len(modules_of("\n".join(f"from a.b{n} import c" for n in range(100)))) == MAX_MODULES
    assert modules_of("from a.b import c\n" * 100) == ["a/b"]
    assert modules_of("x\n" * 5_000 + "from a.b import c") == []


def test_a_session_offers_them_below_the_file_that_it_read() -> None:
    """Only where it is known which file shows the import."""
    indexer, state = Indexer(), State()
    text = [{"type": "text", "text": "from shop.cart import total\n\ntotal()\n"}]
    for event in (
        CallMade("c1", 0, "read", {"path": "/r/shop/main.py"}),
        ResultSeen("c1", "read", True, text),
        CallMade("c2", 1, "show", {"what": "all"}),
        ResultSeen("c2", "show", True, text),
    ):
        state.take(indexer.index(event, None, state.folders))
    assert list(state.pools["read[].text:module|beside"].segments[-1].values) == ["/r/shop/cart.py"]
    assert "show[].text:module" in state.pools
    assert "show[].text:module|beside" not in state.pools
