"""Trace v1: one recorded event a line. The reference is docs/traces.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class SessionStarted:
    session: str
    at: float | None = None
    task: str | None = None
    model: str | None = None
    dataset: str | None = None
    tenant: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UserSaid:
    session: str
    text: str
    at: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TurnTaken:
    """One model response; `at` is when the model was asked, `llm_s` how many seconds it took."""

    session: str
    turn: int
    at: float | None = None
    llm_s: float | None = None
    text: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallIssued:
    """Arguments that were no JSON object stand as {"_raw": …} and are never speculated."""

    session: str
    turn: int
    id: str
    tool: str
    args: Mapping[str, Any]
    at: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_raw(self) -> bool:
        return "_raw" in self.args


@dataclass(frozen=True, slots=True)
class ResultArrived:
    """ok False with a result: the tool returned an error; `raised` "Type: message": it raised.

    known False: the result was not recorded. cut: recorded in part. tool_s: seconds the tool took.
    """

    session: str
    id: str
    at: float | None = None
    tool_s: float | None = None
    ok: bool = True
    result: Any = None
    known: bool = True
    raised: str | None = None
    cut: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionEnded:
    session: str
    at: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


Record = SessionStarted | UserSaid | TurnTaken | CallIssued | ResultArrived | SessionEnded
