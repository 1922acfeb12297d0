"""Ninety-six tools of twelve services, each seen a handful of times: list, details, details of details, pages."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from benchmarks.prediction.worlds.services import SERVICES, Record, Service
from benchmarks.prediction.worlds.story import Free, Story, World
from benchmarks.prediction.worlds.vocabulary import headline, letters, person, sentence
from speculate.spec import Effect, ToolSpec

LIST, READ, CHILDREN, CHILD, PERSON, CATALOG, CHANGE, REMARK = range(8)


class _Visit:
    """One session's dealings with one service."""

    def __init__(self, story: Story, service: Service, email: str | None) -> None:
        self.story, self.service, self.email = story, service, email
        self.records = [self.record() for _ in range(story.rng.randint(3, 7))]

    def record(self) -> Record:
        rng, service = self.story.rng, self.service
        first, last = person(rng)
        who = {service.fields[2]: self._person_id(rng), "displayName": f"{first} {last}"}
        record: Record = {
            service.fields[0]: service.id(rng),
            "summary": headline(rng),
            service.person_field: who,
            "updated": f"2024-0{rng.randint(1, 9)}-{rng.randint(10, 28)}T10:15:00Z",
            "status": rng.choice(("open", "active", "done", "pending")),
        }
        if service.fields[0] != "id":
            record["id"] = str(rng.randint(1, 10**6))  # what it is not called by
        return record

    def _person_id(self, rng: Random) -> Any:
        field = self.service.fields[2].lower()
        if "email" in field:
            return f"{letters(rng, 6)}@example.com"
        return letters(rng, 7) if field in ("login", "code") else f"{letters(rng, 2)}{rng.randint(10**5, 10**8)}"

    def give(self, value: Any) -> Any:
        """A result as this service puts it."""
        return [{"type": "text", "text": json.dumps(value)}] if self.service.as_text else value

    def call(self, tool: int, arguments: dict[str, Any], value: Any) -> None:
        self.story.call(self.service.tools[tool], arguments, self.give(value))

    def list_records(self) -> None:
        """The list, with words of the user's if it can be searched; perhaps its next page."""
        story, service, rng = self.story, self.service, self.story.rng
        arguments: dict[str, Any] = dict(service.fixed)
        if service.search == "email" and self.email is not None:
            arguments["email"] = self.email
        elif service.search is not None:
            arguments[service.search] = Free(self.records[0]["summary"].lower())
        kind, name = service.paging
        token = letters(rng, 12) + str(rng.randint(10, 99))
        self.call(LIST, arguments, service.wrap(self.records, token))
        if kind and story.chance(0.25):
            more = [self.record() for _ in range(3)]
            following = {"cursor": token, "link": token, "page": 2}[kind]
            self.call(LIST, {**arguments, name: following}, service.wrap(more, None))

    def id(self, record: Record) -> Any:
        return record[self.service.fields[0]]

    def read(self, record: Record) -> None:
        detail = {**record, "description": sentence(self.story.rng, 20), "labels": ["a", "b"]}
        self.call(READ, {self.service.arguments[0]: self.id(record)}, detail)

    def descend(self, record: Record) -> None:
        """What hangs on a record, and one of that."""
        story, service, rng = self.story, self.service, self.story.rng
        _, field, _ = service.fields
        children = [
            {field: f"{letters(rng, 3)}{rng.randint(10**6, 10**9)}", "title": headline(rng), "parent": self.id(record)}
            for _ in range(rng.randint(1, 4))
        ]
        self.call(CHILDREN, {service.arguments[1]: self.id(record)}, {"items": children})
        if story.chance(0.65):
            child = story.pick(children, [0.7, *[0.3 / len(children)] * (len(children) - 1)])
            parent, own = service.arguments[2]
            arguments = {own: child[field]} if parent is None else {parent: self.id(record), own: child[field]}
            self.call(CHILD, arguments, {**child, "body": sentence(rng, 15)})


def _tell(story: Story) -> None:
    rng = story.rng
    services = rng.sample(SERVICES, rng.choice((1, 2, 2, 3)))
    email = f"{letters(rng, 6)}@example.com"
    for number, service in enumerate(services):
        visit = _Visit(story, service, email)
        known = rng.random() < 0.35
        record = visit.records[0]
        subject = visit.id(record) if known else record["summary"].lower()
        ask = rng.choice(
            ("What is the state of {}?", "Please look into {}.", "Who owns {}?", "Can you check {} for me?")
        )
        story.user(f"{'Next: ' if number else ''}{ask.format(subject)} ({service.name}, I am {email})")
        if story.chance(0.15):
            visit.call(CATALOG, {}, [{"id": letters(rng, 4), "name": headline(rng)} for _ in range(3)])
        if not known:
            visit.list_records()
            record = story.pick(visit.records[:3], [0.8, 0.12, 0.08])
        visit.read(record)
        if "owns" in ask or story.chance(0.3):
            who = record[service.person_field]
            visit.call(
                PERSON, {service.arguments[3]: who[service.fields[2]]}, {**who, "team": "north", "phone": "+49 30 1234"}
            )
        if story.chance(0.6):
            visit.descend(record)
        if not known and story.chance(0.3):
            visit.read(visit.records[1] if record is visit.records[0] else visit.records[0])
        if story.chance(0.3):
            visit.call(CHANGE, {service.arguments[0]: visit.id(record), "status": Free("done")}, {"ok": True})
            visit.read(record)
        elif story.chance(0.3):
            visit.call(REMARK, {service.arguments[0]: visit.id(record), "text": Free(sentence(rng))}, {"ok": True})
        story.say(f"Here is what I found about {subject}.")


def _specs() -> dict[str, ToolSpec]:
    specs = {}
    for service in SERVICES:
        for number, tool in enumerate(service.tools):
            if number in (CHANGE, REMARK):
                specs[tool] = ToolSpec(tool, effect=Effect.WRITE, writes=(f"{service.name}/*",))
            else:
                specs[tool] = ToolSpec(tool, effect=Effect.READ, reads=(f"{service.name}/*",), ttl_s=300.0)
    return specs


SAAS = World("saas", "ninety-six tools of twelve services, each seen a handful of times", _specs(), _tell)
