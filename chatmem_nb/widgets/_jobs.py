"""The loop that does all I/O of all browsers, and the jobs that one browser has under way on it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

from ..errors import ChatMemError

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
        """Begin `work` and return True; False where a job of this key runs, too many do, or all has ended.

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
        except BaseException:
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
        """End all jobs, let `last` run after them, and start none again. Does not wait; twice is once."""
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
