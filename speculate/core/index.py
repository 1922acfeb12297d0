"""Which of many things a write touches, without looking at all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from speculate.resources import Claims

T = TypeVar("T")
K = TypeVar("K")


def _family(claim: str) -> str | None:
    """What a claim begins with, up to its first "/"; None if a "*" stands before that."""
    head, slash, _ = claim.partition("/")
    if slash or not head.endswith("*"):
        return head
    return None


class ResourceIndex(Generic[K, T]):
    """Things that rest on resources, by the families of what they read or stage. Insertion order is kept."""

    __slots__ = ("_all", "_families", "_wide")

    def __init__(self) -> None:
        self._all: dict[K, tuple[T, Claims]] = {}
        self._families: dict[str, dict[K, tuple[T, Claims]]] = {}
        self._wide: dict[K, tuple[T, Claims]] = {}

    def add(self, key: K, item: T, claims: Claims) -> None:
        """`item` rests on `claims` until `key` is removed."""
        entry = self._all[key] = (item, claims)
        for claim in (*claims.reads, *claims.writes):
            family = _family(claim)
            group = self._wide if family is None else self._families.setdefault(family, {})
            group[key] = entry

    def remove(self, key: K) -> None:
        entry = self._all.pop(key, None)
        if entry is None:
            return
        claims = entry[1]
        for claim in (*claims.reads, *claims.writes):
            family = _family(claim)
            if family is None:
                self._wide.pop(key, None)
            elif (group := self._families.get(family)) is not None:
                group.pop(key, None)
                if not group:
                    del self._families[family]

    def changed_by(self, write: Claims) -> Iterator[T]:
        """Each thing whose resources this write changes, once. Safe against removal while iterating."""
        if not self._all or not write.writes:
            return
        groups = [self._wide]
        for claim in write.writes:
            family = _family(claim)
            if family is None:
                groups = [self._all]
                break
            group = self._families.get(family)
            if group is not None:
                groups.append(group)
        seen: set[K] = set()
        for key, (item, claims) in [entry for group in groups for entry in group.items()]:
            if key not in seen:
                seen.add(key)
                if claims.is_changed_by(write):
                    yield item

    def __len__(self) -> int:
        return len(self._all)
