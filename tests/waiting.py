"""Waits for a condition instead of a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(claim: Callable[[], object], patience_s: float = 20.0) -> None:
    """Return as soon as `claim` holds. Raises: AssertionError if it does not within `patience_s`."""
    deadline = time.monotonic() + patience_s
    while not claim():
        assert time.monotonic() < deadline, f"did not come true within {patience_s:g} s"
        time.sleep(0.002)
