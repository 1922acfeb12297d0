"""Which speculations a write may have made stale, without looking at all of them."""

from __future__ import annotations

from collections.abc import Iterator

from speculate.core.machine import Speculation
from speculate.resources import Claims


def _family(claim: str) -> str | None:
    """What a claim begins with, up to its first "/"; None if a "*" stands before that."""
    head, slash, _ = claim.partition("/")
    if slash or not head.endswith("*"):
        return head
    return None


class ResourceIndex:
    """Live speculations by the families of resources they read or stage. Insertion order is kept."""

    __slots__ = ("_all", "_families", "_wide")

    def __init__(self) -> None:
        self._all: dict[int, Speculation] = {}
        self._families: dict[str, dict[int, Speculation]] = {}
        self._wide: dict[int, Speculation] = {}

    def add(self, speculation: Speculation) -> None:
        self._all[speculation.id] = speculation
        claims = speculation.call.claims
        for claim in (*claims.reads, *claims.writes):
            family = _family(claim)
            group = self._wide if family is None else self._families.setdefault(family, {})
            group[speculation.id] = speculation

    def remove(self, speculation: Speculation) -> None:
        if self._all.pop(speculation.id, None) is None:
            return
        claims = speculation.call.claims
        for claim in (*claims.reads, *claims.writes):
            family = _family(claim)
            if family is None:
                self._wide.pop(speculation.id, None)
            elif (group := self._families.get(family)) is not None:
                group.pop(speculation.id, None)
                if not group:
                    del self._families[family]

    def changed_by(self, write: Claims) -> Iterator[Speculation]:
        """Each speculation whose resources this write changes, once. Safe against removal while iterating."""
        if not self._all or not write.writes:
            return
        groups: list[dict[int, Speculation]] = [self._wide]
        for claim in write.writes:
            family = _family(claim)
            if family is None:
                groups = [self._all]
                break
            group = self._families.get(family)
            if group is not None:
                groups.append(group)
        seen: set[int] = set()
        for speculation in [item for group in groups for item in group.values()]:
            if speculation.id not in seen:
                seen.add(speculation.id)
                if speculation.call.claims.is_changed_by(write):
                    yield speculation

    def __len__(self) -> int:
        return len(self._all)
