"""A session without its values: what calibration is learned from.

Every value is replaced by a stand-in that means something within this session alone ("0", "1", …); what is left is
which values are equal, where they came from and which calls were made of them. So a model file can keep a sample of
sessions, judge itself on them as they would have been predicted without them, and do so again after a merge.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from predictors.pattern.indexing import Indexed
from predictors.pattern.kinds import stand_in
from predictors.pattern.learning import YEAR, Learned
from predictors.pattern.pools import Labels
from predictors.pattern.state import call_key
from speculate.resources import any_overlap
from speculate.spec import ResolvedCall

MAX_ITEMS = 1_200  # of one session; what follows is left out


@dataclass(slots=True)
class DigestedTurn:
    """A turn: how many events came before it, its calls, the tools called from it on, and for each call since
    which turn its result would still have been fresh."""

    events: int
    calls: list[Learned] = field(default_factory=list)
    keys: list[Any] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    fresh_since: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Digest:
    """One session in stand-ins. `aliases`: what a change of a stand-in ("|lower|3") gives."""

    events: list[Indexed] = field(default_factory=list)
    turns: list[DigestedTurn] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """JSON values, paths and words by number."""
        paths: dict[str, int] = {}

        def number(path: str) -> int:
            return paths.setdefault(path, len(paths))

        events = [
            [
                event.kind, event.turn, event.tool, event.signature, list(event.words),
                [[number(path), value, element] for path, value, element in event.items],
                {str(element): [list(p) for p in phrases] for element, phrases in event.labels.items()},
                dict(event.arguments), [list(phrase) for phrase in event.phrases],
            ]
            for event in self.events
        ]  # fmt: skip
        turns = [
            [
                turn.events, turn.later, turn.fresh_since,
                [[c.tool, list(c.names), dict(c.values), {n: [list(r) for r in rules] for n, rules in c.rules.items()}]
                 for c in turn.calls],
            ]
            for turn in self.turns
        ]  # fmt: skip
        return {"events": events, "turns": turns, "aliases": self.aliases, "paths": list(paths)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Digest:
        """The digest that `to_document` described."""
        paths = document["paths"]
        digest = cls(aliases=dict(document["aliases"]))
        for kind, turn, tool, signature, words, items, labels, arguments, phrases in document["events"]:
            digest.events.append(
                Indexed(
                    kind, turn, tool, None, signature, [(paths[p], value, element) for p, value, element in items],
                    words, arguments, (), Labels({int(element): names for element, names in labels.items()}),
                    [(number, around) for number, around in phrases],
                )
            )  # fmt: skip
        for events, later, fresh_since, calls in document["turns"]:
            learned = [
                Learned(
                    tool, tuple(names), values, {n: [(rule, source) for rule, source in r] for n, r in rules.items()}
                )
                for tool, names, values, rules in calls
            ]
            digest.turns.append(DigestedTurn(events, learned, keys_of(learned), later, fresh_since))
        return digest


def keys_of(calls: Sequence[Learned]) -> list[Any]:
    """For each call, its key in stand-ins."""
    return [call_key(call.tool, call.values) if len(call.values) == len(call.names) else None for call in calls]


class Digester:
    """Makes the digest of one session while it is being learned from."""

    __slots__ = ("_digest", "_items", "_last", "_resolved", "_stand_ins")

    def __init__(self) -> None:
        self._digest = Digest()
        self._stand_ins: dict[tuple[type, Any], str] = {}
        self._items = 0
        self._resolved: list[tuple[int, ResolvedCall]] = []

    def _stand_in(self, value: Any) -> str:
        key = (type(value), value)
        found = self._stand_ins.get(key)
        if found is None:
            found = self._stand_ins[key] = stand_in(len(self._stand_ins), value)
        return found

    def event(self, event: Indexed) -> None:
        """Take in the next event."""
        self._items += len(event.items)
        if self._items > MAX_ITEMS:
            return
        stand_in = self._stand_in
        arguments = {
            name: stand_in(value) if type(value) in (str, int, float) else f"*{name}"
            for name, value in event.arguments.items()
        }
        items = [(path, stand_in(value), element) for path, value, element in event.items]
        self._digest.events.append(
            Indexed(
                event.kind, event.turn, event.tool, None, event.signature, items, event.words, arguments, (),
                event.labels, event.phrases,
            )
        )  # fmt: skip

    def turn(self, calls: Sequence[Learned], resolved: Sequence[ResolvedCall], later: Sequence[str]) -> None:
        """Take in the next turn, before its events."""
        if self._items > MAX_ITEMS:
            return
        number = len(self._digest.turns)
        learned = []
        fresh = []
        for call in calls:
            values: dict[str, str] = {}
            rules: dict[str, list[tuple[str, Any]]] = {}
            for name, value in call.values.items():
                values[name] = self._stand_in(value)
            for name, found in call.rules.items():
                mine = rules[name] = []
                for rule, source in found:
                    if rule[0] == YEAR:
                        mine.append((rule, None))
                    elif rule[0] == "=":
                        values[name] = self._digest.aliases.setdefault(rule, values.get(name, rule))
                        mine.append((rule, None))
                    else:
                        stand_in = self._stand_in(source)
                        self._digest.aliases[f"{rule.rpartition('|')[2]}|{stand_in}"] = values[name]
                        mine.append((rule, stand_in))
            learned.append(Learned(call.tool, call.names, values, rules))
        for each in resolved:
            since = 0
            for earlier, other in self._resolved:
                if any_overlap(other.claims.writes, each.claims.reads):
                    since = earlier + 1
            fresh.append(since)
        self._resolved.extend((number, each) for each in resolved if each.claims.writes)
        self._digest.turns.append(
            DigestedTurn(len(self._digest.events), learned, keys_of(learned), sorted(later), fresh)
        )

    def finish(self) -> Digest:
        """The whole digest."""
        return self._digest


class Sample:
    """The `size` digests with the smallest hashes: the same whatever order and however split they were seen in."""

    __slots__ = ("_digests", "size")

    def __init__(self, size: int) -> None:
        if size < 0:
            raise ValueError(f"sample must be at least 0, not {size}")
        self.size = size
        self._digests: dict[str, Digest | Mapping[str, Any]] = {}  # as in a file until it is asked for

    def hashes(self) -> list[str]:
        """The hashes, smallest first."""
        return sorted(self._digests)

    def get(self, key: str) -> Digest:
        """The digest of this hash."""
        found = self._digests[key]
        return found if isinstance(found, Digest) else Digest.from_document(found)

    def wants(self, key: str) -> bool:
        """Whether a session with this hash belongs to the sample so far."""
        return len(self._digests) < self.size or (self.size > 0 and key < max(self._digests))

    def add(self, key: str, digest: Digest | Mapping[str, Any]) -> None:
        """Add a digest, if it belongs."""
        if not self.wants(key):
            return
        self._digests[key] = digest
        if len(self._digests) > self.size:
            del self._digests[max(self._digests)]

    def merge(self, other: Sample) -> None:
        """Add the other's digests, those that belong."""
        for key in other.hashes():
            self.add(key, other._digests[key])

    def to_document(self) -> dict[str, Any]:
        """JSON values."""
        out: dict[str, Any] = {}
        for key in self.hashes():
            found = self._digests[key]
            out[key] = found.to_document() if isinstance(found, Digest) else found
        return out

    @classmethod
    def from_document(cls, document: Mapping[str, Any], size: int) -> Sample:
        """The sample that `to_document` described; its digests are read when they are needed."""
        sample = cls(size)
        sample._digests.update(document)
        return sample


def sample_key(session: str, tenant: str | None, calls: Sequence[tuple[str, Any]]) -> str:
    """A hash that stands for one session."""
    text = json.dumps([session, tenant, len(calls), [tool for tool, _ in calls]], ensure_ascii=True)
    return blake2b(text.encode(), digest_size=12).hexdigest()


class StandInValues:
    """Constants and changes in the stand-ins of one digest: a Guesser's `values` while it judges itself."""

    __slots__ = ("_is_open", "aliases")

    def __init__(self, aliases: Mapping[str, str], is_open: Any) -> None:
        self.aliases = aliases
        self._is_open = is_open

    def constant(self, rule: str) -> tuple[bool, Any]:
        """(whether it may be used, its stand-in)."""
        return self._is_open(rule[1:]), self.aliases.get(rule, rule)

    def changed(self, change: str, value: Any) -> Any:
        """The stand-in of the changed value."""
        if change[0] == "=" and not self._is_open(change[1:]):
            return None
        return self.aliases.get(f"{change}|{value}", f"{change}|{value}")
