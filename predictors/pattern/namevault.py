"""Names of fields, sealed until k distinct tenants showed them, and those the manifest makes public."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any

from predictors.pattern.naming import Naming, in_clear
from predictors.pattern.sealing import is_seal, seal_of_digest
from predictors.pattern.vault import Vault, digest_of

_known = lru_cache(maxsize=4_096)(digest_of)  # most sessions show the same names


class NameVault(Vault):
    """A vault that keeps no marks of tenants for what is open."""

    __slots__ = ()

    def add_all(self, names: Iterable[str], tenant: str) -> None:
        """Record that this tenant showed these names."""
        opened = self._opened
        for name in names:
            if _known(name) not in opened:
                self.add(name, tenant)

    def _open(self, digest: str, value: str) -> None:
        self._opened[digest] = value
        self.sealed[digest] = ("", {})

    def opened(self) -> list[str]:
        """The names that are open, in order."""
        return sorted(self._opened.values())

    def closed(self) -> list[str]:
        """The digests of those that are not."""
        return [digest for digest in self.sealed if digest not in self._opened]

    def to_document(self) -> dict[str, Any]:
        """Names in clear, and sealed ones with their shares."""
        return {"open": self.opened(), "sealed": super().to_document()["sealed"]}

    @classmethod
    def from_document(cls, document: Mapping[str, Any], k: int) -> NameVault:
        """Raises KeyError, TypeError or ValueError if it is no such document."""
        vault = cls(k)
        for name in map(str, document["open"]):
            vault._open(digest_of(name), name)
        vault.sealed.update({str(digest): str(text) for digest, text in document["sealed"].items()})
        return vault


class FieldNames:
    """All names: `keys` of objects, and `arguments` of calls, which are missed much sooner; `public` ones that never
    were sealed."""

    __slots__ = ("arguments", "keys", "public")

    def __init__(self, k: int) -> None:
        self.keys = NameVault(k)
        self.arguments = NameVault(k)
        self.public: set[str] = set()

    @property
    def vaults(self) -> tuple[NameVault, NameVault]:
        return self.keys, self.arguments

    def is_open(self, key: str) -> bool:
        """Whether this key stands in clear, or is a seal, whoever shows it."""
        return key in self.public or is_seal(key) or self.keys.value(_known(key)) is not None

    def show(self, keys: Iterable[str], arguments: Iterable[str], tenant: str) -> None:
        """Record that this tenant showed these names."""
        public = self.public
        self.keys.add_all((name for name in keys if name not in public), tenant)
        self.arguments.add_all((name for name in arguments if name not in public), tenant)

    def publish(self, names: Iterable[str]) -> None:
        """Make names public."""
        for name in names:
            self.public.add(name)
            for vault in self.vaults:
                vault.drop(digest_of(name))

    def merge(self, other: FieldNames) -> None:
        """Add what another one knows. Raises ValueError if its k differs."""
        for mine, theirs in zip(self.vaults, other.vaults, strict=True):
            mine.merge(theirs)
        self.publish([*self.public, *other.public])

    def naming(self) -> Naming:
        """What stands in clear now."""
        keys, arguments = (in_clear(chain(self.public, vault.opened())) for vault in self.vaults)
        return Naming(keys, arguments)

    def seals(self) -> frozenset[str]:
        """The seals of keys that are not open."""
        return frozenset(map(seal_of_digest, self.keys.closed()))

    def to_document(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "public": sorted(self.public),
            "keys": self.keys.to_document(),
            "arguments": self.arguments.to_document(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any], k: int) -> FieldNames:
        """Raises KeyError, TypeError or ValueError if it is no such document."""
        names = cls(k)
        names.public.update(map(str, document["public"]))
        names.keys = NameVault.from_document(document["keys"], k)
        names.arguments = NameVault.from_document(document["arguments"], k)
        return names
