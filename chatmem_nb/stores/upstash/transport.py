"""Single attempts at requests, by the SDK's clients, and what they cost."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
from upstash_redis import Redis
from upstash_redis.asyncio import Redis as AsyncRedis

from ..protocol import CommandCount
from ..runner import Attempt
from .clients import Clients
from .commands import Request
from .error_mapping import error_for
from .errors import UpstashStoreError, UpstashTimeoutError, timed_out
from .http_limits import Exchange, Reply

SDK = TypeVar("SDK", Redis, AsyncRedis)


class UpstashTransport:
    """Carries requests to one database."""

    def __init__(self, clients: Clients, commands: CommandCount, max_response_bytes: int) -> None:
        self.clients = clients
        self.commands = commands
        self._max_response_bytes = max_response_bytes

    def send(self, attempt: Attempt) -> list[Any]:
        """Make each request once, one after another; return the responses, or the errors in their place."""
        return [self._sent(request, attempt) for request in attempt.requests]

    async def asend(self, attempt: Attempt) -> list[Any]:
        """Make each request once, one after another; return the responses, or the errors in their place."""
        return [await self._asent(request, attempt) for request in attempt.requests]

    def _sent(self, request: Any, attempt: Attempt) -> Any:
        exchange = self._exchange(attempt)
        try:
            client = self.clients.sync
            return _called(_limited(client, _Http(exchange, client._http._client)), request)
        except Exception as exc:  # noqa: BLE001 - the SDK lets AttributeError, KeyError and all of httpx through
            return self._error(exc, exchange)
        finally:
            self._count(exchange, request)

    async def _asent(self, request: Any, attempt: Attempt) -> Any:
        exchange = self._exchange(attempt)
        try:
            client = await self.clients.of_loop()
            async with asyncio.timeout(attempt.timeout_s):  # httpx ends a silence, but not a trickle
                return await _called(_limited(client, _AsyncHttp(exchange, client._http._client)), request)
        except Exception as exc:  # noqa: BLE001 - as above
            return self._error(exc, exchange)
        finally:
            self._count(exchange, request)

    def timed_out(self, timeout_s: float) -> UpstashTimeoutError:
        """Return the error for a call whose deadline has passed."""
        return timed_out(self.clients.host, timeout_s)

    def check_open(self) -> None:
        """Raises: StoreClosedError after `close`."""
        self.clients.check_open()

    def close(self) -> None:
        """Close every client."""
        self.clients.close()

    async def aclose(self) -> None:
        """Close every client."""
        await self.clients.aclose()

    def _exchange(self, attempt: Attempt) -> Exchange:
        return Exchange(self.clients.host, attempt.deadline, attempt.timeout_s, self._max_response_bytes)

    def _error(self, exc: Exception, exchange: Exchange) -> UpstashStoreError:
        return error_for(exc, exchange, self.clients.hide)

    def _count(self, exchange: Exchange, request: Request) -> None:
        status = exchange.status
        free = status is None or status in (401, 403, 404, 429) or status >= 500
        self.commands.add(
            requests=1 if exchange.bytes_sent else 0,
            billed=0 if free else len(request.commands),
            sent=exchange.bytes_sent,
            received=exchange.bytes_received,
        )


def _called(client: Any, request: Request) -> Any:
    """Make `request` by the SDK; return its response, or what is to be awaited for it."""
    if request.form == "single":
        return client.execute(request.commands[0])
    batch = client.multi() if request.form == "multi" else client.pipeline()
    for command in request.commands:
        batch.execute(command)
    return batch.exec()


def _limited(client: SDK, http: _Http | _AsyncHttp) -> SDK:
    """Return the SDK's client as a copy that makes its requests by `http`.

    upstash-redis 1.8.0 passes nothing through that could carry a deadline. The copy shares all else.
    """
    limited = copy.copy(client)
    limited._http = copy.copy(client._http)
    limited._http._client = http  # type: ignore[assignment]  # it has the one method that the SDK calls
    return limited


class _Http:
    """What the SDK makes the requests of one exchange by, in place of an httpx.Client."""

    def __init__(self, exchange: Exchange, http: httpx.Client) -> None:
        self._exchange, self._http = exchange, http

    def post(self, url: str, *, headers: Mapping[str, str], json: Any) -> Reply:
        return self._exchange.post(self._http, url, headers, json)


class _AsyncHttp:
    """What the SDK makes the requests of one exchange by, in place of an httpx.AsyncClient."""

    def __init__(self, exchange: Exchange, http: httpx.AsyncClient) -> None:
        self._exchange, self._http = exchange, http

    async def post(self, url: str, *, headers: Mapping[str, str], json: Any) -> Reply:
        return await self._exchange.apost(self._http, url, headers, json)
