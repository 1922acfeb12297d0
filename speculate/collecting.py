"""Long passes over recorded runs, held up less by the garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

ALLOCATIONS = 100_000  # more than it takes by itself, so many times over that what was read is rarely walked again


@contextmanager
def fewer_collections() -> Iterator[None]:
    """Look for reference cycles less often: recorded runs have none, and walking them again and again costs a tenth
    of a pass, or falls on whatever is being timed."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], ALLOCATIONS), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
