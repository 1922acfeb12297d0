"""Learned values that stay sealed until k distinct tenants showed them (threshold secret sharing).

A value is encrypted under a key that only k distinct tenants' shares reveal: Shamir's scheme (1979) with the
polynomial derived from the value itself, as in STAR (Davidson et al., 2022, arXiv 2109.10074). So a model file holds
no value that fewer than k tenants showed, and two files still merge exactly: their shares add up, and a value that
reaches k only through the merge opens then. What this cannot hide, as no deterministic scheme can, is a value that
somebody guesses: whoever guesses it can check the guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

PRIME = (1 << 127) - 1
MAX_TENANTS = 64  # counted; more say nothing more


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
    return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8, person=b"speculate-name").hexdigest()


class Vault:
    """digest -> (sealed text, {tenant's point: share}); values that reached k are open."""

    __slots__ = ("_opened", "k", "sealed")

    def __init__(self, k: int) -> None:
        if k < 1:
            raise ValueError(f"min_tenants must be at least 1, not {k}")
        self.k = k
        self.sealed: dict[str, tuple[str, dict[str, str]]] = {}
        self._opened: dict[str, str] = {}

    def add(self, value: str, tenant: str) -> str:
        """Record that this tenant showed this value; its digest."""
        digest = digest_of(value)
        entry = self.sealed.get(digest)
        if entry is None:
            data = value.encode("utf-8", "surrogatepass")
            text = _mask(data, _number(b"0", data)).hex()
            entry = self.sealed[digest] = (text, {})
        shares = entry[1]
        point = f"{_number(b'tenant', tenant.encode('utf-8', 'surrogatepass')) & 0xFFFFFFFFFFFF:012x}"
        if point not in shares:
            shares[point] = "" if digest in self._opened else self._evaluate(value, point)
            if len(shares) >= self.k:
                self._open(digest, value)
        return digest

    def _open(self, digest: str, value: str) -> None:
        """From now on only the tenants' points count; the smallest stand for all, whatever order they came in."""
        self._opened[digest] = value
        points = sorted(self.sealed[digest][1])[: max(self.k, MAX_TENANTS)]
        self.sealed[digest] = ("", dict.fromkeys(points, ""))

    def _evaluate(self, value: str, point: str) -> str:
        """The tenant's share: the value's polynomial at the tenant's point."""
        data = value.encode("utf-8", "surrogatepass")
        x = int(point, 16)
        y = 0
        for power in range(self.k - 1, -1, -1):
            y = (y * x + _number(str(power).encode(), data)) % PRIME
        return f"{y:x}"

    def value(self, digest: str) -> str | None:
        """The value, if at least k tenants showed it."""
        return self._opened.get(digest)

    def tenants(self, digest: str) -> int:
        """How many distinct tenants showed it."""
        entry = self.sealed.get(digest)
        return len(entry[1]) if entry else 0

    def merge(self, other: Vault) -> None:
        """Add what another vault knows. Raises ValueError if its k differs."""
        if other.k != self.k:
            raise ValueError(f"models with different min_tenants cannot be merged: {self.k} and {other.k}")
        for digest, (text, shares) in other.sealed.items():
            mine = self.sealed.setdefault(digest, (text, {}))
            mine[1].update({point: share for point, share in shares.items() if not mine[1].get(point)})
            value = self._opened.get(digest) or other._opened.get(digest)
            if value is None and len(mine[1]) >= self.k:
                value = self._unseal(digest)
            if value is not None:
                self._open(digest, value)

    def _unseal(self, digest: str) -> str:
        """Interpolate the shares at 0: the key. Raises ValueError if the entry is damaged."""
        text, shares = self.sealed[digest]
        points = [(int(point, 16), int(share, 16)) for point, share in sorted(shares.items())][: self.k]
        secret = 0
        for i, (xi, yi) in enumerate(points):
            top, bottom = 1, 1
            for j, (xj, _) in enumerate(points):
                if i != j:
                    top = top * -xj % PRIME
                    bottom = bottom * (xi - xj) % PRIME
            secret = (secret + yi * top * pow(bottom, -1, PRIME)) % PRIME
        data = _mask(bytes.fromhex(text), secret)
        value = data.decode("utf-8", "surrogatepass") if _number(b"0", data) == secret else ""
        if digest_of(value) != digest:
            raise ValueError(f"the sealed value {digest} is damaged")
        return value

    def bound(self, limit: int) -> None:
        """Keep at most `limit` values that are still sealed: those with the smallest digests."""
        closed = sorted(digest for digest in self.sealed if digest not in self._opened)
        for digest in closed[limit:]:
            del self.sealed[digest]

    def to_document(self) -> dict[str, Any]:
        """Open values in plain; sealed ones with their shares."""
        out: dict[str, Any] = {}
        for digest in sorted(self.sealed):
            text, shares = self.sealed[digest]
            value = self._opened.get(digest)
            points = {point: shares[point] for point in sorted(shares)}
            if value is None:
                out[digest] = {"sealed": text, "tenants": points}
            else:
                out[digest] = {"value": value, "tenants": list(points)}
        return out

    @classmethod
    def from_document(cls, document: Mapping[str, Any], k: int) -> Vault:
        vault = cls(k)
        for digest, row in document.items():
            value = row.get("value")
            if value is None:
                vault.sealed[digest] = (row["sealed"], dict(row["tenants"]))
            else:
                vault.sealed[digest] = ("", dict.fromkeys(row["tenants"], ""))
                vault._opened[digest] = value
        return vault
