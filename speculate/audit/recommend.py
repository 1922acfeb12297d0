"""The advice: what to do first, and when to leave things as they are. Each with the figures it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from speculate.audit.auditing import Audit
from speculate.audit.outcomes import Remedy, rounded
from speculate.audit.remedies import Interval

RESTRUCTURING_PAYS = 0.05  # of the time, at the interval's low end: the agent has to be changed for it
SPECULATION_PAYS = 0.02  # likewise: one function is swapped
FEW_SESSIONS = 5  # fewer say little about the next one
MAIN_SHARE = 0.05  # of a remedy's gain: a tool with less of it is not worth naming

Kind = Literal["stay_sequential", "fan_out", "dag", "speculate"]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """expected_saving: share of the time, 95 % interval over sessions."""

    kind: Kind
    tools: tuple[str, ...]
    expected: Interval
    why: str

    def document(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "tools": list(self.tools),
            "expected_saving": [rounded(self.expected.low), rounded(self.expected.high)],
            "why": self.why,
        }


def recommend(audit: Audit, remedies: Mapping[str, Remedy]) -> list[Recommendation]:
    """What pays, the largest gain first; or "stay sequential", and why."""
    found: list[Recommendation] = []
    fan_out, graph = remedies["fan_out"], remedies["dag"]
    if fan_out.saved.low >= RESTRUCTURING_PAYS:
        found.append(_fan_out(audit, fan_out))
    if graph.saved.low >= RESTRUCTURING_PAYS and graph.saved.value >= fan_out.saved.value + RESTRUCTURING_PAYS:
        found.append(_graph(audit, graph, fan_out))
    speculation = remedies.get("speculate")
    if speculation is not None and speculation.saved.low >= SPECULATION_PAYS:
        found.append(_speculation(audit, speculation, remedies))
    found.sort(key=lambda one: -one.expected.value)
    found = found or [_stay(audit, remedies)]
    sessions = audit.collected.tallies.sessions
    if sessions >= FEW_SESSIONS:
        return found
    note = f" Judged on {sessions} session{'s' if sessions > 1 else ''} only."
    return [replace(one, why=one.why + note) for one in found]


def percent(share: float) -> str:
    """12.3 %; small shares keep a figure that says something."""
    return f"{100 * share + 0.0:.1f} %" if abs(share) >= 0.0005 or share == 0 else "under 0.1 %"


def between(interval: Interval) -> str:
    if interval.low == interval.high:
        return percent(interval.value)
    return f"{percent(interval.value)} (95 %: {percent(interval.low)} to {percent(interval.high)})"


def listed(names: Sequence[str], limit: int = 3) -> str:
    """a, b and c; the rest counted."""
    shown = list(names[:limit])
    if len(names) > limit:
        shown.append(f"{len(names) - limit} more")
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1] if shown else "none"


def _fan_out(audit: Audit, remedy: Remedy) -> Recommendation:
    structure = audit.structure
    groups = sorted(structure.groups.values(), key=lambda group: (-group.saved_s, group.tools))
    total = sum(group.saved_s for group in groups)
    main = [group for group in groups if group.saved_s >= MAIN_SHARE * total]
    tools = tuple(dict.fromkeys(tool for group in main for tool in group.tools))
    count, calls = sum(group.groups for group in groups), sum(group.calls for group in groups)
    turns = sum(group.turns_saved for group in groups)
    why = (
        f"Start with fan-out: {count} times, {calls} calls (mostly of {listed(tools)}) stood one after the other "
        f"although nothing kept them apart: no value of one went into the next, they conflict over no resource, and "
        f"all their arguments were known before the first. Together they save {between(remedy.saved)} of the time, "
        f"{remedy.now_s:.1f} s to {remedy.expected_s:.1f} s a session"
    )
    if turns:
        why += f", {remedy.model_turns_saved:.1f} model turns a session among it"
    if remedy.calls_amplified > 1.005:
        why += f"; fetching whole lists makes {remedy.calls_amplified:.2f} calls of one"
    return Recommendation("fan_out", tools, remedy.saved, f"{why}. Example: {main[0].example}.")


def _graph(audit: Audit, graph: Remedy, fan_out: Remedy) -> Recommendation:
    edges = sorted(audit.collected.tallies.tool_edges.items(), key=lambda item: (-item[1].calls, item[0]))
    tools = tuple(dict.fromkeys(tool for (first, second), _ in edges[:5] for tool in (first, second)))
    return Recommendation(
        "dag",
        tools,
        graph.saved,
        f"Branches wait for each other although only their own links depend on one another ({_edge_list(edges[:3])}): "
        f"a graph that starts each call when its inputs are there saves {between(graph.saved)}, fan-out alone "
        f"{percent(fan_out.saved.value)}.",
    )


def _edge_list(edges: Sequence[Any]) -> str:
    return ", ".join(f"{first} → {second}" for (first, second), _ in edges)


def _speculation(audit: Audit, remedy: Remedy, remedies: Mapping[str, Remedy]) -> Recommendation:
    tools = paying_tools(audit)
    assert audit.speculated is not None  # noqa: S101  # there is no such remedy otherwise
    measured = audit.speculated.alone
    hits = measured.ready + measured.joined
    oracle = remedies["oracle"]
    why = (
        f"Speculation pays on {listed(tools)}: {hits} of {measured.speculable_calls} calls that may start early were "
        f"there or on their way when the model asked, at {measured.wasted} calls in vain. It saves "
        f"{between(remedy.saved)}; knowing every next call would save {percent(oracle.saved.value)}"
    )
    together = remedies["together"]
    if together.saved.value > remedy.saved.value + 0.01:
        why += f"; with fan-out as well, {between(together.saved)}"
    if (
        measured.sessions
        and sum(t.all_wrong_s for t in measured.sessions) > sum(t.off_s for t in measured.sessions) * 1.001
    ):
        why += "; a predictor that is always wrong would cost time here: keep the budget"
    return Recommendation("speculate", tools, remedy.saved, why + ".")


def paying_tools(audit: Audit) -> tuple[str, ...]:
    """The tools whose hidden seconds are worth more than their waste, the largest gain first."""
    if audit.speculated is None:
        return ()
    ledgers = audit.speculated.alone.tools
    total = sum(ledger.hidden_s for ledger in ledgers.values())
    price_s = audit.settings.policy.wasted_cost_s
    ranked = sorted(ledgers.items(), key=lambda item: (-item[1].hidden_s, item[0]))
    return tuple(
        tool
        for tool, ledger in ranked
        if ledger.hidden_s >= MAIN_SHARE * total and ledger.hidden_s > ledger.wasted_cost * price_s
    )


def _stay(audit: Audit, remedies: Mapping[str, Remedy]) -> Recommendation:
    structure, tallies = audit.structure, audit.collected.tallies
    judged = [remedies[name] for name in ("fan_out", "dag", "speculate") if name in remedies]
    best = max(judged, key=lambda remedy: remedy.saved.value)
    busiest = sorted(tallies.tools, key=lambda tool: (-tallies.tools[tool].calls, tool))[:3]
    total = structure.model_s + structure.tool_s
    reasons = []
    if structure.tool_s:
        floor = structure.critical_path_s / structure.tool_s
        reasons.append(f"{percent(floor)} of the tool time lies on the critical path")
    if total:
        reasons.append(f"tools are {percent(structure.tool_s / total)} of the time")
    speculable = sum(tally.speculable for tally in tallies.tools.values())
    if tallies.calls:
        reasons.append(f"{percent(speculable / tallies.calls)} of the calls may start early")
    oracle = remedies["oracle"]
    reasons.append(f"knowing every next call would save {percent(oracle.saved.value)}")
    if audit.speculated is not None:
        exact = audit.speculated.alone.scores.get("exact@1")
        learned = remedies["speculate"]
        guessed = "" if exact is None else f", which guesses {percent(exact)} of them exactly,"
        reasons.append(f"what can be learned{guessed} saves {between(learned.saved)}")
    elif audit.why_not_speculated is not None:
        reasons.append(f"speculation was not judged: {audit.why_not_speculated}")
    reasons.append(f"fan-out would save {between(remedies['fan_out'].saved)}")
    verdict = "the critical path is the floor"
    if best.saved.value >= RESTRUCTURING_PAYS:
        verdict = "there may be something to gain, but these runs do not make it certain"
    why = f"Stay sequential: {verdict}. In figures: {'; '.join(reasons)}."
    return Recommendation("stay_sequential", tuple(busiest), best.saved, why)
