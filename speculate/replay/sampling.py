"""Seeded draws that depend on what they are for, never on when they are made.

A draw is a function of the seed and of names (session, call), so that every arm of a replay, in any order of
events, sees the same world. `random.Random` has a state; these have none.
"""

from __future__ import annotations

from hashlib import blake2b
from statistics import NormalDist

_SPAN = float(1 << 53)
_normal_quantile = NormalDist().inv_cdf


def uniform(seed: int, *names: str) -> float:
    """A number strictly between 0 and 1, the same for the same seed and names on every machine and run."""
    text = "\x1f".join((str(seed), *names))
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return ((int.from_bytes(digest, "big") >> 11) + 0.5) / _SPAN


def normal_quantile(share: float) -> float:
    """The standard normal distribution's quantile; `share` strictly between 0 and 1."""
    return _normal_quantile(share)
