"""What may not fan out, said before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from speculate.calls import ToolCall
from speculate.fanout.branches import describe
from speculate.fanout.hedge import Hedge
from speculate.fanout.merge import MergePolicy
from speculate.fanout.retry import Retry
from speculate.resources import overlaps
from speculate.spec import Effect, ResolvedCall, ToolSpec


def resolve_all(calls: Sequence[ToolCall], spec_of: Callable[[str], ToolSpec]) -> list[ResolvedCall]:
    """Each call seen through its tool's spec."""
    return [spec_of(call.tool).resolve(call.arguments) for call in calls]


def are_plain_reads(
    calls: Sequence[ToolCall], spec_of: Callable[[str], ToolSpec], known: Callable[[str], bool]
) -> bool:
    """Whether these are reads that may be repeated, whatever their arguments: then there is nothing to refuse."""
    for tool in {call.tool for call in calls}:
        spec = spec_of(tool)
        if not known(tool) or spec.effect is not Effect.READ or spec.idempotent is False or spec.when:
            return False
    return True


def refusals(
    calls: Sequence[ToolCall],
    resolved: Sequence[ResolvedCall],
    known: Callable[[str], bool],
    merge: MergePolicy,
    retry: Retry | None,
    hedge: Hedge | None,
) -> list[str]:
    """Everything that forbids running these calls side by side, each with its mend; empty: they may."""
    problems: list[str] = []
    writes = False
    for index, (call, each) in enumerate(zip(calls, resolved, strict=True)):
        if not known(call.tool):
            problems.append(f"branch {index}, {describe(call, 80)}: no tool is registered under this name")
            continue
        if each.effect is Effect.READ and each.idempotent:
            continue
        where = f"branch {index}, {describe(call, 80)}"
        if each.effect is not Effect.READ:
            writes = True
            if merge.drops_branches:
                problems.append(
                    f"{where}: a write may not run under {type(merge).__name__}, which drops branches; "
                    "use All or AllSettled, or take it out"
                )
            elif not each.idempotent or each.dedup_key is None:
                problems.append(
                    f"{where}: a write fans out only if it is idempotent and has a dedup key; "
                    "declare idempotent = true and dedup_key, or put it in a plan"
                )
        if retry is not None and not each.idempotent:
            problems.append(
                f"{where}: only idempotent calls are retried; take the retry out or declare idempotent = true"
            )
        if hedge is not None and (each.effect is not Effect.READ or not each.idempotent):
            problems.append(f"{where}: only idempotent reads are hedged; take the hedge out")
    if writes and not problems:
        problems += _conflicts(calls, resolved)
    return problems


def _conflicts(calls: Sequence[ToolCall], resolved: Sequence[ResolvedCall]) -> list[str]:
    """Branches have no order, so no two may be in conflict. Claims are sorted, so that few pairs are compared."""
    touched: dict[str, list[int]] = {}
    for index, each in enumerate(resolved):
        for claim in {*each.claims.reads, *each.claims.writes}:
            touched.setdefault(claim, []).append(index)
    wide = [claim for claim in touched if claim.endswith("*")]
    problems: dict[tuple[int, int], str] = {}
    for index, each in enumerate(resolved):
        for claim in each.claims.writes:
            meeting = touched if claim.endswith("*") else [claim, *wide]
            for other_claim in meeting:
                if not overlaps(claim, other_claim):
                    continue
                for other in touched[other_claim]:
                    pair = (min(index, other), max(index, other))
                    if other != index and pair not in problems:
                        problems[pair] = _conflict(calls, pair, claim)
                        if len(problems) >= 50:
                            return list(problems.values())
    return list(problems.values())


def _conflict(calls: Sequence[ToolCall], pair: tuple[int, int], claim: str) -> str:
    one, other = pair
    what = "everything" if claim == "*" else repr(claim)
    return (
        f"branches {one}, {describe(calls[one], 80)}, and {other}, {describe(calls[other], 80)}, conflict over {what}; "
        "put them in order with a plan, or declare narrower resources"
    )
