"""Polls the file of labels, so that a page shows the labels that another notebook sets."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from ..errors import ChatMemError
from ..labels import Labels
from .state import BrowserState

POLL_INTERVAL_S: Final = 2.0
IDLE_TIMEOUT_S: Final = 180.0
"""Without a request for so long, polling stops; the next request starts it again."""


class LabelWatch:
    """Checks the size and time of the file every two seconds while a page is in use, and reads what is new.

    It runs in the event loop for I/O, not in the thread that runs cells.
    """

    def __init__(self, state: BrowserState, labels: Labels | None) -> None:
        self._state, self._labels = state, labels
        self._stamp = _stamp(labels) if labels is not None else ()
        self._version = labels.version if labels is not None else 0
        self._active_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def page_is_active(self) -> None:
        """Poll from now on, until no page has been active for a while."""
        self._active_at = time.monotonic()
        if self._labels is not None and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._poll(self._labels))

    def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()

    async def _poll(self, labels: Labels) -> None:
        while time.monotonic() < self._active_at + IDLE_TIMEOUT_S:
            try:
                is_changed = await asyncio.to_thread(self._has_changed, labels)
            except (ChatMemError, OSError):
                pass  # the next request that needs the labels raises the same error
            else:
                if is_changed:
                    self._state.tell_labels()
            await asyncio.sleep(POLL_INTERVAL_S)

    def _has_changed(self, labels: Labels) -> bool:
        """Read what is new; return whether labels have changed since the last call."""
        stamp = _stamp(labels)
        if stamp == self._stamp:
            return False
        labels.refresh()
        before, self._version, self._stamp = self._version, labels.version, stamp
        return before != self._version


def _stamp(labels: Labels) -> tuple[int, ...]:
    try:
        status = labels.path.stat()
    except OSError:  # reading raises it; before the first label, there is no file
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns
