"""What texts are made of: forms of identifiers, words that only join others, and the buckets words are counted under.

Nothing here knows a language beyond a closed list of function words.
"""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category
from zlib import crc32

MIXED = 7  # runs of letters, capitals and digits, from which on a code is told by there being so many
BUCKETS = 4_096  # words are counted under hashed buckets, so that no word of a user stands in a model

MAIL = "a@a.a"  # however many dots and digits it has
_RUNS = re.compile(r"(.)\1+")
# UUIDs and digests, whatever digits and letters follow each other in them. In short ones they must alternate: a code
# such as "abc123" is of another kind than "xyz123" only if one looks at its letters.
_HEX = re.compile(
    r"(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,64}"
    r"|(?:[a-f]{1,6}[0-9]{1,6}(?=[a-f])|[0-9]{1,6}[a-f]{1,6}(?=[0-9]))[0-9a-f]{1,13}(?<=.{7}))\Z"
)
_CODE = re.compile(r"[A-Za-z0-9_-]{10,}={0,2}\Z")  # cursors, tokens: every one of them has runs of its own
_CLASSES = str.maketrans(
    {**dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "A"), **dict.fromkeys("abcdefghijklmnopqrstuvwxyz", "a"),
     **dict.fromkeys("0123456789", "9")}
)  # fmt: skip
_WORDS = """
a about after all also am an and any are as at be because been before between both but by can could did
do does for from get give had has have he hello her hey hi his how i i'd i'll i'm i've if in into is it
it's its just let like look may me my no not now of off ok okay on or our please she should show since so
some sure tell than thank thanks that that's the their them then there these they this those to too under
until up us was we well were what what's when where which while who whom whose why will with would yes
you your here search find however additionally actually unfortunately yeah
"""
FUNCTION_WORDS = frozenset(_WORDS.split())


_CATEGORIES = {"L": "a", "M": "a", "N": "9", "S": "a", "C": "a"}  # of Unicode


def is_typed(path: str) -> bool:
    """Whether a path is of what the user typed: a tool may be called "user_lookup"."""
    return path[:5] == "user:" or path == "user"


def is_spoken(path: str) -> bool:
    """Whether a path is of what the user or the model said, not of a result or an argument."""
    return path[:5] == "user:" or path[:6] == "model:" or path == "user" or path == "model"


@lru_cache(maxsize=8_192)
def is_identifier_path(path: str) -> bool:
    """Whether a path holds identifiers that the user typed (not names, not words around them)."""
    return path.startswith("user:") and "<" not in path and path[5:6] not in ("N", "T", "W", "q", "d", "m")


@lru_cache(maxsize=4_096)
def _without_runs(classes: str) -> str:
    return _RUNS.sub(r"\1", classes)


@lru_cache(maxsize=4_096)
def shape(token: str) -> str:
    """The form of an identifier: digits counted, codes of capitals and digits counted, a mail address as such, the rest
    run by run."""
    if token.isdigit():
        return f"9x{len(token)}"
    if len(token) <= 24 and token.isalnum() and token.isupper():
        return f"Ax{len(token)}"
    mailbox, _, host = token.partition("@")
    if mailbox and "." in host and host.rpartition(".")[2].isalpha() and "/" not in token:
        return MAIL
    form = token[:64].translate(_CLASSES)
    form = _without_runs(form if form.isascii() else _in_ascii(form))
    if len(token) > 6 and "a" in form and "9" in form and _HEX.match(token):
        return f"hex{len(token)}"
    if len(form) >= MIXED and (token[-1] == "=" or "9" in form) and _CODE.match(token):
        runs = max(form.replace("_", "-").split("-"), key=len)
        if token[-1] == "=" or (len(runs) >= MIXED and (runs.count("9") > 1 or len(runs) > MIXED + 4)):
            return "mixed"
    return form


def _in_ascii(form: str) -> str:
    """Letters and digits of any script as such, so that no form shows what was written; punctuation as it is."""
    return "".join(
        [
            mark if mark.isascii() else _CATEGORIES.get(category(mark)[0], mark) if not mark.isupper() else "A"
            for mark in form
        ]
    )


def bucket(word: str) -> int:
    """The bucket a word is counted under. The same on every machine and in every process."""
    return crc32(word.encode("utf-8", "surrogatepass")) % BUCKETS
