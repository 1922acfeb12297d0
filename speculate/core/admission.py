"""Admission: whether a candidate may run, at the moment of launch. A pure function; a refusal is a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from speculate.core.disclosure import Disclosure
from speculate.core.policy import Policy
from speculate.core.stimuli import Candidate
from speculate.values import quick


class Reason(Enum):
    """Why a candidate was denied: a closed set, fit for a metric's label."""

    UNDECLARED = "undeclared"
    WRITE = "write"
    NOT_IDEMPOTENT = "not-idempotent"
    VETO = "veto"
    CONFIRM = "confirm"
    NOT_JSON = "not-json"
    UNREGISTERED = "unregistered"
    DUPLICATE = "duplicate"
    NO_TTL = "no-ttl"
    EGRESS = "egress"
    TAINT = "taint"
    TENANCY = "tenancy"
    CONFLICT = "conflict"
    DEPTH = "depth"
    VALUE = "value"
    SHADOW = "shadow"
    CLOSED = "closed"
    RATE = "rate"
    BUDGET = "budget"
    TOOL_LIMIT = "tool-limit"
    SESSION_LIMIT = "session-limit"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Admit:
    """It may run. `value_s`: p_use · E[time hidden], in seconds."""

    value_s: float


@dataclass(frozen=True, slots=True)
class Deny:
    """It may not."""

    reason: Reason


@quick
@dataclass(frozen=True, slots=True)
class Load:
    """What the gate needs to know of the moment. Counts include what is being aborted but still runs.

    tool_real: real calls of this tool that run, joined launches included. hidden_s: E[min(tool, lead)].
    """

    conflict: bool
    hidden_s: float
    shadow: bool
    closed: bool
    in_flight: int
    session_in_flight: int
    tool_in_flight: int
    tool_real: int
    launches_last_minute: int
    outstanding_cost: float


_BY_NAME = {reason.value: reason for reason in Reason}


def admit(
    candidate: Candidate, policy: Policy, disclosure: Disclosure, load: Callable[[Candidate], Load | None]
) -> Admit | Deny:
    """The gate. `load` is asked only for a candidate that its manifest entry and its values do not rule out.

    It answers None for a call that is launched already.
    """
    call, spec = candidate.call, candidate.call.spec
    # 1. What the call is (law L2): declared, a read or abortable, idempotent, not vetoed, with an identity.
    if not call.speculable:
        return Deny(_BY_NAME[call.why_not or "undeclared"])
    if not candidate.registered:
        return Deny(Reason.UNREGISTERED)
    if spec.ttl_s <= 0:
        return Deny(Reason.NO_TTL)
    if candidate.depth > policy.max_depth:
        return Deny(Reason.DEPTH)
    # 2. What launching it would disclose, and whose values it would use. A call the model wrote is no guess.
    if spec.egress == "external" and not candidate.issued:
        if policy.egress == "never":
            return Deny(Reason.EGRESS)
        vouched = disclosure.may_go_to(spec.name, call.arguments)
        if not vouched and (candidate.tainted or disclosure.is_tainted(spec.name, call.arguments)):
            return Deny(Reason.TAINT)
        if not vouched and disclosure.has_untrusted and not candidate.sources.keys() >= call.arguments.keys():
            return Deny(Reason.TAINT)  # nobody says where a value came from, and it may be from a hostile page
        if policy.egress == "committed-values-only" and not vouched:
            return Deny(Reason.EGRESS)
    for source in candidate.sources.values():
        if source.tenants is not None and source.tenants < policy.min_tenants:
            return Deny(Reason.TENANCY)
    # 3. Whether it would be right, and worth it.
    now = load(candidate)
    if now is None:
        return Deny(Reason.DUPLICATE)
    if now.conflict:
        return Deny(Reason.CONFLICT)
    value_s = candidate.p_use * now.hidden_s
    if candidate.issued:
        pass
    elif policy.min_probability is not None:
        if candidate.p_use < policy.min_probability:
            return Deny(Reason.VALUE)
    elif value_s <= (1.0 - candidate.p_use) * spec.cost * policy.wasted_cost_s + policy.overhead_s:
        return Deny(Reason.VALUE)
    if now.closed:
        return Deny(Reason.CLOSED)
    # 4. Whether there is slack: guesses never take what a real call may need next.
    if policy.launches_per_minute is not None and now.launches_last_minute >= policy.launches_per_minute:
        return Deny(Reason.RATE)
    if policy.budget is not None and now.outstanding_cost + spec.cost > policy.budget:
        return Deny(Reason.BUDGET)
    if now.tool_in_flight >= spec.max_concurrency:
        return Deny(Reason.TOOL_LIMIT)
    if spec.real_max_concurrency is not None and (now.tool_in_flight + now.tool_real >= spec.real_max_concurrency - 1):
        return Deny(Reason.TOOL_LIMIT)  # one slot stays free for a real call
    if now.session_in_flight >= policy.max_in_flight_per_session:
        return Deny(Reason.SESSION_LIMIT)
    if now.in_flight >= policy.max_in_flight:
        return Deny(Reason.LIMIT)
    # 5. Last, so that a shadow launch is one that nothing else would have stood against.
    if now.shadow and not candidate.issued:
        return Deny(Reason.SHADOW)
    return Admit(value_s)
