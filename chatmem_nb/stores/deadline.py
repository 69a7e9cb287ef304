"""How long a call may take, and how its attempts are spaced."""

from __future__ import annotations

import random
import time

_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 1.0


class Deadline:
    """The end of one call, by the monotonic clock."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._end = time.monotonic() + timeout_s

    def remaining_s(self) -> float:
        """Return the seconds left, at least 0.0."""
        return max(0.0, self._end - time.monotonic())


class Backoff:
    """The pauses between the attempts of one request: from 20 ms, doubling, up to a second, with jitter."""

    def __init__(self) -> None:
        self.attempts = 0

    def next_pause_s(self, at_least_s: float = 0.0) -> float:
        """Count a failed attempt, and return the seconds to wait before the next one."""
        self.attempts += 1
        # The exponent is capped, because 2.0**1024 overflows.
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(self.attempts, 8))
        # Jitter, so that many clients that failed together do not return together.
        return max(at_least_s, pause_s * random.uniform(0.5, 1.0))
