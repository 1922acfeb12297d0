"""Values made the quick way are what they were: frozen, equal, hashable, shown, copied and pickled as before."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speculate.values import quick


@dataclass(frozen=True, slots=True)
class Plain:
    """One way."""

    at: float
    name: str
    rest: Any = None
    more: Mapping[str, Any] = field(default_factory=dict, compare=False)


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    """The other."""

    at: float
    name: str
    rest: Any = None
    more: Mapping[str, Any] = field(default_factory=dict, compare=False)


VALUES = st.tuples(st.floats(allow_nan=False), st.text(max_size=3), st.none() | st.integers() | st.text(max_size=3))


@given(some=VALUES, others=VALUES, how_many=st.integers(2, 3))
def test_it_is_the_same_value_either_way(some: tuple[Any, ...], others: tuple[Any, ...], how_many: int) -> None:
    plain, fast = Plain(*some[:how_many]), Quick(*some[:how_many])
    assert repr(fast) == repr(plain).replace("Plain", "Quick")
    assert hash(fast) == hash(plain)
    assert (fast == Quick(*others)) == (plain == Plain(*others))
    assert [getattr(fast, each.name) for each in fields(fast)] == [getattr(plain, each.name) for each in fields(plain)]
    assert replace(fast, name="x") == Quick(at=fast.at, name="x", rest=fast.rest)
    for copied in (copy.copy(fast), copy.deepcopy(fast), pickle.loads(pickle.dumps(fast))):
        assert (type(copied), copied) == (Quick, fast)


def test_it_is_as_frozen() -> None:
    """Neither set, nor deleted, nor given a field it does not have."""
    value = Quick(1.0, "a")
    with pytest.raises(FrozenInstanceError):
        value.at = 2.0  # type: ignore[misc]  # the very point
    with pytest.raises(FrozenInstanceError):
        del value.at  # type: ignore[misc]  # as above
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        value.other = 1  # type: ignore[attr-defined]  # as above
    assert type(value) is Quick


def test_each_value_has_a_default_of_its_own() -> None:
    assert Quick(1.0, "a").more == {}
    assert Quick(1.0, "a").more is not Quick(1.0, "a").more


@pytest.mark.parametrize("given_", [(), (1.0,), (1.0, "a", 1, {}, 5)])
def test_wrong_arguments_are_refused_by_name(given_: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=r"Quick\.__init__\(\)"):
        Quick(*given_)
    with pytest.raises(TypeError, match="unexpected keyword argument 'what'"):
        Quick(1.0, "a", what=1)  # type: ignore[call-arg]  # the very point


def test_its_signature_is_the_same() -> None:
    assert list(inspect.signature(Quick).parameters) == list(inspect.signature(Plain).parameters)
    assert Quick.__init__.__annotations__ == Plain.__init__.__annotations__


def test_what_it_cannot_be_done_to_is_refused() -> None:
    """Silently it would lose what the class does besides."""

    @dataclass(slots=True)
    class Open:
        at: float

    @dataclass(frozen=True)
    class Unslotted:
        at: float

    @dataclass(frozen=True, slots=True)
    class Checked:
        at: float

        def __post_init__(self) -> None:
            raise ValueError

    @dataclass(frozen=True, slots=True)
    class Inherited(Plain):
        again: int = 0

    @dataclass(frozen=True, slots=True)
    class Hidden:
        at: float = field(default=0.0, init=False)

    for cls in (Open, Unslotted, Checked, Inherited, Hidden, int):
        with pytest.raises(TypeError):
            quick(cls)
