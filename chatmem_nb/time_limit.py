"""A limit on the CPU time of a computation, which checks it at each small step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_STEPS: Final = 8
"""Steps of which one asks for the time: to ask may take longer than a step."""


class _Limit:
    __slots__ = ("deadline", "steps")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.steps = 0


_limit: Final[ContextVar[_Limit | None]] = ContextVar("limit", default=None)


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
    deadline = time.thread_time() + cpu_s
    outer = _limit.get()
    token = _limit.set(_Limit(deadline if outer is None else min(outer.deadline, deadline)))
    try:
        yield
    finally:
        _limit.reset(token)


def check_time() -> None:
    """Raises: TimeLimitExceeded, a few calls after the time of the innermost `time_limit` at the latest."""
    limit = _limit.get()
    if limit is None:
        return
    limit.steps += 1
    if limit.steps % _STEPS == 1 and time.thread_time() > limit.deadline:
        raise TimeLimitExceeded
