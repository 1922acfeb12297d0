"""The record of how well each forecaster has done: its arithmetic, its bounds, its file form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from predictors.track import _MAX_TOOLS, Track


def test_losses_wear_off_by_half() -> None:
    """After half_life moments an old loss weighs half; the mean over all tools is borrowed for four moments."""
    track = Track(2, half_life=1.0)
    track.learn("get", [1.0, 0.0])
    track.learn("get", [0.0, 1.0])
    own, moments = [0.5, 1.0], 1.5
    assert track.loss("get") == pytest.approx([each + 4 * each / moments for each in own])
    assert track.best("get") == 0


def test_a_tool_never_seen_is_judged_by_all_tools() -> None:
    """And with no record at all nobody is better than another: the first is taken."""
    track = Track(2)
    assert track.loss("new") == [0.0, 0.0]
    assert track.best("new") == 0
    track.learn("get", [1.0, 0.25])
    assert track.loss("new") == [4.0, 1.0]
    assert track.best("new") == 1


def test_the_number_of_tools_with_a_record_is_bounded() -> None:
    """Later ones count for the record over all tools only; known ones go on learning."""
    track = Track(1)
    for number in range(_MAX_TOOLS):
        track.learn(f"t{number}", [0.0])
    track.learn("late", [1.0])
    track.learn("t0", [1.0])
    assert len(track.to_document()["tools"]) == _MAX_TOOLS
    assert track.loss("t0")[0] > track.loss("late")[0] > 0


def test_it_explains_the_most_called_tool_first() -> None:
    """With the mean loss of a moment, the least first."""
    track = Track(2, half_life=1e9)
    track.learn("rare", [0.5, 0.25])
    for _ in range(3):
        track.learn("often", [0.25, 0.5])
    assert track.explain(["one", "two"]) == [
        "often: mean loss one 0.250, two 0.500 (over 3 recent moments)",
        "rare: mean loss two 0.250, one 0.500 (over 1 recent moments)",
    ]


def test_a_written_track_goes_on_where_it_was() -> None:
    """Through JSON and back: same losses, same lessons."""
    track = Track(2, half_life=3.0)
    for tool, losses in (("a", [0.1, 0.2]), ("b", [0.3, 0.0]), ("a", [0.5, 0.5])):
        track.learn(tool, losses)
    again = Track.from_document(json.loads(json.dumps(track.to_document())), 2)
    for each in (track, again):
        each.learn("b", [0.25, 0.5])
    assert again.to_document() == track.to_document()
    assert again.loss("a") == track.loss("a")


@pytest.mark.parametrize("half_life", [0.0, -1.0, float("inf"), float("nan")])
def test_the_half_life_is_checked(half_life: float) -> None:
    """Also where it comes from a file."""
    with pytest.raises(ValueError, match="half_life must be a finite number above 0"):
        Track(1, half_life)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"half_life": 0}, "half_life must be"),
        ({"all": {"losses": [0.0], "moments": 1.0}}, r"track\.all\.losses must be a list of 2"),
        ({"all": {"losses": [0.0, -1.0], "moments": 1.0}}, r"track\.all\.losses must hold finite"),
        ({"all": {"losses": [0.0, 0.0], "moments": True}}, r"track\.all\.moments must hold finite"),
        ({"tools": {"a": {"losses": [0.0], "moments": 1.0}}}, r"track\.tools\.a\.losses must be a list"),
        ({"tools": {"a": {"losses": [0.0, 0.0], "moments": float("nan")}}}, r"track\.tools\.a\.moments must hold"),
    ],
)
def test_a_damaged_document_is_refused(change: dict[str, Any], problem: str) -> None:
    """Naming the place."""
    with pytest.raises(ValueError, match=problem):
        Track.from_document({**Track(2).to_document(), **change}, 2)


def test_losses_of_another_number_of_forecasters_are_refused() -> None:
    """And change nothing."""
    track = Track(2)
    with pytest.raises(ValueError, match="zip"):
        track.learn("a", [1.0])
    assert track.to_document() == Track(2).to_document()
