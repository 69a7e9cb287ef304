"""How long a call may take, and how its attempts are spaced."""

from __future__ import annotations

import random
import time
from enum import Enum


class Again(Enum):
    """Whether an attempt that failed is worth another one."""

    NEVER = "never"
    """It would fail in the same way."""
    BRIEFLY = "briefly"
    """It might be passing, but a mistake of the caller looks the same: a few quick attempts."""
    ALWAYS = "always"
    """It is passing: until the deadline."""


class Deadline:
    """The end of one call, by the monotonic clock."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._end = time.monotonic() + timeout_s
        self._full_patience_s = max(0.3 * timeout_s, 1.0)

    def remaining_s(self) -> float:
        """Return the seconds left, 0.0 at the least."""
        return max(0.0, self._end - time.monotonic())

    def patience_s(self) -> float:
        """Return how long one attempt may be silent: about a third, so that an answer that never comes is
        asked for again; but no less than a second, which a slow network may take.

        A little less than what remains: httpcore 1.0 forgets to close a connection that is cancelled from
        outside in its TLS handshake, and closes one whose own time is over.
        """
        return min(0.95 * self.remaining_s(), self._full_patience_s)

    def is_short(self) -> bool:
        """Whether an attempt that began now would have to hurry."""
        return self.patience_s() < min(self._full_patience_s, 0.9 * self.timeout_s)


class Backoff:
    """Pauses between the attempts of one request: from 20 ms, doubling, to a second, with jitter."""

    BRIEF_ATTEMPTS = 3

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self.attempts = 0

    def pause_s(self, again: Again, *, at_least_s: float = 0.0) -> float | None:
        """Count a failed attempt; return the seconds to wait before the next one, None if there is none."""
        self.attempts += 1
        if again is Again.NEVER or (again is Again.BRIEFLY and self.attempts >= self.BRIEF_ATTEMPTS):
            return None
        pause = max(at_least_s, min(1.0, 0.02 * 2 ** min(self.attempts, 8)) * random.uniform(0.5, 1.0))
        return pause if pause < self._deadline.remaining_s() else None
