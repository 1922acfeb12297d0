"""Fan-out and fan-in: independent calls side by side, merged by a policy."""

from speculate.fanout.branches import (
    BranchOutcome,
    BranchState,
    CallRefused,
    FanOutFailed,
    FanOutOutcome,
    FanOutRefused,
)
from speculate.fanout.fan_out import FanOut, fan_out
from speculate.fanout.hedge import Hedge
from speculate.fanout.limits import Limits
from speculate.fanout.merge import All, AllSettled, BestOf, Deadline, FirstSuccess, MergePolicy, Quorum
from speculate.fanout.reduce import concat, dedupe
from speculate.fanout.retry import Retry

__all__ = [
    "All",
    "AllSettled",
    "BestOf",
    "BranchOutcome",
    "BranchState",
    "CallRefused",
    "Deadline",
    "FanOut",
    "FanOutFailed",
    "FanOutOutcome",
    "FanOutRefused",
    "FirstSuccess",
    "Hedge",
    "Limits",
    "MergePolicy",
    "Quorum",
    "Retry",
    "concat",
    "dedupe",
    "fan_out",
]
