"""Holds a fork back while requests are under way.

gRPC prepares for a fork only if no other thread is inside it at that moment. Otherwise it says
"Other threads are currently calling into gRPC, skipping fork() handlers", and in the child new channels time
out or end the process (grpcio 1.85: 4 of 12 runs of ten forks each while three threads append).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 2.0
"""How long a fork waits for requests under way; after that, the process forks all the same."""


class ForkGate:
    """Counts what threads do inside gRPC, and lets nothing new begin once it is closed.

    Only threads that Python delivers no signals to pass it; so no interrupt lands between two steps of it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._closed = False
        self._inside = 0

    @contextmanager
    def pass_through(self) -> Iterator[None]:
        """Wait until the gate is open, and count the block as one thread inside gRPC."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._inside += 1
        try:
            yield
        finally:
            self.leave()

    def enter(self) -> None:
        """Count a request that is about to start, within `pass_through`."""
        with self._changed:
            self._inside += 1

    def leave(self) -> None:
        """Take back one `enter`, since the request has ended."""
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """Let nothing new begin, and wait `PATIENCE_S` at most until no thread is inside gRPC."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._inside == 0, PATIENCE_S)

    def open(self) -> None:
        with self._changed:
            self._closed = False
            self._changed.notify_all()


_gate = ForkGate()


def gate() -> ForkGate:
    """Return the gate of this process."""
    return _gate


def _renew() -> None:
    # A child has none of the threads that are counted in the inherited one.
    global _gate
    _gate = ForkGate()


os.register_at_fork(
    before=lambda: gate().close(), after_in_parent=lambda: gate().open(), after_in_child=_renew
)
