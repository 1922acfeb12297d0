"""What free text offers as argument values: identifiers by shape, names, dates, quotations, paths, URLs.

Nothing here knows a tool or a field. Every text costs bounded time: only its head and tail are read, and only so many
spans are taken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from predictors.pattern.addresses import parts_of
from predictors.pattern.dates import MONTHS, NOW, complete, iso, numeric, relative
from predictors.pattern.sealing import seal_of
from predictors.pattern.text import FUNCTION_WORDS, shape
from predictors.pattern.titles import JOINERS, Span, before_of, name_spans

MAX_CHARACTERS = 2_400
MAX_TOKENS = 260
MAX_SPANS = 90

_TOKEN = re.compile(
    r"(?:[a-z]++ )++"  # plain words in a row, most of any text, as one
    r"|https?://[^\s<>\"'”)\]]+"
    r"|[\"“`][^\"“”`\n]{2,120}[\"”`]|(?<![^\W_])['‘][^'\n]{2,80}?['’](?![^\W_])"
    r"|[#$@~]?[^\W_](?:[^\s,;:!?()\[\]{}<>\"“”`*=|…]*[^\W_](?:(?<=[^\W_]{12})={1,2}(?![\w=]))?)?"  # with its padding
    r"|[~.]?/[^\s,;:!?()\[\]{}<>\"“”`*=|'’]+"
    r"|(?:[!?\n:;,*()\[\]{}<>=|…]|\.(?!/))(?:[!?\n:;,*()\[\]{}<>=|… ]|\.(?!/))*+|\S"  # marks in a row, as one
)
_MARKS = frozenset(".!?\n:;,*()[]{}<>=|…")
_ENDS = frozenset(".!?\n:;")  # of sentences
_ORDINAL = re.compile(r"(\d{1,2})(st|nd|rd|th)?\Z")
_UNTIL = frozenset(("to", "through", "until", "till", "and", "or"))  # between two days of one month
_ARTICLES = frozenset(("a", "an", "the"))


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
    for token in _TOKEN.findall(text):
        if len(spans) > MAX_SPANS or left <= 0:
            break
        first = token[0]
        if first in _MARKS and token[1:2] != "/":
            count, is_start = _marks(token)
            left -= count
            if run:
                name_spans(run[:run_core], run_before, spans)
                run.clear()
            if is_start is not None:
                sentence_start = is_start
            continue
        if token[-1] == " ":
            plain = token.split(" ", left)
            del plain[-1]
            left -= len(plain)
            if run:
                for place, word in enumerate(plain):
                    if word in JOINERS and len(run) - run_core < 2:
                        run.append(word)
                        continue
                    name_spans(run[:run_core], run_before, spans)
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
        if token.isalpha():
            lower = token.lower()
            words.append(lower)
            if lower != token and first.isupper():
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
                    spans.append((f"{form}<{before_of(previous)}", token))
            elif run:
                if lower in JOINERS and len(run) - run_core < 2:
                    run.append(token)
                else:
                    name_spans(run[:run_core], run_before, spans)
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
            if run:
                if first not in "&'’-":
                    name_spans(run[:run_core], run_before, spans)
                    run.clear()
                elif first == "&":
                    run.append(first)
            continue
        if first in "\"“`'‘" and len(token) > 2:
            if run:
                name_spans(run[:run_core], run_before, spans)
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
                name_spans(run[:run_core], run_before, spans)
                run.clear()
            token = token.rstrip(".")
            spans.append(("url", token))
            for part, value in parts_of(token):
                spans.append((f"url?{seal_of(part[1:])}" if part[0] == "?" else "url" + part, value))
        elif first in "/~" or ("/" in token and len(token) > 3):
            if run:
                name_spans(run[:run_core], run_before, spans)
                run.clear()
            if token[-1] == "." and token[-2:-1] not in "./":
                token = token[:-1]
            whole, _, part = token.partition("#")
            if part and part.isalnum():  # an issue of a repository, a part of a page
                token = whole
                spans.append(("path#", part))
            spans.append(("path", token))
            if token.count("/") == 1 and first not in "/~":
                head, _, tail = token.partition("/")
                spans.append(("path/1", head))
                spans.append(("path/2", tail))
            if len(token) <= 10 and first.isdecimal():
                _numbers(token, when, words, spans)
            elif token[:2] in ("a/", "b/") and len(token) > 4:  # the two sides of a diff
                spans.append(("path-", token[2:]))
        elif not lower.isalpha() and (
            any(map(str.isdigit, token))
            or first in "#@$"
            or "_" in token
            or "@" in token
            or "." in token
            or token[-1] == "="
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
                    name_spans(run[:run_core], run_before, spans)
                    run.clear()
            form = shape(token)
            spans.append((form, token))
            if not first.isalnum():
                spans.append((form + ".bare", token[1:]))
                if lower[1:].isalpha():
                    words.append(lower[1:])
            elif "@" in token:
                spans.append(("mailbox", token.partition("@")[0]))
            spans.append((f"{form}<{before_of(previous)}", token))
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
                    spans.append((f"{form}<{before_of(previous)}", token))
            elif run and lower in JOINERS and len(run) - run_core < 2:
                run.append(token)
            elif run:
                name_spans(run[:run_core], run_before, spans)
                run.clear()
        previous = lower
        sentence_start = False
    if when is not None and len(when) == 10:
        spans += relative(text, when)
    if run:
        name_spans(run[:run_core], run_before, spans)
        run.clear()
    return spans, words


@lru_cache(maxsize=1_024)
def _marks(token: str) -> tuple[int, bool | None]:
    """How many marks there are, and whether a sentence starts after them; None if they do not say."""
    is_start = None
    for mark in token:
        if mark in _ENDS:
            is_start = True
        elif mark == ",":
            is_start = False
    return len(token) - token.count(" "), is_start


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
