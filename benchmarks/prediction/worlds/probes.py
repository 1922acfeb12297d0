"""One form at a time: a value stands in a result or a text in some form, and the next call takes it.

Each probe tells the smallest session in which that happens; its last call is the one that is judged. All could be
foreseen by whoever has seen a few such sessions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date

from benchmarks.prediction.worlds.story import Planned, Story, World
from benchmarks.prediction.worlds.vocabulary import NOUNS, VERBS, day, digits, headline, hexadecimal, letters, person, uuid
from speculate.spec import Effect, ToolSpec

Probe = Callable[[Story], None]
PROBES: dict[str, Probe] = {}
TOOLS = ("find", "look", "more")


def probe(says: str) -> Callable[[Probe], Probe]:
    """Enter a probe under what it is about."""

    def enter(tell: Probe) -> Probe:
        PROBES[says] = tell
        return tell

    return enter


def world(says: str) -> World:
    """A probe as a world of three tools that only read."""
    specs = {name: ToolSpec(name, effect=Effect.READ, reads=("*",), ttl_s=300.0) for name in TOOLS}
    return World(f"probe {says}", says, specs, PROBES[says])


def _ids(story: Story, count: int = 4) -> list[str]:
    return [f"{letters(story.rng, 2)}-{digits(story.rng, 5)}" for _ in range(count)]


def _path(story: Story) -> str:
    rng = story.rng
    return f"{rng.choice(('src', 'lib', 'app'))}/{rng.choice(NOUNS)}/{rng.choice(VERBS)}_{rng.choice(NOUNS)}.py"


def _find(story: Story, result: object, **arguments: object) -> None:
    story.user("please look")
    story.call("find", arguments or {"depth": 1}, result)


# ---- forms of results -------------------------------------------------------------------------------------------


@probe("a field of the first record (plain JSON)")
def _(story: Story) -> None:
    ids = _ids(story)
    _find(story, {"items": [{"id": id, "title": headline(story.rng)} for id in ids]})
    story.call("look", {"itemId": ids[0]}, "ok")


@probe("JSON in a block of text: a field of the first record")
def _(story: Story) -> None:
    ids = _ids(story)
    value = {"items": [{"id": id, "title": headline(story.rng)} for id in ids]}
    _find(story, [{"type": "text", "text": json.dumps(value)}])
    story.call("look", {"itemId": ids[0]}, "ok")


@probe("JSON in a text after a line of words")
def _(story: Story) -> None:
    ids = _ids(story)
    _find(story, "Found 4 items:\n" + json.dumps([{"id": id, "title": headline(story.rng)} for id in ids], indent=2))
    story.call("look", {"itemId": ids[0]}, "ok")


@probe("a key of an object that is a map of records")
def _(story: Story) -> None:
    ids = _ids(story)
    _find(story, {"items": {id: {"title": headline(story.rng)} for id in ids}})
    story.call("look", {"itemId": ids[0]}, "ok")


@probe("lines of text, one value a line")
def _(story: Story) -> None:
    paths = [_path(story) for _ in range(4)]
    _find(story, "\n".join(paths))
    story.call("look", {"path": paths[0]}, "ok")


@probe("lines of text in a block")
def _(story: Story) -> None:
    paths = [_path(story) for _ in range(4)]
    _find(story, [{"type": "text", "text": "\n".join(paths)}])
    story.call("look", {"path": paths[0]}, "ok")


@probe("`path:line: text` of a search, the path")
def _(story: Story) -> None:
    rows = [(_path(story), story.rng.randint(2, 900)) for _ in range(4)]
    _find(story, "\n".join(f"{path}:{line}:    value = 1" for path, line in rows))
    story.call("look", {"path": rows[0][0]}, "ok")


@probe("`path:line: text` in a block, path and line")
def _(story: Story) -> None:
    rows = [(_path(story), story.rng.randint(2, 900)) for _ in range(4)]
    _find(story, [{"type": "text", "text": "\n".join(f"{path}:{line}:    value = 1" for path, line in rows)}])
    story.call("look", {"path": rows[0][0], "offset": rows[0][1]}, "ok")


@probe("`path:line: text`, path and ten lines above")
def _(story: Story) -> None:
    rows = [(_path(story), story.rng.randint(12, 900)) for _ in range(4)]
    _find(story, "\n".join(f"{path}:{line}:    value = 1" for path, line in rows))
    story.call("look", {"path": rows[0][0], "offset": rows[0][1] - 10}, "ok")


@probe("a path from the root given earlier, and one below it")
def _(story: Story) -> None:
    root, path = f"/home/{letters(story.rng, 5)}/{story.rng.choice(NOUNS)}", _path(story)
    _find(story, f"{path}:12: value = 1\n{_path(story)}:3: value = 2", path=root)
    story.call("look", {"path": f"{root}/{path}"}, "ok")


@probe("a folder's entry joined to the folder listed")
def _(story: Story) -> None:
    root, names = f"/srv/{letters(story.rng, 6)}", story.rng.sample(NOUNS, 4)
    _find(story, "\n".join(f"[DIR] {name}" for name in names), path=root)
    story.call("look", {"path": f"{root}/{names[0]}"}, "ok")


@probe("a folder's entry, `[FILE] name`")
def _(story: Story) -> None:
    names = [f"{name}.py" for name in story.rng.sample(NOUNS, 4)]
    _find(story, "\n".join(f"[FILE] {name}" for name in names))
    story.call("look", {"path": names[0]}, "ok")


@probe("a stack trace's last file and line")
def _(story: Story) -> None:
    rows = [(_path(story), story.rng.randint(2, 900)) for _ in range(3)]
    trace = "Traceback (most recent call last):\n" + "".join(f'  File "{p}", line {n}, in run\n    go()\n' for p, n in rows)
    _find(story, trace + "ValueError: bad")
    story.call("look", {"path": rows[-1][0], "line": rows[-1][1]}, "ok")


@probe("a diff's file (`+++ b/path`)")
def _(story: Story) -> None:
    path = _path(story)
    _find(story, f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -3,7 +3,7 @@\n-old\n+new")
    story.call("look", {"path": path}, "ok")


@probe("a log's latest commit")
def _(story: Story) -> None:
    shas = [hexadecimal(story.rng, 40) for _ in range(3)]
    _find(story, "\n".join(f"commit {sha}\nAuthor: a <a@example.com>\n\n    {headline(story.rng)}\n" for sha in shas))
    story.call("look", {"revision": shas[0]}, "ok")


@probe("a short log's latest commit (`abc1234 subject`)")
def _(story: Story) -> None:
    shas = [hexadecimal(story.rng, 7) for _ in range(3)]
    _find(story, "\n".join(f"{sha} {headline(story.rng)}" for sha in shas))
    story.call("look", {"revision": shas[0]}, "ok")


@probe("a Markdown table's first row")
def _(story: Story) -> None:
    rows = [(id, headline(story.rng)) for id in _ids(story)]
    _find(story, "| Nummer | Titel |\n|---|---|\n" + "\n".join(f"| {a} | {b} |" for a, b in rows))
    story.call("look", {"number": rows[0][0]}, "ok")


@probe("a Markdown table's row that the user names")
def _(story: Story) -> None:
    kinds = story.rng.sample(("power", "gas", "water", "heat"), 3)
    rows = list(zip(_ids(story, 3), kinds, strict=True))
    wanted = story.rng.choice(rows)
    story.user(f"my {wanted[1]} bill is wrong")
    story.call("find", {"depth": 1}, "| Contract | Kind |\n|---|---|\n" + "\n".join(f"| {a} | {b} |" for a, b in rows))
    story.call("look", {"contract": wanted[0]}, "ok")


@probe("the record whose field the user names (plain JSON)")
def _(story: Story) -> None:
    kinds = story.rng.sample(("power", "gas", "water", "heat"), 3)
    rows = list(zip(_ids(story, 3), kinds, strict=True))
    wanted = story.rng.choice(rows)
    story.user(f"my {wanted[1]} bill is wrong")
    story.call("find", {"depth": 1}, [{"contract": a, "kind": b} for a, b in rows])
    story.call("look", {"contract": wanted[0]}, "ok")


@probe("the record in a certain state (`status: open`, plain JSON)")
def _(story: Story) -> None:
    ids = _ids(story)
    wanted = story.rng.choice(ids)
    _find(story, [{"invoice": id, "status": "open" if id == wanted else "paid"} for id in ids])
    story.call("look", {"invoice": wanted}, "ok")


@probe("YAML: a nested key")
def _(story: Story) -> None:
    id, other = _ids(story, 2)
    _find(story, f"contract: {other}\nkind: power\nmeter:\n  number: {id}\n  type: digital\nsince: 2022-01-01\n")
    story.call("look", {"meter": id}, "ok")


@probe("YAML: a list of records, the first")
def _(story: Story) -> None:
    ids = _ids(story, 3)
    _find(story, "contracts:\n" + "".join(f"  - id: {id}\n    kind: power\n" for id in ids))
    story.call("look", {"contract": ids[0]}, "ok")


@probe("CSV: the first row's first column")
def _(story: Story) -> None:
    _ids_ = _ids(story, 3)
    _find(story, "number;date;sum\n" + "\n".join(f"{id};2024-03-0{n + 1};{digits(story.rng, 3)}.50" for n, id in enumerate(_ids_)))
    story.call("look", {"number": _ids_[0]}, "ok")


@probe("CSV: the last row's second column")
def _(story: Story) -> None:
    ids = _ids(story, 3)
    _find(story, "date,number,sum\n" + "\n".join(f"2024-03-0{n + 1},{id},{digits(story.rng, 3)}.50" for n, id in enumerate(ids)))
    story.call("look", {"number": ids[-1]}, "ok")


@probe("`Key: value` lines in a block")
def _(story: Story) -> None:
    id, other = _ids(story, 2)
    _find(story, [{"type": "text", "text": f"Ticket: {other}\nOwner id: {id}\nState: open"}])
    story.call("look", {"owner": id}, "ok")


@probe("an identifier in a sentence of a result")
def _(story: Story) -> None:
    id = _ids(story, 1)[0]
    _find(story, f"Created export job {id}. It will be ready in a minute.")
    story.call("look", {"job": id}, "ok")


@probe("a bulleted list, `- name (id)`")
def _(story: Story) -> None:
    ids = _ids(story, 3)
    _find(story, "Channels:\n" + "\n".join(f"- {story.rng.choice(NOUNS)} ({id})" for id in ids))
    story.call("look", {"channel": ids[0]}, "ok")


@probe("an address after `URL:` in numbered results")
def _(story: Story) -> None:
    urls = [f"https://{letters(story.rng, 6)}.example.com/wiki/{headline(story.rng).replace(' ', '_')}?id={digits(story.rng, 4)}" for _ in range(3)]
    _find(story, "\n\n".join(f"{n}. {headline(story.rng)}\n   URL: {url}\n   some words" for n, url in enumerate(urls, 1)))
    story.call("look", {"url": urls[0]}, "ok")


@probe("a Markdown link's address")
def _(story: Story) -> None:
    urls = [f"https://{letters(story.rng, 6)}.example.com/wiki/{story.rng.choice(NOUNS)}" for _ in range(3)]
    _find(story, "Words first. " + " ".join(f"See [{headline(story.rng)}]({url})." for url in urls))
    story.call("look", {"url": urls[0]}, "ok")


# ---- pages --------------------------------------------------------------------------------------------------------


@probe("next page: the cursor a list gave")
def _(story: Story) -> None:
    cursor = letters(story.rng, 12)
    _find(story, {"items": [1], "nextPageToken": cursor}, size=20)
    story.call("find", {"size": 20, "pageToken": cursor}, {"items": []})


@probe("next page: number plus one")
def _(story: Story) -> None:
    word, page = story.rng.choice(NOUNS), story.rng.randint(1, 5)
    _find(story, {"items": [1]}, q=word, page=page)
    story.call("find", {"q": word, "page": page + 1}, {"items": []})


@probe("next page: offset plus limit")
def _(story: Story) -> None:
    path, limit, offset = _path(story), story.rng.choice((40, 60, 100)), story.rng.randint(1, 400)
    _find(story, f"{offset}\tx", path=path, offset=offset, limit=limit)
    story.call("find", {"path": path, "offset": offset + limit, "limit": limit}, "ok")


@probe("next page: offset plus a fixed window")
def _(story: Story) -> None:
    path, offset = _path(story), story.rng.randint(1, 400)
    _find(story, f"{offset}\tx", path=path, offset=offset, limit=60)
    story.call("find", {"path": path, "offset": offset + 60, "limit": 60}, "ok")


@probe("next page: the cursor inside a link")
def _(story: Story) -> None:
    cursor = letters(story.rng, 12)
    _find(story, {"items": [1], "next": f"https://api.example.com/v1/items?cursor={cursor}&limit=20"}, limit=20)
    story.call("find", {"limit": 20, "cursor": cursor}, {"items": []})


# ---- turns ----------------------------------------------------------------------------------------------------------


@probe("all of a list in one turn (the second of three)")
def _(story: Story) -> None:
    ids = _ids(story, 3)
    _find(story, [{"id": id} for id in ids])
    story.calls([Planned("look", {"itemId": id}, "ok") for id in (ids[0], ids[2], ids[1])])


@probe("the next of a list, one a turn")
def _(story: Story) -> None:
    ids = _ids(story, 3)
    _find(story, [{"id": id} for id in ids])
    story.call("look", {"itemId": ids[0]}, "ok")
    story.call("look", {"itemId": ids[1]}, "ok")


@probe("an argument of an earlier call under another name")
def _(story: Story) -> None:
    id = _ids(story, 1)[0]
    _find(story, "nothing to see", itemId=id)
    story.call("look", {"parent": id, "depth": 2}, "ok")


@probe("details of details: parent from an argument, child from the result")
def _(story: Story) -> None:
    parent, *ids = _ids(story, 4)
    _find(story, {"items": [{"ts": id} for id in ids]}, channel=parent)
    story.call("look", {"channel": parent, "thread": ids[0]}, "ok")


# ---- other types and spellings ----------------------------------------------------------------------------------------


@probe("a number given as text, taken as a number")
def _(story: Story) -> None:
    ids = [digits(story.rng, 6) for _ in range(3)]
    _find(story, [{"id": id} for id in ids])
    story.call("look", {"id": int(ids[0])}, "ok")


@probe("a number given as a number, taken as text")
def _(story: Story) -> None:
    ids = [int(digits(story.rng, 6)) for _ in range(3)]
    _find(story, [{"id": id} for id in ids])
    story.call("look", {"id": str(ids[0])}, "ok")


@probe("the last part of a resource name")
def _(story: Story) -> None:
    name = letters(story.rng, 8)
    _find(story, [{"name": f"projects/{letters(story.rng, 6)}/topics/{name}"}, {"name": f"projects/p/topics/{letters(story.rng, 8)}"}])
    story.call("look", {"topic": name}, "ok")


@probe("owner and name of a repository's address")
def _(story: Story) -> None:
    owner, name = letters(story.rng, 6), letters(story.rng, 7)
    story.user(f"look at https://code.example.com/{owner}/{name} please")
    story.call("look", {"owner": owner, "repo": name}, "ok")


@probe("the day of a time stamp")
def _(story: Story) -> None:
    at = day(story.rng, date(2024, 9, 1), 300)
    _find(story, {"created": f"{at.isoformat()}T10:{story.rng.randint(10, 59)}:00Z"})
    story.call("look", {"date": at.isoformat()}, "ok")


@probe("a template: tests/test_NAME.py for src/NAME.py")
def _(story: Story) -> None:
    name = f"{story.rng.choice(VERBS)}_{story.rng.choice(NOUNS)}"
    _find(story, "done", path=f"src/{name}.py")
    story.call("look", {"path": f"tests/test_{name}.py"}, "ok")


# ---- what the user typed ------------------------------------------------------------------------------------------------


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
    path = _path(story)
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
    root, path = f"/home/{letters(story.rng, 5)}/{story.rng.choice(NOUNS)}", _path(story)
    story.user(f"In {root}: look at {path}, it seems wrong.")
    story.call("look", {"path": f"{root}/{path}"}, "ok")


@probe("user: an amount `120 Euro` as a number")
def _(story: Story) -> None:
    amount = story.rng.randint(20, 400)
    story.user(f"{amount} Euro")
    story.call("look", {"amount": amount}, "ok")


def names(wanted: Sequence[str] = ()) -> list[str]:
    """The probes whose words hold one of these, or all."""
    return [says for says in PROBES if not wanted or any(word in says for word in wanted)]
