"""The counts as JSON: every name written once, rows that are equal written once, beside the keys that have them.

    "offers": {"get_order": {"0:12 8:3": "17 18 19"}}

says that the paths named 17, 18 and 19 each offered a value in slot 0 before twelve calls of `get_order`, and in slot
8 before three. Numbers stand for the strings of `names`, and behind "=" for those of the model's sealed and open
values. Tables that prediction starts without are read when they are first asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any

from predictors.pattern.changes import CHANGES
from predictors.pattern.collecting import without_collection
from predictors.pattern.counts import ALL, WIDTH, Counts
from predictors.pattern.pools import SLOTS
from speculate.errors import ModelFileError

MARGIN = 16  # characters around a value that stands on a line of its own: indentation, quotes, comma
LINE = 8  # likewise, of an item of a list that holds nothing but such items
FORMAT = 4  # of the whole document; 1 wrote every path and tool out in every row, 2 had all names in clear, and 3 no
# slot for what follows the value used last
OLDEST = 2  # that is read
SLOTS_BEFORE = 8  # in formats up to 3, before those of pools that got nothing lately

Groups = dict[str, str]  # row -> keys that have it


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def name_weight(name: str) -> int:
    """Characters a file takes for a name."""
    return size(name) + LINE


def size(text: str) -> int:
    """Characters a file takes for a string, in quotes."""
    quoted = encode_basestring(text)
    return len(quoted) if quoted.isascii() else len(quoted.encode("utf-8", "surrogatepass"))


class Names:
    """Strings by number, in the order in which they were first asked for."""

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers))

    def to_document(self) -> list[str]:
        return list(self._numbers)


def number_text(number: float) -> str:
    """A count as short as it can be said without changing it."""
    if type(number) is int:
        return str(number)
    return repr(number) if number != int(number) else str(int(number))


def _number(text: str) -> float:
    return int(text) if text.isdigit() else float(text)


def _grouped(rows: Iterable[tuple[str, str]]) -> Groups:
    """(key, row) by row. The order of the rows is that of their first keys."""
    groups: dict[str, list[str]] = {}
    for key, row in rows:
        groups.setdefault(row, []).append(key)
    return {row: " ".join(keys) for row, keys in groups.items()}


class _Writer:
    """Writes tables with shared names and numbers for the model's values."""

    def __init__(self, names: Names, values: Sequence[str]) -> None:
        self._name = names.number
        self._values = {digest: number for number, digest in enumerate(values)}

    def word(self, key: str) -> str:
        """A key as it is, or by number if it could not be told apart from its neighbours."""
        return f"#{self._name(key)}" if " " in key or key[:1] == "#" else key

    def parts(self, key: str) -> str:
        return "<".join([str(self._name(part)) for part in key.split("<")])

    def path(self, key: str) -> str:
        return str(self._name(key))

    def valued(self, key: str) -> str:
        """ "phrase=digest", the digest by number."""
        head, _, digest = key.rpartition("=")
        number = self._values.get(digest)
        return f"#{self._name(key)}" if number is None or " " in head or head[:1] == "#" else f"{head}={number}"

    def rule(self, rule: str) -> str:
        """A path, a path and a change, a path and a template, or a constant."""
        path, _, change = rule.rpartition("|")
        if change[:1] == "=" and change[1:] in self._values:
            number = f"={self._values[change[1:]]}"
            return f"{self._name(path)}|{number}" if len(change) < len(rule) else number
        return f"{self._name(path)}|{change}" if change in CHANGES and len(change) < len(rule) else self.path(rule)

    def turns(self, row: Mapping[str, float]) -> str:
        """ "turns tool:turns …" """
        cells = [f"{self._name(tool)}:{number_text(row[tool])}" for tool in sorted(row) if tool != ALL]
        return " ".join([number_text(row[ALL]), *cells])

    @staticmethod
    def slots(row: Sequence[float]) -> str:
        """ "slot:turns …", slots in order"""
        return " ".join([f"{slot}:{number_text(turns)}" for slot, turns in enumerate(row) if turns])

    @staticmethod
    def pair(row: Sequence[float]) -> str:
        return " ".join(map(number_text, row))

    @staticmethod
    def table(table: Mapping[str, Any], key: Callable[[str], str], row: Callable[[Any], str]) -> Groups:
        return _grouped((key(each), row(table[each])) for each in sorted(table))

    def tables(
        self, tables: Mapping[str, Mapping[str, Any]], key: Callable[[str], str], row: Callable[[Any], str]
    ) -> dict[str, Groups]:
        return {owner: self.table(tables[owner], key, row) for owner in sorted(tables)}


def write_counts(counts: Counts, names: Names, values: Sequence[str]) -> dict[str, Any]:
    """JSON values, the same in whatever order it was counted. `values`: the digests that numbers stand for."""
    write = _Writer(names, values)
    told = ((f"{number}={digest}", counts.told[number][digest])
            for number in sorted(counts.told) for digest in sorted(counts.told[number]))  # fmt: skip
    return {
        "sessions": counts.sessions,
        "contexts": write.table(counts.contexts, write.parts, write.turns),
        "later": write.table(counts.later, write.parts, write.turns),
        "words": write.table(counts.words, write.word, write.turns),
        "forms": _in_order(counts.forms),
        "kinds": _in_order(counts.kinds),
        "offers": write.tables(counts.offers, write.path, write.slots),
        "takes": {tool: write.tables(counts.takes[tool], write.rule, write.slots) for tool in sorted(counts.takes)},
        "joint": write.tables(counts.joint, write.path, write.slots),
        "reach": write.tables(counts.reach, write.path, write.pair),
        "years": _in_order(counts.years),
        "heard": write.tables(counts.heard, write.word, number_text),
        "links": write.tables(counts.links, write.valued, number_text),
        "told": _grouped((write.valued(key), number_text(count)) for key, count in told),
    }


def _in_order(table: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {key: {name: table[key][name] for name in sorted(table[key])} for key in sorted(table)}


class _Reader:
    """Reads what `_Writer` wrote."""

    def __init__(self, names: Sequence[str], values: Sequence[str], format: int) -> None:
        self._names, self._values = names, values
        self._more_slots = SLOTS - SLOTS_BEFORE if format <= 3 else 0
        self._slots: dict[str, list[float]] = {}  # rows read, without trailing zeros: those of tools are often equal

    def turns(self, text: str) -> dict[str, float]:
        total, *cells = text.split(" ")
        row = {ALL: _number(total)}
        for cell in cells:
            tool, _, turns = cell.partition(":")
            row[self._names[int(tool)]] = _number(turns)
        return row

    def slots(self, text: str) -> list[float]:
        row = self._slots.get(text)
        if row is None:
            row = self._slots[text] = []
            for cell in text.split(" ") if text else ():
                number, _, turns = cell.partition(":")
                slot = int(number)
                if slot >= SLOTS_BEFORE:
                    slot += self._more_slots
                if not len(row) <= slot < WIDTH:
                    raise ValueError(f"{text!r} are no slots and turns")
                row.extend([0] * (slot - len(row)))
                row.append(_number(turns))
        return row

    @staticmethod
    def pair(text: str) -> list[float]:
        return list(map(_number, text.split(" ")))

    def word(self, key: str) -> str:
        return self._names[int(key[1:])] if key[:1] == "#" else key

    def words(self, groups: Groups) -> dict[str, dict[str, float]]:
        return {self.word(key): row.copy() for row, keys in self._rows(groups, self.turns) for key in keys}

    def parts(self, groups: Groups) -> dict[str, dict[str, float]]:
        names = self._names
        return {
            "<".join([names[int(part)] for part in key.split("<")]): row.copy()
            for row, keys in self._rows(groups, self.turns)
            for key in keys
        }

    def paths(self, groups: Groups, read: Callable[[str], list[float]]) -> dict[str, list[float]]:
        names = self._names
        return {names[int(key)]: row.copy() for row, keys in self._rows(groups, read) for key in keys}

    def rules(self, groups: Groups) -> dict[str, list[float]]:
        return {self.rule(key): row.copy() for row, keys in self._rows(groups, self.slots) for key in keys}

    def rule(self, text: str) -> str:
        if text.isdigit():
            return self._names[int(text)]
        path, mark, change = text.rpartition("|")
        if change[0] == "=":
            change = "=" + self._values[int(change[1:])]
        return f"{self._names[int(path)]}|{change}" if mark else change

    def valued(self, key: str) -> str:
        if key[0] == "#":
            return self._names[int(key[1:])]
        head, _, number = key.rpartition("=")
        return f"{head}={self._values[int(number)]}"

    def counted(self, groups: Groups, name: Callable[[str], str]) -> dict[str, float]:
        return {name(key): row for row, keys in self._rows(groups, _number) for key in keys}

    def told(self, groups: Groups) -> dict[str, dict[str, float]]:
        told: dict[str, dict[str, float]] = {}
        for key, count in self.counted(groups, self.valued).items():
            number, _, digest = key.rpartition("=")
            told.setdefault(number, {})[digest] = count
        return told

    @staticmethod
    def _rows(groups: Groups, read: Callable[[str], Any]) -> Iterable[tuple[Any, list[str]]]:
        return ((read(row), keys.split(" ")) for row, keys in groups.items())

    def table(self, name: str, document: Any) -> Any:
        """One table of the counts."""
        match name:
            case "contexts" | "later":
                return self.parts(document)
            case "words":
                return self.words(document)
            case "forms" | "kinds" | "years":
                return {key: dict(row) for key, row in document.items()}
            case "offers" | "joint":
                return {tool: self.paths(groups, self.slots) for tool, groups in document.items()}
            case "reach":
                return {tool: self.paths(groups, self.pair) for tool, groups in document.items()}
            case "takes":
                return {
                    tool: {argument: self.rules(groups) for argument, groups in arguments.items()}
                    for tool, arguments in document.items()
                }
            case "heard":
                return {tool: self.counted(groups, self.word) for tool, groups in document.items()}
            case "links":
                return {owner: self.counted(groups, self.valued) for owner, groups in document.items()}
            case "told":
                return self.told(document)
        raise AttributeError(name)


class StoredCounts(Counts):
    """Counts of a file. A table that was not read yet is read when something asks for it."""

    __slots__ = ("_document", "_reader")

    def __init__(
        self, document: Mapping[str, Any], names: Sequence[str], values: Sequence[str], format: int = FORMAT
    ) -> None:
        """Raises KeyError for a table that is missing, TypeError for one that is no object."""
        self.sessions = document["sessions"]
        self._reader = _Reader(names, values, format)
        self._document = {name: document[name] for name in Counts.__slots__ if name != "sessions"}
        for name, table in self._document.items():
            if not isinstance(table, dict):
                raise TypeError(f"the table {name} is no object")

    def __getattr__(self, name: str) -> Any:
        if name not in Counts.__slots__:
            raise AttributeError(name)
        try:
            with without_collection():
                table = self._reader.table(name, self._document[name])
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise ModelFileError(f"its table {name} is damaged ({error}): train the model again") from error
        setattr(self, name, table)
        return table

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied and pickled as plain counts."""
        return (_plain, ({name: getattr(self, name) for name in Counts.__slots__},))


def _plain(tables: Mapping[str, Any]) -> Counts:
    counts = Counts()
    for name, table in tables.items():
        setattr(counts, name, table)
    return counts


def refuse_other_formats(document: Mapping[str, Any]) -> None:
    """Raises ValueError for a document of a format that is not read."""
    found = document.get("format", 1)
    if type(found) is int and found > FORMAT:
        raise ValueError(f"pattern models of format {found} need a newer version of speculate-runtime")
    if type(found) is not int or found < OLDEST:
        raise ValueError(
            f"it is a pattern model of the format {found!r}, and this version reads formats {OLDEST} to {FORMAT}"
        )
