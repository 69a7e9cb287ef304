"""Watching the service: for new messages while someone looks, and for its return when it was lost."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from ..errors import StoreError, StoreUnavailableError
from .protocol.requests import FollowParams
from .request_parsing import RequestContext
from .state import BrowserState

TICK_S: Final = 2.0
LEASE_S: Final = 180.0
"""Silence of a view after which it counts as closed, and no longer costs."""
_PROBES_S: Final = (1.0, 2.0, 4.0, 8.0, *[15.0] * 40)


class Follow:
    """Polls the length of the open session, one request per tick, while a view follows it and is visible."""

    def __init__(self, state: BrowserState) -> None:
        self._state = state
        self._views: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    async def follow(self, params: FollowParams, context: RequestContext) -> dict[str, Any]:
        """Begin or end following for the view that asks."""
        is_on = params.on
        if is_on and params.visible:
            self._views[context.view] = time.monotonic()
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._tick())
        else:
            self._views.pop(context.view, None)
        return {"on": is_on}

    def heard(self, view: str) -> None:
        """Note that `view` is still there."""
        if view in self._views:
            self._views[view] = time.monotonic()

    def stop(self) -> None:
        """Follow for no view."""
        self._views.clear()
        if self._task is not None:
            self._task.cancel()

    async def _tick(self) -> None:
        while self._wanted():
            await asyncio.sleep(TICK_S)
            session, connection = self._state.session, self._state.connection
            if session is None or connection is None or not self._wanted():
                continue
            try:
                length = await connection.store.alength(session.session_id)
            except StoreUnavailableError:
                self._state.reached(False)
            except StoreError:
                continue  # the next tick may succeed
            else:
                if self._state.connection is connection:
                    self._state.reached(True)
                    self._state.count(session.session_id, length)

    def _wanted(self) -> bool:
        oldest = time.monotonic() - LEASE_S
        self._views = {view: heard for view, heard in self._views.items() if heard >= oldest}
        return bool(self._views)


class Probe:
    """Asks a service that was lost whether it is back, ever more rarely, and gives up after ten minutes."""

    def __init__(self, state: BrowserState) -> None:
        self._state = state
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask, if that is not under way."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._ask())

    def stop(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()

    async def _ask(self) -> None:
        for pause in _PROBES_S:
            await asyncio.sleep(pause)
            connection = self._state.connection
            if connection is None or self._state.reachable:
                return
            try:
                await connection.store.alength("chatmem_nb connection check")
            except StoreUnavailableError:
                continue
            except StoreError:
                pass  # it responds, if only with an error
            if self._state.connection is connection:
                self._state.reached(True)
            return
