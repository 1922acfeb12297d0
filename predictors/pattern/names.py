"""Whether a field is called like an argument: `file_id`, `fileId` and `file-id` from the `id` of one of the `files`.

What is left where nothing was learned: names alone. No name is special but those of formats (an address, a path).
"""

from __future__ import annotations

import re
from functools import lru_cache
from zlib import crc32

EXACT, OWNED, WITHIN, FORMAT = 0, 1, 2, 3  # how well a path fits, best first
FORMATTED = (":",)  # no word of a name
HASHES = 1 << 12  # of names that stand in texts: a person may be called so
MAX_NAME = 80  # characters of a name that are looked at
_SEGMENTS = re.compile(r"[^.\[\]{}*()|:<]+")
# What a name says about the form of a value that stands in a text.
_FORMATS = {
    **dict.fromkeys(("url", "uri", "link", "href"), ":url"),
    **dict.fromkeys(("path", "file", "filename"), ":path"),
    **dict.fromkeys(("email", "mail"), "@"),
    "date": ":date",
}
_IDENTIFYING = frozenset(("id", "key", "number", "no", "code", "reference", "ref"))


@lru_cache(maxsize=4_096)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in lower case and the singular, however they are joined."""
    words: list[str] = []
    word = ""
    name = name[:MAX_NAME]
    for at, mark in enumerate(name):
        last = word[-1:]
        if not mark.isalnum():
            words.append(word)
            word = ""
            continue
        is_next = last.isdigit() != mark.isdigit()
        if mark.isupper():  # "fileId", and "HTTPServer" as two
            is_next = is_next or not last.isupper() or name[at + 1 : at + 2].islower()
        if word and is_next:
            words.append(word)
            word = ""
        word += mark
    words.append(word)
    return tuple(_singular(word.lower()) for word in words if word)


@lru_cache(maxsize=8_192)
def mark_of(name: str) -> str:
    """What ends the path of a value that a text names so: a hash, and no word of the text."""
    return _mark(words_of(name))


@lru_cache(maxsize=8_192)
def _mark(words: tuple[str, ...]) -> str:
    return f"^{crc32(' '.join(words).encode('utf-8', 'surrogatepass')) % HASHES}"


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 2 and word[-1] == "s" and word[-2] != "s" else word


@lru_cache(maxsize=16_384)
def _place(path: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The words of a path's field, and of what it stands in, the nearest first."""
    segments = [words_of(segment) for segment in _SEGMENTS.findall(path)]
    return (segments[-1], tuple(reversed(segments[:-1]))) if segments else ((), ())


@lru_cache(maxsize=65_536)
def field_of(path: str) -> tuple[str, ...] | None:
    """The words of a path's field; FORMATTED for what stands in a text in some form; None for what never fits."""
    if ":" in path:
        return FORMATTED
    if "^" in path:
        return None if "|" in path or "%" in path else (path[path.rfind("^") :],)
    return None if "|" in path or "+" in path or "-1d" in path else _place(path)[0]


@lru_cache(maxsize=4_096)
def fields_for(name: str) -> tuple[tuple[str, ...], ...]:
    """The fields of paths that may fit an argument of this name; FORMATTED last, if those may."""
    wanted = words_of(name)
    if not wanted:
        return ()
    found = dict.fromkeys((wanted, wanted[-1:], ("id",), *((_mark(each),) for each in (wanted, wanted[-1:], ("id",)))))
    has_formats = wanted[-1] in _FORMATS or wanted[-1] in _IDENTIFYING
    return (*found, FORMATTED) if has_formats else tuple(found)


@lru_cache(maxsize=65_536)
def fit(name: str, path: str) -> int | None:
    """How well a path fits an argument of this name, 0 the best; None if not at all."""
    wanted = words_of(name)
    if not wanted:
        return None
    if ":" in path:
        return FORMAT if _has_format(wanted, path) else None
    if "|" in path or "+" in path or "-1d" in path:
        return None
    before, mark, number = path.partition("^")
    if mark:
        return _fit_marked(wanted, before, mark + number)
    field, around = _place(path)
    if field == wanted:
        return EXACT
    last, owner = wanted[-1:], wanted[:-1]
    if field == ("id",) and last != field:  # the argument is called like the thing itself
        owner = wanted
    elif field != last or not owner:
        return None
    for distance, words in enumerate(around):
        if words[-len(owner) :] == owner:
            return OWNED if distance == 0 else WITHIN
        if owner[-1] in words:
            return WITHIN
    return None


def _fit_marked(wanted: tuple[str, ...], before: str, mark: str) -> int | None:
    """The same of what a text names."""
    if mark == _mark(wanted):
        return EXACT
    field, around = _place(before)
    owner = wanted[:-1] if mark == _mark(wanted[-1:]) else wanted if mark == _mark(("id",)) else ()
    if not owner:
        return None
    return OWNED if any(owner[-1] in words for words in (field, *around)) else WITHIN


def _has_format(wanted: tuple[str, ...], path: str) -> bool:
    if "<" in path or path[-1:] == "-":
        return False
    form = _FORMATS.get(wanted[-1])
    if form is not None:
        return path.endswith(form) if form[0] == ":" else form in path
    return wanted[-1] in _IDENTIFYING and path.startswith("user:") and path[5:6] not in "NTWqdmup"
