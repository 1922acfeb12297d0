"""Learned values that stay sealed until k distinct tenants showed them (threshold secret sharing).

A value is encrypted under a key that only k distinct tenants' shares reveal: Shamir's scheme (1979) with the
polynomial derived from the value itself, as in STAR (Davidson et al., 2022, arXiv 2109.10074). So a model file holds
no value that fewer than k tenants showed, and two files still merge exactly: their shares add up, and a value that
reaches k only through the merge opens then. What this cannot hide, as no deterministic scheme can, is a value that
somebody guesses: whoever guesses it can check the guess.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

PRIME = (1 << 127) - 1
MAX_TENANTS = 64  # counted; more say nothing more
POINT = 8  # characters of a tenant's point, 48 bits
MARK = 4  # characters of it that are kept of an open value: enough to count by
SHARE = POINT + 22  # characters of a point and the share there

Shares = dict[str, str]  # tenant's point -> share


def _text(data: bytes) -> str:
    """Bytes as characters that need no quoting in a file."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(*parts: bytes) -> int:
    return int.from_bytes(blake2b(b"\0".join(parts), digest_size=16).digest(), "big") % PRIME


def _mask(data: bytes, key: int) -> bytes:
    """`data` xor a stream of bytes made from the key."""
    stream = b""
    while len(stream) < len(data):
        stream += blake2b(key.to_bytes(16, "big") + len(stream).to_bytes(4, "big"), digest_size=64).digest()
    return bytes(a ^ b for a, b in zip(data, stream, strict=False))


def digest_of(value: str) -> str:
    """The name a value goes by while it is sealed."""
    return _text(blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8, person=b"speculate-name").digest())


@lru_cache(maxsize=256)
def point_of(tenant: str) -> str:
    """Where a tenant's shares lie."""
    return _text(blake2b(tenant.encode("utf-8", "surrogatepass"), digest_size=6, person=b"speculate-point").digest())


def _split(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


class Vault:
    """digest -> (sealed text, {tenant's point: share}); values that reached k are open.

    What a file holds of a value ("sealed text" and "point and share", one after the other) is taken apart when the
    value is first looked at.
    """

    __slots__ = ("_opened", "k", "sealed")

    def __init__(self, k: int) -> None:
        if k < 1:
            raise ValueError(f"min_tenants must be at least 1, not {k}")
        self.k = k
        self.sealed: dict[str, tuple[str, Shares] | str] = {}
        self._opened: dict[str, str] = {}

    def _entry(self, digest: str) -> tuple[str, Shares]:
        entry = self.sealed[digest]
        if isinstance(entry, str):
            if digest in self._opened:
                entry = ("", dict.fromkeys(_split(entry, MARK), ""))
            else:
                sealed, _, shares = entry.partition(" ")
                entry = (sealed, {each[:POINT]: each[POINT:] for each in _split(shares, SHARE)})
            self.sealed[digest] = entry
        return entry

    def add(self, value: str, tenant: str) -> str:
        """Record that this tenant showed this value; its digest."""
        digest = digest_of(value)
        if digest in self.sealed:
            entry = self._entry(digest)
        else:
            data = value.encode("utf-8", "surrogatepass")
            entry = self.sealed[digest] = (_text(_mask(data, _number(b"0", data))), {})
        shares = entry[1]
        point = point_of(tenant)
        if digest in self._opened:
            if len(shares) < max(self.k, MAX_TENANTS):
                shares[point[:MARK]] = ""
            elif point[:MARK] not in shares:
                self._keep(shares, point[:MARK])
        elif point not in shares:
            shares[point] = self._evaluate(value, point)
            if len(shares) >= self.k:
                self._open(digest, value)
        return digest

    @staticmethod
    def _keep(shares: Shares, point: str) -> None:
        """The smallest points stand for all tenants, whatever order they came in."""
        last = max(shares)
        if point < last:
            del shares[last]
            shares[point] = ""

    def _open(self, digest: str, value: str) -> None:
        """From now on tenants only count."""
        entry = self._entry(digest)
        self._opened[digest] = value
        points = sorted({point[:MARK] for point in entry[1]})[: max(self.k, MAX_TENANTS)]
        self.sealed[digest] = ("", dict.fromkeys(points, ""))

    def _evaluate(self, value: str, point: str) -> str:
        """The tenant's share: the value's polynomial at the tenant's point."""
        data = value.encode("utf-8", "surrogatepass")
        x = int.from_bytes(_bytes(point), "big")
        y = 0
        for power in range(self.k - 1, -1, -1):
            y = (y * x + _number(str(power).encode(), data)) % PRIME
        return _text(y.to_bytes(16, "big"))

    def value(self, digest: str) -> str | None:
        """The value, if at least k tenants showed it."""
        return self._opened.get(digest)

    def tenants(self, digest: str) -> int:
        """How many distinct tenants showed it; at least k if it is open, and then counted up to a bound."""
        if digest not in self.sealed:
            return 0
        count = len(self._entry(digest)[1])
        return max(self.k, count) if digest in self._opened else count

    def merge(self, other: Vault) -> None:
        """Add what another vault knows. Raises ValueError if its k differs."""
        if other.k != self.k:
            raise ValueError(f"models with different min_tenants cannot be merged: {self.k} and {other.k}")
        for digest in other.sealed:
            theirs = other._entry(digest)
            if digest in self.sealed:
                mine = self._entry(digest)
            else:
                mine = self.sealed[digest] = (theirs[0], {})
                if digest in other._opened:
                    self._opened[digest] = other._opened[digest]
            value = self._opened.get(digest)
            if value is None:
                value = other._opened.get(digest)
            if value is not None:
                mine[1].update(theirs[1])
                self._open(digest, value)
                continue
            mine[1].update({point: share for point, share in theirs[1].items() if point not in mine[1]})
            if len(mine[1]) >= self.k:
                self._open(digest, self._unseal(digest))

    def _unseal(self, digest: str) -> str:
        """Interpolate the shares at 0: the key. Raises ValueError if the entry is damaged."""
        entry = self._entry(digest)
        points = [
            (int.from_bytes(_bytes(point), "big"), int.from_bytes(_bytes(share), "big"))
            for point, share in sorted(entry[1].items())
        ][: self.k]
        secret = 0
        for i, (xi, yi) in enumerate(points):
            top, bottom = 1, 1
            for j, (xj, _) in enumerate(points):
                if i != j:
                    top = top * -xj % PRIME
                    bottom = bottom * (xi - xj) % PRIME
            secret = (secret + yi * top * pow(bottom, -1, PRIME)) % PRIME
        data = _mask(_bytes(entry[0]), secret)
        value = data.decode("utf-8", "surrogatepass") if _number(b"0", data) == secret else ""
        if digest_of(value) != digest:
            raise ValueError(f"the sealed value {digest} is damaged")
        return value

    def drop(self, digest: str) -> None:
        """Forget a value."""
        self.sealed.pop(digest, None)
        self._opened.pop(digest, None)

    def size(self, digest: str) -> int:
        """Characters of a value in base 64: the same whether it is open or sealed."""
        value = self._opened.get(digest)
        return (
            len(self._entry(digest)[0]) if value is None else (4 * len(value.encode("utf-8", "surrogatepass")) + 2) // 3
        )

    def weight(self, digest: str) -> int:
        """Characters a file takes for a value at most. Never less after more tenants showed it."""
        tenants = self.tenants(digest)
        value = self._opened.get(digest)
        text = self.size(digest)
        if value is not None:
            text = max(text, len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")))
        return text + SHARE * min(tenants, self.k) + MARK * max(0, tenants - self.k)

    def digests(self) -> list[str]:
        """All of them, those of open values first: the order they have numbers by in a file."""
        opened = self._opened
        return [*sorted(opened), *sorted(digest for digest in self.sealed if digest not in opened)]

    def to_document(self) -> dict[str, Any]:
        """Open values in plain, with their tenants' marks; sealed ones with their shares."""
        opened: dict[str, str] = {}
        sealed: dict[str, str] = {}
        for digest in self.digests():
            entry = self.sealed[digest]
            value = self._opened.get(digest)
            if value is not None:
                marks = entry if isinstance(entry, str) else "".join(sorted(entry[1]))
                opened[digest] = f"{marks} {value}"
            elif isinstance(entry, str):
                sealed[digest] = entry
            else:
                shares = entry[1]
                sealed[digest] = f"{entry[0]} {''.join([point + shares[point] for point in sorted(shares)])}"
        return {"open": opened, "sealed": sealed}

    @classmethod
    def from_document(cls, document: Mapping[str, Any], k: int) -> Vault:
        """Raises KeyError or ValueError if it is no such document."""
        vault = cls(k)
        for digest, text in document["open"].items():
            vault.sealed[digest], _, vault._opened[digest] = text.partition(" ")
        vault.sealed.update(document["sealed"])
        return vault
