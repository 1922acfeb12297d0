"""Probes: forms in which a result may hold a value."""

from __future__ import annotations

import json

from benchmarks.prediction.worlds.probes import find, ids_of, path_of, probe
from benchmarks.prediction.worlds.story import Story
from benchmarks.prediction.worlds.vocabulary import NOUNS, digits, headline, hexadecimal, letters


@probe("a field of the first record (plain JSON)")
def _(story: Story) -> None:
    ids = ids_of(story)
    find(story, {"items": [{"id": id, "title": headline(story.rng)} for id in ids]})
    story.call("look", {"itemId": ids[0]}, "ok")


@probe("JSON in a block of text: a field of the first record")
def _(story: Story) -> None:
    ids = ids_of(story)
    value = {"items": [{"id": id, "title": headline(story.rng)} for id in ids]}
    find(story, [{"type": "text", "text": json.dumps(value)}])
    story.call("look", {"itemId": ids[0]}, "ok")


@probe("JSON in a text after a line of words")
def _(story: Story) -> None:
    ids = ids_of(story)
    find(story, "Found 4 items:\n" + json.dumps([{"id": id, "title": headline(story.rng)} for id in ids], indent=2))
    story.call("look", {"itemId": ids[0]}, "ok")


@probe("a key of an object that is a map of records")
def _(story: Story) -> None:
    ids = ids_of(story)
    find(story, {"items": {id: {"title": headline(story.rng)} for id in ids}})
    story.call("look", {"itemId": ids[0]}, "ok")


@probe("lines of text, one value a line")
def _(story: Story) -> None:
    paths = [path_of(story) for _ in range(4)]
    find(story, "\n".join(paths))
    story.call("look", {"path": paths[0]}, "ok")


@probe("lines of text in a block")
def _(story: Story) -> None:
    paths = [path_of(story) for _ in range(4)]
    find(story, [{"type": "text", "text": "\n".join(paths)}])
    story.call("look", {"path": paths[0]}, "ok")


@probe("`path:line: text` of a search, the path")
def _(story: Story) -> None:
    rows = [(path_of(story), story.rng.randint(2, 900)) for _ in range(4)]
    find(story, "\n".join(f"{path}:{line}:    value = 1" for path, line in rows))
    story.call("look", {"path": rows[0][0]}, "ok")


@probe("`path:line: text` in a block, path and line")
def _(story: Story) -> None:
    rows = [(path_of(story), story.rng.randint(2, 900)) for _ in range(4)]
    find(story, [{"type": "text", "text": "\n".join(f"{path}:{line}:    value = 1" for path, line in rows)}])
    story.call("look", {"path": rows[0][0], "offset": rows[0][1]}, "ok")


@probe("`path:line: text`, path and ten lines above")
def _(story: Story) -> None:
    rows = [(path_of(story), story.rng.randint(12, 900)) for _ in range(4)]
    find(story, "\n".join(f"{path}:{line}:    value = 1" for path, line in rows))
    story.call("look", {"path": rows[0][0], "offset": rows[0][1] - 10}, "ok")


@probe("a path from the root given earlier, and one below it")
def _(story: Story) -> None:
    root, path = f"/home/{letters(story.rng, 5)}/{story.rng.choice(NOUNS)}", path_of(story)
    find(story, f"{path}:12: value = 1\n{path_of(story)}:3: value = 2", path=root)
    story.call("look", {"path": f"{root}/{path}"}, "ok")


@probe("a folder's entry joined to the folder listed")
def _(story: Story) -> None:
    root, names = f"/srv/{letters(story.rng, 6)}", story.rng.sample(NOUNS, 4)
    find(story, "\n".join(f"[DIR] {name}" for name in names), path=root)
    story.call("look", {"path": f"{root}/{names[0]}"}, "ok")


@probe("a folder's entry, `[FILE] name`")
def _(story: Story) -> None:
    names = [f"{name}.py" for name in story.rng.sample(NOUNS, 4)]
    find(story, "\n".join(f"[FILE] {name}" for name in names))
    story.call("look", {"path": names[0]}, "ok")


@probe("a folder's only entry, in a block, joined to the folder listed")
def _(story: Story) -> None:
    root, names = f"/srv/{letters(story.rng, 6)}", story.rng.sample(NOUNS, 3)
    find(story, [{"type": "text", "text": "\n".join(f"[DIR] {name}" for name in names)}], path=root)
    story.call("find", {"path": f"{root}/{names[0]}"}, [{"type": "text", "text": f"[DIR] {names[0]}core"}])
    story.call("find", {"path": f"{root}/{names[0]}/{names[0]}core"}, "ok")


@probe("a stack trace's last file and line")
def _(story: Story) -> None:
    rows = [(path_of(story), story.rng.randint(2, 900)) for _ in range(3)]
    trace = "Traceback (most recent call last):\n" + "".join(
        f'  File "{p}", line {n}, in run\n    go()\n' for p, n in rows
    )
    find(story, trace + "ValueError: bad")
    story.call("look", {"path": rows[-1][0], "line": rows[-1][1]}, "ok")


@probe("a diff's file (`+++ b/path`)")
def _(story: Story) -> None:
    path = path_of(story)
    find(story, f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -3,7 +3,7 @@\n-old\n+new")
    story.call("look", {"path": path}, "ok")


@probe("a log's latest commit")
def _(story: Story) -> None:
    shas = [hexadecimal(story.rng, 40) for _ in range(3)]
    find(story, "\n".join(f"commit {sha}\nAuthor: a <a@example.com>\n\n    {headline(story.rng)}\n" for sha in shas))
    story.call("look", {"revision": shas[0]}, "ok")


@probe("a short log's latest commit (`abc1234 subject`)")
def _(story: Story) -> None:
    shas = [hexadecimal(story.rng, 7) for _ in range(3)]
    find(story, "\n".join(f"{sha} {headline(story.rng)}" for sha in shas))
    story.call("look", {"revision": shas[0]}, "ok")


@probe("a Markdown table's first row")
def _(story: Story) -> None:
    rows = [(id, headline(story.rng)) for id in ids_of(story)]
    find(story, "| Nummer | Titel |\n|---|---|\n" + "\n".join(f"| {a} | {b} |" for a, b in rows))
    story.call("look", {"number": rows[0][0]}, "ok")


@probe("a Markdown table's row that the user names")
def _(story: Story) -> None:
    kinds = story.rng.sample(("power", "gas", "water", "heat"), 3)
    rows = list(zip(ids_of(story, 3), kinds, strict=True))
    wanted = story.rng.choice(rows)
    story.user(f"my {wanted[1]} bill is wrong")
    story.call("find", {"depth": 1}, "| Contract | Kind |\n|---|---|\n" + "\n".join(f"| {a} | {b} |" for a, b in rows))
    story.call("look", {"contract": wanted[0]}, "ok")


@probe("the record whose field the user names (plain JSON)")
def _(story: Story) -> None:
    kinds = story.rng.sample(("power", "gas", "water", "heat"), 3)
    rows = list(zip(ids_of(story, 3), kinds, strict=True))
    wanted = story.rng.choice(rows)
    story.user(f"my {wanted[1]} bill is wrong")
    story.call("find", {"depth": 1}, [{"contract": a, "kind": b} for a, b in rows])
    story.call("look", {"contract": wanted[0]}, "ok")


@probe("the record in a certain state (`status: open`, plain JSON)")
def _(story: Story) -> None:
    ids = ids_of(story)
    wanted = story.rng.choice(ids)
    find(story, [{"invoice": id, "status": "open" if id == wanted else "paid"} for id in ids])
    story.call("look", {"invoice": wanted}, "ok")


@probe("YAML: a nested key")
def _(story: Story) -> None:
    id, other = ids_of(story, 2)
    find(story, f"contract: {other}\nkind: power\nmeter:\n  number: {id}\n  type: digital\nsince: 2022-01-01\n")
    story.call("look", {"meter": id}, "ok")


@probe("YAML: a list of records, the first")
def _(story: Story) -> None:
    ids = ids_of(story, 3)
    find(story, "contracts:\n" + "".join(f"  - id: {id}\n    kind: power\n" for id in ids))
    story.call("look", {"contract": ids[0]}, "ok")


@probe("CSV: the first row's first column")
def _(story: Story) -> None:
    numbers = ids_of(story, 3)
    find(
        story,
        "number;date;sum\n"
        + "\n".join(f"{id};2024-03-0{n + 1};{digits(story.rng, 3)}.50" for n, id in enumerate(numbers)),
    )
    story.call("look", {"number": numbers[0]}, "ok")


@probe("CSV: the last row's second column")
def _(story: Story) -> None:
    ids = ids_of(story, 3)
    find(
        story,
        "date,number,sum\n" + "\n".join(f"2024-03-0{n + 1},{id},{digits(story.rng, 3)}.50" for n, id in enumerate(ids)),
    )
    story.call("look", {"number": ids[-1]}, "ok")


@probe("`Key: value` lines in a block")
def _(story: Story) -> None:
    id, other = ids_of(story, 2)
    find(story, [{"type": "text", "text": f"Ticket: {other}\nOwner id: {id}\nState: open"}])
    story.call("look", {"owner": id}, "ok")


@probe("an identifier in a sentence of a result")
def _(story: Story) -> None:
    id = ids_of(story, 1)[0]
    find(story, f"Created export job {id}. It will be ready in a minute.")
    story.call("look", {"job": id}, "ok")


@probe("a bulleted list, `- name (id)`")
def _(story: Story) -> None:
    ids = ids_of(story, 3)
    find(story, "Channels:\n" + "\n".join(f"- {story.rng.choice(NOUNS)} ({id})" for id in ids))
    story.call("look", {"channel": ids[0]}, "ok")


@probe("an address after `URL:` in numbered results")
def _(story: Story) -> None:
    page = headline(story.rng).replace(" ", "_")
    urls = [f"https://{letters(story.rng, 6)}.example.com/wiki/{page}?id={digits(story.rng, 4)}" for _ in range(3)]
    find(
        story, "\n\n".join(f"{n}. {headline(story.rng)}\n   URL: {url}\n   some words" for n, url in enumerate(urls, 1))
    )
    story.call("look", {"url": urls[0]}, "ok")


@probe("a Markdown link's address")
def _(story: Story) -> None:
    urls = [f"https://{letters(story.rng, 6)}.example.com/wiki/{story.rng.choice(NOUNS)}" for _ in range(3)]
    find(story, "Words first. " + " ".join(f"See [{headline(story.rng)}]({url})." for url in urls))
    story.call("look", {"url": urls[0]}, "ok")
