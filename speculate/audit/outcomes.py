"""Each remedy's expected time with its interval, calls, turns, tokens and cost; the figures that advice rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from speculate.audit.auditing import Audit, Speculated
from speculate.audit.dependence import extra_calls
from speculate.audit.remedies import Effort, Interval, saved_share, turn_seconds

REMEDIES = ("fan_out", "dag", "speculate", "together", "oracle")


@dataclass(frozen=True, slots=True)
class Remedy:
    """One remedy against the runs as they are, means over sessions.

    saved: share of the time. calls_amplified: calls made for one call recorded. tokens_saved: prompt tokens not
    sent; None if they were not recorded. waste_cost: price of the calls made in vain; None without a price.
    """

    name: str
    sessions: int
    now_s: float
    expected_s: float
    saved: Interval
    calls_amplified: float
    model_turns: float
    model_turns_saved: float
    tokens_saved: float | None
    waste_cost: float | None
    method: str

    def document(self) -> dict[str, Any]:
        return {
            "sessions": self.sessions,
            "now_s": rounded(self.now_s),
            "expected_s": rounded(self.expected_s),
            "saved_share": rounded(self.saved.value),
            "interval": [rounded(self.saved.low), rounded(self.saved.high)],
            "calls_amplified": rounded(self.calls_amplified),
            "model_turns": rounded(self.model_turns),
            "model_turns_saved": rounded(self.model_turns_saved),
            "tokens_saved": None if self.tokens_saved is None else rounded(self.tokens_saved),
            "waste_cost": None if self.waste_cost is None else rounded(self.waste_cost),
            "method": self.method,
        }


def rounded(value: float) -> float:
    """To a millionth, and never "-0.0"."""
    return round(value, 6) + 0.0


def remedies(audit: Audit) -> dict[str, Remedy]:
    """Every remedy that could be judged, by name."""
    structure = audit.structure
    overlap = "calls of one turn run side by side" if audit.overlapped else "every call alone"
    found = {
        "fan_out": _structural(
            audit, "fan_out", structure.fan_out, f"calls that nothing kept apart together; now: {overlap}"
        ),
        "dag": _structural(audit, "dag", structure.graph, "each call as soon as what it waits for is there"),
    }
    speculated = audit.speculated
    if speculated is None:
        found["oracle"] = _structural(
            audit, "oracle", structure.oracle, "knows the next turn's calls; computed turn by turn, not replayed"
        )
        return found
    found["speculate"] = _speculate(audit, speculated)
    found["together"] = _together(audit, speculated, found["fan_out"])
    now = now_seconds(audit, speculated)
    after = [base - (times.off_s - times.oracle_s) for base, times in zip(now, speculated.alone.sessions, strict=True)]
    found["oracle"] = _remedy(
        audit, "oracle", now, after, 1.0, _turns(speculated), 0.0, 0.0, 0.0, "knows the next turn's calls; replayed"
    )
    return {name: found[name] for name in REMEDIES}


def now_seconds(audit: Audit, speculated: Speculated) -> list[float]:
    """The replayed sessions as they are."""
    return [sum(turn_seconds(turn, audit.overlapped) for turn in session.turns) for session in speculated.times]


def _turns(speculated: Speculated) -> float:
    return sum(len(session.turns) for session in speculated.times) / len(speculated.times)


def _structural(audit: Audit, name: str, efforts: Sequence[Effort], method: str) -> Remedy:
    now = audit.structure.now
    tokens = [effort.tokens_saved for effort in efforts]
    known = [count for count in tokens if count is not None]
    calls = sum(effort.calls for effort in now)
    after_calls = sum(effort.calls for effort in efforts)
    extra = (after_calls - calls) / len(now)
    return _remedy(
        audit,
        name,
        [effort.seconds for effort in now],
        [effort.seconds for effort in efforts],
        after_calls / calls if calls else 1.0,
        sum(effort.turns for effort in efforts) / len(efforts),
        sum(effort.turns for effort in now) / len(now) - sum(effort.turns for effort in efforts) / len(efforts),
        sum(known) / len(known) if len(known) == len(tokens) else None,
        extra,
        method,
    )


REPLAYED = "replayed, each half of the sessions with what was learned from the other"


def _speculate(audit: Audit, speculated: Speculated) -> Remedy:
    alone = speculated.alone
    now = now_seconds(audit, speculated)
    after = [base - (t.off_s - t.speculative_s) for base, t in zip(now, alone.sessions, strict=True)]
    amplified = 1 + alone.wasted / max(alone.calls, 1)
    cost = alone.wasted_cost / len(now)
    return _remedy(audit, "speculate", now, after, amplified, _turns(speculated), 0.0, 0.0, cost, REPLAYED)


def _together(audit: Audit, speculated: Speculated, fan_out: Remedy) -> Remedy:
    now = now_seconds(audit, speculated)
    together = speculated.together
    turns = _turns(speculated)
    groups = sum(len(groups) for groups in speculated.groups) / len(now)
    extra = sum(extra_calls(group) for groups in speculated.groups for group in groups)
    return _remedy(
        audit,
        "together",
        now,
        together.speculative_s,
        1 + (together.wasted + extra) / max(speculated.alone.calls, 1),
        groups,
        turns - groups,
        fan_out.tokens_saved,
        (together.wasted_cost + extra) / len(now),
        f"{REPLAYED}, after fan-out",
    )


def _remedy(
    audit: Audit,
    name: str,
    now: Sequence[float],
    after: Sequence[float],
    amplified: float,
    turns: float,
    turns_saved: float,
    tokens: float | None,
    wasted_cost: float,
    method: str,
) -> Remedy:
    price = audit.settings.price
    return Remedy(
        name=name,
        sessions=len(now),
        now_s=sum(now) / len(now),
        expected_s=sum(after) / len(after),
        saved=saved_share(now, after, audit.settings.seed),
        calls_amplified=amplified,
        model_turns=turns,
        model_turns_saved=turns_saved,
        tokens_saved=tokens,
        waste_cost=None if price is None else wasted_cost * price,
        method=method,
    )
