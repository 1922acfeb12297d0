"""Whether a SQL statement only reads."""

from __future__ import annotations


def is_read_only(statement: object) -> bool:
    """Whether the statement is known to only read; until the classifier lands, none is."""
    return False
