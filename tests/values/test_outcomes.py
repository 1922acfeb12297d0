"""Calls, what came of them, and the errors this package raises."""

from __future__ import annotations

import pytest

from speculate import errors
from speculate.calls import Outcome, Refusal, Served, ToolCall


def test_a_hit_is_a_call_served_by_a_speculation() -> None:
    """Ready or joined; nothing else counts as one."""
    assert [served for served in Served if served.is_hit] == [Served.READY, Served.JOINED]


def test_an_outcome_gives_the_value_or_raises_the_tools_own_exception() -> None:
    """Unwrapped: the very object the tool raised. None is a value like any other."""
    call = ToolCall("get")
    assert (call.arguments, call.id) == ({}, None)
    fine = Outcome(call, value=None)
    assert fine.ok
    assert fine.result() is None
    assert (fine.served, fine.waited_s) == (Served.RAN, 0.0)
    problem = KeyError("x")
    failed = Outcome(call, value="ignored", error=problem)
    assert not failed.ok
    with pytest.raises(KeyError) as caught:
        failed.result()
    assert caught.value is problem


def test_a_refusal_reads_as_a_sentence() -> None:
    """It is what the model is told."""
    assert str(Refusal("pay", "too much")) == "The call of pay was refused: too much. Nothing was changed."


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.ManifestError("wrong"), "manifest: wrong"),
        (
            errors.ManifestError("wrong", file="shop.toml", line=3, tool="get", field="ttl_s"),
            "shop.toml:3, tool 'get', field 'ttl_s': wrong",
        ),
        (errors.ManifestError("wrong", tool="get"), "manifest, tool 'get': wrong"),
        (errors.TraceError("torn"), "trace: torn"),
        (errors.TraceError("torn", file="a.jsonl"), "a.jsonl: torn"),
        (errors.TraceError("torn", file="a.jsonl", line=7), "a.jsonl:7: torn"),
        (errors.PlanError("a cycle"), "a cycle"),
        (errors.PlanError("unknown tool", task="fetch"), "task 'fetch': unknown tool"),
        (errors.ModelFileError("too new"), "model: too new"),
        (errors.ModelFileError("too new", file="m.json"), "m.json: too new"),
        (
            errors.MissingExtra("rich", "cli", "the command line"),
            "the command line needs the package 'rich': pip install 'speculate-runtime[cli]'",
        ),
        (
            errors.InvalidTransition(3, "ready", "finish", ["0.0 launch: get", "1.0 finish"]),
            "speculation 3: finish in ready; story: 0.0 launch: get; 1.0 finish",
        ),
        (errors.InvalidTransition(3, "ready", "finish", []), "speculation 3: finish in ready; story: none"),
    ],
)
def test_an_error_says_where_and_what(error: errors.SpeculateError, text: str) -> None:
    """As one line, fit to be shown to a person."""
    assert str(error) == text


def test_what_an_error_names_can_be_read_from_it() -> None:
    """Programs need not parse the message."""
    manifest = errors.ManifestError("wrong", file="f", line=3, tool="t", field="x")
    assert (manifest.problem, manifest.file, manifest.line, manifest.tool, manifest.field) == (
        "wrong",
        "f",
        3,
        "t",
        "x",
    )
    trace = errors.TraceError("torn", file="f", line=7)
    assert (trace.problem, trace.file, trace.line) == ("torn", "f", 7)
    plan = errors.PlanError("no", task="t")
    assert (plan.problem, plan.task) == ("no", "t")
    model = errors.ModelFileError("no", file="f")
    assert (model.problem, model.file) == ("no", "f")
    missing = errors.MissingExtra("rich", "cli", "x")
    assert (missing.package, missing.extra) == ("rich", "cli")
    invalid = errors.InvalidTransition(3, "ready", "finish", ["a"])
    assert (invalid.id, invalid.state, invalid.stimulus, invalid.story) == (3, "ready", "finish", ("a",))


def test_everything_raised_on_purpose_has_one_root() -> None:
    """One `except` catches them all; a missing extra is an ImportError, too, and a defect is told apart."""
    found = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, Exception)]
    assert len(found) >= 10
    assert all(issubclass(item, errors.SpeculateError) for item in found)
    assert issubclass(errors.MissingExtra, ImportError)
    assert issubclass(errors.InvalidTransition, errors.InternalError)
