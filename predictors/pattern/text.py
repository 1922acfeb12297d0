"""What free text offers as argument values: identifiers by shape, names, dates, quotations, paths, URLs.

Nothing here knows a language beyond a closed list of function words, and nothing knows a tool or a field. Every
text costs bounded time: only its head and tail are read, and only so many spans are taken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from zlib import crc32

from predictors.pattern.addresses import parts_of
from predictors.pattern.dates import MONTHS, NOW, complete, iso, numeric, relative

MAX_CHARACTERS = 2_400
MAX_TOKENS = 260
MAX_SPANS = 90
NEIGHBOURS = 128  # buckets of the words before a span
BUCKETS = 4_096  # words are counted under hashed buckets, so that no word of a user stands in a model

_TOKEN = re.compile(
    r"(?:[a-z]++ )++"  # plain words in a row, most of any text, as one
    r"|https?://[^\s<>\"'”)\]]+"
    r"|[\"“`][^\"“”`\n]{2,120}[\"”`]|(?<![^\W_])['‘][^'\n]{2,80}?['’](?![^\W_])"
    r"|[#$@~]?[^\W_](?:[^\s,;:!?()\[\]{}<>\"“”`*=|…]*[^\W_])?|[~.]?/[^\s,;:!?()\[\]{}<>\"“”`*=|'’]+|[.!?\n:;]|\S"
)
MAIL = "a@a.a"  # however many dots and digits it has
_RUNS = re.compile(r"(.)\1+")
# UUIDs and digests, whatever digits and letters follow each other in them. In short ones they must alternate: a code
# such as "abc123" is of another kind than "xyz123" only if one looks at its letters.
_HEX = re.compile(
    r"(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,64}"
    r"|(?:[a-f]{1,6}[0-9]{1,6}(?=[a-f])|[0-9]{1,6}[a-f]{1,6}(?=[0-9]))[0-9a-f]{1,13}(?<=.{7}))\Z"
)
_CLASSES = str.maketrans(
    {**dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "A"), **dict.fromkeys("abcdefghijklmnopqrstuvwxyz", "a"),
     **dict.fromkeys("0123456789", "9")}
)  # fmt: skip
_ORDINAL = re.compile(r"(\d{1,2})(st|nd|rd|th)?\Z")
_WORDS = """
a about after all also am an and any are as at be because been before between both but by can could did
do does for from get give had has have he hello her hey hi his how i i'd i'll i'm i've if in into is it
it's its just let like look may me my no not now of off ok okay on or our please she should show since so
some sure tell than thank thanks that that's the their them then there these they this those to too under
until up us was we well were what what's when where which while who whom whose why will with would yes
you your here search find however additionally actually unfortunately yeah
"""
FUNCTION_WORDS = frozenset(_WORDS.split())
_JOINERS = frozenset("of the and with in for de la le da di du del der den van von to on at a an & y et".split())  # noqa: SIM905  # likewise

_UNTIL = frozenset(("to", "through", "until", "till", "and", "or"))  # between two days of one month
_ARTICLES = frozenset(("a", "an", "the"))
_CONJUNCTIONS = frozenset(("and", "&", "y", "et"))

Span = tuple[str, str]
_group = re.Match.group


def is_typed(path: str) -> bool:
    """Whether a path is of what the user typed: a tool may be called "user_lookup"."""
    return path[:5] == "user:" or path == "user"


def is_spoken(path: str) -> bool:
    """Whether a path is of what the user or the model said, not of a result or an argument."""
    return path[:5] == "user:" or path[:6] == "model:" or path == "user" or path == "model"


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
    form = _RUNS.sub(r"\1", token[:64].translate(_CLASSES))
    if len(token) > 6 and "a" in form and "9" in form and _HEX.match(token):
        return f"hex{len(token)}"
    return form


def bucket(word: str) -> int:
    """The bucket a word is counted under. The same on every machine and in every process."""
    return crc32(word.encode("utf-8", "surrogatepass")) % BUCKETS


@lru_cache(maxsize=2_048)
def _before(previous: str) -> str:
    return previous if previous in FUNCTION_WORDS else f"~{bucket(previous) % NEIGHBOURS}" if previous else "^"


@lru_cache(maxsize=2_048)
def _forms_after(previous: str) -> tuple[str, str]:
    """The forms of titles and names after this word."""
    around = _before(previous)
    return "Title<" + around, "Name<" + around


def read(text: str, when: str | None = None) -> tuple[list[Span], list[str]]:
    """(spans, words): what the text offers, as (kind, value) in order; and its words, lower case.

    when: the year a date without one is taken to lie in, or the date stated as today: "2024" or "2024-05-20".
    """
    if len(text) > MAX_CHARACTERS:
        half = MAX_CHARACTERS // 2
        text = text[:half] + "\n" + text[-half:]
    spans: list[Span] = []
    words: list[str] = []
    run: list[str] = []  # capitalised words, joiners between them allowed
    run_core = 0  # how long the run, if there is one, is without trailing joiners
    run_before = ""
    previous = ""
    sentence_start = True
    lately = 0  # the month of the last date
    pending = 0  # the number before, perhaps "of" between: a day if a month's name follows
    day = ""  # month and day, if a year may follow
    left = MAX_TOKENS
    for token in map(_group, _TOKEN.finditer(text)):
        if len(spans) > MAX_SPANS or left <= 0:
            break
        if token[-1] == " ":
            plain = token.split(" ", left)
            del plain[-1]
            left -= len(plain)
            if run:
                for place, word in enumerate(plain):
                    if word in _JOINERS and len(run) - run_core < 2:
                        run.append(word)
                        continue
                    _names(run[:run_core], run_before, spans)
                    run.clear()
                    if len(spans) > MAX_SPANS:
                        del plain[place + 1 :]
                    break
            words += plain
            if pending and plain != ["of"]:
                name = plain[1] if plain[0] == "of" else plain[0]
                if name in MONTHS:
                    lately = MONTHS[name]
                    day = _month_day(lately, pending, when, spans)
                pending = 0
            previous = plain[-1]
            sentence_start = False
            continue
        left -= 1
        first = token[0]
        if token.isalpha():
            lower = token.lower()
            words.append(lower)
            if first.isupper():
                if run:
                    run.append(token)
                    run_core = len(run)
                elif not sentence_start or lower not in FUNCTION_WORDS or lower in _ARTICLES:
                    run.append(token)
                    run_core = 1
                    run_before = previous
                if 2 <= len(token) <= 24 and token.isupper():
                    form = f"Ax{len(token)}"
                    spans.append((form, token))
                    spans.append((f"{form}<{_before(previous)}", token))
            elif run:
                if lower in _JOINERS and len(run) - run_core < 2:
                    run.append(token)
                else:
                    _names(run[:run_core], run_before, spans)
                    run.clear()
            if pending and lower != "of":
                if lower in MONTHS:
                    lately = MONTHS[lower]
                    day = _month_day(lately, pending, when, spans)
                pending = 0
            previous = lower
            sentence_start = False
            continue
        if len(token) == 1 and not first.isalnum():
            if first in ".!?\n:;,":
                if run:
                    _names(run[:run_core], run_before, spans)
                    run.clear()
                sentence_start = sentence_start or first != ","
                if first == ",":
                    sentence_start = False
            elif first not in "&'’-" and run:
                _names(run[:run_core], run_before, spans)
                run.clear()
            if first == "&" and run:
                run.append(first)
            continue
        if first in "\"“`'‘" and len(token) > 2:
            if run:
                _names(run[:run_core], run_before, spans)
                run.clear()
            inner = token[1:-1].strip()
            if inner:
                spans.append(("quoted", inner))
                if "/" in inner and " " not in inner:
                    spans.append(("path", inner))
                words.append("\x00quoted")
            sentence_start = False
            continue
        if token.endswith(("'s", "’s")):
            token = token[:-2]
        lower = token.lower()
        if token.startswith(("http://", "https://")):
            if run:
                _names(run[:run_core], run_before, spans)
                run.clear()
            token = token.rstrip(".")
            spans.append(("url", token))
            spans += [("url" + part, value) for part, value in parts_of(token)]
        elif first in "/~" or ("/" in token and len(token) > 3):
            if run:
                _names(run[:run_core], run_before, spans)
                run.clear()
            if token[-1] == "." and token[-2:-1] not in "./":
                token = token[:-1]
            spans.append(("path", token))
            if len(token) <= 10 and first.isdecimal():
                _numbers(token, when, words, spans)
            elif token[:2] in ("a/", "b/") and len(token) > 4:  # the two sides of a diff
                spans.append(("path-", token[2:]))
        elif not lower.isalpha() and (
            any(map(str.isdigit, token)) or first in "#@$" or "_" in token or "@" in token or "." in token
        ):
            pending = 0
            number = _ORDINAL.match(lower) if len(token) <= 4 and first.isdecimal() else None
            if number is not None:
                pending = int(number[1])
                if not 1 <= pending <= 31:
                    pending = 0
                elif previous in MONTHS:
                    lately = MONTHS[previous]
                    day = _month_day(lately, pending, when, spans)
                    pending = 0
                elif lately and (number[2] or previous in _UNTIL):
                    day = _month_day(lately, pending, when, spans)
                elif number[2] and when is not None and len(when) == 10:
                    _next_such_day(pending, when, spans)
            elif day and len(token) == 4 and token.isdecimal():
                if token[:2] in ("19", "20"):
                    found = iso(int(token), int(day[:2]), int(day[3:]))
                    if found is not None:
                        _full_date(found, words, spans)
                day = ""
            else:
                day = ""
                if len(token) >= 8 and first.isdecimal() and not token.isdecimal():
                    _numbers(token, when, words, spans)
            if run and token.isdigit():
                run.append(token)
                run_core = len(run)
            else:
                if run:
                    _names(run[:run_core], run_before, spans)
                    run.clear()
            form = shape(token)
            spans.append((form, token))
            if not first.isalnum():
                spans.append((form + ".bare", token[1:]))
            elif "@" in token:
                spans.append(("mailbox", token.partition("@")[0]))
            spans.append((f"{form}<{_before(previous)}", token))
        else:
            words.append(lower)
            if first.isupper():
                if not run:
                    if sentence_start and lower in FUNCTION_WORDS and lower not in _ARTICLES:
                        pass
                    else:
                        run.append(token)
                        run_core = 1
                        run_before = previous
                else:
                    run.append(token)
                    run_core = len(run)
                if 2 <= len(token) <= 24 and token.isupper() and token.isalpha():  # "USA's"
                    form = f"Ax{len(token)}"
                    spans.append((form, token))
                    spans.append((f"{form}<{_before(previous)}", token))
            elif run and lower in _JOINERS and len(run) - run_core < 2:
                run.append(token)
            elif run:
                _names(run[:run_core], run_before, spans)
                run.clear()
        previous = lower
        sentence_start = False
    if when is not None and len(when) == 10:
        spans += relative(text, when)
    if run:
        _names(run[:run_core], run_before, spans)
        run.clear()
    return spans, words


def _month_day(month: int, number: int, when: str | None, spans: list[Span]) -> str:
    """A month and a day, and the date they make; what a year may follow."""
    day = f"{month:02d}-{number:02d}"
    spans.append(("monthday", day))
    found = complete(month, number, when)
    if found is not None:
        spans.append(("date", found))
    return day


def _next_such_day(number: int, today: str, spans: list[Span]) -> None:
    """The first day of this number from today on: "the 20th"."""
    year, month = int(today[:4]), int(today[5:7])
    if number < int(today[8:]):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    found = iso(year, month, number)
    if found is not None:
        spans.append(("date", found))


def _full_date(found: str, words: Sequence[str], spans: list[Span]) -> None:
    """A date with its year; the words before it say whether it is stated as today."""
    spans.append(("date", found))
    if not NOW.isdisjoint(words[-4:]):
        spans.append(("today", found))


def _numbers(token: str, when: str | None, words: Sequence[str], spans: list[Span]) -> None:
    for kind, found in numeric(token, when):
        if kind == "full":
            _full_date(found, words, spans)
        else:
            spans.append((kind, found))


def _split(run: list[str], at: frozenset[str]) -> list[tuple[str, list[str]]]:
    """(the joiner before, the words) of each part."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    for word in run:
        if word in at:
            parts.append((word, []))
        else:
            parts[-1][1].append(word)
    return [part for part in parts if part[1]]


def _names(run: list[str], before: str, spans: list[Span]) -> None:
    """One stretch of capitalised words: cut at every joiner, at conjunctions only, and whole."""
    if len(run) == 1:
        text = run[0]
        title, name = _forms_after(before)
        spans += (("Title", text), (title, text), ("Name", text), (name, text))
        return
    parts = _split(run, _JOINERS)
    titles = _split(run, _CONJUNCTIONS) if len(parts) > 1 else parts
    for joiner, words in titles:
        if words[-1] in _JOINERS:
            words = words[:-1]
        text = " ".join(words)
        spans.append(("Title", text))
        spans.append((f"Title<{_before(joiner or before)}", text))
    if len(titles) > 1:
        spans.append(("Whole", " ".join(run)))
    for joiner, part in parts:
        text = " ".join(part)
        around = _before(joiner or before)
        spans.append(("Name", text))
        spans.append((f"Name<{around}", text))
        if len(part) > 1:
            spans.append(("Name+", text))
        if len(part) == 2:
            spans.append(("Name2.first", part[0]))
            spans.append(("Name2.last", part[1]))
            spans.append((f"Name2.first<{around}", part[0]))
            spans.append((f"Name2.last<{around}", part[1]))
