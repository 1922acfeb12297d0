"""An audit and a replay of hand-made runs, once for all tests of the report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from speculate.audit import AuditSettings, audit, document
from speculate.replay import replay
from speculate.replay.running import ReplaySettings
from speculate.trace import read_sessions
from tests.audit.runs import Run, write
from toolspecs import Manifest

HOSTILE = "</script><img src=x onerror=alert(1)>"
SHOP = """
manifest = 1
name = "shop"
[tools.find_user]
effect = "read"
reads = ["user-index"]
[tools.get_orders]
effect = "read"
reads = ["order/*"]
[tools.get_invoice]
effect = "read"
reads = ["invoice/*"]
[tools.pay]
effect = "write"
reads = []
writes = ["invoice/{invoice}"]
"""


@dataclass(frozen=True)
class Made:
    """The files, and what was found in them."""

    folder: Path
    traces: Path
    manifest: Path
    audit: dict[str, Any]
    replay: dict[str, Any]


def visit(number: int) -> Run:
    """A user, their two orders, a payment made twice; a tool with a hostile name in every fifth."""
    orders = [f"#W{number}771", f"#W{number}882"]
    run = (
        Run(f"visit-{number}")
        .user(f"I am person{number}@example.org. Pay what is open.")
        .turn(("find_user", {"email": f"person{number}@example.org"}, {"user_id": f"u-{number}-778"}), llm_s=3.0)
        .turn(("get_orders", {"user_id": f"u-{number}-778"}, {"orders": orders}), llm_s=2.0)
        .turn(("get_invoice", {"order": orders[0]}, {"invoice": f"inv-{number}-1", "total": 99.5}), llm_s=2.5)
        .turn(("get_invoice", {"order": orders[1]}, {"invoice": f"inv-{number}-2", "total": 12.5}), llm_s=1.5)
        .turn(("pay", {"invoice": f"inv-{number}-1"}, "timeout"), llm_s=2.0, ok=False)
        .turn(("pay", {"invoice": f"inv-{number}-1"}, "paid"), llm_s=2.0)
    )
    if number % 5 == 0:
        run.turn((HOSTILE, {"text": HOSTILE}, HOSTILE), llm_s=1.0)
    return run.turn(llm_s=1.0 + number / 8, text="Paid.")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("report")
    traces = write(folder / "visits.jsonl", [visit(number) for number in range(16)])
    manifest = folder / "shop.toml"
    manifest.write_text(SHOP, encoding="utf-8")
    specs = Manifest.load(manifest)
    edges = frozenset({("find_user", "get_orders"), ("find_user", "pay")})
    found = document(audit([traces], specs, AuditSettings(frontier=True, price=0.01, edges=edges)))
    sessions = read_sessions(traces)
    replayed = replay(sessions[:8], sessions[8:], specs, settings=ReplaySettings(frontier=True)).document()
    (folder / "audit.json").write_text(json.dumps(found), encoding="utf-8")
    (folder / "replay.json").write_text(json.dumps(replayed), encoding="utf-8")
    return Made(folder, traces, manifest, found, replayed)
