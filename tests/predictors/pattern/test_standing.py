"""What was worked out for an earlier moment is used again only where working it out afresh would give the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictors.pattern import PatternPredictor
from predictors.pattern.standing import KeptCalls, KeptValues
from speculate.history import CallMade, Event, History, ModelText, ResultSeen, UserText
from speculate.prediction import Prediction
from speculate.trace import RecordedSession
from tests.predictors.pattern.sessions import Step, session, train

_TEXTS = ["cancel AB12CD", "the blue lamp, please", "My name is Ann Lee", "codes XY77ZZ and QQ88RR", "on May 20", "hm"]
_RESULTS: list[Any] = [
    {"id": "u_1", "orders": ["#W1", "#W2", "#W3"]},
    {"rows": [{"id": "p1", "name": "blue lamp", "city": "Rome"}, {"id": "p2", "name": "red lamp", "city": "Lima"}]},
    {"rows": [{"id": "p3", "name": "green cup", "city": "Oslo"}], "next": "c2"},
    "Error: not found",
    [],
    {"key": "AB12CD", "city": "Rome"},
]
_CALLS: list[tuple[str, dict[str, Any]]] = [
    ("find", {"key": "AB12CD"}),
    ("find", {"key": "XY77ZZ"}),
    ("order", {"id": "#W1"}),
    ("order", {"id": "#W2"}),
    ("trip", {"from": "Rome", "to": "Lima", "id": "p1"}),
    ("trip", {"from": "Lima", "to": "Rome", "id": "p2"}),
    ("book", {"id": "p1", "city": "Rome"}),
    ("book", {"id": "p2", "city": "Lima"}),
    ("page", {"cursor": "c2", "size": 10}),
    ("note", {"tags": ["a", "b"]}),
]
_turn = st.tuples(st.sampled_from([None, *_TEXTS]), st.lists(st.sampled_from(_CALLS), max_size=2))


def _runs() -> list[RecordedSession]:
    out = []
    for number in range(8):
        steps: list[Step] = [
            _TEXTS[number % len(_TEXTS)],
            ("find", {"key": "AB12CD"}, _RESULTS[0]),
            ("order", {"id": "#W1"}, _RESULTS[1]),
            ("order", {"id": "#W2"}, _RESULTS[2]),
            ("book", {"id": f"p{1 + number % 2}", "city": ("Rome", "Lima")[number % 2]}, _RESULTS[4]),
            ("book", {"id": f"p{2 - number % 2}", "city": ("Lima", "Rome")[number % 2]}, _RESULTS[4]),
            "the blue lamp",
            ("trip", {"from": "Rome", "to": "Lima", "id": "p1"}, _RESULTS[5]),
            ("page", {"cursor": "c2", "size": 10}, _RESULTS[number % 3]),
        ]
        out.append(session(f"s{number}", *steps))
    return out


def _events(
    turns: Sequence[tuple[str | None, list[tuple[str, dict[str, Any]]]]], results: Sequence[int]
) -> list[Event]:
    events: list[Event] = [UserText("cancel AB12CD")]
    for turn, (text, calls) in enumerate(turns):
        events.append(ModelText(turn, "Let me look at Rome"))
        for number, (tool, arguments) in enumerate(calls):
            id = f"{turn}.{number}"
            events.append(CallMade(id, turn, tool, arguments))
            value = _RESULTS[results[(turn + number) % len(results)] % len(_RESULTS)]
            events.append(ResultSeen(id, tool, not isinstance(value, str), value))
        if text is not None:
            events.append(UserText(text))
    return events


def _said(predictions: Sequence[Prediction]) -> list[Any]:
    return [(p.tool, p.arguments, p.p_next, p.p_use, p.sources) for p in predictions]


LEARNED = train(*_runs(), min_tenants=2)
UNTAUGHT = PatternPredictor()


@pytest.mark.parametrize("predictor", [LEARNED, UNTAUGHT], ids=["learned", "untaught"])
@settings(max_examples=60, deadline=None)
@given(
    turns=st.lists(_turn, min_size=1, max_size=7),
    results=st.lists(st.integers(0, 5), min_size=1, max_size=5),
    asks=st.sets(st.integers(0, 40)),
)
def test_an_answer_does_not_depend_on_what_was_asked_before(
    predictor: PatternPredictor,
    turns: list[tuple[str | None, list[tuple[str, dict[str, Any]]]]],
    results: list[int],
    asks: set[int],
) -> None:
    """At any moment, a history that was asked about all along gives the answer of one seen for the first time."""
    growing = History("s")
    for number, event in enumerate(_events(turns, results)):
        growing.append(event)
        if number in asks:
            fresh = History("s", events=growing.events)
            assert _said(predictor.predict(growing, 16)) == _said(predictor.predict(fresh, 16))
            fork = growing.fork()
            assert _said(predictor.predict(fork, 16)) == _said(predictor.predict(growing, 16))


def test_things_are_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard above would hold of a cache that never keeps anything, too."""
    stood = {KeptCalls: 0, KeptValues: 0}
    for kind in (KeptCalls, KeptValues):
        whole = kind.stands

        def stands(self: Any, *args: Any, kind: Any = kind, whole: Any = whole) -> bool:
            answer: bool = whole(self, *args)
            stood[kind] += answer
            return answer

        monkeypatch.setattr(kind, "stands", stands)
    growing = History("s")
    for event in _events([(None, [_CALLS[0]]), (None, [_CALLS[8]]), (None, [_CALLS[8]])], [0, 5]):
        growing.append(event)
        LEARNED.predict(growing, 16)
    assert stood[KeptCalls] > 3
    assert stood[KeptValues] > 3
