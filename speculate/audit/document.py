"""The audit as JSON. Its keys are described in docs/audit.md; the report draws from them."""

from __future__ import annotations

from typing import Any

from speculate.audit.auditing import Audit, Speculated
from speculate.audit.dependence import fan_out_groups
from speculate.audit.edges import compare
from speculate.audit.outcomes import remedies, rounded
from speculate.audit.proposal import identifying
from speculate.audit.recommend import paying_tools, recommend
from speculate.audit.shapes import Provenance
from speculate.audit.tallies import STEPS, RetryTally, ToolTally
from speculate.audit.tally import Quantiles
from speculate.audit.timelines import MAX_TURNS, choose, fanned_out, one_by_one, speculative
from speculate.replay import LatencyModel
from speculate.resources import template_problem
from speculate.spec import Effect, ToolSpec
from speculate.training.scoring import ratio

VERSION = 1
MAX_EDGES = 60
MAX_HIDDEN = 40
MAX_RULES = 5
POINTS = 41  # of the distribution of speed-ups
MODELLED_QUANTILES = (("p50_s", 0.5), ("p90_s", 0.9), ("p99_s", 0.99))


def document(audit: Audit) -> dict[str, Any]:
    """Everything found, the advice first."""
    tallies = audit.collected.tallies
    outcomes = remedies(audit)
    return {
        "audit": VERSION,
        "recommendations": [one.document() for one in recommend(audit, outcomes)],
        "traces": list(audit.traces),
        "manifest": audit.manifest,
        "manifest_assumed": audit.collected.specs.assumed,
        "latency_profile": audit.settings.profile.name,
        "modelled": audit.modelled,
        "seed": audit.settings.seed,
        "price": audit.settings.price,
        "sessions": tallies.sessions,
        "sampled_sessions": len(audit.timed),
        "replayed_sessions": 0 if audit.speculated is None else len(audit.speculated.times),
        "turns": tallies.turns,
        "user_messages": tallies.user_messages,
        "calls": tallies.calls,
        "time": _time(audit),
        "remedies": {name: remedy.document() for name, remedy in outcomes.items()},
        "eligible": _eligible(audit),
        "derivable": _derivable(audit),
        "repeated": _repeated(audit),
        "tools": _tools(audit),
        "steps": _steps(audit),
        "dependencies": _dependencies(audit),
        "edges": None if audit.settings.edges is None else compare(audit.settings.edges, tallies),
        "hazards": _hazards(audit),
        "declare": _declare(audit),
        "speculation": _speculation(audit, audit.speculated),
        "not_speculated_because": audit.why_not_speculated,
        "timelines": _timelines(audit, audit.speculated),
    }


def _time(audit: Audit) -> dict[str, Any]:
    """Seconds and shares of the sampled sessions, modelled where they were not recorded."""
    tallies, structure = audit.collected.tallies, audit.structure
    total = structure.model_s + structure.tool_s
    idle = None
    if tallies.idle_s is not None:
        idle = {
            "sessions": tallies.idle_sessions,
            "seconds": rounded(tallies.idle_s),
            "share": _rounded(ratio(tallies.idle_s, tallies.extent_s)),
        }
    return {
        "model_s": rounded(structure.model_s),
        "tool_s": rounded(structure.tool_s),
        "model_share": _rounded(ratio(structure.model_s, total)),
        "tool_share": _rounded(ratio(structure.tool_s, total)),
        "critical_path_s": rounded(structure.critical_path_s),
        "critical_path_share": _rounded(ratio(structure.critical_path_s, structure.tool_s)),
        "idle": idle,
        "recorded": {
            "model": _rounded(ratio(tallies.model_times.count, tallies.turns)),
            "tool": _rounded(ratio(tallies.tool_times.count, tallies.calls)),
        },
        "model": _quantiles(tallies.model_times),
        "tool": _quantiles(tallies.tool_times),
        "calls_of_a_turn_overlap": audit.overlapped,
        "overlap_is_recorded": audit.overlap_is_recorded,
        "multi_call_turns": tallies.multi_call_turns,
        "tokens_in": tallies.tokens_in if tallies.turns_with_tokens else None,
        "tokens_out": tallies.tokens_out if tallies.turns_with_tokens else None,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else rounded(value)


def _quantiles(times: Quantiles) -> dict[str, float | int | None]:
    return {name: _rounded(value) if isinstance(value, float) else value for name, value in times.document().items()}


def _spec(audit: Audit, tool: str) -> ToolSpec:
    return audit.collected.specs.get(tool) or ToolSpec.undeclared(tool)


def _seconds_by_tool(audit: Audit) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for session in audit.timed:
        for turn in session.turns:
            for call in turn.calls:
                seconds[call.shape.tool] = seconds.get(call.shape.tool, 0.0) + call.seconds
    return seconds


def _tools(audit: Audit) -> dict[str, Any]:
    seconds = _seconds_by_tool(audit)
    total = audit.structure.model_s + audit.structure.tool_s
    latency = LatencyModel.fitted(audit.settings.profile, audit.collected.sessions, audit.settings.seed)
    speculated = audit.speculated.alone.tools if audit.speculated is not None else {}
    out = {}
    tallies = audit.collected.tallies.tools
    for tool in sorted(tallies, key=lambda tool: (-seconds.get(tool, 0.0), tool)):
        tally = tallies[tool]
        spec = _spec(audit, tool)
        times = _quantiles(tally.times)
        if not tally.times.count:
            drawn = latency.distribution(tool)
            times |= {name: rounded(drawn.draw(share)) for name, share in MODELLED_QUANTILES}
        ledger = speculated.get(tool)
        out[tool] = {
            "calls": tally.calls,
            "effect": "undeclared" if not spec.declared else " or ".join(sorted(tally.effects)),
            "declared": spec.declared and not audit.collected.specs.assumed,
            "errors": tally.errors,
            "raised": tally.raised,
            "unanswered": tally.unanswered,
            "share_of_time": _rounded(ratio(seconds.get(tool, 0.0), total)),
            "times_recorded": tally.times.count,
            "time": times,
            "eligible": tally.speculable,
            "why_not": dict(tally.why_not.most_common()),
            "derivable": tally.derived,
            "repeated": tally.repeated,
            "redundant": tally.redundant,
            "speculation": None
            if ledger is None
            else {
                "eligible_calls": ledger.speculable_calls,
                "launched": ledger.launched,
                "committed": ledger.committed,
                "wasted": ledger.wasted,
                "hit_rate": _rounded(ratio(ledger.committed, ledger.speculable_calls)),
                "hidden_s": rounded(ledger.hidden_s),
            },
        }
    return out


def _eligible(audit: Audit) -> dict[str, Any]:
    """Calls that may be started early at all, by the manifest."""
    tallies = audit.collected.tallies
    reasons: dict[str, int] = {}
    for tally in tallies.tools.values():
        for reason, count in tally.why_not.most_common():
            reasons[reason] = reasons.get(reason, 0) + count
    eligible = sum(tally.speculable for tally in tallies.tools.values())
    return {"calls": eligible, "share": _rounded(ratio(eligible, tallies.calls)), "why_not": reasons}


def _derivable(audit: Audit) -> dict[str, Any]:
    """Calls whose every telling argument occurs earlier in their session, and by which rules."""
    tallies = audit.collected.tallies
    derived = sum(tally.derived_speculable for tally in tallies.tools.values())
    eligible = sum(tally.speculable for tally in tallies.tools.values())
    arguments = {}
    for name, slot in sorted(tallies.slots.items(), key=lambda item: (-item[1].seen, item[0])):
        known = sum(count for kind, count in slot.kinds.most_common() if kind.is_derived)
        telling = slot.seen - slot.kinds[Provenance.TRIVIAL]
        if not telling:
            continue
        arguments[name] = {
            "seen": slot.seen,
            "derivable": _rounded(ratio(known, telling)),
            "rules": [
                {"from": kind.value, "rule": rule, "count": count}
                for (kind, rule), count in slot.rules.most_common(MAX_RULES)
            ],
        }
    return {
        "eligible_calls": derived,
        "share_of_eligible": _rounded(ratio(derived, eligible)),
        "calls": sum(tally.derived for tally in tallies.tools.values()),
        "share": _rounded(ratio(sum(tally.derived for tally in tallies.tools.values()), tallies.calls)),
        "arguments": arguments,
    }


def _repeated(audit: Audit) -> dict[str, Any]:
    tallies = audit.collected.tallies
    repeated = sum(tally.repeated for tally in tallies.tools.values())
    return {
        "calls": repeated,
        "share": _rounded(ratio(repeated, tallies.calls)),
        "redundant_reads": sum(tally.redundant for tally in tallies.tools.values()),
    }


def _steps(audit: Audit) -> list[dict[str, Any]]:
    """Turn by turn, seconds of one turn: the last entry counts all later turns together."""
    tallies = audit.collected.tallies
    model = [0.0] * (STEPS + 1)
    tool = [0.0] * (STEPS + 1)
    turns = [0] * (STEPS + 1)
    for session in audit.timed:
        for place, turn in enumerate(session.turns):
            turns[min(place, STEPS)] += 1
            model[min(place, STEPS)] += turn.llm_s
            tool[min(place, STEPS)] += sum(call.seconds for call in turn.calls)
    return [
        {
            "step": step,
            "and_later": step == STEPS,
            "turns": tallies.step_turns[step],
            "calls": tallies.step_calls[step],
            "mean_model_s": _rounded(ratio(model[step], turns[step])),
            "mean_tool_s": _rounded(ratio(tool[step], turns[step])),
            "recorded_model": _quantiles(tallies.step_model[step]),
            "recorded_tool": _quantiles(tallies.step_tool[step]),
        }
        for step in range(STEPS + 1)
        if tallies.step_turns[step]
    ]


def _dependencies(audit: Audit) -> dict[str, Any]:
    tallies, structure = audit.collected.tallies, audit.structure
    edges = sorted(tallies.edges.items(), key=lambda item: (-item[1].calls, item[0]))
    hidden = sorted(tallies.hidden.items(), key=lambda item: (-item[1].same_turn, -item[1].calls, item[0]))
    groups = sorted(structure.groups.values(), key=lambda group: (-group.saved_s, group.tools))
    return {
        "edges": [
            {
                "from": first,
                "to": second,
                "path": path,
                "argument": argument,
                "calls": edge.calls,
                "sessions": edge.sessions,
                "exact_share": _rounded(ratio(edge.exact, edge.calls)),
            }
            for (first, second, path, argument), edge in edges[:MAX_EDGES]
        ],
        "hidden": [
            {
                "first": first,
                "second": second,
                "kind": kind,
                "resource": found.resource,
                "calls": found.calls,
                "sessions": found.sessions,
                "same_turn": found.same_turn,
                "example": found.example,
            }
            for (first, second, kind), found in hidden[:MAX_HIDDEN]
        ],
        "adjacent": {
            "pairs": structure.adjacent,
            "independent": structure.independent,
            "data": structure.data,
            "conflicting": structure.conflicting,
            "undetermined": structure.undetermined,
        },
        "fan_outs": [
            {
                "tools": list(group.tools),
                "groups": group.groups,
                "calls": group.calls,
                "extra_calls": group.extra_calls,
                "turns_saved": group.turns_saved,
                "saved_s": rounded(group.saved_s),
                "example": group.example,
            }
            for group in groups[:MAX_HIDDEN]
        ],
        "critical_path_share": _rounded(ratio(structure.critical_path_s, structure.tool_s)),
        "planned_ahead": {
            "expected_s": rounded(sum(effort.seconds for effort in structure.planned) / len(structure.planned)),
            "model_turns": rounded(sum(effort.turns for effort in structure.planned) / len(structure.planned)),
        },
    }


def _hazards(audit: Audit) -> list[dict[str, Any]]:
    """Writes that ran twice, or would on a retry."""
    found = []
    for tool, retry in sorted(audit.collected.tallies.retries.items()):
        found.append(
            {
                "kind": "non_idempotent_retry",
                "tool": tool,
                "after_failure": retry.after_failure,
                "after_success": retry.after_success,
                "same_turn": retry.same_turn,
                "example": retry.example,
                "mend": _mend(audit, tool, retry),
            }
        )
    return found


def guard_key(tally: ToolTally) -> str | None:
    """A dedup key of every argument, so that only exact repeats count as one; None where arguments vary."""
    names = sorted(tally.arguments)
    if not names or tally.arguments.others or any(tally.arguments[name] != tally.calls for name in names):
        return None
    key = " ".join(f"{{{name}}}" for name in names)
    return key if template_problem(key) is None else None


def _mend(audit: Audit, tool: str, retry: RetryTally) -> str:
    if _spec(audit, tool).when:
        return "declare which of its calls are idempotent: what it does depends on its arguments"
    key = guard_key(audit.collected.tallies.tools[tool])
    if key is None:
        return "declare a dedup_key of the arguments that make two calls the same one, or idempotent = true"
    return f'dedup_key = "{key}"'


def _declare(audit: Audit) -> dict[str, Any]:
    """Tools to declare, with what to review, and declared writes that lack a dedup key."""
    specs = audit.collected.specs
    proposals = {}
    for tool, proposal in sorted(specs.proposals.items()):
        reads = proposal.spec.reads
        proposals[tool] = {
            "effect": proposal.spec.effect.value,
            "reads": None if reads is None else list(reads),
            "why": proposal.why,
            "review": list(proposal.review),
        }
    missing = [
        {"tool": tool, "identified_by": identifying(sorted(tally.arguments))}
        for tool, tally in sorted(audit.collected.tallies.tools.items())
        for spec in [_spec(audit, tool)]
        if spec.effect is Effect.WRITE and not spec.idempotent and spec.dedup_key is None and tool not in proposals
    ]
    return {"proposals": proposals, "writes_without_dedup_key": missing}


def _speculation(audit: Audit, speculated: Speculated | None) -> dict[str, Any] | None:
    """What the replay found: funnel, scores, reliability, the distribution of speed-ups, faster models."""
    if speculated is None:
        return None
    alone = speculated.alone
    speedups = sorted(times.off_s / times.speculative_s for times in alone.sessions if times.speculative_s > 0)
    off_s = sum(times.off_s for times in alone.sessions)
    return {
        "predictor": audit.settings.predictor,
        "tools_that_pay": list(paying_tools(audit)),
        "prediction": {name: _rounded(value) for name, value in alone.scores.items()},
        "calls": alone.calls,
        "speculable_calls": alone.speculable_calls,
        "launched": alone.launched,
        "committed": alone.committed,
        "wasted": alone.wasted,
        "ready": alone.ready,
        "joined": alone.joined,
        "hit_rate": _rounded(ratio(alone.ready + alone.joined, alone.speculable_calls)),
        "waste_per_hit": _rounded(ratio(alone.wasted, alone.committed)),
        "denied": dict(sorted(alone.denied.items(), key=lambda item: (-item[1], item[0]))),
        "wasted_because": dict(sorted(alone.wasted_because.items(), key=lambda item: (-item[1], item[0]))),
        "off_s": rounded(off_s),
        "speculative_s": rounded(sum(times.speculative_s for times in alone.sessions)),
        "oracle_s": rounded(sum(times.oracle_s for times in alone.sessions)),
        "foresight_s": rounded(sum(times.foresight_s for times in alone.sessions)),
        "all_wrong_s": rounded(sum(times.all_wrong_s for times in alone.sessions)),
        "safety": alone.safety,
        "reliability": [
            {
                "expected": _rounded(ratio(one.expected, one.predictions)),
                "happened": _rounded(ratio(one.happened, one.predictions)),
                "predictions": one.predictions,
            }
            for one in alone.reliability
            if one.predictions
        ],
        "speedups": [
            {"share": rounded(point / (POINTS - 1)), "speedup": rounded(_at(speedups, point / (POINTS - 1)))}
            for point in range(POINTS)
            if speedups
        ],
        "p50_speedup": rounded(_at(speedups, 0.5)) if speedups else None,
        "p99_speedup": rounded(_at(speedups, 0.99)) if speedups else None,
        "sweep": [
            {
                "model_scale": point.model_scale,
                "off_s": rounded(point.off_s),
                "speculative_s": rounded(point.speculative_s),
                "saved_share": _rounded(ratio(point.off_s - point.speculative_s, point.off_s)),
                "oracle_share": _rounded(ratio(point.off_s - point.oracle_s, point.off_s)),
            }
            for point in speculated.sweep
        ],
        "frontier": [{name: _rounded(value) for name, value in row.items()} for row in alone.frontier_rows()],
    }


def _at(ordered: list[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _timelines(audit: Audit, speculated: Speculated | None) -> list[dict[str, Any]]:
    """A few sessions to draw; without a replay, the longest and what fan-out makes of it."""
    if speculated is None:
        drawable = [session for session in audit.timed if any(turn.calls for turn in session.turns)]
        asked = [session for session in drawable if session.id in audit.settings.draw]
        longest = max(drawable, key=lambda session: (len(session.turns) <= MAX_TURNS, session.tool_s), default=None)
        return [
            {
                "session": session.id,
                "why": "asked for" if asked else "the longest tool time",
                "sequential": one_by_one(session),
                "fan_out": fanned_out(fan_out_groups(session, audit.knowledge)),
                "speculative": None,
            }
            for session in asked or ([] if longest is None else [longest])
        ]
    return [
        {
            "session": speculated.times[chosen.place].id,
            "why": chosen.why,
            "sequential": one_by_one(speculated.times[chosen.place]),
            "fan_out": fanned_out(speculated.groups[chosen.place]),
            "speculative": speculative(speculated.times[chosen.place], speculated.alone.arms[chosen.place]),
        }
        for chosen in choose(speculated.alone, speculated.times, audit.settings.draw)
    ]
