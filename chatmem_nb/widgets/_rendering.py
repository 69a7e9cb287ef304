"""Threads of their own for rendering chat text, so that no conversation holds up another, or other work."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

from ..time_limit import time_limit

P = ParamSpec("P")
T = TypeVar("T")

THREADS: Final = 4
JOB_TIME_S: Final = 3.0
"""CPU time of one job, such as a window of rows; Markdown that is left then is shown plain."""

_start = threading.Lock()
_pools: dict[int, ThreadPoolExecutor] = {}


def _pool() -> ThreadPoolExecutor:
    """Return the threads of this process, started on first use, and again after a fork."""
    with _start:
        pool = _pools.get(os.getpid())
        if pool is None:
            _pools.clear()
            pool = _pools[os.getpid()] = ThreadPoolExecutor(
                THREADS, thread_name_prefix="chatmem_nb rendering"
            )
        return pool


class Rendering:
    """Renders for one browser, a job at a time: a hostile session takes one of the threads, not all."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `work` returns, its Markdown rendered within `JOB_TIME_S`."""
        return await self._run(_limited, work, *args, **kwargs)

    async def write(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `work` returns: a file, in which only each message has its limit."""
        return await self._run(work, *args, **kwargs)

    async def _run(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        async with self._turn:
            return await asyncio.get_running_loop().run_in_executor(_pool(), lambda: work(*args, **kwargs))


def _limited(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    with time_limit(JOB_TIME_S):
        return work(*args, **kwargs)
