"""The entries of a text that lists things: a line each, or several lines under a heading, a number, a first field.

An entry begins where lines begin alike: with a bullet, a number, a heading, a path, the same field (`ID: 17`). So what
stands in one entry can be told from what stands in another, and an entry be found by what a person would call it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

ENTRY = 1 << 20  # an element's number and so many times an entry's: the element that the entry is
MAX_LINES = 120
MAX_CALLED = 48  # characters of what an entry may be called by
MAX_CALLS = 6  # of one entry
MAX_LOOKED_AT = 400  # characters of one entry in which that is looked for
MAX_FIRST = 120  # characters of the first word
RARER = 8  # times as often as another kind of line may begin, which still is what entries begin with

_NAME = r"[A-Za-z][\w \-]{0,31}?"
_KIND = re.compile(
    r"[ \t]*(?:"
    rf"(?P<bullet>[-*+•])[ \t]+(?:\[[ xX]\][ \t]+)?[*_`\"]{{0,2}}(?:(?P<item>{_NAME})[*_\"]{{0,2}}:(?=[ \t*]|$))?"
    r"|(?P<number>\d{1,4}[.)])[ \t]"
    r"|(?P<heading>\#{1,6})[ \t]"
    r"|(?P<sign>\#(?=\w)|\[|<[A-Za-z][\w-]*(?=[\s>])|[*_`]{2}|\|)"
    rf"|[*_`\"]{{0,2}}(?P<key>{_NAME})[*_\"]{{0,2}}:(?=[ \t*]|$)"
    r"|\d+(?P<after>\D?)"
    r"|(?P<path>[~.]?[\w.-]*/\S|[\w-]+\.[A-Za-z]\w{0,5}(?=[\s:]|$))"
    r"|(?P<code>(?=[A-Za-z_.-]*\d)[\w.-]{4,})"
    r"|(?P<word>[A-Za-z]+)(?=[ \t]+[\"'`(\[]?[\w-]*\d)"
    r")"
)
_ALIKE = frozenset(("bullet", "number", "path", "code"))  # whatever stands there
_NUMBERED = re.compile(r"[ \t]*(\d{1,9})[^\w\n][^\n]*\n[ \t]*(\d{1,9})[^\w\n.)]")
_WORDS = re.compile(r"[^\W\d_][\w'’-]*(?: \w[\w'’-]*)*")
_FIRST = re.compile(
    r"[ \t]*(?:[-*+•>]+[ \t]+|\d{1,4}[.)][ \t]+|#+[ \t]+)?[*_`\"'(\[#]{0,2}"
    r"([\w~/.@-][^\s,;*`\"'()\[\]]*[\w/])"
)


def _kind(line: str) -> str | None:
    """How a line begins; None for one that begins like a sentence."""
    match = _KIND.match(line)
    if match is None or match.lastgroup is None:
        return None
    group = match.lastgroup
    return group if group in _ALIKE else f"{group} {match[group]}"


def split(text: str) -> Sequence[str]:
    """The entries of a text, what stands before the first as one more; the text alone if it has none."""
    lines = text.split("\n", MAX_LINES)
    kinds: list[str | None] = []
    counts: dict[str, int] = {}
    filled: list[str] = []
    for line in lines:
        if not line or line.isspace():
            kinds.append(None)
            continue
        filled.append(line)
        kind = _kind(line)
        kinds.append(kind)
        if kind is not None:
            counts[kind] = counts.get(kind, 0) + 1
    if len(filled) < 2:
        return (text,)
    for line in filled:
        if " " in line.strip():
            break
    else:  # a word each
        return filled
    most = max(counts.values(), default=0)
    if most < 2:
        return (text,)
    start = next(kind for kind, count in counts.items() if count > 1 and count * RARER >= most)
    out: list[str] = []
    first = 0
    for number, kind in enumerate(kinds):
        if kind == start and number:
            out.append("\n".join(lines[first:number]))
            first = number
    out.append("\n".join(lines[first:]))
    return out


def is_numbered(text: str) -> bool:
    """Whether it is a part of a file, its lines with their numbers: no things that are listed."""
    match = _NUMBERED.match(text)
    return match is not None and int(match[2]) == int(match[1]) + 1


def called(entry: str) -> list[str]:
    """What a person may call an entry by: plain words in a row."""
    found = [words for words in _WORDS.findall(entry[:MAX_LOOKED_AT]) if 2 < len(words) <= MAX_CALLED]
    return found[:MAX_CALLS]


def first_of(entry: str) -> str | None:
    """The first word of an entry, marks left out."""
    match = _FIRST.match(entry)
    return match[1] if match is not None and len(match[1]) <= MAX_FIRST else None
