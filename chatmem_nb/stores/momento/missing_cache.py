"""Creates the cache when the service says that it does not exist."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from threading import Lock
from typing import Any, TypeVar

from ...errors import StoreError, StoreNotFoundError
from ..processes import PerProcess
from ..runner import Pause, Plan, Runner, Send, Transport
from .commands import CreateCache

T = TypeVar("T")

_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Pauses before looking again for a cache that was created just now, by this store or by another."""
_INTERVAL_S = 0.5
"""An account may make five control plane requests a second, and each thread meets the missing cache."""


class CacheRunner(Runner):
    """Runs plans, and creates the cache if it is missing.

    When it is found missing and not before first use, since keys that may only read and write cannot create
    one; and whenever it is, since a cache may be deleted later.
    """

    def __init__(self, transport: Transport, timeout_s: float, *, create: bool) -> None:
        super().__init__(transport, timeout_s)
        self._create = create
        self._lock = PerProcess(Lock)
        self._created_at = float("-inf")

    def run(self, plan: Plan[T]) -> T:
        """Run `plan`, and return its result. Raises: StoreError."""
        return super().run(self._in_cache(plan) if self._create else plan)

    async def arun(self, plan: Plan[T]) -> T:
        """Run `plan`, and return its result. Raises: StoreError."""
        return await super().arun(self._in_cache(plan) if self._create else plan)

    def _in_cache(self, plan: Plan[T]) -> Plan[T]:
        """Go through `plan`; make requests again that found no cache, since those were not applied."""
        with closing(plan):
            try:
                step = next(plan)
                while True:
                    if isinstance(step, Pause):
                        step = plan.send((yield step))
                        continue
                    outcomes = yield replace(step, return_errors=True)
                    if any(isinstance(outcome, StoreNotFoundError) for outcome in outcomes):
                        yield from self._again(step.requests, outcomes)
                    error = next((one for one in outcomes if isinstance(one, StoreError)), None)
                    step = plan.send(outcomes) if error is None or step.return_errors else plan.throw(error)
            except StopIteration as done:
                result: T = done.value
                return result

    def _again(self, requests: Sequence[Any], outcomes: list[Any]) -> Plan[None]:
        """Create the cache, or wait while another thread does, and put new outcomes in place."""
        for pause_s in _PAUSES_S:
            missing = [at for at, outcome in enumerate(outcomes) if isinstance(outcome, StoreNotFoundError)]
            if not missing:
                return
            if self._claim():
                yield from self._create_cache()
            elif not (yield Pause(pause_s)):
                return
            again = yield Send([requests[at] for at in missing], return_errors=True)
            for at, outcome in zip(missing, again, strict=True):
                outcomes[at] = outcome

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
            yield Send([CreateCache()])
            created = True
        finally:
            if not created:  # the next one may try at once
                self._created_at = float("-inf")
