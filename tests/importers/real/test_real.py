"""Importers on what the real SDKs write today: each plays the scenario here and now, with a fake model.

Skipped for every SDK that is not installed; `tests/importers/real/requirements.txt` has them all.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from speculate.trace import group_sessions
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
