"""Probes: arguments that are objects and lists, identifiers within sentences, cursors, numbers written as text."""

from __future__ import annotations

from benchmarks.prediction.worlds.probes import find, ids_of, path_of, probe
from benchmarks.prediction.worlds.story import Planned, Story
from benchmarks.prediction.worlds.vocabulary import NOUNS, digits, headline, hexadecimal, letters


@probe("an argument that is an object with one value of the result")
def _(story: Story) -> None:
    ids = ids_of(story)
    find(story, {"items": [{"id": id, "title": headline(story.rng)} for id in ids]})
    story.call("look", {"filter": {"itemId": ids[0], "status": "open"}}, "ok")


@probe("an argument that is a list of one value of the result")
def _(story: Story) -> None:
    ids = ids_of(story)
    find(story, {"items": [{"id": id, "title": headline(story.rng)} for id in ids]})
    story.call("look", {"ids": [ids[0]]}, "ok")


@probe("an argument that is a list of all values of the result")
def _(story: Story) -> None:
    ids = ids_of(story, story.rng.randint(2, 5))
    find(story, {"items": [{"id": id, "title": headline(story.rng)} for id in ids]})
    story.call("look", {"ids": ids}, "ok")


@probe("an argument that is a list of all lines of a text")
def _(story: Story) -> None:
    paths = [path_of(story) for _ in range(story.rng.randint(2, 4))]
    find(story, "\n".join(paths))
    story.call("look", {"paths": paths}, "ok")


@probe("a list argument that is what the result's list is")
def _(story: Story) -> None:
    ids = ids_of(story, story.rng.randint(2, 5))
    find(story, {"open": ids, "count": len(ids)})
    story.call("look", {"ids": ids}, "ok")


@probe("an argument that is an object of two fields of one record")
def _(story: Story) -> None:
    rows = [{"owner": letters(story.rng, 6), "repo": letters(story.rng, 7)} for _ in range(3)]
    find(story, {"rows": rows})
    story.call("look", {"target": dict(rows[0]), "depth": 2}, "ok")


@probe("the same object as in the call before, one value from the result")
def _(story: Story) -> None:
    cursor = letters(story.rng, 14)
    match = {"status": "open", "team": letters(story.rng, 6)}
    story.user(f"all of team {match['team']}")
    story.call("find", {"filter": match}, {"items": ids_of(story), "next_cursor": cursor})
    story.call("find", {"filter": match, "cursor": cursor}, "ok")


@probe("an object with a value of the user's")
def _(story: Story) -> None:
    id = ids_of(story, 1)[0]
    story.user(f"please look at {id} for me")
    story.call("look", {"where": {"id": id}}, "ok")


@probe("a number within a sentence of the result: Created issue #482")
def _(story: Story) -> None:
    number = story.rng.randint(3, 9000)
    find(story, f"Created issue #{number}: {headline(story.rng)}")
    story.call("look", {"issue_number": number}, "ok")


@probe("an identifier within a sentence of the result")
def _(story: Story) -> None:
    id = ids_of(story, 1)[0]
    find(story, f"Your export was started as job {id} and will take a while.")
    story.call("look", {"jobId": id}, "ok")


@probe("a cursor within a text")
def _(story: Story) -> None:
    cursor = letters(story.rng, 10) + digits(story.rng, 4)
    find(story, "\n".join(ids_of(story)) + f"\n\n(more results available, use cursor: {cursor})")
    story.call("find", {"depth": 1, "cursor": cursor}, "ok")


@probe("a padded cursor of any letters and digits within a text")
def _(story: Story) -> None:
    cursor = (
        "".join(story.rng.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for _ in range(20))
        + "=="
    )
    find(story, "\n".join(ids_of(story)) + f"\n\nnextCursor: {cursor}")
    story.call("find", {"depth": 1, "cursor": cursor}, "ok")


@probe("a number given as a text")
def _(story: Story) -> None:
    ids = [story.rng.randint(100, 99_999) for _ in range(4)]
    find(story, {"items": [{"id": id, "title": headline(story.rng)} for id in ids]})
    story.call("look", {"id": str(ids[0])}, "ok")


@probe("a text given as a number")
def _(story: Story) -> None:
    ids = [digits(story.rng, 5) for _ in range(4)]
    find(story, {"items": [{"id": id, "title": headline(story.rng)} for id in ids]})
    story.call("look", {"id": int(ids[0])}, "ok")


@probe("numbered entries: 1. [id] title")
def _(story: Story) -> None:
    ids = ids_of(story)
    find(story, "\n".join(f"{n}. [{id}] {headline(story.rng)}" for n, id in enumerate(ids, 1)))
    story.call("look", {"id": ids[0]}, "ok")


@probe("numbered entries: #12 title (state)")
def _(story: Story) -> None:
    rows = [(story.rng.randint(10, 999), story.rng.choice(("open", "closed"))) for _ in range(4)]
    find(story, "\n".join(f"#{n} {headline(story.rng)} ({state})" for n, state in rows))
    story.call("look", {"issue_number": rows[0][0]}, "ok")


@probe("an entry's id in brackets after its title")
def _(story: Story) -> None:
    ids = [hexadecimal(story.rng, 8) for _ in range(4)]
    find(story, "Tabs:\n" + "\n".join(f"- {headline(story.rng)} (id: {id})" for id in ids))
    story.call("look", {"tabId": ids[0]}, "ok")


@probe("an element's reference in a page's outline: [ref=e12]")
def _(story: Story) -> None:
    refs = sorted(story.rng.sample(range(2, 99), 5))
    rows = [f'  - link "{headline(story.rng)}" [ref=e{n}]' for n in refs[:-1]] + [
        f'  - button "Search" [ref=e{refs[-1]}]'
    ]
    find(story, "- main:\n" + "\n".join(rows))
    story.call("look", {"ref": f"e{refs[-1]}", "element": "Search"}, "ok")


@probe("two calls at once, one for each of the first two records")
def _(story: Story) -> None:
    ids = ids_of(story)
    find(story, {"items": [{"id": id, "title": headline(story.rng)} for id in ids]})
    story.calls([Planned("look", {"itemId": id}, "ok") for id in ids[:2]])


@probe("two calls at once of two tools, the same identifier")
def _(story: Story) -> None:
    id = ids_of(story, 1)[0]
    story.user(f"what about {id}")
    story.calls([Planned("look", {"itemId": id}, "ok"), Planned("more", {"item_id": id}, "ok")])


@probe("the first record whose field has a learned value")
def _(story: Story) -> None:
    rng = story.rng
    rows = [{"invoice": id, "status": rng.choice(("paid", "void"))} for id in ids_of(story, 5)]
    rows[rng.randrange(5)]["status"] = "open"
    find(story, {"invoices": rows})
    story.call("look", {"invoice": next(row["invoice"] for row in rows if row["status"] == "open")}, "ok")


@probe("of lines of text, the one after the one used last")
def _(story: Story) -> None:
    paths = [path_of(story) for _ in range(6)]
    find(story, "\n".join(paths))
    start = story.rng.randrange(4)
    story.call("look", {"path": paths[start]}, "ok")
    story.call("look", {"path": paths[start + 1]}, "ok")


@probe("the result whose title is what was asked for")
def _(story: Story) -> None:
    rng = story.rng
    titles = [f"{letters(rng, 6).capitalize()} {rng.choice(NOUNS)}" for _ in range(5)]
    wanted = rng.randrange(5)
    rows = "\n".join(
        f"{n}. {title}\n   URL: https://{letters(rng, 5)}.example/{digits(rng, 6)}" for n, title in enumerate(titles, 1)
    )
    story.user(f"Find out about {titles[wanted]}.")
    story.call("find", {"query": titles[wanted]}, rows)
    story.call("look", {"url": rows.split("URL: ")[wanted + 1].split("\n")[0]}, "ok")
