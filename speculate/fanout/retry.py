"""Retries: bounded, spread by jitter, and only where the tool is idempotent.

Full jitter (a uniform draw below a doubling cap) after Brooker, "Exponential Backoff And Jitter", AWS Architecture
Blog, 2015. A server that says when to come back (429, 503 with Retry-After) is believed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from speculate.errors import SpeculateError

_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


def status_of(error: BaseException) -> int | None:
    """The HTTP status an error carries (`status_code`, `status`, or its `response`'s), or None."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "status", "code"):
            status = getattr(holder, name, None)
            if type(status) is int and 100 <= status <= 599:
                return status
    return None


def _headers(error: BaseException) -> Mapping[str, Any]:
    for holder in (error, getattr(error, "response", None)):
        headers = getattr(holder, "headers", None)
        if isinstance(headers, Mapping):
            return {str(name).casefold(): value for name, value in headers.items()}
    return {}


def retry_after_s(error: BaseException) -> float | None:
    """How many seconds the failing side asks to wait, or None.

    A `retry_after_s` or `retry_after` attribute in seconds, or a Retry-After header: seconds, or a date, which is
    taken relative to the response's own Date header, so no clock of ours is compared with one of theirs.
    """
    for name in ("retry_after_s", "retry_after"):
        value = getattr(error, name, None)
        if isinstance(value, (int, float)) and math.isfinite(value) and value >= 0:
            return float(value)
    headers = _headers(error)
    text = headers.get("retry-after")
    if text is None:
        return None
    try:
        seconds = float(text)
    except (TypeError, ValueError):
        try:
            until = parsedate_to_datetime(str(text))
            now = parsedate_to_datetime(str(headers.get("date")))
            seconds = max(0.0, (until - now).total_seconds())
        except (TypeError, ValueError):
            return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def is_transient(error: BaseException) -> bool:
    """Whether trying again may help: a timeout, a lost connection, a status that means "later"."""
    if isinstance(error, (TimeoutError, ConnectionError)):
        return True
    return retry_after_s(error) is not None or status_of(error) in _TRANSIENT_STATUS


@dataclass(frozen=True, slots=True)
class Retry:
    """Up to `attempts` runs in all; the k-th pause is a uniform draw from 0 to min(cap_s, first_s · 2^(k-1)).

    A wait the failing side asked for is kept, plus a draw up to `first_s` so that siblings do not return at once;
    one longer than `longest_wait_s` ends the retries. `when` decides which errors are worth it.
    """

    attempts: int = 3
    first_s: float = 0.25
    cap_s: float = 8.0
    longest_wait_s: float = 60.0
    when: Callable[[BaseException], bool] = is_transient

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise SpeculateError(f"retry: attempts must be at least 1, not {self.attempts!r}")
        for name in ("first_s", "cap_s", "longest_wait_s"):
            if not getattr(self, name) >= 0:
                raise SpeculateError(f"retry: {name} must be at least 0, not {getattr(self, name)!r}")

    def pause_s(self, attempt: int, error: BaseException, draw: random.Random) -> float | None:
        """Seconds to wait after the failed attempt number `attempt` (from 1); None: do not try again."""
        if attempt >= self.attempts or not isinstance(error, Exception) or not self.when(error):
            return None
        asked = retry_after_s(error)
        if asked is None:
            return draw.uniform(0.0, min(self.cap_s, self.first_s * 2.0 ** min(attempt - 1, 60)))
        return asked + draw.uniform(0.0, self.first_s) if asked <= self.longest_wait_s else None
