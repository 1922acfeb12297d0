"""Trace v1: recorded runs, read and written."""

from speculate.trace.lines import Problem
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
from speculate.trace.writer import TraceWriter, encode_record

__all__ = [
    "CallIssued",
    "Problem",
    "Record",
    "RecordedSession",
    "RecordedTurn",
    "ResultArrived",
    "SessionEnded",
    "SessionStarted",
    "TraceWriter",
    "TurnTaken",
    "UserSaid",
    "encode_record",
    "group_sessions",
    "moments",
    "read_sessions",
    "read_trace",
    "read_traces",
]
