"""A limit on what a connection waits for: httpx has none for DNS, and none for a response that trickles."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain, zip_longest
from typing import Any, TypeVar

import httpcore
import httpx

from ..deadline import Deadline

T = TypeVar("T")

_PIECE = 1_048_576
"""Bytes that are written before the deadline is looked at again."""
_HEAD_START_S = 0.25
"""How long one address of a host is tried alone before the next one is, too (RFC 8305)."""

_UNTIL: ContextVar[Deadline | None] = ContextVar("until", default=None)


@contextmanager
def sockets_until(deadline: Deadline) -> Iterator[None]:
    """Let every operation on a socket end by `deadline`, in this thread."""
    token = _UNTIL.set(deadline)
    try:
        yield
    finally:
        _UNTIL.reset(token)


def limit_network(client: httpx.Client | httpx.AsyncClient) -> None:
    """Let `client` make every connection by the backends below."""
    # httpx 0.28 passes no network backend on to httpcore, which takes one. Without these names, a silence
    # still ends in time; a trickle and DNS do not.
    for transport in (getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values()):
        pool = getattr(transport, "_pool", None)
        inner = getattr(pool, "_network_backend", None)
        if isinstance(inner, httpcore.NetworkBackend):
            pool._network_backend = LimitedBackend(inner)  # type: ignore[union-attr]  # it was just read there
        elif isinstance(inner, httpcore.AsyncNetworkBackend):
            pool._network_backend = ResolvingBackend(inner)  # type: ignore[union-attr]


class LimitedBackend(httpcore.NetworkBackend):
    """Makes blocking connections on which nothing takes longer than the deadline of the thread's request."""

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

        if wait_s is None or _is_address(host):
            return LimitedStream(connect())
        return LimitedStream(_in_time(connect, wait_s))

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        return LimitedStream(self._inner.connect_unix_socket(path, _left_s(timeout), socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class LimitedStream(httpcore.NetworkStream):
    """A connection on which nothing takes longer than the deadline of the thread's request."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        self.get_extra_info = inner.get_extra_info  # type: ignore[method-assign]

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


def _left_s(timeout: float | None) -> float | None:
    """Return the shorter of `timeout` and what is left of the time of this thread's request."""
    until = _UNTIL.get()
    if until is None:
        return timeout
    left = until.remaining_s()
    if not left:
        raise httpcore.ReadTimeout("the call's time is over")
    return left if timeout is None else min(timeout, left)


class ResolvingBackend(httpcore.AsyncNetworkBackend):
    """Makes asyncio connections, and looks up names in threads that nobody waits for.

    asyncio calls getaddrinfo in the loop's default executor, which `asyncio.run` joins at its end: while DNS
    does not respond, every timeout would be in vain.
    """

    def __init__(self, inner: httpcore.AsyncNetworkBackend) -> None:
        self._inner = inner

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        def connect(address: str) -> Awaitable[httpcore.AsyncNetworkStream]:
            return self._inner.connect_tcp(address, port, timeout, local_address, socket_options)

        if _is_address(host):
            return await connect(host)
        try:
            async with asyncio.timeout(timeout):
                return await _first_connection(await _resolved(host, port), connect)
        except TimeoutError as exc:
            raise httpcore.ConnectTimeout("no connection in time") from exc
        except OSError as exc:
            raise httpcore.ConnectError(str(exc)) from exc

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        return await self._inner.connect_unix_socket(path, timeout, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


async def _resolved(host: str, port: int) -> list[str]:
    """Return the addresses of `host`, alternating between IPv6 and IPv4. Raises: socket.gaierror."""
    found = await asyncio.wrap_future(
        _in_thread(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), lambda _: None)
    )
    six, four = (
        [str(entry[4][0]) for entry in found if entry[0] == family]
        for family in (socket.AF_INET6, socket.AF_INET)
    )
    addresses = [address for address in chain.from_iterable(zip_longest(six, four)) if address]
    if not addresses:
        raise socket.gaierror(socket.EAI_NONAME, "no IPv4 or IPv6 address")
    return addresses


async def _first_connection(
    addresses: list[str], connect: Callable[[str], Awaitable[httpcore.AsyncNetworkStream]]
) -> httpcore.AsyncNetworkStream:
    """Return the connection that comes first, beginning with the first address and adding one after another.

    Raises: what the first address failed with, if all fail.
    """
    tasks: list[asyncio.Task[httpcore.AsyncNetworkStream]] = []
    taken: httpcore.AsyncNetworkStream | None = None
    try:
        while taken is None:
            pending = [task for task in tasks if not task.done()]
            if len(tasks) < len(addresses):
                tasks.append(asyncio.ensure_future(connect(addresses[len(tasks)])))
                pending.append(tasks[-1])
            elif not pending:
                return tasks[0].result()
            wait_s = _HEAD_START_S if len(tasks) < len(addresses) else None
            done, _ = await asyncio.wait(pending, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            taken = next((task.result() for task in done if task.exception() is None), None)
        return taken
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, httpcore.AsyncNetworkStream) and outcome is not taken:
                await outcome.aclose()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _in_time(connect: Callable[[], httpcore.NetworkStream], wait_s: float) -> httpcore.NetworkStream:
    """Return what `connect` returns within `wait_s`: looking up a name (getaddrinfo) knows no timeout."""
    outcome = _in_thread(connect, lambda stream: stream.close())
    try:
        return outcome.result(wait_s)
    except FutureTimeoutError:
        if outcome.cancel():
            raise httpcore.ConnectTimeout("no connection in time") from None
        return outcome.result()
    except BaseException:
        outcome.cancel()
        raise


def _in_thread(work: Callable[[], T], discard: Callable[[T], None]) -> Future[T]:
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
