"""One Momento list in memory, whose changes fail as a test asks: the plans run against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatmem_nb.errors import StoreError
from chatmem_nb.stores.momento import commands as cmd
from chatmem_nb.stores.momento.errors import (
    MomentoThrottledError,
    MomentoTimeoutError,
    MomentoUnavailableError,
)
from chatmem_nb.stores.plans import Pause, Plan

KEY = b"k"
LOST, LOST_AFTER, THROTTLED, LATE, LATE_AFTER = "lost", "lost after", "throttled", "late", "late after"
CHANGES = (cmd.Push, cmd.EraseRange)


class MomentoList:
    """A list, and what happens to the changes that are asked for: one of `fates` each, then nothing.

    After each failed change, `others` does what other clients do meanwhile.
    """

    def __init__(self, values: list[bytes], *fates: str, others: Callable[[list[bytes]], None] | None = None):
        self.values = list(values)
        self.fates = list(fates)
        self.others = others
        self.made: list[Any] = []
        self.pauses_s: list[float] = []
        self.fits: Callable[[], bool] = lambda: True

    def run(self, plan: Plan[Any]) -> Any:
        """Run `plan`; return its result or its error."""
        try:
            step = next(plan)
            while True:
                if isinstance(step, Pause):
                    self.pauses_s.append(step.seconds)
                    step = plan.send(self.fits())
                    continue
                outcomes = [self._make(request) for request in step.requests]
                error = next((one for one in outcomes if isinstance(one, StoreError)), None)
                step = plan.send(outcomes) if error is None or step.return_errors else plan.throw(error)
        except StopIteration as done:
            return done.value
        except StoreError as exc:
            return exc

    def _make(self, request: Any) -> Any:
        self.made.append(request)
        if not isinstance(request, CHANGES):
            return self._apply(request)
        fate = self.fates.pop(0) if self.fates else None
        response = self._apply(request) if fate in (None, LOST_AFTER, LATE_AFTER) else None
        if fate is None:
            return response
        if self.others is not None:
            self.others(self.values)
        if fate == THROTTLED:
            return MomentoThrottledError("busy")
        if fate in (LATE, LATE_AFTER):
            return MomentoTimeoutError("late")
        return MomentoUnavailableError("lost")

    def _apply(self, request: Any) -> Any:
        if isinstance(request, cmd.ListLength):
            return len(self.values)
        if isinstance(request, cmd.FetchList):
            return self.values[request.start : request.stop]
        if isinstance(request, cmd.EraseRange):
            self.values[request.start : request.start + request.count] = []
            return None
        if isinstance(request, cmd.Push):
            at = 0 if request.front else len(self.values)
            self.values[at:at] = request.values
            return len(self.values)
        raise AssertionError(request)


def record(name: object) -> bytes:
    return b'{"record_id": "%s"}' % str(name).encode()


OLD = [record(i) for i in range(6)]
NEW = [record(f"new {i}") for i in range(3)]
SIGHT = (
    [LOST],
    [LOST_AFTER],
    [LOST, LOST, LOST_AFTER],
    [THROTTLED, LOST_AFTER],
    [THROTTLED],
    [LATE_AFTER],
    [],
)
