"""Seeded words, names, identifiers, dates and texts that made-up worlds are furnished with."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ALPHABET = "abcdefghijklmnopqrstuvwxyz"
FIRST = _words(
    "Alma Bente Carlos Dilek Elif Farid Greta Hana Igor Jonas Katja Lena Milan Nadia Oskar Petra Ruben Sanne Tomas "
    "Ulla Viktor Wanda Yusuf Zora"
)
LAST = _words(
    "Albrecht Brandt Costa Dahl Engel Fuchs Graf Hartmann Ivanov Jansen Krause Lindner Maurer Neumann Ott Peters "
    "Quast Richter Sommer Thoma Ullrich Vogt Winkler Yildiz Ziegler"
)
NOUNS = _words(
    "account adapter batch billing budget cache calendar catalog channel checkout cluster contact contract customer "
    "dashboard delivery deploy device document event export feature filter folder gateway header import index invoice "
    "ledger limit locale login mailer message metric migration mirror notice order parser payment payload permission "
    "pipeline policy portal price product profile quota queue record refund region release report request retry route "
    "sample schedule schema search sensor session shipment signal snapshot source status storage stream subscription "
    "summary sync table tariff team template tenant ticket token topic tracker upload user vendor version webhook "
    "worker zone"
)
VERBS = _words(
    "apply build check clean close collect compute convert create decode delete encode fetch filter find flush format "
    "handle load merge normalize open parse publish read refresh render reset resolve save send split store sync "
    "update validate write"
)
ADJECTIVES = _words(
    "broken delayed duplicate empty expired failing failed flaky invalid late locked missing outdated partial "
    "pending slow stale unexpected unknown wrong"
)


def letters(rng: Random, count: int) -> str:
    """Lower-case letters."""
    return "".join(rng.choice(ALPHABET) for _ in range(count))


def digits(rng: Random, count: int) -> str:
    """Digits, the first of them not 0."""
    return str(rng.randint(10 ** (count - 1), 10**count - 1))


def hexadecimal(rng: Random, count: int) -> str:
    return "".join(rng.choice("0123456789abcdef") for _ in range(count))


def uuid(rng: Random) -> str:
    return "-".join(hexadecimal(rng, size) for size in (8, 4, 4, 4, 12))


def person(rng: Random) -> tuple[str, str]:
    """First and last name."""
    return rng.choice(FIRST), rng.choice(LAST)


def day(rng: Random, around: date, spread: int) -> date:
    """A day within `spread` days before `around`."""
    return around - timedelta(days=rng.randint(0, spread))


def headline(rng: Random) -> str:
    """A few words such as tickets and pages are called by."""
    return f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)} {rng.choice(VERBS)}".capitalize()


def sentence(rng: Random, count: int = 9) -> str:
    """Words in no meaningful order."""
    found = [rng.choice((NOUNS, VERBS, ADJECTIVES)[n % 3]) for n in range(count)]
    return " ".join(found).capitalize() + "."
