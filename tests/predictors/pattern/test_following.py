"""Lists that several results gave, gone through one after the other: what follows the value used last."""

from __future__ import annotations

from typing import Any

import pytest

from predictors.pattern.indexing import Indexer
from predictors.pattern.pools import FOLLOWING, MAX_LOOK_BACK, STALE
from predictors.pattern.state import State
from speculate.history import CallMade, Event, ResultSeen
from tests.predictors.pattern.sessions import Step, history, session, train


def _listed(*lists: str) -> list[Event]:
    return [ResultSeen(f"r{number}", "list", True, {"ids": list(each)}) for number, each in enumerate(lists)]


def _following(lists: tuple[str, ...], used: str, tool: str = "open", last: str = "open") -> Any:
    """The value that follows, once these were used, the last of them by the tool called last."""
    indexer, state = Indexer(), State()
    events = _listed(*lists)
    events += [
        CallMade(f"c{number}", number, last if number == len(used) - 1 else tool, {"id": value})
        for number, value in enumerate(used)
    ]
    for event in events:
        state.take(indexer.index(event, None))
    slots = state.pools["list.ids[]"].slots(state.used.get(tool, {}), state, True, state.latest.get(tool, -1))
    return next((value for slot, value, _, _ in slots if slot % STALE == FOLLOWING), None)


@pytest.mark.parametrize(
    ("lists", "used", "found"),
    [
        (("abc", "xyz"), "a", "b"),
        (("abc", "xyz"), "ab", "c"),
        (("abc", "xyz"), "b", "c"),  # not the one passed over
        (("ab", "pq", "xyz"), "ab", "p"),  # the list after it
        (("abc", "xyz"), "abc", None),  # the next unused of the latest list: that has a slot of its own
        (("abc", "xyz"), "x", None),  # of the latest list
        (("abc", "xyz"), "", None),
        (("abc", "axy"), "a", "b"),  # where it stood first
        (("abc", "xbz"), "a", "b"),
        (("ab", "ab"), "ab", None),  # nothing is left
        (("abc", *["xy"] * MAX_LOOK_BACK), "a", "b"),
        (("abc", *["xy"] * (MAX_LOOK_BACK + 1)), "a", None),  # too long ago
    ],
)
def test_what_follows_the_value_used_last(lists: tuple[str, ...], used: str, found: str | None) -> None:
    """The first unused one after it, in the order they came."""
    assert _following(lists, used) == found


def test_what_another_tool_used_is_not_followed() -> None:
    """Each tool goes through lists by itself."""
    assert _following(("abc", "xyz"), "ab") == "c"
    assert _following(("abc", "xyz"), "ab", last="close") == "b"


def _gone_through(number: int, steps: int) -> list[Step]:
    """Two lists of four each; their elements are opened in order."""
    lists = [[f"{name}{number}.{place}" for place in range(4)] for name in "ab"]
    made: list[Step] = ["go", *[("find", {"q": str(place)}, {"ids": ids}) for place, ids in enumerate(lists)]]
    return [*made, *[("order", {"id": id}, {"fine": True}) for id in [*lists[0], *lists[1]][:steps]]]


def test_two_lists_are_gone_through_in_order() -> None:
    """Also from the first to the second, though both came before any was opened."""
    learned = train(*[session(f"s{number}", *_gone_through(number, 8)) for number in range(8)])
    for steps in range(1, 8):
        expected = _gone_through(50, 8)[-(8 - steps)]
        assert isinstance(expected, tuple)
        guess = learned.predict(history(*_gone_through(50, steps)), 5)[0]
        assert (guess.tool, guess.arguments) == expected[:2], steps
        if steps < 3:
            assert guess.sources["id"].detail == "find.ids[] [after the one used last]"


def test_it_is_tried_before_any_trace_showed_it() -> None:
    """One list was gone through, always; of two, what follows the one used last is among the first guesses."""
    one = [
        session(
            f"s{number}", "go", ("find", {"q": "x"}, {"ids": (ids := [f"a{number}.{place}" for place in range(4)])}),
            *[("order", {"id": id}, {"fine": True}) for id in ids],
        )
        for number in range(8)
    ]  # fmt: skip
    found = train(*one).predict(history(*_gone_through(50, 1)), 3)
    assert {"id": "a50.1"} in [guess.arguments for guess in found]
