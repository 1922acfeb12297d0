"""The table of a speculation's life: every state under every trigger."""

from __future__ import annotations

import itertools

import pytest

from speculate.core.machine import TRANSITIONS, Speculation, State, Trigger
from speculate.errors import InvalidTransition
from speculate.spec import Effect, ToolSpec

SPEC = ToolSpec("get", Effect.READ, reads=("order/{id}",), ttl_s=10.0)


def speculation(state: State) -> Speculation:
    call = SPEC.resolve({"id": "1"})
    return Speculation(7, "s", call, 0.5, "p", 1, 0.1, None, 0.0, state)


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(State, Trigger)))
def test_every_pair_moves_as_the_table_says_or_changes_nothing(state: State, trigger: Trigger) -> None:
    """A legal pair leads where the table says; an illegal one raises with the story and changes nothing."""
    item = speculation(state)
    expected = TRANSITIONS.get((state, trigger))
    if expected is None:
        with pytest.raises(InvalidTransition) as caught:
            item.fire(trigger, 1.0)
        assert item.state is state
        assert item.story == ["0.000000 launch: get"]
        assert (caught.value.id, caught.value.state, caught.value.stimulus) == (7, state.value, trigger.value)
        assert "0.000000 launch: get" in str(caught.value)
    else:
        assert item.fire(trigger, 1.0) is expected
        assert item.state is expected
        assert item.story[-1] == f"1.000000 {trigger.value}: {state.value} → {expected.value}"


def test_retired_is_the_only_end_and_every_state_reaches_it() -> None:
    """No way leads out of RETIRED, and from every other state some way leads there."""
    assert not [state for state, _ in TRANSITIONS if state is State.RETIRED]
    reaches = {State.RETIRED}
    for _ in State:
        reaches |= {state for (state, _), new in TRANSITIONS.items() if new in reaches}
    assert reaches == set(State)


def test_a_result_expires_counted_from_the_start_of_its_launch() -> None:
    """Exactly ttl_s old may still be served; a moment older may not."""
    item = speculation(State.READY)
    assert not item.has_expired(10.0)
    assert item.has_expired(10.000001)
