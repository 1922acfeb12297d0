"""Trace v1: recorded runs, read and written."""

from speculate.trace.reader import read_trace, read_traces
from speculate.trace.records import (
    CallIssued,
    Record,
    ResultArrived,
    SessionEnded,
    SessionStarted,
    TurnTaken,
    UserSaid,
)
from speculate.trace.sessions import RecordedSession, RecordedTurn, group_sessions, moments, read_sessions

__all__ = [
    "CallIssued",
    "Record",
    "RecordedSession",
    "RecordedTurn",
    "ResultArrived",
    "SessionEnded",
    "SessionStarted",
    "TurnTaken",
    "UserSaid",
    "group_sessions",
    "moments",
    "read_sessions",
    "read_trace",
    "read_traces",
]
