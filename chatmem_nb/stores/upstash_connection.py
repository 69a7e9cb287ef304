"""The way to one database: clients, attempts, and their end."""

from __future__ import annotations

import asyncio
import time
from threading import Lock
from typing import Any, TypeVar

from upstash_redis import Redis
from upstash_redis.asyncio import Redis as AsyncRedis

from ._loops import LoopClients
from .base import CommandCount
from .upstash_clients import Clients
from .upstash_deadline import Backoff, Deadline
from .upstash_errors import CLOSED, UpstashClosedError, UpstashStoreError, mapped
from .upstash_http import Exchange
from .upstash_requests import Plan, Request, asend, send

T = TypeVar("T")


class Connection:
    """Carries out plans, sync and async, until it is closed."""

    def __init__(self, clients: Clients, timeout_s: float, commands: CommandCount) -> None:
        self.commands = commands
        self.host = clients.host
        self._clients, self._timeout_s = clients, timeout_s
        self._lock = Lock()
        self._client: Redis | None = None
        self._loops = LoopClients(clients.make_async, AsyncRedis.close)
        self._closed = False

    def check_open(self) -> None:
        """Raises: StoreClosedError, after `close`."""
        if self._closed:
            raise UpstashClosedError(CLOSED)

    @property
    def client(self) -> Redis:
        """The SDK's client, made at first use."""
        with self._lock:
            self.check_open()
            if self._client is None:
                self._client = self._clients.make()
            return self._client

    def run(self, plan: Plan[T]) -> T:
        """Return what `plan` returns."""
        deadline = Deadline(self._timeout_s)
        try:
            request = next(plan)
            while True:
                deadline = Deadline(self._timeout_s) if request.renews else deadline
                try:
                    answer = self._answer(request, deadline)
                except UpstashStoreError as error:
                    request = plan.throw(error)
                else:
                    request = plan.send(answer)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # a StopIteration carries anything

    async def arun(self, plan: Plan[T]) -> T:
        """Return what `plan` returns."""
        deadline = Deadline(self._timeout_s)
        try:
            request = next(plan)
            while True:
                deadline = Deadline(self._timeout_s) if request.renews else deadline
                try:
                    answer = await self._aanswer(request, deadline)
                except UpstashStoreError as error:
                    request = plan.throw(error)
                else:
                    request = plan.send(answer)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # a StopIteration carries anything

    def _answer(self, request: Request, deadline: Deadline) -> Any:
        backoff = Backoff(deadline)
        while True:
            exchange = self._exchange(request, deadline)
            try:
                with mapped(exchange, self._clients.hide), exchange.running():
                    return send(self.client, request)
            except UpstashStoreError as error:
                pause_s = self._pause_s(error, exchange, backoff)
            time.sleep(pause_s)

    async def _aanswer(self, request: Request, deadline: Deadline) -> Any:
        backoff = Backoff(deadline)
        while True:
            exchange = self._exchange(request, deadline)
            try:
                # httpx ends a silence; a trickle is ended here.
                with mapped(exchange, self._clients.hide), exchange.running():
                    async with asyncio.timeout(deadline.remaining_s()):
                        return await asend(await self._loops.get(), request)
            except UpstashStoreError as error:
                pause_s = self._pause_s(error, exchange, backoff)
            await asyncio.sleep(pause_s)

    def _exchange(self, request: Request, deadline: Deadline) -> Exchange:
        self.check_open()
        return Exchange(self.host, len(request.commands), deadline, self.commands)

    def _pause_s(self, error: UpstashStoreError, exchange: Exchange, backoff: Backoff) -> float:
        """Seconds until the next attempt. Raises: `error`, where there is none."""
        self.check_open()
        pause_s = backoff.pause_s(error.again, at_least_s=exchange.retry_after_s)
        if pause_s is None:
            raise error
        return pause_s

    def close(self) -> None:
        """Close every client; those of event loops a moment later, in their loops."""
        self._close_client()
        self._loops.close()

    async def aclose(self) -> None:
        """Close every client."""
        self._close_client()
        await self._loops.aclose()

    def _close_client(self) -> None:
        with self._lock:
            self._closed = True
            client, self._client = self._client, None
        if client is not None:
            client.close()  # type: ignore[no-untyped-call]  # upstash-redis leaves it without types
