"""Other people's times: ISO 8601 texts and whole nanoseconds, to seconds since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def from_iso(value: Any) -> float | None:
    """Seconds since the epoch of an ISO 8601 text; one without a zone is UTC. None for anything else."""
    if type(value) is not str:
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()


def from_nanoseconds(value: Any) -> float | None:
    """Seconds of whole nanoseconds, a number or its digits; None for anything else and for 0 (OTLP's "not set")."""
    try:
        nanoseconds = int(value)
    except (TypeError, ValueError):
        return None
    return nanoseconds / 1e9 if nanoseconds > 0 else None
