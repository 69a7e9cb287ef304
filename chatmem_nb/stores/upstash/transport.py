"""Single attempts at requests, by the SDK's clients, and what they cost."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from upstash_redis import Redis
from upstash_redis.asyncio import Redis as AsyncRedis

from ..protocol import CommandCount
from ..runner import Attempt
from .clients import Clients
from .error_mapping import error_for
from .errors import UpstashTimeoutError, timed_out
from .http_limits import HttpAttempt


class UpstashTransport:
    """Carries requests to one database."""

    def __init__(self, clients: Clients, commands: CommandCount, max_response_bytes: int) -> None:
        self.clients = clients
        self.commands = commands
        self._max_response_bytes = max_response_bytes
        self.check_open = clients.check_open
        self.close, self.aclose = clients.close, clients.aclose

    def send(self, attempt: Attempt) -> list[Any]:
        """Make each request once, one after another; return the responses, or the errors in their place."""
        responses: list[Any] = []
        for request in attempt.requests:
            http_attempt = HttpAttempt(self.clients.host, attempt, self._max_response_bytes)
            try:
                client = self.clients.sync
                http = _Http(partial(http_attempt.post, client._http._client))
                responses.append(_call(client, http, request))
            except Exception as exc:  # noqa: BLE001 - the SDK lets AttributeError and all of httpx through
                responses.append(error_for(exc, http_attempt, self.clients.hide))
            finally:
                self._count(http_attempt, request)
        return responses

    async def asend(self, attempt: Attempt) -> list[Any]:
        """Make each request once, one after another; return the responses, or the errors in their place."""
        responses: list[Any] = []
        for request in attempt.requests:
            http_attempt = HttpAttempt(self.clients.host, attempt, self._max_response_bytes)
            try:
                client = await self.clients.of_loop()
                http = _Http(partial(http_attempt.apost, client._http._client))
                async with asyncio.timeout(attempt.timeout_s):  # httpx ends a silence, but not a trickle
                    responses.append(await _call(client, http, request))
            except Exception as exc:  # noqa: BLE001 - as above
                responses.append(error_for(exc, http_attempt, self.clients.hide))
            finally:
                self._count(http_attempt, request)
        return responses

    def timed_out(self, timeout_s: float) -> UpstashTimeoutError:
        """Return the error for a call whose deadline has passed."""
        return timed_out(self.clients.host, timeout_s)

    def _count(self, http_attempt: HttpAttempt, request: Any) -> None:
        status = http_attempt.status
        free = status is None or status in (401, 403, 404, 429) or status >= 500
        self.commands.add(
            requests=1 if http_attempt.bytes_sent else 0,
            billed=0 if free else len(request.commands),
            sent=http_attempt.bytes_sent,
            received=http_attempt.bytes_received,
        )


@dataclass(frozen=True, slots=True)
class _Http:
    """What the SDK's HTTP client calls, in place of an httpx client."""

    post: Callable[..., Any]


def _call(client: Redis | AsyncRedis, http: _Http, request: Any) -> Any:
    """Make `request` by the SDK, and return its response, or what is to be awaited for it.

    upstash-redis 1.8.0 passes nothing through that could carry a deadline: a copy of the client makes this
    one request by `http`, and shares all else with the original.
    """
    limited: Any = copy.copy(client)
    limited._http = copy.copy(client._http)
    limited._http._client = http
    if request.form == "single":
        return limited.execute(request.commands[0])
    batch = limited.multi() if request.form == "multi" else limited.pipeline()
    for command in request.commands:
        batch.execute(command)
    return batch.exec()
