"""A limit on the CPU time of a computation, which checks it at each small step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_NO_LIMIT: Final = float("inf")
_deadline: Final[ContextVar[float]] = ContextVar("deadline", default=_NO_LIMIT)


class TimeLimitExceeded(Exception):
    """The work takes longer than it may. Never leaves this package: something simpler is shown instead."""


_SHORT: Final = 500


@contextmanager
def time_limit(cpu_s: float, size: int = _SHORT + 1) -> Iterator[None]:
    """Let `check_time` raise after `cpu_s` seconds of this thread's CPU time; an outer limit holds as well.

    CPU time, so that a busy machine makes no message look different. Work on `size` characters that are too
    few to take long has no limit of its own: to ask for the time may take longer than such work.
    """
    if size <= _SHORT:
        yield
        return
    token = _deadline.set(min(_deadline.get(), time.thread_time() + cpu_s))
    try:
        yield
    finally:
        _deadline.reset(token)


def check_time() -> None:
    """Raises: TimeLimitExceeded, after the time of the innermost `time_limit`."""
    deadline = _deadline.get()
    if deadline != _NO_LIMIT and time.thread_time() > deadline:
        raise TimeLimitExceeded
