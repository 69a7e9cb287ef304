"""Watching the file of labels, so that a page shows what another notebook sets."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from ..errors import ChatMemError
from ..labels import Labels
from .state import BrowserState

TICK_S: Final = 2.0
LEASE_S: Final = 180.0
"""Silence of all views after which nobody is taken to look; the next request looks at once."""


class LabelWatch:
    """Looks at the size and time of the file every two seconds while a page is in use; reads what is new.

    In the loop for I/O: the thread that runs cells does not notice.
    """

    def __init__(self, state: BrowserState, labels: Labels | None) -> None:
        self._state, self._labels = state, labels
        self._stamp = _stamp(labels) if labels is not None else ()
        self._version = labels.version if labels is not None else 0
        self._heard = 0.0
        self._task: asyncio.Task[None] | None = None

    def heard(self) -> None:
        """Note that a page is in use."""
        self._heard = time.monotonic()
        if self._labels is not None and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._watch(self._labels))

    def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()

    async def _watch(self, labels: Labels) -> None:
        while time.monotonic() < self._heard + LEASE_S:
            try:
                is_changed = await asyncio.to_thread(self._look, labels)
            except (ChatMemError, OSError):
                pass  # the request that needs the labels says what is wrong with them
            else:
                if is_changed:
                    self._state.tell_labels()
            await asyncio.sleep(TICK_S)

    def _look(self, labels: Labels) -> bool:
        """Return whether labels have changed since the last look."""
        stamp = _stamp(labels)
        if stamp == self._stamp:
            return False
        labels.refresh()
        before, self._version, self._stamp = self._version, labels.version, stamp
        return before != self._version


def _stamp(labels: Labels) -> tuple[int, ...]:
    try:
        status = labels.path.stat()
    except OSError:  # reading it says what is wrong; until the first label there is none
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns
