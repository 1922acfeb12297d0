"""Names and titles: words with a capital in a row, joined by "of", "the", "and"."""

from __future__ import annotations

from functools import lru_cache

from predictors.pattern.text import FUNCTION_WORDS, bucket

NEIGHBOURS = 128  # buckets of the words before a span
JOINERS = frozenset("of the and with in for de la le da di du del der den van von to on at a an & y et".split())  # noqa: SIM905  # likewise
_CONJUNCTIONS = frozenset(("and", "&", "y", "et"))

Span = tuple[str, str]  # form, value


@lru_cache(maxsize=2_048)
def before_of(previous: str) -> str:
    return previous if previous in FUNCTION_WORDS else f"~{bucket(previous) % NEIGHBOURS}" if previous else "^"


@lru_cache(maxsize=2_048)
def _forms_after(previous: str) -> tuple[str, str]:
    """The forms of titles and names after this word."""
    around = before_of(previous)
    return "Title<" + around, "Name<" + around


def _split(run: list[str], at: frozenset[str]) -> list[tuple[str, list[str]]]:
    """(the joiner before, the words) of each part."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    for word in run:
        if word in at:
            parts.append((word, []))
        else:
            parts[-1][1].append(word)
    return [part for part in parts if part[1]]


def name_spans(run: list[str], before: str, spans: list[Span]) -> None:
    """One stretch of capitalised words: cut at every joiner, at conjunctions only, and whole."""
    if len(run) == 1:
        text = run[0]
        title, name = _forms_after(before)
        spans += (("Title", text), (title, text), ("Name", text), (name, text))
        return
    parts = _split(run, JOINERS)
    titles = _split(run, _CONJUNCTIONS) if len(parts) > 1 else parts
    for joiner, words in titles:
        if words[-1] in JOINERS:
            words = words[:-1]
        text = " ".join(words)
        spans.append(("Title", text))
        spans.append((f"Title<{before_of(joiner or before)}", text))
    if len(titles) > 1:
        spans.append(("Whole", " ".join(run)))
    for joiner, part in parts:
        text = " ".join(part)
        around = before_of(joiner or before)
        spans.append(("Name", text))
        spans.append((f"Name<{around}", text))
        if len(part) > 1:
            spans.append(("Name+", text))
        if len(part) == 2:
            spans.append(("Name2.first", part[0]))
            spans.append(("Name2.last", part[1]))
            spans.append((f"Name2.first<{around}", part[0]))
            spans.append((f"Name2.last<{around}", part[1]))
