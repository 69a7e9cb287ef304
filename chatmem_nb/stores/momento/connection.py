"""One `CacheClient` in use by one store: carries out its plans, sync and async, until it is closed."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from typing import TypeVar
from weakref import WeakKeyDictionary

from momento import CacheClient

from ..protocol import CommandCount
from .errors import MomentoClosedError, MomentoError
from .exchange import Plan, Transport
from .sdk import SdkTransport
from .seen import Seen

T = TypeVar("T")

# By client, and not by store: histories are often made anew for each message, over one client.
_SEEN: WeakKeyDictionary[CacheClient, dict[str, Seen]] = WeakKeyDictionary()


class Connection:
    """Requests of one store. `owned`: whether closing closes the client."""

    def __init__(self, client: CacheClient, cache_name: str) -> None:
        self.client, self.cache_name = client, cache_name
        self.commands = CommandCount()
        self.transport = _transport(client, cache_name, self.commands)
        self.closed = self.owned = False

    def seen(self) -> Seen:
        """Return what this client has seen of the cache so far."""
        return _SEEN.setdefault(self.client, {}).setdefault(self.cache_name, Seen())

    def check_open(self) -> None:
        """Raises: MomentoClosedError, where `close` was called. A closed client must not be used at all."""
        if self.closed:
            raise MomentoClosedError("this store was closed; make a new one")

    def run(self, plan: Plan[T]) -> T:
        """Carry out `plan`, and return what it returns."""
        with closing(plan):
            try:
                step = next(plan)
                while True:
                    self.check_open()
                    if isinstance(step, float):
                        time.sleep(step)
                        step = plan.send([])
                    else:
                        step = plan.send(self.transport.exchange(step))
            except StopIteration as done:
                result: T = done.value
                return result
            except MomentoError:
                self.check_open()  # what was under way when it was closed fails in many ways
                raise

    async def arun(self, plan: Plan[T]) -> T:
        """Carry out `plan`, and return what it returns."""
        with closing(plan):
            try:
                step = next(plan)
                while True:
                    self.check_open()
                    if isinstance(step, float):
                        await asyncio.sleep(step)
                        step = plan.send([])
                    else:
                        step = plan.send(await self.transport.aexchange(step))
            except StopIteration as done:
                result: T = done.value
                return result
            except MomentoError:
                self.check_open()
                raise

    def close(self) -> None:
        """Use the client no more, and close it if it is owned. Closing twice is one."""
        if self.closed:
            return
        self.closed = True
        if self.owned:
            self.client.__exit__(None, None, None)  # momento 1.29.1 has no `close`


def _transport(client: CacheClient, cache_name: str, commands: CommandCount) -> Transport:
    """The client's own channel; or its public methods, where a later momento has other names."""
    try:
        from .wire import connect

        return connect(client, cache_name, commands)
    except (ImportError, AttributeError):
        return SdkTransport(client, cache_name, commands)
