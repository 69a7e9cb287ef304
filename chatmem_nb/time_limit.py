"""A limit on the CPU time that one piece of work takes, checked by the work itself at each small step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_deadline: Final[ContextVar[float]] = ContextVar("deadline", default=float("inf"))


class TimeLimitExceeded(Exception):
    """The work takes longer than it may. Never leaves this package: something simpler is shown instead."""


@contextmanager
def time_limit(cpu_s: float) -> Iterator[None]:
    """Let `check_time` raise after `cpu_s` seconds of this thread's CPU time; an outer limit holds as well.

    CPU time, so that a busy machine makes no message look different.
    """
    token = _deadline.set(min(_deadline.get(), time.thread_time() + cpu_s))
    try:
        yield
    finally:
        _deadline.reset(token)


def check_time() -> None:
    """Raises: TimeLimitExceeded, after the time of the innermost `time_limit`."""
    if time.thread_time() > _deadline.get():
        raise TimeLimitExceeded
