"""The way to one database: clients, attempts, and their end."""

from __future__ import annotations

import asyncio
import time
from threading import Lock
from typing import Any, TypeVar

from upstash_redis import Redis
from upstash_redis.asyncio import Redis as AsyncRedis

from .._loops import LoopClients
from ..protocol import CommandCount
from .clients import Clients
from .deadline import Again, Backoff, Deadline
from .errors import CLOSED, UpstashClosedError, UpstashStoreError, UpstashTimeoutError
from .failures import mapped
from .http import Exchange
from .requests import Plan, Request, asend, send

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
        attempts = Attempts(deadline, request.once)
        while True:
            self.check_open()
            exchange = attempts.begin(self.host, len(request.commands), self.commands)
            try:
                with mapped(exchange, self._clients.hide), exchange.running():
                    return send(self.client, request)
            except UpstashStoreError as error:
                self.check_open()
                pause_s = attempts.pause_s(error)
            time.sleep(pause_s)

    async def _aanswer(self, request: Request, deadline: Deadline) -> Any:
        attempts = Attempts(deadline, request.once)
        while True:
            self.check_open()
            exchange = attempts.begin(self.host, len(request.commands), self.commands)
            try:
                # httpx ends a silence; a trickle is ended here.
                with mapped(exchange, self._clients.hide), exchange.running():
                    client = await self._loops.get()
                    async with asyncio.timeout(deadline.remaining_s()):
                        return await asend(client, request)
            except UpstashStoreError as error:
                self.check_open()
                pause_s = attempts.pause_s(error)
            await asyncio.sleep(pause_s)

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


class Attempts:
    """The attempts at one request, until one succeeds or the deadline comes."""

    def __init__(self, deadline: Deadline, once: bool) -> None:
        self._deadline, self._backoff, self._once = deadline, Backoff(deadline), once
        self._before: UpstashStoreError | None = None

    def begin(self, host: str, billed: int, commands: CommandCount) -> Exchange:
        """Return the next attempt."""
        self._hurried = self._deadline.is_short()
        self._exchange = Exchange(host, billed, self._deadline, commands)
        return self._exchange

    def pause_s(self, error: UpstashStoreError) -> float:
        """Return the seconds until the next attempt. Raises: what went wrong, where there is none."""
        again = Again.NEVER if self._once and not error.never_arrived else error.again
        pause_s = self._backoff.pause_s(again, at_least_s=self._exchange.retry_after_s)
        if pause_s is not None:
            self._before = error
            return pause_s
        # A last attempt that had no time says less than those before it.
        hurried = self._hurried and isinstance(error, UpstashTimeoutError)
        raise self._before if hurried and self._before else error
