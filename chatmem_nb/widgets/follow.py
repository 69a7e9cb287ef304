"""Watching the service: for new messages while someone looks, and for its return when it was lost."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from ..errors import StoreError, StoreUnavailableError
from .protocol.requests import FollowParams
from .request_parsing import RequestContext
from .state import BrowserState

POLL_INTERVAL_S: Final = 2.0
VIEW_TIMEOUT_S: Final = 180.0
"""A view that has sent no request for so long counts as closed: following it costs no more requests."""
_PROBES_S: Final = (1.0, 2.0, 4.0, 8.0, *[15.0] * 40)


class Follow:
    """Polls the length of the open session, one request per interval, while a visible view follows it."""

    def __init__(self, state: BrowserState) -> None:
        self._state = state
        self._last_request_s: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    async def follow(self, params: FollowParams, context: RequestContext) -> dict[str, Any]:
        """Begin or end following for the view that asks."""
        is_on = params.on
        if is_on and params.visible:
            self._last_request_s[context.view] = time.monotonic()
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._poll())
        else:
            self._last_request_s.pop(context.view, None)
        return {"on": is_on}

    def keep_alive(self, view: str) -> None:
        """Note that `view` has sent a request, and so is still open."""
        if view in self._last_request_s:
            self._last_request_s[view] = time.monotonic()

    def stop(self) -> None:
        """Follow for no view."""
        self._last_request_s.clear()
        if self._task is not None:
            self._task.cancel()

    async def _poll(self) -> None:
        while self._has_views():
            await asyncio.sleep(POLL_INTERVAL_S)
            session, connection = self._state.session, self._state.connection
            if session is None or connection is None or not self._has_views():
                continue
            try:
                length = await connection.store.alength(session.session_id)
            except StoreUnavailableError:
                self._state.reached(False)
            except StoreError:
                continue  # the next poll may succeed
            else:
                if self._state.connection is connection:
                    self._state.reached(True)
                    self._state.count(session.session_id, length)

    def _has_views(self) -> bool:
        oldest = time.monotonic() - VIEW_TIMEOUT_S
        self._last_request_s = {view: at for view, at in self._last_request_s.items() if at >= oldest}
        return bool(self._last_request_s)


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
