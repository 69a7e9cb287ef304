"""What carries commands by one client, and how its caller waits: never inside gRPC, never without a limit.

An interrupt (Ctrl+C) lands between any two steps of the main thread. If that is within gRPC, a lock stays
held or its thread is never started, and no later request on the channel ends (grpcio 1.85). So the threads
that call a store touch no gRPC: a `CallThread`, to which Python delivers no signals, starts and cancels the
requests, and the caller waits for a plain lock.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, Protocol

from .commands import Command

PENDING: Any = object()
"""Stands for the result of a request that has not ended."""


class Batch:
    """Requests made at the same time, as far as they have ended."""

    def __init__(self, size: int, finished: Callable[[], None]) -> None:
        self.results: list[Any] = [PENDING] * size
        """A response or an exception for each."""
        self._finished = finished
        self._left = size
        self._lock = threading.Lock()  # taken by threads that no signal interrupts

    @property
    def done(self) -> bool:
        """Whether all have ended."""
        return self._left == 0

    def end(self, position: int, result: Any) -> None:
        """Take the result of one request; with the last, wake up the caller."""
        with self._lock:
            self.results[position] = result
            self._left -= 1
            last = self._left == 0
        if last:
            self._release()
            self._finished()

    def _release(self) -> None:
        """Let go of what the caller's thread must not be the last to hold."""

    def cancel(self) -> None:
        """Cancel what has not ended. Returns at once."""


class Channel(Protocol):
    """A way to make requests with one client."""

    slices: bool
    """Whether a part of a list can be read and erased, or only whole lists."""
    default_ttl_ms: int | None
    """The client's default TTL; None if that cannot be told."""

    def start(
        self, cache_name: str, commands: Sequence[Command], timeout_s: float, finished: Callable[[], None]
    ) -> tuple[Batch, int]:
        """Start one request for each command, and return them and the bytes that they have.

        `finished` is called once, by another thread, when all have ended.
        """
        ...

    def outcome(self, command: Command, result: Any) -> tuple[Any, int]:
        """Return the response, or the StoreError in its place, and its bytes."""
        ...


class CallThread:
    """A daemon thread that runs what it is given, in order."""

    def __init__(self) -> None:
        # Reentrant, so that an interrupt within `put` leaves nothing held.
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=_run, args=(self._work,), name="momento-calls", daemon=True).start()

    def submit(self, work: Callable[[], None]) -> None:
        """Run `work`, which raises nothing, soon."""
        self._work.put(work)

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
        """End the thread after what it was given."""
        self._work.put(None)


def _run(work: SimpleQueue[Callable[[], None] | None]) -> None:
    while (job := work.get()) is not None:
        job()
        del job  # it holds a client, which may be dropped meanwhile
