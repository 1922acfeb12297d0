"""Probes: pages, turns, other spellings and types, and what a user typed."""

from __future__ import annotations

from datetime import date

from benchmarks.prediction.worlds.probes import find, ids_of, path_of, probe
from benchmarks.prediction.worlds.story import Planned, Story
from benchmarks.prediction.worlds.vocabulary import NOUNS, VERBS, day, digits, letters, person, uuid


@probe("next page: the cursor a list gave")
def _(story: Story) -> None:
    cursor = letters(story.rng, 12)
    find(story, {"items": [1], "nextPageToken": cursor}, size=20)
    story.call("find", {"size": 20, "pageToken": cursor}, {"items": []})


@probe("next page: number plus one")
def _(story: Story) -> None:
    word, page = story.rng.choice(NOUNS), story.rng.randint(1, 5)
    find(story, {"items": [1]}, q=word, page=page)
    story.call("find", {"q": word, "page": page + 1}, {"items": []})


@probe("next page: offset plus limit")
def _(story: Story) -> None:
    path, limit, offset = path_of(story), story.rng.choice((40, 60, 100)), story.rng.randint(1, 400)
    find(story, f"{offset}\tx", path=path, offset=offset, limit=limit)
    story.call("find", {"path": path, "offset": offset + limit, "limit": limit}, "ok")


@probe("next page: offset plus a fixed window")
def _(story: Story) -> None:
    path, offset = path_of(story), story.rng.randint(1, 400)
    find(story, f"{offset}\tx", path=path, offset=offset, limit=60)
    story.call("find", {"path": path, "offset": offset + 60, "limit": 60}, "ok")


@probe("next page: the cursor inside a link")
def _(story: Story) -> None:
    cursor = letters(story.rng, 12)
    find(story, {"items": [1], "next": f"https://api.example.com/v1/items?cursor={cursor}&limit=20"}, limit=20)
    story.call("find", {"limit": 20, "cursor": cursor}, {"items": []})


@probe("what follows a search that found nothing, in a block of text")
def _(story: Story) -> None:
    ids, word = ids_of(story, 3), story.rng.choice(NOUNS)
    is_found = story.chance(0.5)
    text = "\n".join(f"- {id}" for id in ids) if is_found else '{"items": [], "total": 0}'
    find(story, [{"type": "text", "text": text}], q=word)
    story.call("look" if is_found else "more", {"q": word}, "ok")


@probe("all of a list in one turn (the second of three)")
def _(story: Story) -> None:
    ids = ids_of(story, 3)
    find(story, [{"id": id} for id in ids])
    story.calls([Planned("look", {"itemId": id}, "ok") for id in (ids[0], ids[2], ids[1])])


@probe("the next of a list, one a turn")
def _(story: Story) -> None:
    ids = ids_of(story, 3)
    find(story, [{"id": id} for id in ids])
    story.call("look", {"itemId": ids[0]}, "ok")
    story.call("look", {"itemId": ids[1]}, "ok")


@probe("an argument of an earlier call under another name")
def _(story: Story) -> None:
    id = ids_of(story, 1)[0]
    find(story, "nothing to see", itemId=id)
    story.call("look", {"parent": id, "depth": 2}, "ok")


@probe("details of details: parent from an argument, child from the result")
def _(story: Story) -> None:
    parent, *ids = ids_of(story, 4)
    find(story, {"items": [{"ts": id} for id in ids]}, channel=parent)
    story.call("look", {"channel": parent, "thread": ids[0]}, "ok")


@probe("a number given as text, taken as a number")
def _(story: Story) -> None:
    ids = [digits(story.rng, 6) for _ in range(3)]
    find(story, [{"id": id} for id in ids])
    story.call("look", {"id": int(ids[0])}, "ok")


@probe("a number given as a number, taken as text")
def _(story: Story) -> None:
    ids = [int(digits(story.rng, 6)) for _ in range(3)]
    find(story, [{"id": id} for id in ids])
    story.call("look", {"id": str(ids[0])}, "ok")


@probe("the last part of a resource name")
def _(story: Story) -> None:
    name = letters(story.rng, 8)
    find(
        story,
        [
            {"name": f"projects/{letters(story.rng, 6)}/topics/{name}"},
            {"name": f"projects/p/topics/{letters(story.rng, 8)}"},
        ],
    )
    story.call("look", {"topic": name}, "ok")


@probe("owner and name of a repository's address")
def _(story: Story) -> None:
    owner, name = letters(story.rng, 6), letters(story.rng, 7)
    story.user(f"look at https://code.example.com/{owner}/{name} please")
    story.call("look", {"owner": owner, "repo": name}, "ok")


@probe("the day of a time stamp")
def _(story: Story) -> None:
    at = day(story.rng, date(2024, 9, 1), 300)
    find(story, {"created": f"{at.isoformat()}T10:{story.rng.randint(10, 59)}:00Z"})
    story.call("look", {"date": at.isoformat()}, "ok")


@probe("a template: tests/test_NAME.py for src/NAME.py")
def _(story: Story) -> None:
    name = f"{story.rng.choice(VERBS)}_{story.rng.choice(NOUNS)}"
    find(story, "done", path=f"src/{name}.py")
    story.call("look", {"path": f"tests/test_{name}.py"}, "ok")


@probe("user: a number among words")
def _(story: Story) -> None:
    number = digits(story.rng, 8)
    story.user(f"Kundennr. {number}, {person(story.rng)[1]}")
    story.call("look", {"kundennummer": number}, "ok")


@probe("user: `Last, First. geb. 01.02.1980`: name and date")
def _(story: Story) -> None:
    first, last = person(story.rng)
    born = day(story.rng, date(2000, 1, 1), 12_000)
    story.user(f"{last}, {first}. geb. {born.day:02d}.{born.month:02d}.{born.year}")
    story.call("look", {"nachname": last, "geburtsdatum": born.isoformat()}, "ok")


@probe("user: `First Last, PLZ 12345`")
def _(story: Story) -> None:
    first, last = person(story.rng)
    code = digits(story.rng, 5)
    story.user(f"{first} {last}, PLZ {code}")
    story.call("look", {"nachname": last, "plz": code}, "ok")


@probe("user: name in one text, postcode alone in the next")
def _(story: Story) -> None:
    first, last = person(story.rng)
    code = digits(story.rng, 5)
    story.user(f"{last}, {first}")
    story.say("PLZ?")
    story.user(code)
    story.call("look", {"nachname": last, "plz": code}, "ok")


@probe("user: a path among words")
def _(story: Story) -> None:
    path = path_of(story)
    story.user(f"Can you look at {path}, it seems wrong?")
    story.call("look", {"path": path}, "ok")


@probe("user: a name in backquotes")
def _(story: Story) -> None:
    symbol = f"{story.rng.choice(VERBS)}_{story.rng.choice(NOUNS)}"
    story.user(f"`{symbol}` breaks for empty values, can you fix it?")
    story.call("look", {"pattern": symbol}, "ok")


@probe("user: a UUID")
def _(story: Story) -> None:
    id = uuid(story.rng)
    story.user(f"alert {id} keeps firing")
    story.call("look", {"alert_id": id}, "ok")


@probe("user: a key like OPS-123, number like #42")
def _(story: Story) -> None:
    key, number = f"{letters(story.rng, 3).upper()}-{story.rng.randint(2, 4000)}", story.rng.randint(3, 9000)
    story.user(f"what about {key} and pull request #{number}?")
    story.call("look", {"issueKey": key, "pull": number}, "ok")


@probe("user: a root and a path below it, joined")
def _(story: Story) -> None:
    root, path = f"/home/{letters(story.rng, 5)}/{story.rng.choice(NOUNS)}", path_of(story)
    story.user(f"In {root}: look at {path}, it seems wrong.")
    story.call("look", {"path": f"{root}/{path}"}, "ok")


@probe("user: an amount `120 Euro` as a number")
def _(story: Story) -> None:
    amount = story.rng.randint(20, 400)
    story.user(f"{amount} Euro")
    story.call("look", {"amount": amount}, "ok")
