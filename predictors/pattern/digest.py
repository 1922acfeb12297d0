"""A session without its values: what calibration is learned from.

Every value is replaced by a stand-in that means something within this session alone ("0", "1", …); what is left is
which values are equal, where they came from and which calls were made of them. So a model file can keep a sample of
sessions, judge itself on them as they would have been predicted without them, and do so again after a merge.

Names of fields are always sealed in a sample: what it weighs must not depend on which of them are open.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Protocol

from predictors.pattern.calling import call_key
from predictors.pattern.indexing import Indexed
from predictors.pattern.kinds import stand_in
from predictors.pattern.learning import YEAR, Learned
from predictors.pattern.sealing import is_countable, seal_of
from speculate.resources import any_overlap
from speculate.spec import ResolvedCall, ToolSpec

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


def keys_of(calls: Sequence[Learned]) -> list[Any]:
    """For each call, its key in stand-ins."""
    return [call_key(call.tool, call.values) if len(call.values) == len(call.names) else None for call in calls]


class _StandIns(dict[tuple[type, Any], str]):
    """What stands for each value, told from equal ones of other types."""

    __slots__ = ()

    def __missing__(self, key: tuple[type, Any]) -> str:
        found = self[key] = stand_in(len(self), key[1])
        return found


class Digester:
    """Makes the digest of one session while it is being learned from."""

    __slots__ = ("_digest", "_items", "_last", "_resolved", "_stand_ins")

    def __init__(self) -> None:
        self._digest = Digest()
        self._stand_ins = _StandIns()
        self._items = 0
        self._resolved: list[tuple[int, ResolvedCall]] = []

    def _stand_in(self, value: Any) -> str:
        return self._stand_ins[type(value), value]

    def event(self, event: Indexed) -> None:
        """Take in the next event."""
        self._items += len(event.items)
        if self._items > MAX_ITEMS:
            return
        stand_in = self._stand_in
        arguments = {
            name: stand_in(value) if type(value) in (str, int, float) else f"*{seal_of(name)}"
            for name, value in event.arguments.items()
            if is_countable(name)
        }
        stand_ins = self._stand_ins
        items = [(path, stand_ins[type(value), value], element) for path, value, element in event.items]
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


class Stored(Protocol):
    """A digest in a file, or a session that is not digested yet."""

    def read(self) -> Digest: ...


class Undigested:
    """A session as it was learned from: only what stays in the sample is digested, and that at the end."""

    __slots__ = ("_steps",)

    def __init__(self) -> None:
        self._steps: list[
            Indexed | tuple[Sequence[Learned], Sequence[tuple[ToolSpec, Mapping[str, Any]]], list[str]]
        ] = []

    def event(self, event: Indexed) -> None:
        """Take in the next event."""
        self._steps.append(event)

    def turn(
        self, calls: Sequence[Learned], made: Sequence[tuple[ToolSpec, Mapping[str, Any]]], later: list[str]
    ) -> None:
        """Take in the next turn, before its events."""
        self._steps.append((calls, made, later))

    def read(self) -> Digest:
        """The whole digest."""
        digester = Digester()
        for step in self._steps:
            if isinstance(step, Indexed):
                digester.event(step)
            else:
                calls, made, later = step
                digester.turn(calls, [spec.resolve(arguments) for spec, arguments in made], later)
        return digester.finish()


class Sample:
    """The `size` digests with the smallest hashes: the same whatever order and however split they were seen in.

    `ceiling`: the smallest hash left out because the digests below it were too large together; None while the sample
    is full, since then its own largest hash is the bound.
    """

    __slots__ = ("ceiling", "digests", "size")

    def __init__(self, size: int) -> None:
        if size < 0:
            raise ValueError(f"sample must be at least 0, not {size}")
        self.size = size
        self.ceiling: str | None = None
        self.digests: dict[str, Digest | Stored] = {}

    def hashes(self) -> list[str]:
        """The hashes, smallest first."""
        return sorted(self.digests)

    def get(self, key: str) -> Digest:
        """The digest of this hash."""
        found = self.digests[key]
        return found if isinstance(found, Digest) else found.read()

    def complete(self, seal: Callable[[Digest], Digest]) -> None:
        """Digest what is not digested yet: until then, it is kept with its values. seal: seals the names in it."""
        for key, found in self.digests.items():
            if isinstance(found, Undigested):
                self.digests[key] = seal(found.read())

    def wants(self, key: str) -> bool:
        """Whether a session with this hash belongs to the sample so far."""
        if self.ceiling is not None and key >= self.ceiling:
            return False
        return len(self.digests) < self.size or (self.size > 0 and key < max(self.digests))

    def add(self, key: str, digest: Digest | Stored) -> None:
        """Add a digest, if it belongs."""
        if not self.wants(key):
            return
        self.digests[key] = digest
        if len(self.digests) > self.size:
            del self.digests[max(self.digests)]
        self._settle()

    def merge(self, other: Sample) -> None:
        """Add the other's digests, those that belong."""
        if other.ceiling is not None:
            self._leave_out_from(other.ceiling)
        for key in other.hashes():
            self.add(key, other.digests[key])
        self._settle()

    def bound(self, limit: int, weight: Callable[[Digest | Stored], int]) -> None:
        """Leave out the digests that would take the weight of all, the smallest hashes first, above the limit."""
        total = 0
        for key in self.hashes():
            total += weight(self.digests[key])
            if total > limit:
                self._leave_out_from(key)
                break

    def _settle(self) -> None:
        """Forget the ceiling of a full sample: a part of these sessions may have had one that all of them never had."""
        if len(self.digests) >= self.size:
            self.ceiling = None

    def _leave_out_from(self, ceiling: str) -> None:
        self.ceiling = ceiling if self.ceiling is None else min(ceiling, self.ceiling)
        self.digests = {key: digest for key, digest in self.digests.items() if key < self.ceiling}


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

    def all_of(self, change: str, values: Sequence[Any]) -> Any:
        """The stand-in of all these values as one, told by the first."""
        return self.changed(change, values[0])

    def changed(self, change: str, value: Any) -> Any:
        """The stand-in of the changed value."""
        if change[0] == "=" and not self._is_open(change[1:]):
            return None
        return self.aliases.get(f"{change}|{value}", f"{change}|{value}")
