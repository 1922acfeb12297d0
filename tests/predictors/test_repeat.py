"""RepeatPredictor: counted by hand."""

from __future__ import annotations

import pytest

from predictors import RepeatPredictor
from speculate.calls import ToolCall
from speculate.history import CallMade, History
from speculate.spec import Effect, ToolSpec
from speculate.trace import CallIssued, RecordedSession, RecordedTurn, SessionStarted, TurnTaken

SPECS = {
    "read": ToolSpec("read", Effect.READ, reads=("file/{path}",)),
    "write": ToolSpec("write", Effect.WRITE, writes=("file/{path}",)),
}


def run(*turns: list[tuple[str, str]]) -> RecordedSession:
    return RecordedSession(
        SessionStarted("s"),
        [
            RecordedTurn(
                TurnTaken("s", n), [CallIssued("s", n, f"{n}.{i}", tool, {"path": p}) for i, (tool, p) in enumerate(t)]
            )
            for n, t in enumerate(turns)
        ],
    )


def test_rates_are_counted_per_place() -> None:
    """read a, read a, (nothing), read b, read a: by hand, place by place."""
    model = RepeatPredictor.train(
        [run([("read", "a")], [("read", "a")], [], [("read", "b")], [("read", "a")])], SPECS, window=2
    )
    # Before turns 1-4 the newest call is a, a, a, b; b was never made again. The second newest: a before turn 4.
    assert model.to_document() == {"window": 2, "moments": [4, 1], "next": [1, 1], "use": [3, 1]}
    history = History(events=[CallMade("1", 0, "read", {"path": "a"}), CallMade("2", 1, "read", {"path": "b"})])
    newest, older = sorted(model.predict(history, 5), key=lambda guess: guess.arguments["path"], reverse=True)
    assert newest.p_next == pytest.approx((1 + 4 * 0.2) / (4 + 4))
    assert newest.p_use == pytest.approx((3 + 4 * 0.2) / (4 + 4))
    assert older.p_next == pytest.approx((1 + 4 * 0.1) / (1 + 4))
    assert newest.sources["path"].call == "2"


def test_a_write_in_between_ends_a_use() -> None:
    """The file is read again, but after a write to it: a launch would have been stale."""
    model = RepeatPredictor.train([run([("read", "a")], [("write", "a")], [("read", "a")])], SPECS, window=1)
    assert model.to_document()["use"] == [0]
    other = RepeatPredictor.train([run([("read", "a")], [("write", "b")], [("read", "a")])], SPECS, window=1)
    assert other.to_document()["use"] == [
        1
    ]  # before turn 1 "read a" is fresh until turn 2; before turn 2 it is "write b"


def test_untrained_it_prefers_the_newest() -> None:
    """One in five, then half as likely each; the same call twice is one."""
    events = [CallMade(str(i), i, "read", {"path": path}) for i, path in enumerate("aabca")]
    guesses = RepeatPredictor().predict(History(events=events), 3)
    assert [(guess.arguments["path"], guess.p_next) for guess in guesses] == [("a", 0.2), ("c", 0.1), ("b", 0.05)]


def test_observing_follows_a_changed_agent() -> None:
    """An agent that polls is believed after a few calls."""
    model = RepeatPredictor(1)
    history = History(events=[CallMade("1", 0, "read", {"path": "a"})])
    for _ in range(16):
        model.observe(history, ToolCall("read", {"path": "a"}))
    assert model.predict(history, 1)[0].p_next == pytest.approx((16 + 0.8) / 20)
    assert repr(model) == "<RepeatPredictor window=1, 16 moments>"


@pytest.mark.parametrize("window", [0, -1, 1.5, True, "8"])
def test_a_window_is_a_count(window: object) -> None:
    """At least one call is looked at."""
    with pytest.raises(ValueError, match="window must be"):
        RepeatPredictor(window)  # type: ignore[arg-type]  # wrong on purpose


def test_unequal_windows_do_not_merge() -> None:
    """Their places do not mean the same."""
    with pytest.raises(ValueError, match="windows differ: 2 and 3"):
        RepeatPredictor(2).merge(RepeatPredictor(3))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"moments": [1]}, "moments must be a list of 2 counts"),
        ({"next": [1, -1]}, r"next\[1\] must be a whole number"),
        ({"use": [9, 0]}, "place 0 was hit more often than it was seen"),
        ({"window": "2"}, "window must be"),
    ],
)
def test_damaged_documents_are_refused(change: dict[str, object], problem: str) -> None:
    """With the field named."""
    document = {"window": 2, "moments": [1, 1], "next": [0, 0], "use": [0, 0], **change}
    with pytest.raises(ValueError, match=problem):
        RepeatPredictor.from_document(document)
