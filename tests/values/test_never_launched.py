"""What a manifest entry says of all calls of a tool agrees with what it says of each."""

from __future__ import annotations

import pytest

from speculate.spec import Effect, EffectRule, ToolSpec

ENTRIES = [
    (ToolSpec("t", Effect.READ), False),
    (ToolSpec("t", Effect.READ, idempotent=False), True),
    (ToolSpec("t", Effect.READ, speculate=False), True),
    (ToolSpec("t", Effect.WRITE), True),
    (ToolSpec("t", Effect.WRITE, idempotent=True), True),
    (ToolSpec("t", Effect.ABORTABLE), False),
    (ToolSpec("t", Effect.ABORTABLE, confirm=True), True),
    (ToolSpec("t", Effect.WRITE, when=(EffectRule(lambda arguments: True, Effect.READ),)), False),
    (ToolSpec.undeclared("t"), True),
]


@pytest.mark.parametrize(("spec", "never"), ENTRIES)
def test_a_tool_is_never_launched_if_no_call_of_it_may_be(spec: ToolSpec, never: bool) -> None:
    """A predictor looks less closely at such a tool; the gate decides on each call all the same."""
    assert spec.is_never_launched is never
    assert spec.resolve({"a": 1}).speculable is not never
