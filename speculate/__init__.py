"""Speculative tool execution for LLM agents: start the likely next call early, keep it only if it is really made."""

from speculate.calls import Outcome, Refusal, Served, ToolCall
from speculate.core.policy import Policy
from speculate.declare import tool
from speculate.errors import (
    CommitConflict,
    InternalError,
    InvalidTransition,
    ManifestError,
    MissingExtra,
    ModelFileError,
    PlanError,
    ReplayDivergence,
    RuntimeClosed,
    SpeculateError,
    TraceError,
)
from speculate.history import History
from speculate.prediction import ArgumentSource, Drafter, Prediction, Predictor
from speculate.recorder import TraceRecorder
from speculate.runtime.runtime import Runtime
from speculate.runtime.session import Session
from speculate.runtime.tools import AbortableTool
from speculate.spec import ArgumentSpec, Effect, EffectRule, ToolSpec

__version__ = "0.1.0"

__all__ = [
    "AbortableTool",
    "ArgumentSource",
    "ArgumentSpec",
    "CommitConflict",
    "Drafter",
    "Effect",
    "EffectRule",
    "History",
    "InternalError",
    "InvalidTransition",
    "ManifestError",
    "MissingExtra",
    "ModelFileError",
    "Outcome",
    "PlanError",
    "Policy",
    "Prediction",
    "Predictor",
    "Refusal",
    "ReplayDivergence",
    "Runtime",
    "RuntimeClosed",
    "Served",
    "Session",
    "SpeculateError",
    "ToolCall",
    "ToolSpec",
    "TraceError",
    "TraceRecorder",
    "__version__",
    "tool",
]
