"""What was counted, before anything is derived from it: a part of a model, to be sent about and added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from predictors.pattern.bounding import MAX_BYTES, Bound
from predictors.pattern.collecting import without_collection
from predictors.pattern.counts import Counts
from predictors.pattern.digest import Sample
from predictors.pattern.digest_document import read_sample, weight_of, write_sample
from predictors.pattern.document import FORMAT, Names, StoredCounts, refuse_other_formats, write_counts
from predictors.pattern.earlier import BEFORE, upgraded
from predictors.pattern.namevault import FieldNames
from predictors.pattern.renaming import rename_counts
from predictors.pattern.training import SAMPLE, Trainer
from predictors.pattern.vault import Vault
from speculate.spec import ToolSpec
from speculate.trace import RecordedSession

MIN_TENANTS = 3
SESSIONS_AT_ONCE = 1_000  # counted together
SESSIONS_BETWEEN = 2_000  # learned from, before what will not be kept is dropped


@dataclass(slots=True)
class Part:
    """Counts over some sessions, bounded; can be pickled. `merge` gives exactly what counting both parts gives."""

    counts: Counts
    vault: Vault
    sample: Sample
    bound: Bound = field(default_factory=Bound)
    hidden: Mapping[str, frozenset[str]] = field(default_factory=dict)
    schema: Mapping[str, Sequence[str]] = field(default_factory=dict)
    gated: frozenset[str] = frozenset()  # tools that are never launched
    names: FieldNames = field(default_factory=lambda: FieldNames(MIN_TENANTS))  # of fields

    @classmethod
    def empty(cls, min_tenants: int = MIN_TENANTS, sample: int = SAMPLE, max_bytes: int = MAX_BYTES) -> Part:
        """Of no session. Raises ValueError for a setting that makes no sense."""
        return cls(Counts(), Vault(min_tenants), Sample(sample), Bound(max_bytes), names=FieldNames(min_tenants))

    @classmethod
    def count(
        cls,
        sessions: Iterable[RecordedSession],
        specs: Mapping[str, ToolSpec],
        min_tenants: int = MIN_TENANTS,
        sample: int = SAMPLE,
        max_bytes: int = MAX_BYTES,
    ) -> Part:
        """Of these sessions, in one pass and bounded memory."""
        bound = Bound(max_bytes)
        trainer = Trainer(specs, min_tenants, sample)
        part = cls(
            trainer.counts,
            trainer.vault,
            trainer.sample,
            bound,
            trainer.hidden,
            trainer.schema,
            trainer.gated,
            trainer.names,
        )
        number = 0
        waiting = iter(sessions)
        more = True
        while more:
            with without_collection():
                before = number
                for session in islice(waiting, SESSIONS_AT_ONCE):
                    trainer.add(session)
                    number += 1
                more = number - before == SESSIONS_AT_ONCE
                trainer.pour()
                if not more or number % SESSIONS_BETWEEN == 0:
                    part.apply_bound()
        return part

    def _fixed(self) -> tuple[Mapping[str, Any], ...]:
        hidden = {tool: sorted(names) for tool, names in self.hidden.items()}
        return self.schema, hidden, dict.fromkeys([*self.gated, *self.names.public], "")

    def room(self) -> int:
        """What entries may weigh."""
        return self.bound.room(*self._fixed())

    def entries(self) -> int:
        """About how many there are: quickly counted."""
        counts = self.counts
        return (
            len(counts.contexts) + len(counts.later) + len(counts.words) + len(counts.told) + len(self.vault.sealed)
            + len(self.names.keys.sealed) + len(self.names.arguments.sealed)
            + sum(len(rows) for table in (counts.offers, counts.reach, counts.joint) for rows in table.values())
            + sum(len(row) for table in (counts.heard, counts.links, counts.forms, counts.kinds)
                  for row in table.values())
            + sum(len(rows) for arguments in counts.takes.values() for rows in arguments.values())
        )  # fmt: skip

    def apply_bound(self) -> None:
        """Drop what does not fit. Raises ValueError if the manifest alone is too large."""
        self.drop_entries()
        self.sample.bound(self.bound.sample_bytes, weight_of)

    @without_collection()
    def drop_entries(self) -> None:
        """Drop what does not fit of what was counted; the sample stays as it is. Seals names, and opens seals."""
        rename_counts(self.counts, self.names.naming())
        self.bound = self.bound.applied(self.counts, self.vault, self.names, *self._fixed())

    def merge(self, other: Part) -> Part:
        """A new part: of the sessions of both. Raises ValueError if their settings differ."""
        if (self.sample.size, self.bound.max_bytes) != (other.sample.size, other.bound.max_bytes):
            raise ValueError("models with different settings (sample, max_bytes) cannot be merged")
        counts, vault, sample = Counts(), Vault(self.vault.k), Sample(self.sample.size)
        field_names = FieldNames(self.vault.k)
        hidden: dict[str, frozenset[str]] = {}
        schema: dict[str, Sequence[str]] = {}
        for each in (self, other):
            counts.add(each.counts)
            vault.merge(each.vault)
            field_names.merge(each.names)
            sample.merge(each.sample)
            for tool, names in each.hidden.items():
                hidden[tool] = hidden.get(tool, frozenset()) | names
            for tool, arguments in each.schema.items():
                schema[tool] = sorted({*schema.get(tool, ()), *arguments})
        gated = frozenset(
            tool
            for tool in self.gated | other.gated
            if all(tool in each.gated or tool not in each.counts.forms for each in (self, other))
        )
        merged = Part(counts, vault, sample, self.bound.merged(other.bound), hidden, schema, gated, field_names)
        merged.apply_bound()
        return merged

    def to_document(self) -> dict[str, Any]:
        """JSON values, the same in whatever order and however split the sessions were counted."""
        names = Names()
        counts = write_counts(self.counts, names, self.vault.digests())
        sample = write_sample(self.sample, names)
        return {
            "format": FORMAT,
            "min_tenants": self.vault.k,
            "max_bytes": self.bound.max_bytes,
            "kept_below": self.bound.below,
            "sensitive": {tool: sorted(arguments) for tool, arguments in sorted(self.hidden.items()) if arguments},
            "schema": {tool: sorted(arguments) for tool, arguments in sorted(self.schema.items())},
            "gated": sorted(self.gated),
            "counts": counts,
            "fields": self.names.to_document(),
            "values": self.vault.to_document(),
            "sample": sample,
            "names": names.to_document(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Part:
        """What `to_document` described. Raises KeyError, TypeError or ValueError if it is no such document."""
        refuse_other_formats(document)
        if document["format"] == BEFORE:
            document = upgraded(document)
        names, below = document["names"], document["kept_below"]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise TypeError("the names are no list of texts")
        vault = Vault.from_document(document["values"], int(document["min_tenants"]))
        return cls(
            StoredCounts(document["counts"], names, vault.digests(), document["format"]),
            vault,
            read_sample(document["sample"], names),
            Bound(int(document["max_bytes"]), None if below is None else int(below)),
            {tool: frozenset(arguments) for tool, arguments in document["sensitive"].items()},
            document["schema"],
            frozenset(document["gated"]),
            FieldNames.from_document(document["fields"], vault.k),
        )
