"""Creates the cache when the service says that it does not exist."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Lock
from typing import Any

from ...errors import StoreNotFoundError
from ..plans import Pause, Plan, Send
from ..processes import PerProcess
from .commands import CreateCache

_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Pauses before looking again for a cache that was created just now, by this store or by another."""
_INTERVAL_S = 0.5
"""An account may make five control plane requests a second, and each thread meets the missing cache."""


class MissingCache:
    """Creates the cache if a request finds it missing.

    Not before the first request, because keys that may only read and write cannot create a cache. And each
    time, because a cache may be deleted later.
    """

    def __init__(self, cache_name: str) -> None:
        self._cache_name = cache_name
        self._lock = PerProcess(Lock)
        self._created_at = float("-inf")

    def repair(self, requests: Sequence[Any], outcomes: list[Any]) -> Plan[list[Any]]:
        """Return the outcomes once the cache exists: requests that found no cache were not applied, and are
        made again. Create the cache, or wait while another thread creates it."""
        outcomes = list(outcomes)
        for pause_s in _PAUSES_S:
            missing = [at for at, outcome in enumerate(outcomes) if isinstance(outcome, StoreNotFoundError)]
            if not missing:
                break
            if self._claim():
                yield from self._create_cache()
            elif not (yield Pause(pause_s)):
                break
            again = yield Send([requests[at] for at in missing], return_errors=True)
            for at, outcome in zip(missing, again, strict=True):
                outcomes[at] = outcome
        return outcomes

    def _claim(self) -> bool:
        """Return whether the caller is the one to create the cache."""
        with self._lock.get():
            now = time.monotonic()
            if now < self._created_at + _INTERVAL_S:
                return False
            self._created_at = now
            return True

    def _create_cache(self) -> Plan[None]:
        created = False
        try:
            yield Send([CreateCache(self._cache_name)])
            created = True
        finally:
            if not created:  # let the next caller try immediately
                self._created_at = float("-inf")
