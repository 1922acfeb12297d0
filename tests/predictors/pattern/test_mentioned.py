"""Which values of a result the user has named: found out message by message, and the same as found out at once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from predictors.pattern.pools import Labels, Segment

WORDS = st.lists(st.integers(0, 5), max_size=3)
TYPED = st.lists(st.sampled_from("abcd"), max_size=2)


def _segment(values: str, labels: dict[int, list[list[int]]], shared: Labels | None = None) -> Segment:
    found = Segment()
    found.event, found.is_users, found.asked, found.mentioned = 0, False, -1, ()
    found.values, found.elements = list(values), list(range(1, len(values) + 1))
    found.labels = Labels(labels) if shared is None else shared
    return found


@given(
    st.lists(st.tuples(WORDS, TYPED, st.booleans(), st.booleans()), min_size=1, max_size=8),
    st.dictionaries(st.integers(1, 4), st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=2), min_size=1)),
)
def test_message_by_message_is_as_at_once(
    messages: list[tuple[list[int], list[str], bool, bool]], labels: dict[int, list[list[int]]]
) -> None:
    """Also where one of two lists of a result is not asked about after every message."""
    state: Any = SimpleNamespace(times_asked=0, spoken=set(), typed={}, fresh=[], words=())
    first = _segment("abc", labels)
    second = _segment("bcde", labels, first.labels)
    for words, typed, asks_first, asks_second in messages:
        state.times_asked += 1
        state.words = words
        state.spoken.update(words)
        state.fresh = [value for value in dict.fromkeys(typed) if value not in state.typed]
        state.typed.update(dict.fromkeys(typed, "user:a"))
        for asks, segment, values in ((asks_first, first, "abc"), (asks_second, second, "bcde")):
            if asks:
                assert list(segment.find_mentioned(state)) == list(_segment(values, labels).find_mentioned(state))
