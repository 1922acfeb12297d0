"""Which values say where they came from, and where each was first seen in a session.

An argument that equals a value of an earlier result very likely came from it, unless the value is one that occurs
everywhere: a small number, a boolean, a very short or common word. Values are compared as text, stripped and
casefolded, "#" and "$" left off, so that 17 and "17", "#W12" and "w12" are the same value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_VALUE = 256  # characters: longer strings are texts, searched for values but not values themselves
MIN_TEXT = 24  # characters: shorter strings without a blank are only values
LONG_TEXT = 40  # characters: tools seldom return a text of this length that the model then passes on word for word
MAX_TEXT = 65_536
MAX_SESSION_TEXT = 4_194_304  # characters of text searched in one session
MAX_LEAVES = 4_096  # values read of one result
MAX_DEPTH = 24
LEAF_BYTES = 160  # what one different value in a parsed result takes, about
SMALL_NUMBER = 100  # whole numbers below it occur everywhere
MIN_WORD = 3

# fmt: off
COMMON = frozenset({
    "true", "false", "yes", "no", "none", "null", "nil", "ok", "okay", "error", "success", "failed", "failure",
    "unknown", "n/a", "default", "all", "any", "asc", "desc", "open", "closed", "active", "pending", "done",
    "low", "medium", "high", "usd", "eur", "get", "post", "put", "json", "text", "html", "utf-8", "en", "the",
})
# fmt: on
_TOKEN = re.compile(r"[a-z0-9_][a-z0-9_./:@%+-]{2,}[a-z0-9_]")
_STRIPPED = " \t\r\n#$"


def comparable(value: Any) -> str | None:
    """The text by which a value is compared; None for what is no value (null, booleans, containers, empty text)."""
    kind = type(value)
    if kind is str:
        return value.strip(_STRIPPED).casefold() or None
    if kind is int:
        return str(value)
    if kind is float:
        return str(int(value)) if value.is_integer() else repr(value)
    return None


def is_telling(text: str) -> bool:
    """Whether this comparable value is rare enough for its origin to mean something."""
    if len(text) < MIN_WORD or text in COMMON:
        return False
    return not (text.isdecimal() and int(text) < SMALL_NUMBER)


def tokens(text: str, limit: int) -> list[str]:
    """The first `limit` distinct words, paths and identifiers of at least four characters in casefolded text."""
    found: dict[str, None] = {}
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token not in COMMON:
            found[token] = None
            if len(found) >= limit:
                break
    return list(found)


def contains_word(text: str, word: str) -> bool:
    """Whether `word` stands in `text` as a whole, not as a piece of a longer word or number."""
    start = text.find(word)
    while start != -1:
        end = start + len(word)
        if not (
            (start > 0 and text[start - 1].isalnum() and word[0].isalnum())
            or (end < len(text) and text[end].isalnum() and word[-1].isalnum())
        ):
            return True
        start = text.find(word, start + 1)
    return False


def _is_identifying(key: str) -> bool:
    """Whether an object's key is data ("credit_card_7952624", "T-Shirt") rather than the name of a field."""
    return not key.isidentifier() or any(character.isdigit() for character in key)


class _KeyKinds(dict[str, bool]):
    """Remembers which keys are data: the same few field names come by the million."""

    LIMIT = 10_000

    def __missing__(self, key: str) -> bool:
        if len(self) >= self.LIMIT:
            self.clear()
        self[key] = kind = len(key) <= MAX_VALUE and _is_identifying(key)
        return kind


_key_kinds = _KeyKinds()


def decoded(value: Any) -> Any:
    """Text that is a JSON object or array is read; anything else stays as it is."""
    if type(value) is str and 1 < len(value) <= MAX_TEXT and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of every scalar in a JSON value, list positions written "[]"; at most MAX_LEAVES.

    Keys that are data, as in {"card_17": {…}}, are values too, under the path "….{}".
    """
    left = MAX_LEAVES
    stack: list[tuple[str, Any, int]] = [(path, value, 0)]
    while stack:
        path, value, depth = stack.pop()
        kind = type(value)
        if kind is dict:
            if depth >= MAX_DEPTH:
                continue
            inner = []
            for key, item in value.items():
                if _key_kinds[key]:
                    yield path + ".{}", key
                    left -= 1
                    key = "{}"
                if type(item) in (dict, list):
                    inner.append((f"{path}.{key}", item, depth + 1))
                elif item is not None:
                    yield f"{path}.{key}", item
                    left -= 1
                if left <= 0:
                    return
            stack.extend(reversed(inner))
        elif kind is list:
            if depth >= MAX_DEPTH:
                continue
            path += "[]"
            inner = []
            for item in value:
                if type(item) in (dict, list):
                    inner.append((path, item, depth + 1))
                elif item is not None:
                    yield path, item
                    left -= 1
                if left <= 0:
                    return
            stack.extend(reversed(inner))
        else:
            yield path, value
            left -= 1


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was first seen.

    since: the first turn at which it was known (what a turn itself wrote was known to it). kind: "user", "result",
    "argument" or "model". call: the number, in the session, of the call whose result or argument it was.
    place: the path within ("orders[].id"), with the tool in front.
    """

    since: int
    kind: str
    call: int | None
    place: str


_Text = tuple[str, int, str, int | None, str]


def _search(texts: list[_Text], start: int, word: str) -> tuple[int, Origin | None]:
    """Where the word first stands in these texts from `start` on, and up to where they were searched."""
    for position in range(start, len(texts)):
        content = texts[position][0]
        if word in content and contains_word(content, word):
            return position, Origin(*texts[position][1:])
    return len(texts), None


class Seen:
    """What one session has shown so far: values by their first origin, and texts to search, oldest first."""

    __slots__ = ("_left", "_lists", "_model_texts", "_texts", "_user_texts", "_values", "_words", "weight")

    def __init__(self) -> None:
        self._values: dict[str, tuple[int, str, int | None, str]] = {}
        self._texts: list[_Text] = []
        self._model_texts: list[_Text] = []
        self._user_texts: list[_Text] = []
        self._lists: dict[tuple[int | None, str], int] = {}
        self._words: dict[str, list[Any]] = {}  # texts searched so far, model texts so far, and what was found in each
        self._left = MAX_SESSION_TEXT
        self.weight = 0  # about how many bytes were shown

    def add_text(self, text: str, since: int, kind: str, call: int | None, place: str) -> None:
        """A text to be searched for values. What the model wrote is searched last."""
        folded = text[:MAX_TEXT].casefold()
        self.weight += len(folded)
        if self._left <= 0:
            return
        self._left -= len(folded)
        entry = (folded, since, kind, call, place)
        (self._model_texts if kind == "model" else self._texts).append(entry)
        if kind == "user":
            self._user_texts.append(entry)

    def add(self, value: Any, since: int, kind: str, call: int | None, place: str) -> None:
        """Every scalar of a JSON value, and its longer strings as texts."""
        values, lists = self._values, self._lists
        before = len(values)
        for path, leaf in leaves(value, place):
            if "[]" in path:
                lists[call, path] = lists.get((call, path), 0) + 1
            if type(leaf) is str and (len(leaf) >= MIN_TEXT or " " in leaf):
                self.add_text(leaf, since, kind, call, path)
                if len(leaf) > MAX_VALUE:
                    continue
            text = comparable(leaf)
            if text is not None and text not in values:
                values[text] = (since, kind, call, path)
        self.weight += LEAF_BYTES * (len(values) - before)

    def siblings(self, call: int, place: str) -> int:
        """How many values that call's result has at this place: the length of the list, 1 where there is none."""
        return self._lists.get((call, place), 1)

    def value(self, text: str) -> Origin | None:
        """Where this comparable value first stood, as a value of its own."""
        found = self._values.get(text)
        return None if found is None else Origin(*found)

    def word(self, text: str, before: int | None = None) -> Origin | None:
        """Where this comparable value first stood within a text; `before`: only if known before that turn.

        What the user typed and what tools returned is searched before what the model wrote. Words come again and
        again, so each is looked up only in texts that are new since it was last asked for.
        """
        known = self._words.get(text)
        if known is None:
            known = self._words[text] = [0, 0, None, None]
        if known[2] is None:
            known[0], known[2] = _search(self._texts, known[0], text)
        found = known[2]
        if found is None or (before is not None and found.since >= before):
            if known[3] is None:
                known[1], known[3] = _search(self._model_texts, known[1], text)
            found = known[3] or found
        return None if found is None or (before is not None and found.since >= before) else found

    def find(self, text: str) -> Origin | None:
        """The earlier of the two. A long text is looked for as a value, and in what the user typed, only."""
        value = self.value(text)
        if len(text) > LONG_TEXT:
            return value or _search(self._user_texts, 0, text)[1]
        if value is None:
            return self.word(text)
        return (self.word(text, value.since) if value.since else None) or value
