"""Dates as people write them, and words relative to a stated today."""

from __future__ import annotations

from typing import Any

import pytest

from predictors.pattern.dates import complete, day_of, numeric, relative
from predictors.pattern.indexing import Indexer
from predictors.pattern.reading import read
from predictors.pattern.state import State
from speculate.history import CallMade, ResultSeen, UserText
from tests.predictors.pattern.sessions import Step, session, top, train


def dates(text: str, when: str | None = "2024") -> list[str]:
    return [value for kind, value in read(text, when)[0] if kind == "date"]


@pytest.mark.parametrize(
    "text",
    ["May 20", "may 20th", "20 May", "the 20th of May", "May 20, 2024", "20 May 2024", "2024-05-20", "5/20",
     "5/20/2024", "20/5/24", "20.5.2024", "2024/5/20", "at 2024-05-20T10:30:00Z", "on the 20th, May it is"],
)  # fmt: skip
def test_ways_to_write_a_date(text: str) -> None:
    """All of them give the same."""
    assert set(dates(text)) == {"2024-05-20"}


def test_a_second_day_of_the_month() -> None:
    """A range, or a day with its ending."""
    assert dates("from May 20 to 25") == ["2024-05-20", "2024-05-25"]
    assert dates("May 20 or better the 22nd") == ["2024-05-20", "2024-05-22"]
    assert dates("May 20 for 3 people") == ["2024-05-20"]


@pytest.mark.parametrize(
    "text", ["version 1.5.2024.1", "3.11", "1.5", "May 32", "2024-13-40", "13/13/2024", "page 20 of 31", "call ²² May",
             "May 20 at gate 3456", "February 30"],
)  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    """Nothing is made up, and no day there is not."""
    assert [each for each in dates(text) if each != "2024-05-20"] == []


def test_without_a_year_there_is_a_month_and_a_day() -> None:
    """No year is invented."""
    spans = read("on May 20", None)[0]
    assert ("monthday", "05-20") in spans
    assert not [kind for kind, _ in spans if kind == "date"]
    assert numeric("5/20", None) == []
    assert complete(5, 20, None) is None


def test_the_year_that_brings_it_nearest_to_today() -> None:
    """In December, "January 3" is next year; 29 February is looked for where there is one."""
    assert complete(1, 3, "2024-12-28") == "2025-01-03"
    assert complete(12, 30, "2025-01-02") == "2024-12-30"
    assert complete(2, 29, "2025-01-02") == "2024-02-29"
    assert complete(2, 30, "2025-01-02") is None
    assert complete(2, 30, "2025") is None


def test_numbers_that_may_be_two_dates() -> None:
    """The month first, and the day first under a name of its own."""
    assert numeric("4/5/2024", None) == [("full", "2024-04-05"), ("day-first", "2024-05-04")]
    assert numeric("4/5", "2024") == [("date", "2024-04-05"), ("day-first", "2024-05-04")]
    assert ("day-first", "2024-05-04") in read("on 4/5/2024", None)[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("today please", ["2024-05-15"]),
        ("Tomorrow!", ["2024-05-16"]),
        ("the day after tomorrow", ["2024-05-17"]),
        ("yesterday", ["2024-05-14"]),
        ("in two days", ["2024-05-17"]),
        ("in a week", ["2024-05-22"]),
        ("3 weeks ago", ["2024-04-24"]),
        ("ten days from now", ["2024-05-25"]),
        ("on Friday", ["2024-05-17"]),
        ("on Wednesday", ["2024-05-22"]),
        ("it took two days", []),
        ("in 999 weeks", ["2043-07-08"]),
    ],
)
def test_relative_to_a_stated_today(text: str, found: list[str]) -> None:
    """15 May 2024 is a Wednesday; how long something takes is no date."""
    assert dates(text, "2024-05-15") == found
    assert dates(text) == []


def test_next_friday_may_be_the_one_after() -> None:
    """Both are offered, under different names."""
    assert relative("next Friday", "2024-05-15") == [("date", "2024-05-17"), ("week-later", "2024-05-24")]
    assert len(relative("tomorrow " * 50, "2024-05-15")) == 8
    assert relative("in 999 weeks", "9999-12-01") == []


def test_the_20th_is_the_next_one() -> None:
    """Of this month, or of the next one if it has passed; only where today is known."""
    assert dates("the 20th", "2024-05-15") == ["2024-05-20"]
    assert dates("the 3rd", "2024-12-15") == ["2025-01-03"]
    assert dates("the 31st", "2024-06-15") == []
    assert dates("the 20th") == []


def test_what_states_today() -> None:
    """Words before a date in a text say so; another date does not."""
    assert ("today", "2024-05-15") in read("The current time is 2024-05-15 15:00:00 EST.")[0]
    assert ("today", "2024-05-03") in read("Today is May 3, 2024.")[0]
    assert "today" not in [kind for kind, _ in read("My flight is on 2024-05-15.")[0]]
    assert day_of("2024-05-15T10:00:00Z") == day_of("2024-05-15") == "2024-05-15"
    assert [day_of(each) for each in ("2024-05-15x", "2024-99-15", "20240515", "2024-5-150")] == [None] * 4


def _stated(*events: Any) -> str | None:
    state, indexer = State("2023"), Indexer()
    for event in events:
        state.take(indexer.index(event, state.when))
    return state.when


def test_today_is_kept_in_the_state() -> None:
    """From a text, a result's text, or a call without arguments that gives a date; of any other result, not."""
    assert _stated(UserText("Hello, today is 2024-05-15.")) == "2024-05-15"
    assert (
        _stated(CallMade("a", 0, "clock", {}), ResultSeen("a", "clock", True, {"at": "2024-05-15T10:00"}))
        == "2024-05-15"
    )
    assert _stated(CallMade("a", 0, "find", {"k": 1}), ResultSeen("a", "find", True, {"at": "2024-05-15"})) == "2023"
    many = {f"k{i}": i for i in range(9)} | {"at": "2024-05-15"}
    assert _stated(CallMade("a", 0, "list", {}), ResultSeen("a", "list", True, many)) == "2023"


def test_tomorrow_becomes_an_argument() -> None:
    """Learned as a date of the user's text, whichever way it is put."""

    def steps(day: int, text: str) -> list[Step]:
        return [f"Today is 2024-05-{day:02d}.", ("greet", {}, {}), text]

    learned = train(
        *[
            session(f"s{i}", *steps(i + 1, "tomorrow, please"), ("book", {"date": f"2024-05-{i + 2:02d}"}, {}))
            for i in range(6)
        ]
    )
    assert top(learned, *steps(20, "in three days")).arguments == {"date": "2024-05-23"}
