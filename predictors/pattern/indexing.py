"""One event of a session as the predictor sees it: what it offers, and how it counts as context.

Indexing is the expensive part and happens once for each event. Nothing downstream looks at the event again, so a
session can be replayed from its indexed form alone, with every value replaced by a stand-in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice
from marshal import dumps
from types import MappingProxyType
from typing import Any, NamedTuple

from predictors.pattern.conditions import conditions_of
from predictors.pattern.entries import ENTRY
from predictors.pattern.flatten import MAX_VALUE, Flattener, Item
from predictors.pattern.folders import ROOT, beside, is_folder, joined
from predictors.pattern.modules import imported
from predictors.pattern.nesting import spread
from predictors.pattern.outcomes import outcome
from predictors.pattern.phrases import Phrase, phrases_of
from predictors.pattern.pools import Labels
from predictors.pattern.reading import read
from predictors.pattern.sealing import Segments
from predictors.pattern.text import BUCKETS, bucket, is_identifier_path
from speculate.history import CallMade, Event, ModelText, ResultSeen, UserText

MAX_WORDS = 48
MAX_SAID = 32
MAX_LABEL = 40  # characters
MAX_LABELS = 120  # of one event
MAX_CACHED_WORDS = 50_000
NO_FOLDERS: Mapping[str, str] = {}
NO_HIDDEN: Mapping[str, frozenset[str]] = {}
MAX_ARGUMENTS = 100  # of one call that are looked at
MAX_ADDED = 4  # numbers among the arguments of a call
MAX_RESULTS = 128  # kept, in case they come again: catalogues, lists of types, a record asked for twice
MAX_RESULT = 8_192  # bytes of one of them

_PARTS = re.compile(r"[^\s._/]+")  # of a name

NOTHING: frozenset[str] = frozenset()
NO_ARGUMENTS: Mapping[str, Any] = MappingProxyType({})
UNLABELLED = Labels()


class Indexed(NamedTuple):
    """kind: "U" user, "M" model, "C" call, "R" result. items: (path, value, element) in order."""

    kind: str
    turn: int = -1
    tool: str = ""
    id: str | None = None
    signature: str = ""
    items: Sequence[Item] = ()
    words: Sequence[int] = ()
    arguments: Mapping[str, Any] = NO_ARGUMENTS
    years: Sequence[str] = ()
    labels: Labels = UNLABELLED
    phrases: Sequence[Phrase] = ()


class _Buckets(dict[str, int]):
    """The bucket of a word, a plural "s" left out."""

    __slots__ = ()

    def __missing__(self, word: str) -> int:
        if len(self) > MAX_CACHED_WORDS:
            self.clear()
        stem = word[:-1] if len(word) > 3 and word[-1] == "s" and word[0] != "\x00" else word
        number = self[word] = bucket(stem)
        return number


class _Paths(dict[str, str]):
    """The path of a form in a text: the same string each time, so that it is hashed once."""

    __slots__ = ("_base",)

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def __missing__(self, form: str) -> str:
        if len(self) > MAX_CACHED_WORDS:
            self.clear()
        path = self[form] = self._base + form
        return path


class Indexer:
    """Turns events into their indexed form. Keeps nothing of a session but caches of path strings and words.

    keeps_results: also of what the last results offered, for sessions that are all at hand anyway. hidden: by tool, the
    arguments called sensitive: nothing is taken out of them. seals: of the names that do not stand in clear in paths.
    """

    __slots__ = ("_buckets", "_flattener", "_hidden", "_paths", "_phrases", "_results", "keys")

    def __init__(
        self,
        hidden: Mapping[str, frozenset[str]] = NO_HIDDEN,
        seals: frozenset[str] = frozenset(),
        keeps_results: bool = False,
    ) -> None:
        segments = Segments(seals)
        self.keys = segments.revealed
        self._flattener = Flattener(segments)
        self._hidden = hidden
        self._buckets = _Buckets()
        self._paths = {source: _Paths(source + ":") for source in ("user", "model")}
        self._phrases: dict[str, list[int]] = {}  # a short field -> its words' buckets
        self._results: dict[Any, tuple[Sequence[Item], Labels, str]] | None = {} if keeps_results else None

    def index(self, event: Event, year: str | None, folders: Mapping[str, str] = NO_FOLDERS) -> Indexed:
        """The indexed form; `year` is the one that dates without a year are taken to lie in, `folders` those that
        the session has named (see `State.folders`)."""
        if isinstance(event, UserText):
            items, words, phrases = self._text("user", event.text, year)
            root = folders.get(ROOT) or next((v for path, v, _ in items if path == "user:path" and is_folder(v)), None)
            items += joined([item for item in items if item[0] == "user:path"], None, root)
            return Indexed("U", signature="U", items=items, words=words, years=_years(items), phrases=phrases)
        if isinstance(event, ModelText):
            items, words, _ = self._text("model", event.text, year)
            return Indexed("M", event.turn, items=items, words=words)
        if isinstance(event, CallMade):
            arguments = dict(event.arguments)
            if len(arguments) > MAX_ARGUMENTS:
                arguments = dict(islice(arguments.items(), MAX_ARGUMENTS))
            hidden = self._hidden.get(event.tool, NOTHING)
            shown = arguments if hidden.isdisjoint(arguments) else _without_parts(arguments, hidden)
            items, _ = self._flattener.items(event.tool + "(", shown, year)
            more = [
                (path + "+1", value + 1, element)
                for path, value, element in items
                if type(value) is int and -(1 << 53) < value < 1 << 53
            ]
            more += _sums(more)
            root = folders.get(ROOT)
            if root is not None:
                more += [item for item in joined(items, None, root) if item[0].endswith("|relative")]
            return Indexed(
                "C", event.turn, event.tool, event.id, items=items + more, arguments=spread(arguments, hidden)
            )
        return self._result(event, year, folders)

    def _result(self, event: ResultSeen, year: str | None, folders: Mapping[str, str]) -> Indexed:
        value = event.value
        if value is None and event.raised:
            value = event.raised
        items, labels, found = self._offered(event.tool if event.ok else event.tool + "!", value, year)
        if folders:
            own, root = folders.get(event.id), folders.get(ROOT)
            if own is None or is_folder(own):
                more = joined(items, own, root)
            else:
                more = [*joined(items, None, root), *beside(items, own), *imported(items, own)]
            if more:
                items = [*items, *more]
        signature = event.tool + ">" + outcome(event.ok, event.known, event.value, found)
        return Indexed("R", -1, event.tool, event.id, signature, items, years=_years(items), labels=labels)

    def _offered(self, name: str, value: Any, year: str | None) -> tuple[Sequence[Item], Labels, str]:
        """The items of a result, what its elements are called, and the outcome its text holds; looked up, if the same
        came lately."""
        if value is None:
            return (), UNLABELLED, ""
        results = self._results
        text = b""
        if results is not None:
            with suppress(ValueError):  # no JSON value
                text = dumps(value, 2)  # of this version: the same for equal values of the same types
            found = results.get((name, year, text))
            if found is not None:
                return found
        items, _ = self._flattener.items(name, value, year)
        labels = self._labels(items)
        if items and items[-1][2] > 1:
            items += conditions_of(items, self._flattener.flags)
        found = items, labels, self._flattener.found
        if results is not None and 0 < len(text) <= MAX_RESULT:
            if len(results) >= MAX_RESULTS:
                results.clear()
            results[name, year, text] = found
        return found

    def _labels(self, items: Sequence[Item]) -> Labels:
        """For each element, the words of its short fields of plain words: what a person would call it."""
        labels: dict[int, list[list[int]]] = {}
        count = 0
        phrases = self._phrases
        for _, value, element in items:
            if 0 < element < ENTRY and type(value) is str and 0 < len(value) <= MAX_LABEL and value[0].isalpha():
                count += 1
                if count > MAX_LABELS:
                    break
                phrase = phrases.get(value)
                if phrase is None:
                    phrase = self._phrase(value)
                if phrase:
                    mine = labels.get(element)
                    if mine is None:
                        labels[element] = [phrase]
                    else:
                        mine.append(phrase)
        for element, value in islice(self._flattener.called, max(0, MAX_LABELS - count)):
            if phrase := phrases.get(value) or self._phrase(value):
                labels.setdefault(element, []).append(phrase)
        parents = self._flattener.parents
        if parents:
            for element in [*labels]:
                if element in parents:
                    labels.setdefault(parents[element], []).extend(labels[element])
        return Labels(labels) if labels else UNLABELLED

    def _phrase(self, value: str) -> list[int]:
        phrases = self._phrases
        if len(phrases) > MAX_CACHED_WORDS:
            phrases.clear()
        words = _PARTS.findall(value.lower()) if "." in value else value.lower().split()  # a file's name, or others
        found = phrases[value] = [self._buckets[word] for word in words if len(word) > 2]
        return found

    def _text(self, source: str, text: str, year: str | None) -> tuple[list[Item], list[int], list[Phrase]]:
        spans, words = read(text, year)
        paths = self._paths[source]
        items: list[Item] = [(paths[form], value, 0) for form, value in spans if len(value) <= MAX_VALUE]
        if 0 < len(text) <= MAX_VALUE:
            items.append((source, text.strip(), 0))
        phrases = phrases_of(words) if source == "user" else []
        words = words[-MAX_SAID:] if source == "model" else words[:MAX_WORDS]
        numbers = list(dict.fromkeys(map(self._buckets.__getitem__, words)))
        if source == "user":
            numbers += self._named(items)
        return items, numbers, phrases

    def _named(self, items: Sequence[Item]) -> Sequence[int]:
        """The words in names of files and functions that the user typed, beyond those of other words."""
        names = {
            value.rstrip("/").rpartition("/")[2]: None
            for path, value, _ in items
            if is_identifier_path(path) and "@" not in value and not any(map(str.isdigit, value))
        }
        parts = [part for name in names for part in (*name.lower().split("."), *_PARTS.findall(name.lower()))]
        words = dict.fromkeys(part for part in parts if len(part) > 2)
        return [BUCKETS + self._buckets[word] for word in islice(words, MAX_WORDS)]


def _without_parts(arguments: Mapping[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    """The arguments without those called sensitive that have parts, of which keys might be learned."""
    return {
        name: value
        for name, value in arguments.items()
        if name not in hidden
        or not (
            type(value) in (dict, list)
            or (type(value) is str and (value[:1] in {"{", "["} or "\n" in value or "?" in value))
        )
    }


def _sums(following: Sequence[Item]) -> list[Item]:
    """Where the next page begins: an offset and the size of a page added up, whichever is which."""
    if not 1 < len(following) <= MAX_ADDED:
        return []
    return [
        (f"{path}{other}", value + size - 2, 0)
        for number, (path, value, _) in enumerate(following)
        for other, size, _ in following[:number]
    ]


def _years(items: Sequence[Item]) -> list[str]:
    """The years of full dates among them; the whole date of one that was stated as today."""
    return [
        value if path.endswith(":today") else value[:4]
        for path, value, _ in items
        if type(value) is str
        and len(value) == 10
        and value[4] == "-" == value[7]
        and path[-1] != "d"
        and value[:4].isdigit()
    ][:MAX_LABELS]
