"""The sockets of one client: those that are open, and those that a thread is opening."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import Generic, TypeVar

T = TypeVar("T")
Stream = TypeVar("Stream")


class OpenStreams(Generic[Stream]):
    """The connections of one client. Once closed, it takes none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams: set[Stream] = set()
        self._closed = False

    def add(self, stream: Stream) -> bool:
        """Return whether `stream` was taken; False once closed."""
        with self._lock:
            if not self._closed:
                self._streams.add(stream)
            return not self._closed

    def discard(self, stream: Stream) -> None:
        with self._lock:
            self._streams.discard(stream)

    def close(self) -> set[Stream]:
        """Take no more, and return those that are to be closed."""
        with self._lock:
            self._closed = True
            streams, self._streams = self._streams, set()
            return streams


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def in_thread(work: Callable[[], T], discard: Callable[[T], None]) -> Future[T]:
    """Run `work` in a thread that neither a caller nor the interpreter's exit waits for; `discard` a result
    that comes after the future was cancelled."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as exc:  # noqa: BLE001 - raised where it is waited for
            error = exc
            _settled(lambda: outcome.set_exception(error))
            return
        if not _settled(lambda: outcome.set_result(result)):
            discard(result)

    threading.Thread(target=run, name="connect", daemon=True).start()
    return outcome


def _settled(settle: Callable[[], None]) -> bool:
    """Call `settle`, and return whether anybody still waits."""
    try:
        settle()
    except InvalidStateError:
        return False
    return True
