"""Runs plans, sync or async: deadlines, retries and backoff, once for both services.

`execute` turns the steps of a plan into single attempts, with the retries between them; `Runner` makes the
attempts through a transport, blocking or awaiting. Both generators can be driven by hand, without sockets.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from ..errors import StoreClosedError, StoreError, StoreTimeoutError
from .deadline import Backoff, Deadline
from .plans import Pause, Plan, Request, Send

T = TypeVar("T")

_log = logging.getLogger(__name__)
_NEXT_ATTEMPT = "attempt %d failed %.2f s after the start of the call, next in %.2f s: %s"

_SHARE_IF_NOT_IDEMPOTENT = 0.6
"""Share of the remaining time that a request may take if it is not idempotent; in the rest, the plan checks
whether it was applied."""

_SHORTEST_ATTEMPT_S = 0.1
"""A retry with less time left would often time out, and turn a change that was refused into one that may have
been applied."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: requests to make once, at the same time."""

    requests: Sequence[Any]
    deadline: Deadline
    timeout_s: float
    """How long all of it may take."""


class Transport(Protocol):
    """Carries requests to a service by its SDK, and counts what they cost."""

    def send(self, attempt: Attempt) -> list[Any]:
        """Return a response for each request, or the StoreError in its place.

        Raises: StoreClosedError, and nothing else."""
        ...

    async def asend(self, attempt: Attempt) -> list[Any]: ...

    def timed_out(self, timeout_s: float) -> StoreTimeoutError:
        """Return the error for a call whose deadline has passed."""
        ...

    def check_open(self) -> None:
        """Raises: StoreClosedError after `close`."""
        ...

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


Repair: TypeAlias = Callable[[Sequence[Request], list[Any]], Plan[list[Any]]]
"""Given the requests of a step and their outcomes, errors among them, return the final outcomes. For services
that can fix the cause of an error, such as a missing cache."""


class Runner:
    """Runs the plans of one store."""

    def __init__(self, transport: Transport, timeout_s: float, repair: Repair | None = None) -> None:
        self.transport = transport
        self.timeout_s = timeout_s
        self._repair = repair

    def run(self, plan: Plan[T]) -> T:
        """Run `plan`, and return its result. Raises: StoreError."""
        self.transport.check_open()
        with closing(execute(plan, Deadline(self.timeout_s), self.transport, self._repair)) as steps:
            try:
                step = next(steps)
                while True:
                    if isinstance(step, Pause):
                        time.sleep(step.seconds)
                        step = steps.send(None)
                    else:
                        step = steps.send(self.transport.send(step))
                    self._check_still_open()
            except StopIteration as done:
                result: T = done.value
                return result
            except StoreError:
                self._check_still_open()
                raise

    async def arun(self, plan: Plan[T]) -> T:
        """Run `plan`, and return its result. Raises: StoreError."""
        self.transport.check_open()
        with closing(execute(plan, Deadline(self.timeout_s), self.transport, self._repair)) as steps:
            try:
                step = next(steps)
                while True:
                    if isinstance(step, Pause):
                        await asyncio.sleep(step.seconds)
                        step = steps.send(None)
                    else:
                        step = steps.send(await self.transport.asend(step))
                    self._check_still_open()
            except StopIteration as done:
                result: T = done.value
                return result
            except StoreError:
                self._check_still_open()
                raise

    def _check_still_open(self) -> None:
        try:
            self.transport.check_open()
        except StoreClosedError as closed:
            # Requests in flight when the store was closed fail in many ways, and may have been applied.
            closed.maybe_applied = True
            raise


def execute(
    plan: Plan[T], deadline: Deadline, transport: Transport, repair: Repair | None = None
) -> Generator[Attempt | Pause, Any, T]:
    """Turn the steps of `plan` into attempts and pauses; be sent the outcomes of each attempt."""
    with closing(plan):
        try:
            step = next(plan)
            while True:
                if isinstance(step, Pause):
                    fits = step.seconds + _SHORTEST_ATTEMPT_S < deadline.remaining_s()
                    if fits:
                        yield step
                    step = plan.send(fits)
                    continue
                if step.new_deadline:
                    deadline = Deadline(deadline.timeout_s)
                outcomes = yield from _attempted(step.requests, deadline, transport)
                if any(isinstance(outcome, StoreError) for outcome in outcomes):
                    outcomes = yield from _retried(step, outcomes, deadline, transport)
                    if repair is not None:
                        again = repair(step.requests, outcomes)
                        outcomes = yield from execute(again, deadline, transport)
                    error = next((outcome for outcome in outcomes if isinstance(outcome, StoreError)), None)
                    if error is not None and not step.return_errors:
                        step = plan.throw(error)
                        continue
                step = plan.send(outcomes)
        except StopIteration as done:
            result: T = done.value
            return result


def _attempted(
    requests: Sequence[Request], deadline: Deadline, transport: Transport
) -> Generator[Attempt | Pause, Any, list[Any]]:
    """Make each of `requests` once, and return the outcomes."""
    share = 1.0 if all(request.idempotent for request in requests) else _SHARE_IF_NOT_IDEMPOTENT
    timeout_s = deadline.remaining_s() * share
    if timeout_s <= 0:
        return [_not_sent(transport.timed_out(deadline.timeout_s)) for _ in requests]
    received: list[Any] = yield Attempt(requests, deadline, timeout_s)
    return received


def _not_sent(error: StoreTimeoutError) -> StoreTimeoutError:
    error.maybe_applied = False
    return error


def _retried(
    step: Send, received: Sequence[Any], deadline: Deadline, transport: Transport
) -> Generator[Attempt | Pause, Any, list[Any]]:
    """Retry the requests that failed, until each has succeeded or failed for good, or the deadline passes.

    `received` are the outcomes of the first attempt."""
    outcomes = [_Outcome(request) for request in step.requests]
    pending = outcomes
    backoff = Backoff()
    while True:
        for outcome, response in zip(pending, received, strict=True):
            outcome.add(response)
        pending = [outcome for outcome in pending if outcome.may_retry(backoff.attempts + 1)]
        if step.max_attempts is not None and backoff.attempts + 1 >= step.max_attempts:
            pending = []
        pause_s = backoff.next_pause_s(max((outcome.retry_after_s for outcome in pending), default=0.0))
        if not pending or pause_s + _SHORTEST_ATTEMPT_S >= deadline.remaining_s():
            return [outcome.result for outcome in outcomes]
        spent_s = deadline.timeout_s - deadline.remaining_s()
        for outcome in pending:
            _log.debug(_NEXT_ATTEMPT, backoff.attempts, spent_s, pause_s, outcome.latest)
        yield Pause(pause_s)
        received = yield from _attempted([outcome.request for outcome in pending], deadline, transport)


class _Outcome:
    """The outcome of one request over all its attempts."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.result: Any = None
        """The response, or the most informative error."""
        self.latest: Any = None
        """The outcome of the latest attempt."""

    @property
    def retry_after_s(self) -> float:
        return float(self.latest.retry_after_s)

    def add(self, response: Any) -> None:
        """Add the outcome of another attempt."""
        before, self.result, self.latest = self.result, response, response
        if not isinstance(before, StoreError) or not isinstance(response, StoreError):
            return
        # A timeout of an attempt that had little time left is less informative, and throttling must not hide
        # that an earlier attempt may have been applied. A rejection is more informative than both.
        throttled = response.retryable and not response.maybe_applied
        if isinstance(response, StoreTimeoutError) or (before.maybe_applied and throttled):
            self.result = before
        self.result.maybe_applied = before.maybe_applied or response.maybe_applied

    def may_retry(self, attempts: int) -> bool:
        """Whether the request may be made again after `attempts` failed ones."""
        error = self.latest
        if not isinstance(error, StoreError) or not error.retryable:
            return False
        if error.max_attempts is not None and attempts >= error.max_attempts:
            return False
        return self.request.idempotent or not error.maybe_applied
