"""What the rooms of the brain share: the table, the calls, the tools' loads, and the orders of the moment."""

from __future__ import annotations

from collections.abc import Iterable

from speculate.core.benefit import Benefit
from speculate.core.commands import Command, Forget
from speculate.core.latency import Latencies
from speculate.core.limits import Limits
from speculate.core.outcomes import Outcomes
from speculate.core.policy import Policy
from speculate.core.state import RealCall, SessionState, ToolLoad
from speculate.core.table import SpeculationTable
from speculate.notices import Fault
from speculate.resources import Claims


class Books:
    """The state of one brain. Only `brain`, `launches`, `real_calls` and `retreat` write in it."""

    __slots__ = (
        "benefit",
        "calls",
        "is_on",
        "latencies",
        "limits",
        "now",
        "out",
        "outcomes",
        "policy",
        "sessions",
        "table",
        "tools",
        "writes",
    )

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.latencies = Latencies(policy.prior_tool_s, policy.prior_lead_s)
        self.table = SpeculationTable(policy.store_size)
        self.benefit = Benefit(policy.wasted_cost_s)
        self.limits = Limits(policy)
        self.outcomes = Outcomes(policy.outcomes_size)
        self.sessions: dict[str, SessionState] = {}
        self.calls: dict[int, RealCall] = {}  # real calls not yet answered
        self.writes: dict[int, Claims] = {}  # those of them that write and run
        self.tools: dict[str, ToolLoad] = {}
        self.out: list[Command] = []  # what the stimulus at hand has led to so far, in order
        self.now = 0.0
        self.is_on = True  # False after a defect: real calls run, and nothing is launched any more

    def tool(self, name: str) -> ToolLoad:
        tool = self.tools.get(name)
        if tool is None:
            tool = self.tools[name] = ToolLoad()
        return tool

    def forget_outcomes(self, numbers: Iterable[int]) -> None:
        """These calls' outcomes will not be handed out again."""
        for number in numbers:
            self.out.append(Forget(number))

    def close_if_over(self, id: str, session: SessionState) -> None:
        """A closed session is kept until its last real call is answered."""
        if session.closed and not session.calls:
            if self.sessions.get(id) is session:  # the id may be another session's by now
                del self.sessions[id]
            self.forget_outcomes(self.outcomes.close(session))

    def failed(self, tool: str, throttled_s: float | None) -> None:
        """A launch failed, or the tool said that it has too many requests: it may be closed for a while."""
        pause_s = self.limits.failed(tool, self.now, throttled_s)
        if pause_s is not None:
            why = "too many requests" if throttled_s is not None else "launches failed in a row"
            self.out.append(Fault(self.now, None, "tool-closed", tool, f"{why}: no launches for {pause_s:g} s"))

    def mode_changed(self, tool: str) -> None:
        """The tool went to shadow, or came back."""
        if self.policy.self_check:
            mode = "shadow: launches did not pay" if self.benefit.is_shadow(tool) else "on: launches would have paid"
            self.out.append(Fault(self.now, None, "self-check", tool, mode))
