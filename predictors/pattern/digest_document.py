"""A digested session as JSON: names by number, stand-ins by their own number, an event a line.

An event is "kind turn tool signature;words;items;labels;arguments;phrases": items are "path:value" or
"path:value:element", labels "element:words/words", arguments "name=value", phrases as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from predictors.pattern.digest import Digest, DigestedTurn, Sample, Stored, keys_of
from predictors.pattern.document import LINE, Names, dumps, name_weight
from predictors.pattern.indexing import Indexed
from predictors.pattern.kinds import MARK
from predictors.pattern.learning import Learned
from predictors.pattern.pools import Labels


class _Values:
    """Stand-ins by the number they carry, anything else by name."""

    def __init__(self, names: Names) -> None:
        self._name = names.number
        self._texts: dict[Any, str] = {}
        self._kinds: dict[str, str] = {}  # number -> kind

    def text(self, value: Any) -> str:
        found = self._texts.get(value)
        if found is None:
            number, mark, kind = value[1:].partition("~") if value[:1] == MARK else ("", "", "")
            if (
                mark
                and number.isdigit()
                and str(int(number)) == number
                and self._kinds.setdefault(number, kind) == kind
            ):
                found = number
            else:
                found = f"#{self._name(value)}"
            self._texts[value] = found
        return found

    def kinds(self) -> dict[str, str]:
        """kind -> the numbers of that kind."""
        groups: dict[str, list[str]] = {}
        for number, kind in self._kinds.items():
            groups.setdefault(kind, []).append(number)
        return {kind: " ".join(groups[kind]) for kind in groups}


def write_digest(digest: Digest, names: Names) -> dict[str, Any]:
    """JSON values."""
    values = _Values(names)
    events = [_event(event, names.number, values.text) for event in digest.events]
    turns = [
        [
            turn.events, [names.number(tool) for tool in turn.later], turn.fresh_since,
            [_call(call, names.number, values.text) for call in turn.calls],
        ]
        for turn in digest.turns
    ]  # fmt: skip
    aliases = [[alias, values.text(value)] for alias, value in digest.aliases.items()]
    return {"kinds": values.kinds(), "events": events, "turns": turns, "aliases": aliases}


def _event(event: Indexed, name: Callable[[str], int], value: Callable[[Any], str]) -> str:
    phrases = []
    for number, around in event.phrases:
        is_plain = not {" ", ";", "#"}.intersection(around)
        phrases.append(f"{number}<{around if is_plain else f'#{name(around)}'}")
    return ";".join(
        (
            f"{event.kind} {event.turn} {name(event.tool)} {name(event.signature)}",
            " ".join(map(str, event.words)),
            " ".join([f"{name(path)}:{value(item)}" + (f":{element}" if element else "")
                      for path, item, element in event.items]),
            " ".join([f"{element}:" + "/".join([",".join(map(str, phrase)) for phrase in labels])
                      for element, labels in event.labels.items()]),
            " ".join([f"{name(argument)}={value(item)}" for argument, item in event.arguments.items()]),
            " ".join(phrases),
        )
    )  # fmt: skip


def _call(call: Learned, name: Callable[[str], int], value: Callable[[Any], str]) -> list[Any]:
    rules = [
        [name(argument), [[name(rule), None if source is None else value(source)] for rule, source in found]]
        for argument, found in call.rules.items()
    ]
    values = [[name(argument), value(item)] for argument, item in call.values.items()]
    return [name(call.tool), [name(each) for each in call.names], values, rules]


def read_digest(document: Mapping[str, Any], names: Sequence[str]) -> Digest:
    """The digest that `write_digest` described. Raises ValueError, KeyError, IndexError or TypeError."""
    values = {
        number: f"{MARK}{number}~{kind}" for kind, numbers in document["kinds"].items() for number in numbers.split(" ")
    }

    def value(text: str) -> str:
        return names[int(text[1:])] if text[0] == "#" else values[text]

    digest = Digest(aliases={alias: value(text) for alias, text in document["aliases"]})
    digest.events.extend(_read_event(text, names, value) for text in document["events"])
    for events, later, fresh_since, calls in document["turns"]:
        learned = [
            Learned(
                names[tool],
                tuple(names[each] for each in arguments),
                {names[argument]: value(item) for argument, item in given},
                {
                    names[argument]: [
                        (names[rule], None if source is None else value(source)) for rule, source in found
                    ]
                    for argument, found in rules
                },
            )
            for tool, arguments, given, rules in calls
        ]
        digest.turns.append(
            DigestedTurn(events, learned, keys_of(learned), [names[tool] for tool in later], list(fresh_since))
        )
    return digest


def _parts(text: str) -> Iterable[str]:
    return text.split(" ") if text else ()


def _read_event(text: str, names: Sequence[str], value: Callable[[str], str]) -> Indexed:
    head, words, items, labels, arguments, phrases = text.split(";")
    kind, turn, tool, signature = head.split(" ")
    found = []
    for item in _parts(items):
        path, _, rest = item.partition(":")
        number, _, element = rest.partition(":")
        found.append((names[int(path)], value(number), int(element or 0)))
    named: dict[int, list[list[int]]] = {}
    for label in _parts(labels):
        element, _, rest = label.partition(":")
        named[int(element)] = [list(map(int, phrase.split(","))) for phrase in rest.split("/")]
    given = {}
    for argument in _parts(arguments):
        name, _, number = argument.partition("=")
        given[names[int(name)]] = value(number)
    heard = []
    for phrase in _parts(phrases):
        number, _, around = phrase.partition("<")
        heard.append((int(number), names[int(around[1:])] if around[:1] == "#" else around))
    return Indexed(
        kind, int(turn), names[int(tool)], None, names[int(signature)], found, list(map(int, _parts(words))), given, (),
        Labels(named), heard,
    )  # fmt: skip


class StoredDigest:
    """A digest in a file, read when it is asked for."""

    __slots__ = ("_document", "_names")

    def __init__(self, document: Mapping[str, Any], names: Sequence[str]) -> None:
        self._document, self._names = document, names

    def read(self) -> Digest:
        return read_digest(self._document, self._names)


def weight_of(digest: Digest | Stored) -> int:
    """Characters a file takes for a digest at most, with all the names it uses. The same wherever it is kept."""
    names = Names()
    document = write_digest(digest if isinstance(digest, Digest) else digest.read(), names)
    lines = len(document["events"]) + len(document["turns"]) + len(document["aliases"]) + len(document["kinds"])
    own = len(dumps(document).encode("utf-8", "surrogatepass"))
    return own + LINE * (lines + 8) + sum(map(name_weight, names.to_document()))


def write_sample(sample: Sample, names: Names) -> dict[str, Any]:
    """JSON values."""
    digests = {key: write_digest(sample.get(key), names) for key in sample.hashes()}
    return {"size": sample.size, "ceiling": sample.ceiling, "digests": digests}


def read_sample(document: Mapping[str, Any], names: Sequence[str]) -> Sample:
    """The sample that `write_sample` described; its digests are read when they are needed."""
    sample = Sample(int(document["size"]))
    ceiling = document["ceiling"]
    sample.ceiling = None if ceiling is None else str(ceiling)
    sample.digests.update({key: StoredDigest(each, names) for key, each in document["digests"].items()})
    return sample
