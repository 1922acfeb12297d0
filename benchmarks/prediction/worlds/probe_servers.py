"""Probes: results as servers of the tool protocol give them, mostly one text that lists things."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from benchmarks.prediction.worlds.probes import find, ids_of, path_of, probe
from benchmarks.prediction.worlds.story import Story
from benchmarks.prediction.worlds.vocabulary import (
    NOUNS,
    VERBS,
    digits,
    headline,
    hexadecimal,
    letters,
    person,
    sentence,
    uuid,
)

Line = Callable[[str, str], str]  # identifier, what a person calls it -> how it stands in the text


def blocks(text: str) -> list[dict[str, str]]:
    """A result that is one text."""
    return [{"type": "text", "text": text}]


def named(story: Story, ids: Sequence[str], names: Sequence[str], result: object) -> str:
    """The user names one of these, the first call lists all. The identifier of the one."""
    wanted = story.rng.randrange(len(ids))
    story.user(f"what about {names[wanted].lower()}?")
    story.call("find", {"limit": 20}, result)
    return ids[wanted]


def _lines(says: str, line: Line, between: str = "\n") -> None:
    @probe(f"what the user names, in a text of entries: {says}")
    def _(story: Story) -> None:
        ids, names = ids_of(story), [headline(story.rng) for _ in range(4)]
        text = between.join(map(line, ids, names))
        story.call("look", {"item_id": named(story, ids, names, blocks(f"Found 4:\n\n{text}"))}, "ok")


_lines("[id] name (state)", lambda key, name: f"[{key}] {name} (open)")
_lines("- **name** (ID: id)", lambda key, name: f"- **{name}** (ID: {key})")
_lines("fields, a line each", lambda key, name: f"ID: {key}\nTitle: {name}\nStatus: open", "\n\n")
_lines("numbered, name first", lambda key, name: f"1. {name}\n   Status: open\n   ID: {key}\n")
_lines("tags with attributes", lambda key, name: f'<item id="{key}" name="{name}"/>')


@probe("what the user names, a word a line")
def _(story: Story) -> None:
    names = story.rng.sample(NOUNS, 5)
    story.call("look", {"table": named(story, names, names, blocks("\n".join(names)))}, "ok")


@probe("what the user names, the file's name says it")
def _(story: Story) -> None:
    root, names = f"/home/{letters(story.rng, 5)}", story.rng.sample(NOUNS, 6)
    paths = [f"{root}/src/{name}.py" for name in names]
    story.call("look", {"path": named(story, paths, names, blocks("\n".join(paths)))}, "ok")


@probe("what the user names, the name in a list within the record")
def _(story: Story) -> None:
    ids, names = [uuid(story.rng) for _ in range(4)], [headline(story.rng) for _ in range(4)]
    rows = [{"id": i, "properties": {"title": [{"plain_text": name}]}} for i, name in zip(ids, names, strict=True)]
    story.call("look", {"block": named(story, ids, names, blocks(json.dumps({"results": rows})))}, "ok")


@probe("what the user names with a sign before it (`#word`)")
def _(story: Story) -> None:
    names, ids = story.rng.sample(NOUNS, 5), ids_of(story, 5)
    wanted = story.rng.randrange(5)
    story.user(f"what was said in #{names[wanted]} today?")
    rows = [{"id": id, "name": name} for id, name in zip(ids, names, strict=True)]
    story.call("find", {"limit": 100}, blocks(json.dumps({"channels": rows})))
    story.call("look", {"channel": ids[wanted]}, "ok")


@probe("whom the user names, in a text of messages")
def _(story: Story) -> None:
    ids, people = [hexadecimal(story.rng, 16) for _ in range(4)], [person(story.rng) for _ in range(4)]
    wanted = story.rng.randrange(4)
    story.user(f"what did {' '.join(people[wanted])} write?")
    rows = [
        f"Message ID: {id}\nFrom: {first} {last} <{first.lower()}@example.com>\nSubject: {headline(story.rng)}"
        for id, (first, last) in zip(ids, people, strict=True)
    ]
    story.call("find", {"folder": "inbox"}, blocks("\n\n".join(rows)))
    story.call("look", {"message_id": ids[wanted]}, "ok")


@probe("the element of a page's outline that the user names")
def _(story: Story) -> None:
    names, refs = story.rng.sample(NOUNS, 5), story.rng.sample(range(2, 90), 5)
    rows = [
        f'  - link "{name.capitalize()}" [ref=e{ref}] [cursor=pointer]:\n    - /url: /{name}'
        for name, ref in zip(names, refs, strict=True)
    ]
    text = "- Page Title: Shop\n- Page Snapshot\n```yaml\n- generic [ref=e1]:\n" + "\n".join(rows) + "\n```"
    found = named(story, [f"e{ref}" for ref in refs], names, blocks(text))
    story.call("look", {"ref": found}, "ok")


@probe("a word a line, the first; other arguments as before")
def _(story: Story) -> None:
    database, names = letters(story.rng, 6), story.rng.sample(NOUNS, 4)
    find(story, blocks("\n".join(names)), database=database)
    story.call("look", {"database": database, "table": names[0]}, "ok")


@probe("columns in line, the first row's name")
def _(story: Story) -> None:
    names = [f"{story.rng.choice(NOUNS)}-{hexadecimal(story.rng, 9)}" for _ in range(4)]
    rows = "".join(f"\n{name:<30}1/1     Running   {story.rng.randint(0, 9)}" for name in names)
    find(story, blocks("NAME                          READY   STATUS    RESTARTS" + rows))
    story.call("look", {"name": names[0]}, "ok")


@probe("columns in line, the row in a certain state")
def _(story: Story) -> None:
    names = [f"{story.rng.choice(NOUNS)}-{hexadecimal(story.rng, 9)}" for _ in range(4)]
    bad = story.rng.randrange(4)
    rows = "".join(f"\n{name:<30}1/1     {'Failed' if n == bad else 'Running'}" for n, name in enumerate(names))
    find(story, blocks("NAME                          READY   STATUS" + rows))
    story.call("look", {"name": names[bad]}, "ok")


@probe("lines of a text, the one in a certain state: [id] name - state")
def _(story: Story) -> None:
    ids = ids_of(story)
    bad = story.rng.randrange(4)
    states = ["failed" if n == bad else story.rng.choice(("passed", "skipped")) for n in range(4)]
    rows = [f"[{id}] {headline(story.rng)} - {state}" for id, state in zip(ids, states, strict=True)]
    find(story, blocks("\n".join(rows)))
    story.call("look", {"id": ids[bad]}, "ok")


@probe("the first that is a file (`type: file`, plain JSON)")
def _(story: Story) -> None:
    rows = [{"type": story.rng.choice(("dir", "file")), "path": path_of(story)} for _ in range(5)]
    rows[story.rng.randrange(5)]["type"] = "file"
    find(story, blocks(json.dumps(rows)))
    story.call("look", {"path": next(row["path"] for row in rows if row["type"] == "file")}, "ok")


@probe("JSON in a fence after words")
def _(story: Story) -> None:
    refs = [letters(story.rng, 8) for _ in range(3)]
    value = [{"title": headline(story.rng), "ref": ref} for ref in refs]
    find(story, blocks("Here are the results:\n\n```json\n" + json.dumps(value, indent=2) + "\n```\n"))
    story.call("look", {"ref": refs[0]}, "ok")


@probe("JSON, a value a line")
def _(story: Story) -> None:
    refs = [letters(story.rng, 8) for _ in range(3)]
    find(story, blocks("\n".join(json.dumps({"title": headline(story.rng), "ref": ref}) for ref in refs)))
    story.call("look", {"ref": refs[0]}, "ok")


@probe("a long list of large records, the fifth one after four")
def _(story: Story) -> None:
    rng = story.rng
    rows = [
        {
            **{f"{verb}_url": f"https://api.example.com/{letters(rng, 5)}" for verb in VERBS[:20]},
            "number": number,
            "title": headline(rng),
            "body": sentence(rng, 30),
        }
        for number in rng.sample(range(1, 9_999), 30)
    ]
    find(story, blocks(json.dumps(rows)))
    for row in rows[:5]:
        story.call("look", {"number": row["number"]}, "ok")


@probe("user: `owner/name` of a repository")
def _(story: Story) -> None:
    owner, name = letters(story.rng, 6), letters(story.rng, 7)
    story.user(f"list the open issues in {owner}/{name}")
    story.call("look", {"owner": owner, "repo": name, "state": "open"}, "ok")


@probe("user: `owner/name#12`")
def _(story: Story) -> None:
    owner, name, number = letters(story.rng, 6), letters(story.rng, 7), digits(story.rng, 3)
    story.user(f"look at {owner}/{name}#{number}")
    story.call("look", {"owner": owner, "repo": name, "issue_number": int(number)}, "ok")


@probe("user: the number in a pull request's address")
def _(story: Story) -> None:
    owner, name, number = letters(story.rng, 6), letters(story.rng, 7), digits(story.rng, 3)
    story.user(f"review https://code.example.com/{owner}/{name}/pull/{number} please")
    story.call("look", {"owner": owner, "repo": name, "number": int(number)}, "ok")


@probe("a file that another one names, beside it")
def _(story: Story) -> None:
    folder = f"/home/{letters(story.rng, 5)}/docs"
    one, other = story.rng.sample(NOUNS, 2)
    text = f"# Guide\n\nThis explains setup. See [the {other} page]({other}.md) for more."
    find(story, blocks(text), path=f"{folder}/{one}.md")
    story.call("look", {"path": f"{folder}/{other}.md"}, "ok")


@probe("a folder within a folder, as a tree in JSON")
def _(story: Story) -> None:
    root, folder = f"/home/{letters(story.rng, 5)}", story.rng.choice(NOUNS)
    files = [{"name": f"{name}.py", "type": "file"} for name in story.rng.sample(NOUNS, 3)]
    find(story, blocks(json.dumps([{"name": folder, "type": "directory", "children": files}])), path=root)
    story.call("look", {"path": f"{root}/{folder}/{files[0]['name']}"}, "ok")


@probe("a file of a folder's folder, as a tree in JSON, which the user names")
def _(story: Story) -> None:
    root, names = f"/home/{letters(story.rng, 5)}", story.rng.sample(NOUNS, 6)
    files = [{"name": f"{name}.py", "type": "file"} for name in names[2:]]
    inner = {"name": names[1], "type": "directory", "children": files}
    tree = [{"name": names[0], "type": "directory", "children": [inner]}, {"name": "setup.py", "type": "file"}]
    story.user(f"what does {names[4]}.py do?")
    story.call("find", {"path": root}, blocks(json.dumps(tree, indent=2)))
    story.call("look", {"path": f"{root}/{names[0]}/{names[1]}/{names[4]}.py"}, "ok")


@probe("a file of a tree that is drawn: `│   ├── name`")
def _(story: Story) -> None:
    root, names = f"/home/{letters(story.rng, 5)}", story.rng.sample(NOUNS, 5)
    rows = [f"│   ├── {name}.py" for name in names[1:]]
    find(story, blocks("\n".join([".", f"├── {names[0]}", *rows, "└── README.md", "", "1 directory"])), path=root)
    story.call("look", {"path": f"{root}/{names[0]}/{names[1]}.py"}, "ok")


@probe("a file of a tree that is indented, below the folder it begins with")
def _(story: Story) -> None:
    root, names = f"/home/{letters(story.rng, 5)}", story.rng.sample(NOUNS, 5)
    rows = [f"    - {name}.py" for name in names[1:]]
    find(story, blocks("\n".join([f"- {root}/", f"  - {names[0]}/", *rows, "  - README.md"])), depth=2)
    story.call("look", {"path": f"{root}/{names[0]}/{names[1]}.py"}, "ok")


@probe("a module that is imported: from a.b import c")
def _(story: Story) -> None:
    package, module = story.rng.sample(NOUNS, 2)
    find(story, blocks(f"import os\n\nfrom {package}.{module} import run\n"), path="src/main.py")
    story.call("look", {"path": f"src/{package}/{module}.py"}, "ok")


@probe("a module that is imported from the package of the file itself")
def _(story: Story) -> None:
    root, names = f"/home/{letters(story.rng, 5)}", story.rng.sample(NOUNS, 4)
    code = f"import json\nfrom typing import Any\n\nfrom {names[0]}.{names[1]} import run\n"
    find(story, blocks(code), path=f"{root}/src/{names[0]}/{names[2]}/{names[3]}.py")
    story.call("look", {"path": f"{root}/src/{names[0]}/{names[1]}.py"}, "ok")


@probe('a module beside or above: from "./name", require("../name")')
def _(story: Story) -> None:
    root, names = f"/srv/{letters(story.rng, 5)}", story.rng.sample(NOUNS, 4)
    is_beside = story.chance(0.5)
    code = f'import {{ run }} from "./{names[0]}";' if is_beside else f'const run = require("../{names[0]}");'
    find(story, blocks(f'"use strict";\n{code}\n\nrun();\n'), path=f"{root}/{names[1]}/{names[2]}/{names[3]}.ts")
    folder = f"{root}/{names[1]}/{names[2]}" if is_beside else f"{root}/{names[1]}"
    story.call("look", {"path": f"{folder}/{names[0]}.ts"}, "ok")
