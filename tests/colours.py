"""Both colours of a store behind one face, so that each claim is tested once, and holds for both."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from chatmem_nb.stores.protocol import SessionStore


class Coloured:
    """Verbs of a store: called as they are, or as their async twins in one event loop of their own.

    What a verb yields comes as a list.
    """

    def __init__(self, store: SessionStore, colour: str) -> None:
        self.store, self.colour = store, colour
        self._runner = asyncio.Runner()

    def __getattr__(self, verb: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self.colour == "sync":
                result = getattr(self.store, verb)(*args, **kwargs)
                return list(result) if inspect.isgenerator(result) else result
            return self._runner.run(_awaited(self.store, "a" + verb, args, kwargs))

        return call

    def __enter__(self) -> Coloured:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    def end(self) -> None:
        """Close the store in the loop that used it, and then the loop."""
        self._runner.run(self.store.aclose())
        self._runner.close()


class ColouredSource(Coloured):
    """The verbs of a source, in the same way. It has nothing to close."""

    def end(self) -> None:
        self._runner.close()


async def _awaited(store: SessionStore, verb: str, args: Any, kwargs: Any) -> Any:
    result = getattr(store, verb)(*args, **kwargs)
    if inspect.isasyncgen(result):
        return [item async for item in result]
    return await result
