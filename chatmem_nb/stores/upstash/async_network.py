"""asyncio connections that look up names without the loop's executor, and are closed with their client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from itertools import chain, zip_longest
from typing import Any

import httpcore

from .sockets import OpenStreams, in_thread, is_address

_HEAD_START_S = 0.25
"""How long one address of a host is tried alone before the next one is, too (RFC 8305)."""


class ResolvingBackend(httpcore.AsyncNetworkBackend):
    """Makes asyncio connections, and looks up names in threads that nothing joins.

    asyncio calls getaddrinfo in the loop's default executor, which `asyncio.run` joins at its end: while DNS
    does not respond, every timeout would be in vain.
    """

    def __init__(self, inner: httpcore.AsyncNetworkBackend) -> None:
        self._inner = inner
        self._open: OpenStreams[ClosingStream] = OpenStreams()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._connected(host, port, timeout, local_address, socket_options)
        return await ClosingStream.over(stream, self._open)

    async def _connected(
        self,
        host: str,
        port: int,
        timeout: float | None,
        local_address: str | None,
        socket_options: Iterable[Any] | None,
    ) -> httpcore.AsyncNetworkStream:
        def connect(address: str) -> Awaitable[httpcore.AsyncNetworkStream]:
            return self._inner.connect_tcp(address, port, timeout, local_address, socket_options)

        if is_address(host):
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
        stream = await self._inner.connect_unix_socket(path, timeout, socket_options)
        return await ClosingStream.over(stream, self._open)

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)

    async def aclose(self) -> None:
        """Close every connection, and refuse new ones."""
        for stream in self._open.close():
            await stream.aclose()


class ClosingStream(httpcore.AsyncNetworkStream):
    """An asyncio connection that is closed with its client, or if its TLS handshake is cancelled."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, open_streams: OpenStreams[ClosingStream]) -> None:
        self._inner, self._open = inner, open_streams

    @classmethod
    async def over(
        cls, inner: httpcore.AsyncNetworkStream, open_streams: OpenStreams[ClosingStream]
    ) -> ClosingStream:
        """Return a stream over `inner`. Raises: httpcore.ConnectError if the client was closed meanwhile."""
        stream = cls(inner, open_streams)
        if not open_streams.add(stream):
            await inner.aclose()
            raise httpcore.ConnectError("the client was closed")
        return stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        self._open.discard(self)
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        try:
            encrypted = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:  # a cancellation too: no socket is left
            await self.aclose()
            raise
        self._open.discard(self)
        return await self.over(encrypted, self._open)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


async def _resolved(host: str, port: int) -> list[str]:
    """Return the addresses of `host`, alternating between IPv6 and IPv4. Raises: socket.gaierror."""
    found = await asyncio.wrap_future(
        in_thread(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), lambda _: None)
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
