"""Importers on what the real SDKs write today: each plays the scenario here and now, with a fake model.

Skipped for every SDK that is not installed; `tests/importers/real/requirements.txt` has them all.
"""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from speculate.trace import group_sessions
from tests.importers.real import produce_claude_code, scenario
from tests.importers.test_contract import check_played, check_trace, load

NEEDS = {
    "otel": ("otel.jsonl", "opentelemetry.exporter.otlp.json.file"),
    "openinference": ("openinference.jsonl", "openinference.instrumentation"),
    "langsmith": ("langsmith.jsonl", "langchain"),
    "openai": ("openai.json", "openai"),
    "anthropic": ("anthropic.jsonl", "anthropic"),
    "inspect": ("inspect.json", "inspect_ai"),
    "mcp": ("mcp.jsonl", "mcp"),
}


def is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


# The SDKs warn of their own deprecations, which are not ours to mend.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NEEDS)
def test_what_the_real_sdk_writes_is_imported_in_full(name: str, tmp_path: Path) -> None:
    file, module = NEEDS[name]
    if not is_installed(module):
        pytest.skip(f"{module} is not installed; see tests/importers/real/requirements.txt")
    producer = import_module(f"tests.importers.real.produce_{name}")
    paths = [producer.produce(tmp_path)]
    if name == "inspect":
        paths.append(producer.produce(tmp_path, "eval"))
    for path in paths:
        records = load(path)
        check_trace(records)
        (session,) = group_sessions(records)
        check_played(file, session)


def test_what_the_real_claude_code_writes_is_imported_in_full(tmp_path: Path) -> None:
    """Two reads in one turn, one that fails, an answer."""
    if "CLAUDE_CODE_BINARY" not in os.environ:
        pytest.skip("CLAUDE_CODE_BINARY does not name the program")
    records = load(produce_claude_code.produce(tmp_path))
    check_trace(records)
    (session,) = group_sessions(records)
    assert [[call.id for call in turn.calls] for turn in session.turns] == [["call_1", "call_2"], ["call_3"], []]
    assert [turn.record.text for turn in session.turns] == [scenario.FIRST_TEXT, None, scenario.LAST_TEXT]
    results = {id: result.ok for turn in session.turns for id, result in turn.results.items()}
    assert results == {"call_1": True, "call_2": True, "call_3": False}
