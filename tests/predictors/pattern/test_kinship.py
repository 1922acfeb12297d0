"""Tools akin by name: learned from all, used where a tool was hardly seen."""

from __future__ import annotations

import pytest

from predictors.pattern.counts import ALL
from predictors.pattern.kinship import MENTIONED, Kinship
from predictors.pattern.text import bucket
from tests.predictors.pattern.sessions import Step, history, session, top, train

TOOLS = ["files_list", "files_get", "getTicket", "listTickets", "notes_add", "mail.send", "mail.read", "teams_find"]


def test_words_that_most_tools_share_make_no_kin() -> None:
    """`get` and `list` join nothing where they are common; a noun does, however it is written."""
    common = [f"get_{noun}" for noun in ("user", "order", "city", "room", "plan", "list_user")]
    kin = Kinship(
        common, {ALL: {ALL: 60, **dict.fromkeys(common, 10)}, "get_user>one": {ALL: 9, "get_list_user": 9}}, {}
    )
    leaning = kin.leaning(dict.fromkeys(common, 0.1), "get_user")
    assert leaning["get_list_user"] > 0.2
    assert leaning["get_order"] == pytest.approx(leaning["get_city"])
    assert leaning["get_order"] < 0.1
    assert sum(leaning.values()) == pytest.approx(0.6)


def test_nothing_learned_leans_nowhere() -> None:
    """Without a count, names say nothing after a call; a tool without kin leaves chances as they are."""
    kin = Kinship(TOOLS, {}, {})
    even = dict.fromkeys(TOOLS, 0.1)
    assert kin.leaning(even, "files_list") == pytest.approx(even)
    assert kin.leaning(even, "notes_add") == even


def test_a_name_is_heard_until_the_tool_is_known() -> None:
    """What the user calls by its name is likelier, the less so the more often the tool was seen."""
    contexts = {"U": {ALL: 120, "mail.send": 60, "notes_add": 1}, ALL: {ALL: 120, "mail.send": 60, "notes_add": 1}}
    words = {f"u{bucket('mail')}": {ALL: 30, "mail.send": 30}, f"u{bucket('note')}": {ALL: 1, "notes_add": 1}}
    kin = Kinship(TOOLS, contexts, words)
    moved = kin.mentioned([bucket("mail"), bucket("note"), bucket("unheard")])
    assert set(moved) == {"mail.send", "mail.read", "notes_add"}
    assert 0 < moved["mail.send"] < moved["notes_add"] < moved["mail.read"]
    assert Kinship(TOOLS, {}, {}).mentioned([bucket("ticket")])["getTicket"] == pytest.approx(
        Kinship(TOOLS, {}, {}).mentioned([bucket("team")])["teams_find"]
    )
    assert MENTIONED > 1


def test_a_tool_hardly_seen_follows_its_kin() -> None:
    """Eleven services whose details follow their lists; of the twelfth the list alone was seen, and once its details
    after something else."""
    names = ["disk", "lamp", "road", "bird", "ship", "moon", "tree", "cake", "song", "door", "well"]
    steps: list[list[Step]] = [
        ["hello", (f"list_{name}", {}, [{"id": f"{name}-{n}"}]), (f"get_{name}", {"id": f"{name}-{n}"}, {})]
        for n, name in enumerate(names * 3)
    ]
    steps.append(["hello", ("get_gate", {"id": "gate-9"}, {}), ("list_gate", {}, [])])
    learned = train(*[session(f"s{n}", *each) for n, each in enumerate(steps)])
    assert top(learned, "hello", ("list_gate", {}, [{"id": "gate-1"}])).tool == "get_gate"
    assert learned.predict(history("hello"), 1)
