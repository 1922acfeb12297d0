"""Which values of a result the user has named: found out message by message, and the same as found out at once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from predictors.pattern.pools import Labels, Segment

WORDS = st.lists(st.integers(0, 5), max_size=3)
TYPED = st.lists(st.sampled_from("abcd"), max_size=2)


def _segment(values: str, labels: Labels) -> Segment:
    found = Segment()
    found.event, found.is_users, found.asked, found.mentioned = 0, False, -1, ()
    found.values, found.elements, found.labels = list(values), list(range(1, len(values) + 1)), labels
    return found


@given(
    st.lists(st.tuples(WORDS, TYPED, st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=8),
    st.dictionaries(st.integers(1, 4), st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=2), min_size=1)),
    st.booleans(),
)
@example([([0], [], True, True, False), ([0], [], True, True, True)], {1: [[0]]}, True)
@example([([0], [], False, True, False), ([], [], True, True, True)], {1: [[0]]}, True)
def test_message_by_message_is_as_at_once(
    messages: list[tuple[list[int], list[str], bool, bool, bool]], labels: dict[int, list[list[int]]], forked: bool
) -> None:
    """Also where a list is not asked about after every message, and where a fork heard less than the other."""
    state: Any = SimpleNamespace(times_asked=0, spoken=set(), typed={}, fresh=[], heard_words=())
    other: Any = SimpleNamespace(times_asked=0, spoken=set(), typed={}, fresh=[], heard_words=()) if forked else state
    shared = Labels(labels)
    lists = ((other, _segment("abc", shared), "abc"), (state, _segment("bcde", shared), "bcde"))
    for words, typed, asks_first, asks_second, other_hears in messages:
        for each in (state, other) if forked else (state,):
            heard = other_hears or each is state
            each.times_asked += 1
            each.heard_words = words if heard else []
            each.spoken.update(each.heard_words)
            each.fresh = [value for value in dict.fromkeys(typed) if heard and value not in each.typed]
            each.typed.update(dict.fromkeys(each.fresh, "user:a"))
        for asks, (mine, segment, values) in zip((asks_first, asks_second), lists, strict=True):
            if asks:
                assert list(segment.find_mentioned(mine)) == list(_segment(values, Labels(labels)).find_mentioned(mine))
