"""One async client per event loop: in a second loop, a client of the first breaks, or repeats a change."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from threading import Lock
from typing import Generic, TypeVar

Client = TypeVar("Client")


class LoopClients(Generic[Client]):
    """Clients by event loop: made at first use, closed with their loop, and then forgotten.

    Those of a LoopClients that is dropped are closed in their loops, a moment later.
    """

    def __init__(self, make: Callable[[], Client], close: Callable[[Client], Awaitable[None]]) -> None:
        self._make, self._close = make, close
        self._lock = Lock()
        self._held: dict[asyncio.AbstractEventLoop, tuple[Client, AsyncGenerator[None, None]]] = {}

    def __len__(self) -> int:
        with self._lock:
            self._forget_ended()
            return len(self._held)

    async def get(self) -> Client:
        """Return the client of the running loop."""
        loop = asyncio.get_running_loop()
        held = self._held.get(loop)
        if held is None:
            client = self._make()
            held = client, _until_the_loop_ends(weakref.ref(self), loop, client, self._close)
            with self._lock:
                self._forget_ended()
                self._held[loop] = held
            await anext(held[1])
        return held[0]

    async def aclose(self) -> None:
        """Close the clients of all loops; those of other loops are closed there, a moment later."""
        here = asyncio.get_running_loop()
        with self._lock:
            held, self._held = self._held, {}
        for loop, (_, ending) in held.items():
            if loop is here:
                await ending.aclose()
            else:
                _close_there(loop, ending)

    def close(self) -> None:
        """Let every loop close its client, soon."""
        with self._lock:
            held, self._held = self._held, {}
        for loop, (_, ending) in held.items():
            _close_there(loop, ending)

    def forget(self, loop: asyncio.AbstractEventLoop, client: Client) -> None:
        """Forget `client`, unless `loop` has another one by now."""
        with self._lock:
            if self._held.get(loop, (None,))[0] is client:
                del self._held[loop]

    def _forget_ended(self) -> None:
        for loop in [loop for loop in self._held if loop.is_closed()]:
            del self._held[loop]


async def _until_the_loop_ends(
    owner: weakref.ref[LoopClients[Client]],
    loop: asyncio.AbstractEventLoop,
    client: Client,
    close: Callable[[Client], Awaitable[None]],
) -> AsyncGenerator[None, None]:
    # `asyncio.run` finishes the async generators of its loop before it closes the loop: the one moment at
    # which open connections can still be closed properly. The owner is held weakly, because the garbage
    # collector would finalize the sockets of a cycle before this generator could close them.
    try:
        yield
    finally:
        if (clients := owner()) is not None:
            clients.forget(loop, client)
        del clients
        await close(client)


def _close_there(loop: asyncio.AbstractEventLoop, ending: AsyncGenerator[None, None]) -> None:
    def start() -> None:
        task = loop.create_task(_finish(ending))
        _CLOSING.add(task)  # a loop holds its tasks weakly
        task.add_done_callback(_CLOSING.discard)

    if not loop.is_closed():
        loop.call_soon_threadsafe(start)


async def _finish(ending: AsyncGenerator[None, None]) -> None:
    await ending.aclose()


_CLOSING: set[asyncio.Task[None]] = set()
