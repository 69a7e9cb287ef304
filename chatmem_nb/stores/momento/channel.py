"""How requests are made with one client, and how callers wait: never inside gRPC, and always with a timeout.

An interrupt (Ctrl+C) lands between any two steps of the main thread. If that is within gRPC, a lock stays
held or its thread is never started, and no later request on the channel ends (grpcio 1.85). So the threads
that call a store touch no gRPC: a `CallThread`, to which Python delivers no signals, starts and cancels the
requests, and the caller waits for a plain lock.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol

from ..runner import Attempt
from .commands import Command
from .fork_gate import gate

PENDING: Any = object()
"""The result of a request that has not ended."""


class Batch:
    """Requests that were started at the same time, and the results so far."""

    def __init__(self, size: int, finished: Callable[[], object]) -> None:
        self.results: list[Any] = [PENDING] * size
        """A response or an exception for each."""
        self.done = False
        """Whether all have ended."""
        self.cancelled = False
        self.calls: list[Any] = []
        """What is under way. Never touched by the caller's thread."""
        self.sent_bytes = 0
        self._finished = finished
        self._left = size
        self._lock = threading.Lock()  # taken by threads that no signal interrupts

    def end(self, position: int, result: Any) -> None:
        """Take the result of one request; with the last, wake up the caller."""
        with self._lock:
            self.results[position] = result
            self._left -= 1
            self.done = self._left == 0
        if self.done:
            # The caller must not be the last to hold a future: an interrupt that lands in its `__del__` is
            # printed and ignored.
            self.calls.clear()
            self._finished()


class Channel(Protocol):
    """A way to make requests with one client."""

    slices: bool
    """Whether a part of a list can be read and erased, or only whole lists."""
    default_ttl_ms: int | None
    """The client's default TTL; None if unknown."""

    grace_s: float
    """How much longer than its timeout a request may take to end."""

    def start(self, cache_name: str, attempt: Attempt, finished: Callable[[], object]) -> Batch:
        """Start each request of `attempt`. `finished` is called once, by another thread, when all have
        ended."""
        ...

    def cancel(self, batch: Batch) -> None:
        """Cancel the requests that have not ended. Does not block."""
        ...

    def outcome(self, command: Command, result: Any) -> tuple[Any, int]:
        """Return the value of the response, or the StoreError in its place, and the bytes of the response."""
        ...


class CallThread:
    """A daemon thread that runs what it is given, in order."""

    def __init__(self) -> None:
        # Reentrant, so that an interrupt within `put` leaves nothing held.
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self.submit: Callable[[Callable[[], None]], None] = self._work.put
        """Have the thread run a function, which raises nothing."""
        threading.Thread(target=_run, args=(self._work,), name="momento-calls", daemon=True).start()

    def call(self, work: Callable[[], Any], timeout_s: float) -> Any:
        """Return what `work` returns, or raise what it raises.

        Raises: TimeoutError.
        """
        ended = _thread.allocate_lock()
        ended.acquire()
        batch = Batch(1, ended.release)

        def run() -> None:
            try:
                batch.end(0, (work(), None))
            except Exception as exc:  # noqa: BLE001 - raised in the thread that asked
                batch.end(0, (None, exc))

        self.submit(run)
        if not ended.acquire(timeout=timeout_s):
            raise TimeoutError
        value, error = batch.results[0]
        if error is not None:
            raise error
        return value

    def end(self) -> None:
        """End the thread once it has run what was submitted."""
        self._work.put(None)


def _run(work: SimpleQueue[Callable[[], None] | None]) -> None:
    while (job := work.get()) is not None:
        with gate().pass_through():
            job()
        del job  # it holds a client, which may be dropped meanwhile
