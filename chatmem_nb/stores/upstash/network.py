"""An end to everything that a request waits for: httpx limits each silence, and no trickle and no DNS."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

import httpcore
import httpx

from .http import running_exchange

_PIECE = 1_048_576


def limit(client: httpx.Client) -> None:
    """Let every connection of `client` end with the exchange that uses it."""
    # httpx 0.28 passes no network backend on to httpcore, which takes one. Without these names, a silence
    # still ends in time; a trickle does not.
    for transport in (getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values()):
        pool = getattr(transport, "_pool", None)
        if isinstance(inner := getattr(pool, "_network_backend", None), httpcore.NetworkBackend):
            pool._network_backend = LimitedBackend(inner)  # type: ignore[union-attr]  # it was just read there


class LimitedBackend(httpcore.NetworkBackend):
    """Makes connections, and gives up in time."""

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

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

        stream = connect() if wait_s is None or _is_address(host) else _connected(connect, wait_s)
        return LimitedStream(stream)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        return LimitedStream(self._inner.connect_unix_socket(path, _left_s(timeout), socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class LimitedStream(httpcore.NetworkStream):
    """A connection on which nothing takes longer than its exchange."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for first in range(0, len(buffer), _PIECE):
            self._inner.write(buffer[first : first + _PIECE], _left_s(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return LimitedStream(self._inner.start_tls(ssl_context, server_hostname, _left_s(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left_s(timeout: float | None) -> float | None:
    """The shorter of `timeout` and what is left to the exchange that this thread is in."""
    exchange = running_exchange()
    if exchange is None:
        return timeout
    left = exchange.deadline.remaining_s()
    if not left:
        raise httpcore.ReadTimeout("the call's time is over")
    return left if timeout is None else min(timeout, left)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _connected(connect: Callable[[], httpcore.NetworkStream], wait_s: float) -> httpcore.NetworkStream:
    """Return what `connect` does, within `wait_s`, in a thread that may be left behind: looking up a name
    (getaddrinfo) knows no timeout."""
    outcome: Future[httpcore.NetworkStream] = Future()
    threading.Thread(target=_settle, args=(outcome, connect), name="connect", daemon=True).start()
    try:
        return outcome.result(wait_s)
    except FutureTimeoutError:
        if outcome.cancel():
            raise httpcore.ConnectTimeout("no connection in time") from None
        return outcome.result()
    except BaseException:
        outcome.cancel()
        raise


def _settle(outcome: Future[httpcore.NetworkStream], connect: Callable[[], httpcore.NetworkStream]) -> None:
    try:
        stream = connect()
    except BaseException as exc:  # noqa: BLE001 - raised where it is waited for
        error = exc
        _offer(lambda: outcome.set_exception(error))
        return
    if not _offer(lambda: outcome.set_result(stream)):
        stream.close()


def _offer(settle: Callable[[], None]) -> bool:
    """Whether anybody still waits for it."""
    try:
        settle()
    except InvalidStateError:
        return False
    return True
