"""Each remedy's expected time with its interval, calls, turns, tokens and cost; the figures that advice rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from speculate.audit.auditing import Audit, Speculated
from speculate.audit.remedies import Effort, Interval, saved_share, turn_seconds
from speculate.audit.speculation import Measured

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
    found["speculate"] = _speculative(audit, speculated, "speculate", speculated.alone)
    found["together"] = _speculative(audit, speculated, "together", speculated.together)
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


def _speculative(audit: Audit, speculated: Speculated, name: str, measured: Measured) -> Remedy:
    now = now_seconds(audit, speculated)
    after = []
    extra = 0
    saved_turns = 0.0
    for base, times, session, groups in zip(now, measured.sessions, speculated.times, speculated.groups, strict=True):
        if name == "together":
            after.append(times.speculative_s)
            saved_turns += len(session.turns) - len(groups)
        else:
            after.append(base - (times.off_s - times.speculative_s))
    turns = _turns(speculated)
    saved_turns /= len(now)
    calls = max(measured.calls, 1)
    method = "replayed, each half of the sessions with what was learned from the other"
    if name == "together":
        method += ", after fan-out"
        extra = sum(effort.calls for effort in audit.structure.fan_out) - sum(e.calls for e in audit.structure.now)
    amplified = (calls + measured.wasted) / calls + extra / max(1, sum(e.calls for e in audit.structure.now))
    tokens = 0.0 if name == "speculate" else _structural(audit, name, audit.structure.fan_out, "").tokens_saved
    return _remedy(
        audit, name, now, after, amplified, turns - saved_turns, saved_turns, tokens,
        measured.wasted_cost / len(now) + extra / len(audit.structure.now), method,
    )  # fmt: skip


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
