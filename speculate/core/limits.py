"""Rates and refusals: launches per minute, and tools closed after a 429 or a streak of errors."""

from __future__ import annotations

from collections import deque

from speculate.core.policy import Policy

MINUTE_S = 60.0


class Limits:
    """Counts over all sessions of one runtime."""

    __slots__ = ("_closed_until", "_launches", "_policy", "_streaks")

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._launches: deque[float] = deque()
        self._closed_until: dict[str, float] = {}
        self._streaks: dict[str, int] = {}

    def launched(self, at: float) -> None:
        if self._policy.launches_per_minute is not None:
            self._launches.append(at)

    def launches_last_minute(self, at: float) -> int:
        while self._launches and at - self._launches[0] >= MINUTE_S:
            self._launches.popleft()
        return len(self._launches)

    def is_closed(self, tool: str, at: float) -> bool:
        until = self._closed_until.get(tool)
        if until is None:
            return False
        if at >= until:
            del self._closed_until[tool]
            return False
        return True

    def succeeded(self, tool: str) -> None:
        if self._streaks:
            self._streaks.pop(tool, None)

    def failed(self, tool: str, at: float, throttled_s: float | None) -> float | None:
        """One failure; how many seconds the tool is closed for, if this closed it."""
        streak = self._streaks[tool] = self._streaks.get(tool, 0) + 1
        if throttled_s is None and streak < self._policy.error_streak:
            return None
        self._streaks.pop(tool, None)
        pause_s = max(self._policy.cooldown_s, throttled_s or 0.0)
        self._closed_until[tool] = max(self._closed_until.get(tool, 0.0), at + pause_s)
        return pause_s
