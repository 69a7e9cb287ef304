"""Timeouts of connections: httpx has none for DNS, and none for a response that trickles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

from ..deadline import Deadline
from .async_network import ResolvingBackend
from .sockets import OpenStreams, in_thread, is_address

_PIECE = 1_048_576
"""Bytes to write before the deadline is checked again."""

_UNTIL: ContextVar[Deadline | None] = ContextVar("until", default=None)


@contextmanager
def sockets_until(deadline: Deadline) -> Iterator[None]:
    """End every socket operation in this thread by `deadline`."""
    token = _UNTIL.set(deadline)
    try:
        yield
    finally:
        _UNTIL.reset(token)


def limit_network(client: httpx.Client | httpx.AsyncClient) -> None:
    """Let `client` make every connection by the backends below."""
    # httpx 0.28 passes no network backend on to httpcore, which takes one. Without these names, a silence
    # still ends in time; a trickle and DNS do not.
    for pool in _pools(client):
        inner = getattr(pool, "_network_backend", None)
        if isinstance(inner, httpcore.NetworkBackend):
            pool._network_backend = LimitedBackend(inner)
        elif isinstance(inner, httpcore.AsyncNetworkBackend):
            pool._network_backend = ResolvingBackend(inner)


def close_connections(client: httpx.Client) -> None:
    """Close every connection of `client`, which is closed itself, and refuse new ones.

    httpcore 1.0 closes those that it has. One that is only being made would be used and then forgotten.
    """
    for pool in _pools(client):
        if isinstance(pool._network_backend, LimitedBackend):
            pool._network_backend.close()


async def aclose_connections(client: httpx.AsyncClient) -> None:
    """Close every connection of `client`, which is closed itself, and refuse new ones."""
    for pool in _pools(client):
        if isinstance(pool._network_backend, ResolvingBackend):
            await pool._network_backend.aclose()


def _pools(client: httpx.Client | httpx.AsyncClient) -> list[Any]:
    transports = (getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values())
    pools = [getattr(transport, "_pool", None) for transport in transports]
    return [pool for pool in pools if hasattr(pool, "_network_backend")]


class LimitedBackend(httpcore.NetworkBackend):
    """Makes blocking connections on which nothing takes longer than the deadline of the thread's request."""

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner
        self._open: OpenStreams[LimitedStream] = OpenStreams()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        wait_s = _left_s(timeout)

        def connect() -> httpcore.NetworkStream:
            return self._inner.connect_tcp(host, port, wait_s, local_address, socket_options)

        if wait_s is None or is_address(host):
            return LimitedStream(connect(), self._open)
        return LimitedStream(_in_time(connect, wait_s), self._open)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        stream = self._inner.connect_unix_socket(path, _left_s(timeout), socket_options)
        return LimitedStream(stream, self._open)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)

    def close(self) -> None:
        """Close every connection, and refuse new ones."""
        for stream in self._open.close():
            stream.close()


class LimitedStream(httpcore.NetworkStream):
    """A connection on which nothing takes longer than the deadline of the thread's request.

    Raises: httpcore.ConnectError if the client was closed meanwhile.
    """

    def __init__(self, inner: httpcore.NetworkStream, open_streams: OpenStreams[LimitedStream]) -> None:
        self._inner, self._open = inner, open_streams
        self.get_extra_info = inner.get_extra_info  # type: ignore[method-assign]  # passed through
        if not open_streams.add(self):
            inner.close()
            raise httpcore.ConnectError("the client was closed")

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for first in range(0, len(buffer), _PIECE):
            self._inner.write(buffer[first : first + _PIECE], _left_s(timeout))

    def close(self) -> None:
        self._open.discard(self)
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        encrypted = self._inner.start_tls(ssl_context, server_hostname, _left_s(timeout))
        self._open.discard(self)
        return LimitedStream(encrypted, self._open)


def _left_s(timeout: float | None) -> float | None:
    """Return the shorter of `timeout` and what is left of the time of this thread's request."""
    until = _UNTIL.get()
    if until is None:
        return timeout
    left = until.remaining_s()
    if not left:
        raise httpcore.ReadTimeout("the call's time is over")
    return left if timeout is None else min(timeout, left)


def _in_time(connect: Callable[[], httpcore.NetworkStream], wait_s: float) -> httpcore.NetworkStream:
    """Return what `connect` returns within `wait_s`: looking up a name (getaddrinfo) has no timeout."""
    outcome = in_thread(connect, lambda stream: stream.close())
    try:
        return outcome.result(wait_s)
    except FutureTimeoutError:
        if outcome.cancel():
            raise httpcore.ConnectTimeout("no connection in time") from None
        return outcome.result()
    except BaseException:  # an interrupt too: nobody waits for the connection
        outcome.cancel()
        raise
