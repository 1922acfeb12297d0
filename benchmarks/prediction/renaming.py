"""As many distinct sessions as wanted from a few recorded ones: what is said in each is renamed, its structure kept.

Within one copy the same thing always gets the same new name: an identifier that a result gave is still the one that
a later call takes. Kept are field names, tool names, punctuation, numbers of one or two digits and the words that the
whole set shares (its phrases, states and kinds); replaced are other numbers, identifiers, names, places, days, years
and words that only some sessions use. Sums that the recorded texts worked out no longer add up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from speculate.trace import RecordedSession, RecordedTurn, UserSaid

COMMON = 0.1  # a word that this share of sessions writes in small letters is kept
SHARED = 0.5  # any word that this share of sessions holds is kept
WORDS = 20_000  # new words are drawn from so many
LONGEST_KEPT_NUMBER = 2  # digits
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_IDENTIFIER = re.compile(r"[\w.@#/-]*\d{3}[\w.@#/-]*")
_DATE = re.compile(r"\b((?:19|20)\d\d)-(\d\d)-(\d\d)")
_SPOKEN_DAY = re.compile(
    r"\b(Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|"
    r"Nov(?:ember)?|Dec(?:ember)?) (\d\d?)\b"
)
_CONSONANTS, _VOWELS = "bcdfghjklmnprstvwz", "aeiou"


def _strings(value: Any) -> Iterator[str]:
    """Every text in a value, field names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item)


def _session_strings(session: RecordedSession) -> Iterator[str]:
    for step in session.steps:
        if isinstance(step, UserSaid):
            yield step.text
            continue
        yield step.record.text or ""
        for call in step.calls:
            yield from _strings(call.args)
        for result in step.results.values():
            yield from _strings(result.result)


def shared_words(sessions: Sequence[RecordedSession]) -> frozenset[str]:
    """The words, letter case aside, that belong to the set rather than to single sessions."""
    small: Counter[str] = Counter()
    anyhow: Counter[str] = Counter()
    for session in sessions:
        texts = list(_session_strings(session))
        tokens = {token for text in texts for token in _TOKEN.findall(text)}
        words = {token for text in texts for token in _TOKEN.findall(_IDENTIFIER.sub(" ", text))}
        small.update(token for token in words if token.islower())
        anyhow.update({token.lower() for token in tokens})
    count = max(1, len(sessions))
    return frozenset(
        word for word in anyhow if len(word) < 3 or small[word] > COMMON * count or anyhow[word] > SHARED * count
    )


def _spell(number: int) -> str:
    """The word with this number."""
    number = number * 7_919 % 729_000  # so that neighbours look different
    letters = []
    for _ in range(3):
        number, consonant = divmod(number, len(_CONSONANTS))
        number, vowel = divmod(number, len(_VOWELS))
        letters.append(_CONSONANTS[consonant] + _VOWELS[vowel])
    return "".join(letters)


class Renamer:
    """Renames one session's contents. The same seed renames alike."""

    def __init__(self, kept: frozenset[str], seed: str) -> None:
        self._kept = kept
        self._rng = Random(seed)
        self._names: dict[str, str] = {}
        self._years = self._rng.randint(-4, 4)
        days = list(range(1, 29))
        self._rng.shuffle(days)
        self._days = {**{n + 1: day for n, day in enumerate(days)}, 29: 29, 30: 30, 31: 31}

    def text(self, text: str) -> str:
        """A text, renamed."""
        if _DATE.search(text):  # dates first, and not again as numbers
            parts = _DATE.split(text)
            out = [self._words(parts[0])]
            for at in range(1, len(parts), 4):
                year, month, day, rest = parts[at : at + 4]
                out.append(f"{int(year) + self._years}-{month}-{self._days.get(int(day), 28):02d}")
                out.append(self._words(rest))
            return "".join(out)
        return self._words(text)

    def _words(self, text: str) -> str:
        text = _SPOKEN_DAY.sub(lambda found: f"{found[1]} {self._days.get(int(found[2]), 28)}", text)
        return _TOKEN.sub(self._token, text)

    def _token(self, found: re.Match[str]) -> str:
        token = found[0]
        new = self._names.get(token)
        if new is None:
            around = found.string[found.start() - 1 : found.start()] + found.string[found.end() : found.end() + 1]
            is_code = token.isupper() or any(mark.isdigit() for mark in around)
            new = self._number(token) if token.isdigit() else self._code(token) if is_code else self._word(token)
            self._names[token] = new
        return new

    def _code(self, token: str) -> str:
        """Part of an identifier: as many letters."""
        if token.lower() in self._kept:
            return token
        letters = "".join(self._rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in token)
        return letters.upper() if token.isupper() else letters

    def _number(self, token: str) -> str:
        if len(token) <= LONGEST_KEPT_NUMBER or not token.isascii():
            return token
        if len(token) == 4 and token[:2] in ("19", "20"):
            return str(int(token) + self._years)
        first = token[0] if token[0] == "0" else self._rng.choice("123456789")
        return first + "".join(self._rng.choice("0123456789") for _ in token[1:])

    def _word(self, token: str) -> str:
        small = token.lower()
        if len(token) < 3 or small in self._kept:
            return token
        if small == token:
            return _spell(self._rng.randrange(WORDS))
        base = self._names.get(small)
        if base is None:
            base = self._names[small] = self._word(small)
        return base.capitalize() if token[0].isupper() else base

    def value(self, value: Any) -> Any:
        """A JSON value, renamed: texts, numbers, and the fields that are data themselves."""
        kind = type(value)
        if kind is str:
            return self.text(value)
        if kind is int:
            return int(self.text(str(value))) if abs(value) < 10**18 else value
        if kind is float:
            return self._float(value)
        if isinstance(value, Mapping):
            return {self._field(key): self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value

    def _float(self, value: float) -> float:
        text = repr(value)
        return value if "e" in text or "n" in text else float(self._words(text))

    def _field(self, key: str) -> str:
        """A field's name is structure, unless a number in it says that it is data."""
        return self.text(key) if re.search(r"\d{3}", key) else key


def renamed(session: RecordedSession, kept: frozenset[str], seed: str, name: str, tenant: str) -> RecordedSession:
    """A copy of a session under another name and tenant in which everything particular is renamed."""
    renamer = Renamer(kept, seed)
    copy = RecordedSession(replace(session.start, session=name, tenant=tenant, task=None))
    for step in session.steps:
        if isinstance(step, UserSaid):
            copy.steps.append(replace(step, session=name, text=renamer.text(step.text)))
            continue
        text = step.record.text
        turn = RecordedTurn(replace(step.record, session=name, text=None if text is None else renamer.text(text)))
        for call in step.calls:
            turn.calls.append(replace(call, session=name, args=renamer.value(call.args)))
        for id, result in step.results.items():
            raised = None if result.raised is None else renamer.text(result.raised)
            turn.results[id] = replace(result, session=name, result=renamer.value(result.result), raised=raised)
        copy.steps.append(turn)
    return copy


def many(
    sessions: Sequence[RecordedSession], count: int, seed: int = 0, like: Iterable[RecordedSession] = ()
) -> list[RecordedSession]:
    """`count` distinct sessions with tenants of their own. `like`: where shared words are taken from."""
    kept = shared_words(list(like) or sessions)
    out = []
    for number in range(count):
        original = sessions[number % len(sessions)]
        name = f"{original.id}-copy{number // len(sessions)}-seed{seed}"
        out.append(renamed(original, kept, name, name, f"tenant-{seed}-{number}"))
    return out
