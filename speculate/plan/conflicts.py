"""Which tasks of a plan could run at once and must not, found without comparing every pair.

Every conflict has a writer. `unordered_conflicts` takes the writers some thousands at a time as bits of one
integer, pushes those bits through the graph once forwards and once backwards, and then asks of each task, in one
operation, whether any writer it conflicts with is neither before nor behind it. `ConflictOrder` is a scoreboard
(Thornton 1964): tasks come in one order and each is told which earlier ones it must wait for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence

from speculate.errors import PlanError
from speculate.plan.graph import reach_masks
from speculate.resources import Claims, overlaps

# Bits times tasks: about 32 MB for each of the two mask lists.
_MASK_BITS = 256_000_000


def shared_resource(one: Claims, other: Claims) -> str | None:
    """A claim over which the two conflict (the narrower of the two that meet), or None."""
    for some, others in ((one.writes, other.writes), (one.writes, other.reads), (one.reads, other.writes)):
        for claim in some:
            for rival in others:
                if overlaps(claim, rival):
                    return max(claim, rival, key=len)
    return None


def unordered_conflicts(
    predecessors: Sequence[Sequence[int]],
    successors: Sequence[Sequence[int]],
    order: Sequence[int],
    claims: Sequence[Claims],
    limit: int,
) -> list[tuple[int, int]]:
    """Up to `limit` pairs of tasks that conflict while neither waits for the other, directly or through others."""
    writers = _contended_writers(claims)
    if not writers:
        return []
    if all(order[place - 1] in predecessors[order[place]] for place in range(1, len(order))):
        return []  # one chain: everything is ordered
    size = max(256, min(16_384, _MASK_BITS // len(claims)))
    backwards = list(reversed(order))
    found: dict[tuple[int, int], None] = {}
    for start in range(0, len(writers), size):
        chunk = writers[start : start + size]
        before = reach_masks(predecessors, order, chunk)
        behind = reach_masks(successors, backwards, chunk)
        rivals = _Rivals(claims, chunk)
        own = {task: 1 << bit for bit, task in enumerate(chunk)}
        for task in order:
            mask = rivals.of(claims[task])
            if mask:
                mask &= ~(before[task] | behind[task] | own.get(task, 0))
            while mask:
                low = mask & -mask
                rival = chunk[low.bit_length() - 1]
                found[min(task, rival), max(task, rival)] = None
                if len(found) >= limit:
                    return list(found)
                mask ^= low
    return list(found)


def _contended_writers(claims: Sequence[Claims]) -> list[int]:
    """The tasks that write something another task may touch; a write nobody else claims needs no check."""
    touched: dict[str, int] = {}
    for each in claims:
        for name in {*each.reads, *each.writes}:
            touched[name] = touched.get(name, 0) + 1
    prefixes = {name[:-1] for name in touched if name.endswith("*")}
    lengths = sorted({len(prefix) for prefix in prefixes})
    contended: dict[str, bool] = {}

    def is_contended(name: str) -> bool:
        if name.endswith("*"):
            return True
        known = contended.get(name)
        if known is None:
            known = touched[name] > 1 or any(name[:length] in prefixes for length in lengths)
            contended[name] = known
        return known

    found = [task for task, each in enumerate(claims) if any(is_contended(name) for name in each.writes)]
    return found if len(found) > 1 or any(each.reads for each in claims) else []


class _Rivals:
    """For some writers, which of them a claim meets, as a bit mask; each distinct set of claims is worked out once."""

    def __init__(self, claims: Sequence[Claims], writers: Sequence[int]) -> None:
        self._exact: dict[str, int] = {}
        self._prefix: dict[str, int] = {}
        self._known: dict[tuple[str, bool], int] = {}
        for bit, task in enumerate(writers):
            for name in claims[task].writes:
                table = self._prefix if name.endswith("*") else self._exact
                key = name.removesuffix("*")
                table[key] = table.get(key, 0) | (1 << bit)
        self._lengths = sorted({len(prefix) for prefix in self._prefix})
        self._names = sorted(self._exact)
        self._prefixes = sorted(self._prefix)

    def of(self, claims: Claims) -> int:
        mask = 0
        for name in claims.writes:
            mask |= self._meets(name)
        for name in claims.reads:
            mask |= self._meets(name)
        return mask

    def _meets(self, name: str) -> int:
        is_prefix = name.endswith("*")
        known = self._known.get((name, is_prefix))
        if known is not None:
            return known
        mask = 0
        text = name[:-1] if is_prefix else name
        for length in self._lengths:
            if length <= len(text):
                mask |= self._prefix.get(text[:length], 0)
        if is_prefix:
            for table, ordered in ((self._exact, self._names), (self._prefix, self._prefixes)):
                for key in starting_with(ordered, text):
                    mask |= table[key]
        else:
            mask |= self._exact.get(text, 0)
        self._known[name, is_prefix] = mask
        return mask


def starting_with(ordered: Sequence[str], prefix: str) -> Iterator[str]:
    """The texts of a sorted list that start with `prefix`."""
    for index in range(bisect_left(ordered, prefix), len(ordered)):
        if not ordered[index].startswith(prefix):
            return
        yield ordered[index]


class ConflictOrder:
    """Tasks in one order; each learns which earlier ones it must wait for so that no conflicting two overlap.

    Bounded: past `budget` looked-at claims it raises PlanError, because claims that wide order everything anyway.
    """

    def __init__(self, budget: int = 2_000_000) -> None:
        self._writers: dict[str, list[int]] = {}
        self._readers: dict[str, list[int]] = {}
        self._lengths: dict[int, int] = {}
        self._budget = budget

    def place(self, task: int, claims: Claims) -> list[int]:
        """The earlier tasks `task` must wait for, ascending."""
        before: set[int] = set()
        for name in claims.reads:
            before.update(self._meeting(name, self._writers))
        for name in claims.writes:
            before.update(self._meeting(name, self._writers))
            before.update(self._meeting(name, self._readers))
        for name in claims.writes:
            # What this write covers is ordered before it, so whoever comes later need only wait for this write.
            for table in (self._writers, self._readers):
                for covered in self._covered(name, table):
                    self._forget(covered, table)
            self._note(name, self._writers, task)
        for name in claims.reads:
            if name not in claims.writes:
                self._note(name, self._readers, task)
        before.discard(task)
        return sorted(before)

    def _spend(self, amount: int) -> None:
        self._budget -= amount
        if self._budget < 0:
            problem = "too many tasks claim wide resources to put them in order; declare narrower reads and writes"
            raise PlanError(problem)

    def _note(self, name: str, table: dict[str, list[int]], task: int) -> None:
        if name not in table:
            table[name] = []
            if name.endswith("*"):
                self._lengths[len(name)] = self._lengths.get(len(name), 0) + 1
        table[name].append(task)

    def _forget(self, name: str, table: dict[str, list[int]]) -> None:
        del table[name]
        if name.endswith("*"):
            self._lengths[len(name)] -= 1
            if not self._lengths[len(name)]:
                del self._lengths[len(name)]

    def _covered(self, name: str, table: dict[str, list[int]]) -> list[str]:
        if not name.endswith("*"):
            return [name] if name in table else []
        self._spend(len(table))
        return [other for other in table if other.startswith(name[:-1])]

    def _meeting(self, name: str, table: dict[str, list[int]]) -> Iterable[int]:
        text = name.removesuffix("*")
        names = {f"{text[: length - 1]}*" for length in self._lengths if length - 1 <= len(text)}
        names.update(self._covered(name, table))
        for other in names:
            tasks = table.get(other)
            if tasks:
                self._spend(len(tasks))
                yield from tasks


def ordered_pairs(
    predecessors: Sequence[Sequence[int]], order: Sequence[int], pairs: Sequence[tuple[int, int]]
) -> Callable[[tuple[int, int]], bool]:
    """A question for each of `pairs` (first, second): does second already wait for first?"""
    firsts = sorted({first for first, _ in pairs})
    size = max(256, min(16_384, _MASK_BITS // max(1, len(predecessors))))
    known: set[tuple[int, int]] = set()
    for start in range(0, len(firsts), size):
        chunk = firsts[start : start + size]
        bit_of = {task: bit for bit, task in enumerate(chunk)}
        before = reach_masks(predecessors, order, chunk)
        for first, second in pairs:
            bit = bit_of.get(first)
            if bit is not None and before[second] >> bit & 1:
                known.add((first, second))
    return known.__contains__
