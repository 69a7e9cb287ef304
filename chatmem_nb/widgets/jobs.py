"""The loop that does all I/O of all browsers, the jobs of one browser on it, and the threads that render."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

from ..errors import ChatMemError
from ..time_limit import time_limit

P = ParamSpec("P")
T = TypeVar("T")

_start = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def io_loop() -> asyncio.AbstractEventLoop:
    """Return the loop of this process, in its daemon thread; started on first use, and again after a fork."""
    with _start:
        loop = _loops.get(os.getpid())
        if loop is None:
            _loops.clear()
            loop = _loops[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="chatmem_nb I/O", daemon=True).start()
        return loop


class Jobs:
    """What one browser has under way: each job known by a key, so that it can be cancelled.

    `start` never waits; `run` waits, for Python's own calls. Neither needs a loop in the calling thread.
    """

    def __init__(self, limit: int = 64) -> None:
        self._lock = threading.Lock()
        self._running: dict[Hashable, Future[Any]] = {}
        self._limit = limit
        self._closed = False

    def start(
        self, key: Hashable, work: Callable[[], Coroutine[Any, Any, None]], never_began: Callable[[], None]
    ) -> bool:
        """Start `work` and return True; False if its key is in use, too many jobs run, or this is closed.

        A job that is cancelled before its first step cannot say so itself: `never_began` is called then.
        """
        began = threading.Event()

        async def begun() -> None:
            began.set()
            await work()

        def ended(future: Future[Any]) -> None:
            self._forget(key, future)
            if not began.is_set():
                never_began()

        with self._lock:
            if self._closed or key in self._running or len(self._running) >= self._limit:
                return False
            # The context of the calling thread goes along: ipykernel keeps there whose reply it is.
            future = asyncio.run_coroutine_threadsafe(begun(), io_loop())
            self._running[key] = future
        future.add_done_callback(ended)
        return True

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of `work`, which runs on the I/O loop; Ctrl+C cancels it.

        Raises: what `work` raises; ChatMemError, if called from the I/O loop, which would wait for ever.
        """
        loop = io_loop()
        if _running_loop() is loop:
            work.close()
            raise ChatMemError("a method of HistoryBrowser was called from its own I/O; call it from a cell")
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result()
        except BaseException:  # an interrupt too: the job ends with its caller
            future.cancel()
            raise

    def cancel(self, key: Hashable) -> bool:
        """End the job `key`, and return whether it was under way."""
        with self._lock:
            future = self._running.get(key)
        return future is not None and future.cancel()

    def cancel_all(self) -> None:
        """End all jobs; further ones may start."""
        with self._lock:
            futures = list(self._running.values())
        for future in futures:
            future.cancel()

    def close(self, last: Coroutine[Any, Any, None]) -> None:
        """End all jobs, let `last` run after them, and start none again. Does not wait; idempotent."""
        with self._lock:
            was_closed, self._closed = self._closed, True
        if was_closed:
            last.close()
            return
        self.cancel_all()
        asyncio.run_coroutine_threadsafe(last, io_loop())

    def _forget(self, key: Hashable, future: Future[Any]) -> None:
        with self._lock:
            if self._running.get(key) is future:
                del self._running[key]


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:  # no loop in this thread
        return None


THREADS: Final = 4
JOB_TIME_S: Final = 3.0
"""CPU time of one job, such as a window of rows; Markdown that is left then is shown plain."""

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


async def uncancelled(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`, which continues if the caller is cancelled: the outcome of every change is known."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(_retrieve_exception)
    return await asyncio.shield(task)


def _retrieve_exception(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()  # retrieved, or asyncio would log it as never retrieved
