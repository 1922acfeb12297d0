"""How the classifier says no."""

from __future__ import annotations


class NotUnderstood(Exception):
    """The command is not certainly read-only; the message says what stands in the way. Never leaves the package."""
