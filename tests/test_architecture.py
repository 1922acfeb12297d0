"""Who may import whom, what the core may not touch, where tasks are made, and the public names."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import speculate

ROOT = Path(__file__).parent.parent
PACKAGES = ("speculate", "predictors", "toolspecs")
CORE = ROOT / "speculate" / "core"

# Only these may import predictors and toolspecs; the rest of speculate takes objects.
ALL_THREE = ("cli", "replay", "demo", "audit", "report", "training")
VALUES = ("errors", "calls", "identity", "resources", "spec", "history", "prediction", "notices", "values")


def sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def imports(path: Path, *, lazy: bool = True) -> Iterator[str]:
    """Names of imported modules; without `lazy`, only those at the top of the module and not for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes: Iterator[ast.AST] = ast.walk(tree) if lazy else iter(tree.body)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", sources(ROOT / "speculate"), ids=name_of)
def test_the_core_takes_objects_and_never_imports_a_predictor_or_a_manifest(path: Path) -> None:
    """Only the surfaces that put all three together import them."""
    part = path.relative_to(ROOT / "speculate").parts[0]
    if part in ALL_THREE:
        return
    reached = {module.split(".")[0] for module in imports(path)}
    assert not reached & {"predictors", "toolspecs", "benchmarks", "tests"}


@pytest.mark.parametrize("path", sources(ROOT / "predictors") + sources(ROOT / "toolspecs"), ids=name_of)
def test_plug_ins_know_values_and_traces_but_not_the_runtime(path: Path) -> None:
    """They import speculate's value types; never its core, its shell, or each other."""
    own = path.relative_to(ROOT).parts[0]
    for module in imports(path):
        assert not module.startswith(("speculate.core", "speculate.runtime", "benchmarks", "tests")), module
        if module.split(".")[0] in ("predictors", "toolspecs"):
            assert module.split(".")[0] == own, module


@pytest.mark.parametrize("path", sources(CORE), ids=name_of)
def test_the_core_is_sans_io(path: Path) -> None:
    """No asyncio, no clock, no randomness, no I/O, no threads, no logging."""
    forbidden = {"asyncio", "time", "datetime", "random", "os", "io", "pathlib", "threading", "socket", "logging"}
    assert not {module.split(".")[0] for module in imports(path)} & forbidden
    nodes = [node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    calls = {node.id for node in nodes if isinstance(node, ast.Name)}
    assert not calls & {"open", "print", "input"}


@pytest.mark.parametrize("path", sources(CORE), ids=name_of)
def test_the_core_imports_only_values_and_itself(path: Path) -> None:
    """And its own parts; of other people's packages only cachetools."""
    for module in imports(path):
        if module.startswith("speculate."):
            part = module.split(".")[1]
            assert part == "core" or part in VALUES, module


@pytest.mark.parametrize("path", [ROOT / "speculate" / f"{name}.py" for name in VALUES], ids=name_of)
def test_value_types_import_nothing_but_values(path: Path) -> None:
    """They are at the bottom."""
    for module in imports(path):
        if module.startswith("speculate."):
            assert module.split(".")[1] in VALUES, module


def test_tasks_are_made_in_one_place() -> None:
    """Everywhere else they are asked of it, so that each has an owner and an end."""
    makers = [
        name_of(path)
        for package in PACKAGES
        for path in sources(ROOT / package)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("create_task", "ensure_future")
    ]
    assert set(makers) <= {"speculate/runtime/tasks.py"}


BLOCKED = ("rich", "jinja2", "matplotlib", "httpx", "opentelemetry", "langgraph", "ijson", "mcp", "jsonschema")
LIBRARY = (
    "speculate",
    "speculate.audit",
    "speculate.fanout",
    "speculate.metrics",
    "speculate.plan",
    "speculate.recorder",
    "speculate.replay",
    "speculate.testing",
    "speculate.trace",
    "speculate.training",
    "predictors",
    "toolspecs",
)


def test_the_library_imports_with_its_three_dependencies_alone() -> None:
    """Optional packages are imported where they are used: none of these names may be needed."""
    program = f"import sys; sys.modules.update(dict.fromkeys({BLOCKED!r})); import {', '.join(LIBRARY)}"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_public_names_are_these() -> None:
    """A name that is exported is a promise: adding or dropping one is a decision."""
    assert sorted(speculate.__all__) == [
        "AbortableTool",
        "ArgumentSource",
        "ArgumentSpec",
        "CommitConflict",
        "Drafter",
        "Effect",
        "EffectRule",
        "History",
        "InternalError",
        "InvalidTransition",
        "ManifestError",
        "MissingExtra",
        "ModelFileError",
        "Outcome",
        "PlanError",
        "Policy",
        "Prediction",
        "Predictor",
        "Refusal",
        "ReplayDivergence",
        "Runtime",
        "RuntimeClosed",
        "Served",
        "Session",
        "SpeculateError",
        "ToolCall",
        "ToolSpec",
        "TraceError",
        "TraceRecorder",
        "__version__",
        "tool",
    ]
    for name in speculate.__all__:
        assert getattr(speculate, name) is not None
