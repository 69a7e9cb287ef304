"""How requests to Momento are made, retried and given up; no I/O.

A plan is a generator: it yields what is to be done next, `Requests` or a pause in seconds, and is sent the
answers. What a verb does is written once, as a plan; sync and async differ in who carries it out.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Protocol, TypeVar

from ...errors import StoreNotFoundError, StoreResponseError, StoreUnavailableError
from .errors import (
    MomentoError,
    MomentoThrottledError,
    MomentoTimeoutError,
    MomentoUnavailableError,
    is_unreachable,
)
from .operations import CreateCache, Operation

T = TypeVar("T")

_RECONNECTS = (0.02, 0.1, 0.4, 1.0)
"""Seconds before a request is made again that Momento could not be reached for."""
_THROTTLED_S, _THROTTLED_MAX_S = 0.1, 2.0
CHANGE_SHARE = 0.6
"""Of the time that is left, what a change may take; the rest is for looking whether it was made."""
_NEW_CACHE = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds before looking again for a cache that has just been made."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests to be made at the same time, each to be given up after `timeout_s`."""

    operations: Sequence[Operation[Any]]
    timeout_s: float


Plan = Generator[Requests | float, list[Any], T]
"""What remains to be done until `T` is known. Sent for `Requests`: an answer or an error for each."""


class Transport(Protocol):
    """What carries requests to the service. Errors are returned, each in the place of its answer."""

    slices: bool
    """Whether a part of a list can be read and erased, or lists only as a whole."""
    default_ttl_ms: int | None
    """The life that the client gives where none is said; None where nobody can tell."""

    def exchange(self, requests: Requests) -> list[Any]: ...

    async def aexchange(self, requests: Requests) -> list[Any]: ...


class Deadline:
    """When a call is to end."""

    def __init__(self, timeout_s: float, *, end: float | None = None) -> None:
        self.timeout_s = timeout_s
        self._fixed = end is not None
        self._end = time.monotonic() + timeout_s if end is None else end

    def renew(self) -> None:
        """Start anew: a page or a part has come through."""
        if not self._fixed:
            self._end = time.monotonic() + self.timeout_s

    def fixed(self) -> Deadline:
        """Return a deadline at the same time that does not start anew."""
        return Deadline(self.timeout_s, end=self._end)

    def remaining(self) -> float:
        """Seconds that are left."""
        return self._end - time.monotonic()


class MissingCache:
    """Makes the cache when the service says that there is none; asks for it once, whoever meets it first.

    Asked when it is missing, and not before each store's first use: `create_cache` is limited to 5 a second
    for an account, and keys that may only read and write cannot make one.
    """

    def __init__(self, create: bool) -> None:
        self._create = create
        self._lock = threading.Lock()
        self._asked = False

    def claim(self) -> bool:
        """Whether the caller is the one to make it."""
        with self._lock:
            asked, self._asked = self._asked, True
        return not asked

    def release(self) -> None:
        """The claim came to nothing: the next may try."""
        self._asked = False

    @property
    def wanted(self) -> bool:
        """Whether it is to be made at all."""
        return self._create


class Exchange:
    """Makes the requests of one store."""

    def __init__(self, missing_cache: MissingCache) -> None:
        self._missing_cache = missing_cache

    def ask(self, operation: Operation[T], deadline: Deadline) -> Plan[T]:
        """Make one request that may be repeated freely.

        Raises: MomentoError.
        """
        (answer,) = yield from self.ask_all([operation], deadline)
        result: T = known(answer)
        return result

    def ask_all(self, operations: Sequence[Operation[Any]], deadline: Deadline) -> Plan[list[Any]]:
        """Make requests that may be repeated freely, at the same time; return an answer or an error each."""
        answers: list[Any] = [None] * len(operations)
        pending = list(range(len(operations)))
        reconnects, throttled = iter(_RECONNECTS), _throttled_pauses()
        while pending:
            came = yield from self.attempt([operations[place] for place in pending], deadline)
            for place, answer in zip(pending, came, strict=True):
                answers[place] = answer
            pending = [place for place in pending if _may_pass(answers[place])]
            if not pending:
                break
            busy = any(isinstance(answers[place], MomentoThrottledError) for place in pending)
            pause = next(throttled) if busy else next(reconnects, None)
            if pause is None or pause >= deadline.remaining():
                break
            yield pause
        return answers

    def change(
        self,
        operation: Operation[Any],
        deadline: Deadline,
        look: Callable[[], Plan[Any]],
        *,
        came: Any = None,
    ) -> Plan[Any]:
        """Make a request that must not be applied twice; where it may have been applied, `look` first.

        `look` returns what the request would have answered if it was applied, else None. It is made again
        only if it was not. After a timeout it is not even then: the service may still be about to do it.
        `came`: what a first attempt has brought already.

        Raises: MomentoError.
        """
        pauses = chain(_RECONNECTS, repeat(_RECONNECTS[-1]))
        while True:
            answer = yield from self._unless_throttled(operation, deadline, came)
            if not isinstance(answer, MomentoError):
                return answer
            error, late, came = answer, isinstance(answer, MomentoTimeoutError), None
            if not may_be_applied(error):
                raise error
            pause = 0.0 if late else next(pauses)
            if pause >= deadline.remaining():
                break
            yield pause
            seen, found = yield from self._patiently(look, deadline, error)
            if seen and found is not None:
                return found
            if late or not seen:
                break
        error.message += "; whether the change was made is not known, so look before you repeat it"
        raise error

    def _patiently(
        self, look: Callable[[], Plan[Any]], deadline: Deadline, error: MomentoError
    ) -> Plan[tuple[bool, Any]]:
        """Look until it is seen what became of a change, or the time is up; return whether, and what.

        Where no connection could be made at all, once is enough.
        """
        while True:
            try:
                return True, (yield from look())
            except MomentoError as exc:
                again = _may_pass(exc) and not is_unreachable(error)
            if not again or deadline.remaining() < _RECONNECTS[-1]:
                return False, None
            yield _RECONNECTS[-1]

    def attempt(
        self, operations: Sequence[Operation[Any]], deadline: Deadline, *, share: float = 1.0
    ) -> Plan[list[Any]]:
        """Make requests once, in `share` of the time that is left, and return an answer or an error each.

        Those that found no cache were surely not applied: the cache is made, and they are made again.
        """
        timeout_s = deadline.remaining() * share
        if timeout_s <= 0:
            return [timed_out(deadline.timeout_s) for _ in operations]
        answers: list[Any] = yield Requests(operations, timeout_s)
        for pause in _NEW_CACHE if self._missing_cache.wanted else ():
            missing = [at for at, answer in enumerate(answers) if isinstance(answer, StoreNotFoundError)]
            if not missing or pause >= deadline.remaining():
                break
            if self._missing_cache.claim():
                yield from self._create_cache(deadline)
            else:  # another is making it, or it was made and is not known everywhere yet
                yield pause
            timeout_s = max(deadline.remaining() * share, 0.001)
            again = yield Requests([operations[at] for at in missing], timeout_s)
            for at, answer in zip(missing, again, strict=True):
                answers[at] = answer
        return answers

    def _unless_throttled(self, operation: Operation[Any], deadline: Deadline, came: Any) -> Plan[Any]:
        """Make one request, again while it is throttled, which means that it was not applied."""
        answer = came
        for pause in _throttled_pauses():
            if answer is None:
                (answer,) = yield from self.attempt([operation], deadline, share=CHANGE_SHARE)
            if not isinstance(answer, MomentoThrottledError) or pause >= deadline.remaining():
                break
            yield pause
            answer = None
        return answer

    def _create_cache(self, deadline: Deadline) -> Plan[None]:
        made = False
        try:
            (answer,) = yield Requests([CreateCache()], max(deadline.remaining(), 0.001))
            known(answer)
            made = True
        finally:
            if not made:
                self._missing_cache.release()


def timed_out(timeout_s: float) -> MomentoTimeoutError:
    """Return the error of a call that took longer than it may."""
    return MomentoTimeoutError(f"Momento did not answer within {timeout_s:g} s")


def may_be_applied(error: MomentoError) -> bool:
    """Whether the service may have done what it was asked, though this error came instead of an answer."""
    return isinstance(error, StoreUnavailableError | StoreResponseError)


def _may_pass(answer: Any) -> bool:
    """Whether asking once more may help. A timeout has used up the time."""
    kinds = MomentoUnavailableError | MomentoThrottledError | StoreResponseError
    return isinstance(answer, kinds) and not isinstance(answer, MomentoTimeoutError)


def _throttled_pauses() -> Iterator[float]:
    """Pauses that grow, with chance in them, so that many callers do not come back at once."""
    pause = _THROTTLED_S
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(2 * pause, _THROTTLED_MAX_S)


def known(answer: Any) -> Any:
    """Return an answer.

    Raises: MomentoError, where it is one.
    """
    if isinstance(answer, MomentoError):
        raise answer
    return answer
