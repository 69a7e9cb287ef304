"""Carries the commands of one store to Momento, for any number of threads, event loops and processes."""

from __future__ import annotations

import _thread
import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from momento import CacheClient

from ...errors import StoreError
from ..processes import PerProcess
from ..protocol import CommandCount
from ..runner import Attempt
from .channel import PENDING, Batch, Channel
from .errors import MomentoClosedError, MomentoTimeoutError, channel_broken, other_process, timed_out
from .sdk_channel import SdkChannel

_CLOSE_S = 2.0


@dataclass(frozen=True)
class _OpenClient:
    client: CacheClient
    channel: Channel


class MomentoTransport:
    """Makes requests with a client that was passed in, or, once it `owns` one, with a client of its own."""

    def __init__(self, client: CacheClient, cache_name: str, commands: CommandCount) -> None:
        """Raises: MomentoClosedError if `client` is closed."""
        self._cache_name = cache_name
        self._commands = commands
        self._process_id = os.getpid()
        self._make_client: Callable[[], CacheClient] | None = None
        self._first = _OpenClient(client, _channel(client))
        # Clients are known by process: a child must not even close one that its parent made.
        self._connections = PerProcess(self._open)
        self.closed = False

    def owns(self, make_client: Callable[[], CacheClient]) -> None:
        """Close the client with the store, and replace it by `make_client` if it can no longer be used."""
        self._make_client = make_client

    @property
    def client(self) -> CacheClient:
        """The client in use. Raises: MomentoClosedError in a forked child, if it was passed in."""
        return self._connections.get().client

    @property
    def slices(self) -> bool:
        """Whether a part of a list can be read and erased, or only whole lists."""
        return self._first.channel.slices

    @property
    def default_ttl_ms(self) -> int | None:
        """The client's default TTL; None if unknown."""
        return self._first.channel.default_ttl_ms

    def send(self, attempt: Attempt) -> list[Any]:
        """Return a response for each request, or the StoreError in its place."""
        connection = self._connections.get()
        ended = _thread.allocate_lock()  # consistent after an interrupt, unlike a Condition or an Event
        ended.acquire()
        batch = connection.channel.start(self._cache_name, attempt, ended.release)
        try:
            self._commands.add(requests=len(attempt.requests), sent=batch.sent_bytes)
            ended.acquire(timeout=_limit_s(connection, attempt))
            return self._outcomes(connection, attempt, batch)
        finally:
            if not batch.done:
                connection.channel.cancel(batch)

    async def asend(self, attempt: Attempt) -> list[Any]:
        """Return a response for each request, or the StoreError in its place."""
        connection = self._connections.get()
        loop = asyncio.get_running_loop()
        ended = loop.create_future()

        def finished() -> None:  # in a thread of gRPC
            with suppress(RuntimeError):  # the loop is closed, and so is the task that waited
                loop.call_soon_threadsafe(_set, ended)

        batch = connection.channel.start(self._cache_name, attempt, finished)
        limit = loop.call_later(_limit_s(connection, attempt), _set, ended)
        try:
            self._commands.add(requests=len(attempt.requests), sent=batch.sent_bytes)
            await ended
            return self._outcomes(connection, attempt, batch)
        finally:
            limit.cancel()
            if not batch.done:
                connection.channel.cancel(batch)

    def timed_out(self, timeout_s: float) -> MomentoTimeoutError:
        """Return the error for a call whose deadline has passed."""
        return timed_out(timeout_s)

    def check_open(self) -> None:
        """Raises: MomentoClosedError after `close`. A closed client must not be used at all."""
        if self.closed:
            raise MomentoClosedError("this store was closed; make a new one")

    def close(self) -> None:
        """Make no more requests, and close the client if it is this store's own. Idempotent."""
        if self.closed:
            return
        self.closed = True
        if self._make_client is not None:
            _close(self._connections.get().client).join(_CLOSE_S)

    async def aclose(self) -> None:
        self.close()

    def _open(self) -> _OpenClient:
        if os.getpid() == self._process_id:
            return self._first
        return self._open_anew()

    def _open_anew(self) -> _OpenClient:
        if self._make_client is None:
            raise other_process()
        client = self._make_client()
        return _OpenClient(client, _channel(client))

    def _outcomes(self, connection: _OpenClient, attempt: Attempt, batch: Batch) -> list[Any]:
        ended, results = batch.done, list(batch.results)
        if not ended:
            late = self._replace(connection, attempt)
            results = [late if result is PENDING else result for result in results]
        outcomes: list[Any] = []
        billed = received = 0
        for command, result in zip(attempt.requests, results, strict=True):
            if isinstance(result, StoreError):
                outcomes.append(result)
                continue
            outcome, size = connection.channel.outcome(command, result)
            if not isinstance(outcome, StoreError):
                billed += command.billed(outcome)
                received += size
            outcomes.append(outcome)
        self._commands.add(billed=billed, received=received)
        return outcomes

    def _replace(self, broken: _OpenClient, attempt: Attempt) -> StoreError:
        """Return the error for requests that gRPC did not end, and make a new client for the next ones."""
        if not broken.channel.slices:
            return timed_out(attempt.timeout_s)
        if self._make_client is None:
            return channel_broken()
        if self._connections.get() is broken:
            self._connections = PerProcess(self._open_anew)
            _close(broken.client)
        return timed_out(attempt.timeout_s)


def _channel(client: CacheClient) -> Channel:
    """Return the client's own channel; or its public methods if a later momento has other names."""
    try:
        from .grpc_channel import connect

        return connect(client)
    except (ImportError, AttributeError):
        return SdkChannel(client)


def _limit_s(connection: _OpenClient, attempt: Attempt) -> float:
    return min(attempt.timeout_s + connection.channel.grace_s, threading.TIMEOUT_MAX)


def _close(client: CacheClient) -> threading.Thread:
    """Close `client` in a daemon thread: with a broken channel that may never end."""
    # momento 1.29.1 has no `close`.
    thread = threading.Thread(target=client.__exit__, args=(None, None, None), daemon=True)
    thread.start()
    return thread


def _set(ended: asyncio.Future[None]) -> None:
    if not ended.done():  # its task may have been cancelled
        ended.set_result(None)
