"""Fields of one record, taken together: an element of a list, the top of a result, the arguments of an earlier call.

A joint rule says from which fields of one record several arguments of one call come, as "argument=path" pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from predictors.pattern.flatten import Item

MAX_FIELDS = 24
MAX_RECORDS = 24  # of one group
MAX_GROUPS = 60
MAX_WAITING = 64  # events
MAX_LOOKED_AT = 160  # records, for one call
MAX_MATCHED = 48  # of them that hold several of its arguments
JOIN = "&"
PAIR = "\x1e"

Record = tuple[int, int, dict[str, Any]]  # event, element, path -> value


class Records:
    """The records of a session by group: the path that all records of a list share."""

    __slots__ = ("_explained", "_groups", "_waiting")

    def __init__(self) -> None:
        self._groups: dict[str, list[Record]] = {}
        self._waiting: list[tuple[Sequence[Item], int]] = []  # of events that nobody asked about yet
        self._explained: tuple[list[tuple[str, type, Any]], dict[str, Record]] | None = None

    def add(self, items: Sequence[Item], event: int) -> None:
        """Take in the records of one event: many sessions never ask for any."""
        if len(items) > 1:
            self._waiting.append((items, event))
            self._explained = None
            if len(self._waiting) > MAX_WAITING:
                self._take_in()

    def catch_up(self) -> None:
        """Take in what waits, if anybody ever asked for records."""
        if self._waiting and self._groups:
            self._take_in()

    @property
    def groups(self) -> dict[str, list[Record]]:
        """The records by group, oldest first."""
        if self._waiting:
            self._take_in()
        return self._groups

    def _take_in(self) -> None:
        for items, event in self._waiting:
            self._add(items, event)
        self._waiting.clear()

    def _add(self, items: Iterable[Item], event: int) -> None:
        fields: dict[int, dict[str, Any]] = {}
        last = -1
        record: dict[str, Any] = {}
        for path, value, element in items:
            if element != last:
                last = element
                found = fields.get(element)
                if found is None:
                    if len(fields) > MAX_RECORDS:
                        break
                    found = fields[element] = {}
                record = found
            if len(record) < MAX_FIELDS and (type(value) is not str or len(value) <= 60) and ":" not in path:
                record.setdefault(path, value)
        groups = self._groups
        for element, record in fields.items():
            if len(record) < 2:
                continue
            group = group_of(next(iter(record)), element)
            rows = groups.get(group)
            if rows is None:
                if len(groups) >= MAX_GROUPS:
                    continue
                rows = groups[group] = []
            rows.append((event, element, record))
            if len(rows) > MAX_RECORDS:
                del rows[0]

    def copy(self) -> Records:
        """An independent copy."""
        new = Records()
        new._groups = {group: list(rows) for group, rows in self._groups.items()}
        new._waiting = list(self._waiting)
        return new

    def explain(self, values: Mapping[str, Any]) -> dict[str, Record]:
        """Joint rules that give at least two of these arguments: rule -> the latest record that does."""
        if len(values) < 2:
            return {}
        asked = [(name, type(value), value) for name, value in values.items()]
        if self._explained is not None and self._explained[0] == asked:
            return self._explained[1]
        found: dict[str, Record] = {}
        self._explained = (asked, found)
        wanted = set(values.values())
        least = min(2, len(wanted))
        names = sorted(values)
        looked = matched = 0
        for group, rows in self.groups.items():
            best = 2  # of one group, only the rules that cover most
            mine: dict[str, Record] = {}
            for record in reversed(rows):
                looked += 1
                if looked > MAX_LOOKED_AT or matched > MAX_MATCHED:
                    break
                fields = record[2]
                common = wanted.intersection(fields.values())
                if len(common) < least:
                    continue
                matched += 1
                pairs = []
                for name in names:
                    value = values[name]
                    if value in common:
                        path = _field(fields, name, value)
                        if path is not None:
                            pairs.append(f"{name}={path}")
                if len(pairs) > best:
                    best = len(pairs)
                    mine.clear()
                if len(pairs) == best:
                    mine.setdefault(group + JOIN + PAIR.join(pairs), record)
            found.update(mine)
        return found


def _field(fields: Mapping[str, Any], name: str, value: Any) -> str | None:
    """The field that holds the value, one of the argument's own name before others."""
    best = None
    for path, held in fields.items():
        if held == value and type(held) is type(value):
            if path.endswith((f".{name}", f"({name})")):
                return path
            if best is None:
                best = path
    return best


def group_of(path: str, element: int) -> str:
    """The group of a record, told by one of its fields."""
    if element:
        end = max(path.rfind("[]"), path.rfind(".*"))
        if end >= 0:
            return path[: end + 2]
        return path.partition("{")[0]
    start = path.find("(")
    return path[: start + 1] if start >= 0 else path.partition(".")[0]


def parse(rule: str) -> tuple[str, dict[str, str]]:
    """(group, argument -> path) of a joint rule."""
    group, _, pairs = rule.partition(JOIN)
    return group, {name: path for name, _, path in (pair.partition("=") for pair in pairs.split(PAIR))}


def ranked(
    rows: Sequence[Record], paths: Mapping[str, str], made: Sequence[Mapping[str, Any]]
) -> list[tuple[int, Record]]:
    """(slot, record), the likeliest kinds first: the unused one after the one used last (6), unused ones of the latest
    event in order (0, 1, 2 for all further), of earlier events' unused ones the last (3) and the first (4), used
    ones (5). As if the latest of them came just now: else `pools.STALE` comes on top."""
    latest = rows[-1][0]
    calls: dict[tuple[Any, ...], int] = {}  # arguments -> number of the last call made of them
    for number, arguments in enumerate(made):
        try:
            calls[tuple([arguments.get(name) for name in paths])] = number
        except TypeError:  # a container is no field of a record
            continue
    fields_of = list(paths.values())
    given: list[tuple[Record, int]] = []  # record, number of the last call made of it (-1: none)
    last = -1
    last_at = -1
    for record in rows:
        fields = record[2]
        values = [fields.get(path) for path in fields_of]
        if None not in values:
            used = calls.get(tuple(values), -1) if calls else -1
            if used > last:
                last, last_at = used, len(given)
            given.append((record, used))
    out: list[tuple[int, Record]] = []
    follower = None
    if last == len(made) - 1 and last >= 0:
        for record, used in given[last_at + 1 :]:
            if used < 0:
                follower = record
                out.append((6, record))
                break
    rank = 0
    before: list[Record] = []
    again: list[tuple[int, Record]] = []
    for record, used in given:
        if record is follower:
            continue
        if used >= 0:
            again.append((5, record))
        elif record[0] != latest:
            before.append(record)
        elif rank < 4:
            out.append((min(rank, 2), record))
            rank += 1
    if before:
        out.append((3, before[-1]))
        if len(before) > 1:
            out.append((4, before[0]))
    return out + again[-1:]
