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
MAX_CACHED = 20_000  # words
PHRASES = 1 << 18  # hashes there are

Phrase = tuple[int, str]  # hash, the function word before it ("^": nothing, "~": another word)


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word[-1] == "s" else word


class _Stems(dict[str, bytes | None]):
    """What a word counts as within a phrase; None if no phrase goes across it."""

    __slots__ = ()

    def __missing__(self, word: str) -> bytes | None:
        if len(self) > MAX_CACHED:
            self.clear()
        is_between = word in FUNCTION_WORDS or word[0] == "\x00"
        found = self[word] = None if is_between else _stem(word).encode("utf-8", "surrogatepass")
        return found


_stems = _Stems()
_END = [None] * (MAX_LENGTH - 1)


def phrase_hash(words: Sequence[str]) -> int:
    """The hash of a phrase. The same on every machine and in every process."""
    return crc32(" ".join(map(_stem, words)).encode("utf-8", "surrogatepass")) % PHRASES


def phrases_of(words: Sequence[str]) -> list[Phrase]:
    """The phrases of a text's words (lower case, in order), longer ones first where they start together."""
    out: dict[Phrase, None] = {}
    known = FUNCTION_WORDS
    stems = [*map(_stems.__getitem__, words), *_END]
    before = "^"
    for start, word in enumerate(words):
        stem = stems[start]
        if stem is not None:
            number = crc32(stem)
            numbers = [number]
            for more in stems[start + 1 : start + MAX_LENGTH]:
                if more is None:
                    break
                number = crc32(more, crc32(b" ", number))
                numbers.append(number)
            around = before if before in known or before == "^" else "~"
            for number in reversed(numbers):
                out[number % PHRASES, around] = None
            if len(out) >= MAX_PHRASES:
                break
        before = word
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
