"""An agent on a board of tickets, as today's tool servers are: filters that are objects, lists of identifiers, cursors
within texts, numbers within sentences, several calls in one turn."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.prediction.worlds.story import Free, Planned, Story, World
from benchmarks.prediction.worlds.vocabulary import digits, headline, letters, person, sentence
from speculate.spec import Effect, ToolSpec

STATES = ("todo", "in progress", "blocked", "done")
MARKS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(frozen=True, slots=True)
class _Ticket:
    number: int
    title: str
    state: str
    account: str
    branch: str

    def line(self) -> str:
        """As a listing has it."""
        return f"#{self.number} {self.title} [{self.state}] (assignee: {self.account})"


def _tickets(rng: Random, count: int) -> list[_Ticket]:
    first, last = person(rng)
    account = f"{first[0]}{last}".lower() + digits(rng, 2)
    return [
        _Ticket(rng.randint(100, 9_999), headline(rng), rng.choice(STATES), account, f"fix/{letters(rng, 6)}")
        for _ in range(count)
    ]


def _page(tickets: list[_Ticket], cursor: str | None) -> str:
    rows = "\n".join(ticket.line() for ticket in tickets)
    return f"Found {len(tickets)} tickets:\n{rows}" + (f"\n\nMore available. nextCursor: {cursor}" if cursor else "")


def _look(story: Story, ticket: _Ticket) -> None:
    """One ticket; with it, in the same turn, what was said about it."""
    told = {"number": ticket.number, "title": ticket.title, "headBranch": ticket.branch, "body": sentence(story.rng)}
    planned = [Planned("get_ticket", {"ticketNumber": ticket.number}, told)]
    if story.chance(0.7):
        said = [{"author": letters(story.rng, 6), "text": sentence(story.rng)} for _ in range(2)]
        planned.append(Planned("list_comments", {"target": {"kind": "ticket", "number": ticket.number}}, said))
    story.calls(planned)


def _list(story: Story, project: str) -> list[_Ticket]:
    rng = story.rng
    tickets = _tickets(rng, rng.randint(2, 5))
    cursor = "".join(rng.choice(MARKS) for _ in range(22)) + "==" if rng.random() < 0.5 else None
    arguments: dict[str, Any] = {"filter": {"project": project, "states": ["todo", "blocked"]}, "limit": 25}
    story.call("search_tickets", arguments, _page(tickets, cursor))
    if cursor and story.chance(0.8):
        more = _tickets(rng, 2)
        story.call("search_tickets", {**arguments, "cursor": cursor}, _page(more, None))
    return tickets


def _tell(story: Story) -> None:
    rng = story.rng
    project = letters(rng, 3).upper()
    if rng.random() < 0.3:
        title = headline(rng)
        story.user(f"Please file a ticket in {project}: {title}")
        number = rng.randint(100, 9_999)
        written = Free({"project": project, "title": title, "body": sentence(rng)})
        story.call("create_ticket", {"ticket": written}, f"Created ticket #{number} in {project}.")
        _look(story, _Ticket(number, title, "todo", "", f"fix/{letters(rng, 6)}"))
        story.say(f"It is #{number}.")
        return
    story.user(f"What is open in project {project}?")
    tickets = _list(story, project)
    if story.chance(0.6):
        history = [{"ticketNumber": ticket.number, "changes": rng.randint(0, 9)} for ticket in tickets]
        story.call("get_histories", {"ticketNumbers": [ticket.number for ticket in tickets]}, {"histories": history})
    ticket = story.pick(tickets[:2], [0.8, 0.2])
    _look(story, ticket)
    if story.chance(0.6):
        paths = [f"src/{letters(rng, 5)}.ts" for _ in range(rng.randint(2, 4))]
        story.call("list_changed_files", {"repo": {"branch": ticket.branch}}, "\n".join(paths))
        story.call("read_files", {"repo": {"branch": ticket.branch}, "paths": paths}, [sentence(rng) for _ in paths])
    if story.chance(0.5):
        change = {"ids": [ticket.number], "set": {"state": "in progress"}}
        story.call("update_tickets", change, f"Updated 1 ticket: #{ticket.number}")
        story.call("get_ticket", {"ticketNumber": ticket.number}, {"number": ticket.number, "state": "in progress"})
    story.say("Done.")


def _read(name: str, reads: str) -> ToolSpec:
    return ToolSpec(name, effect=Effect.READ, reads=(reads,), ttl_s=300.0)


BOARD = World(
    "board",
    "a board of tickets: objects and lists as arguments, cursors in texts, several calls at once",
    {
        spec.name: spec
        for spec in (
            _read("search_tickets", "tickets"),
            _read("get_ticket", "tickets"),
            _read("list_comments", "tickets"),
            _read("get_histories", "tickets"),
            _read("list_changed_files", "code"),
            _read("read_files", "code"),
            ToolSpec("create_ticket", effect=Effect.WRITE, writes=("tickets",)),
            ToolSpec("update_tickets", effect=Effect.WRITE, writes=("tickets",)),
        )
    },
    _tell,
)
