"""A coding assistant over file, search, version-control and test tools whose results are blocks of plain text."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.prediction.worlds.repository import Repository, Source, make_repository
from benchmarks.prediction.worlds.story import Free, Story, World
from speculate.spec import Effect, ToolSpec

WINDOW = 60  # lines this agent reads at a time
CONTEXT = 10  # lines it wants to see above the one it looks for


def blocks(text: str) -> list[dict[str, str]]:
    """A result as servers of the tool protocol give it."""
    return [{"type": "text", "text": text}]


class _Assistant:
    """One session of it: `where` turns a path from the root into the one this session's tools want."""

    def __init__(self, story: Story, repository: Repository) -> None:
        self.story, self.repository = story, repository
        self.absolute = story.rng.random() < 0.6

    def where(self, path: str) -> str:
        return f"{self.repository.root}/{path}".rstrip("/") if self.absolute else path or "."

    def call(self, tool: str, arguments: dict[str, Any], text: str, ok: bool = True) -> None:
        self.story.call(tool, arguments, blocks(text), ok=ok)

    def read(self, source: Source, offset: int, *, is_known: bool = True) -> None:
        """Read a window of a file; `is_known`: something has shown its path, the agent did not infer it."""
        path = self.where(source.path)
        arguments = {"path": path if is_known else Free(path), "offset": offset, "limit": WINDOW}
        self.call("read_file", arguments, source.text(offset, WINDOW))

    def look_around(self) -> None:
        """Folders from the root down to the faulty file."""
        repository = self.repository
        self.call("list_directory", {"path": self.where("")}, repository.listing(""))
        folder = ""
        for part in repository.style.split("/"):
            folder = f"{folder}/{part}".lstrip("/")
            self.call("list_directory", {"path": self.where(folder)}, repository.listing(folder))

    def search(self) -> None:
        repository = self.repository
        self.call("grep", {"pattern": repository.symbol, "path": self.where("")}, repository.grep())

    def run_tests(self, passes: bool, line: int = 0) -> None:
        repository = self.repository
        path = repository.test_of(repository.broken).path
        text = repository.passing(path) if passes else repository.failure(line or repository.line + 3)
        self.call("run_tests", {"target": path}, text, ok=True)

    def edit(self) -> None:
        old = self.story.rng.randint(100, 999)
        change = [{"oldText": f"value = self.step(value)  # {old}", "newText": "value = self.step(value or 0)"}]
        path = self.where(self.repository.broken.path)
        self.call("edit_file", {"path": path, "edits": Free(change)}, f"Applied 1 edit to {path}")


def _ask(story: Story, repository: Repository) -> str:
    """The user's request; says how it was put."""
    how = story.rng.choice(("symbol", "traceback", "file", "test", "vague"))
    if how == "symbol":
        story.user(f"`{repository.symbol}` breaks for empty values, can you fix it? The repo is at {repository.root}.")
    elif how == "traceback":
        story.user(f"I get this in {repository.root}:\n\n{repository.traceback()}\n\nPlease fix.")
    elif how == "file":
        story.user(f"In {repository.root}: look at {repository.broken.path}, {repository.symbol} seems wrong. Fix it.")
    elif how == "test":
        story.user(f"The test {repository.failing_test} fails since yesterday ({repository.root}). Why?")
    else:
        story.user(f"Something is off when values are empty. Project: {repository.root}")
    return how


def _tell(story: Story) -> None:
    rng = story.rng
    repository = make_repository(rng)
    agent = _Assistant(story, repository)
    how = _ask(story, repository)
    is_searched = how == "traceback"  # it names the callers too
    broken, test = repository.broken, repository.test_of(repository.broken)
    if how == "test":
        agent.run_tests(passes=False)
    elif how == "vague":
        agent.look_around()
        words = Free(rng.choice(("empty", "not value", "None", "ValueError")))
        agent.call("grep", {"pattern": words, "path": agent.where("")}, repository.grep())
        is_searched = True
    elif how == "symbol" or (how == "traceback" and story.chance(0.4)):
        if story.chance(0.3):
            agent.look_around()
        agent.search()
        is_searched = True
    if how == "file":
        agent.read(broken, 1)
        if repository.line > WINDOW:
            agent.search()
            is_searched = True
            agent.read(broken, max(1, repository.line - CONTEXT))
    elif how in ("traceback", "test"):
        agent.read(broken, max(1, repository.line + 3 - CONTEXT))
    else:
        agent.read(broken, max(1, repository.line - CONTEXT))
    if story.chance(0.4):  # read on
        agent.read(broken, max(1, repository.line - CONTEXT) + WINDOW)
    if story.chance(0.5):
        caller = repository.callers[0]
        line = next(iter(caller.functions.values())) + 4
        agent.read(caller, max(1, line - CONTEXT), is_known=is_searched)
    if how != "test" and story.chance(0.7):
        agent.read(test, 1)
    if story.chance(0.35):
        _history(agent)
    agent.edit()
    for _ in range(2):
        if story.chance(0.7):
            agent.run_tests(passes=True)
            break
        agent.run_tests(passes=False, line=repository.line + 5)
        agent.read(broken, max(1, repository.line + 5 - CONTEXT))
        agent.edit()
    if story.chance(0.6):
        status = f"On branch main\nChanges not staged for commit:\n\tmodified:   {broken.path}\n"
        agent.call("git_status", {"repo_path": repository.root}, status)
        agent.call("git_diff", {"repo_path": repository.root, "target": broken.path}, repository.diff())
    story.say("Done: empty values are handled now, and the tests pass.")


def _history(agent: _Assistant) -> None:
    """What changed lately: the log, then one commit of it."""
    repository = agent.repository
    agent.call("git_log", {"repo_path": repository.root, "max_count": 5}, repository.log())
    sha, subject = agent.story.pick(repository.commits[:3], [0.7, 0.2, 0.1])
    shown = {"commit": sha, "subject": subject, "files": [repository.broken.path], "insertions": 4, "deletions": 1}
    agent.call("git_show", {"repo_path": repository.root, "revision": sha}, json.dumps(shown, indent=2))


def _read(name: str, reads: str) -> ToolSpec:
    return ToolSpec(name, effect=Effect.READ, reads=(reads,), ttl_s=300.0)


CODING = World(
    "coding",
    "a coding assistant: results are plain text with paths and lines in it",
    {
        spec.name: spec
        for spec in (
            _read("read_file", "files/{path}"),
            _read("list_directory", "files/*"),
            _read("grep", "files/*"),
            _read("git_status", "files/*"),
            _read("git_diff", "files/*"),
            _read("git_log", "commits"),
            _read("git_show", "commits"),
            _read("run_tests", "files/*"),
            ToolSpec("edit_file", effect=Effect.WRITE, writes=("files/*",)),
        )
    },
    _tell,
)
