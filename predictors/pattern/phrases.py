"""Phrases of what a user typed, hashed: what learned mappings start from.

A phrase is one to three content words in a row, lower case, a plural "s" left out. It goes by a small hash, so that
no word of a user stands in a model, and by the word before it, which tells "from Rome" and "to Rome" apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from predictors.pattern.text import FUNCTION_WORDS

MAX_LENGTH = 3  # words
MAX_PHRASES = 96  # of one text
PHRASES = 1 << 18  # hashes there are

Phrase = tuple[int, str]  # hash, the function word before it ("^": nothing, "~": another word)


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word[-1] == "s" else word


def phrase_hash(words: Sequence[str]) -> int:
    """The hash of a phrase. The same on every machine and in every process."""
    return crc32(" ".join(map(_stem, words)).encode("utf-8", "surrogatepass")) % PHRASES


def phrases_of(words: Sequence[str]) -> list[Phrase]:
    """The phrases of a text's words (lower case, in order), longer ones first where they start together."""
    out: dict[Phrase, None] = {}
    size = len(words)
    for start, word in enumerate(words):
        if word in FUNCTION_WORDS or word[0] == "\x00":
            continue
        before = words[start - 1] if start else "^"
        around = before if before in FUNCTION_WORDS or before == "^" else "~"
        end = start + 1
        while end < min(size, start + MAX_LENGTH) and words[end] not in FUNCTION_WORDS and words[end][0] != "\x00":
            end += 1
        for stop in range(end, start, -1):
            out.setdefault((phrase_hash(words[start:stop]), around))
        if len(out) >= MAX_PHRASES:
            break
    return list(out)


def name_hash(text: str) -> int | None:
    """The hash of a record's field as a phrase; None if it is not one to three plain words."""
    if len(text) > 40:
        return None
    words = text.lower().split()
    if not 0 < len(words) <= MAX_LENGTH:
        return None
    for word in words:
        if not word.replace("-", "").isalpha():
            return None
    return phrase_hash(words)
