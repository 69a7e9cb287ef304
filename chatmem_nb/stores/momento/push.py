"""Pushes each part of a change exactly once, even if a response is lost.

Plans only; no I/O.

Momento has no idempotency keys. If the response to a push is lost, the list is read, and the push is retried
only if its records are missing. Older copies must not be mistaken for them: either the records are new, so
that no list holds them yet, or only what lies beyond the previous length counts.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import StoreError, StoreTimeoutError
from ..deadline import Backoff
from ..plans import Pause, Plan, Send, ask
from .commands import Command, ListLength, Push
from .errors import MomentoError, add_sentence
from .session_list import read_values

_log = logging.getLogger(__name__)

_SETTLE_S = 0.1
_NOT_KNOWN = "It is not known whether the change was made: read the session before you repeat it."


@dataclass(frozen=True, slots=True)
class Before:
    """The state of a list before a push."""

    length: int
    head: Sequence[bytes] = ()
    """Its first elements, for a push to the front."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """The index of the first value of a push, and the length of the list after it."""

    start: int
    length: int


def settle(backoff: Backoff) -> Pause:
    """Return the pause before checking whether a request was applied: reads are eventually consistent."""
    return Pause(backoff.next_pause_s(_SETTLE_S))


def push_parts(
    parts: Sequence[Push], before: Before | None, beside: Command | None = None
) -> Plan[tuple[list[Pushed], Any]]:
    """Make the pushes in order, and return where each landed, and the outcome of `beside`.

    `before`: the list before the first push; None if the records are new. `beside` is sent along with the
    first push, and is not retried.

    Raises: MomentoError with `records_stored`, the number of records in the parts before the failed one.
    """
    pushed: list[Pushed] = []
    stored, outcome = 0, None
    for part in parts:
        requests = [part] if beside is None else [beside, part]
        try:
            # One attempt: `_retried` knows what may be retried, and `beside` must not use up the time.
            outcomes = yield Send(requests, stored > 0, return_errors=True, max_attempts=1)
            if beside is not None:
                outcome, beside = outcomes[0], None
            result = outcomes[-1]
            landed = (yield from _retried(part, before, result)) if isinstance(result, StoreError) else None
        except MomentoError as error:
            total = sum(len(one.values) for one in parts)
            error.records_stored = stored
            error.maybe_applied = error.maybe_applied or stored > 0
            if len(parts) > 1:
                add_sentence(error, f"{stored} of {total} records were stored before.")
            raise
        pushed.append(landed or _landed(part, result))
        stored += len(part.values)
        if before is not None:
            before = Before(pushed[-1].length, part.values)
    return pushed, outcome


def push_together(pushes: Sequence[tuple[Push, Before | None]]) -> Plan[list[Pushed | StoreError]]:
    """Make the pushes to different lists at the same time; return where each landed, or its error."""
    results = yield Send([push for push, _ in pushes], new_deadline=True, return_errors=True)
    outcomes: list[Pushed | StoreError] = []
    for (push, before), result in zip(pushes, results, strict=True):
        if not isinstance(result, StoreError):
            outcomes.append(_landed(push, result))
            continue
        try:
            outcomes.append((yield from _retried(push, before, result)))
        except StoreError as error:
            outcomes.append(error)
    return outcomes


def _landed(push: Push, length: int) -> Pushed:
    return Pushed(0 if push.front else length - len(push.values), length)


def _retried(push: Push, before: Before | None, error: StoreError) -> Plan[Pushed]:
    """Retry a push that failed with `error`, once it is known not to have been applied.

    Raises: StoreError if it failed for good, or if it is not known whether it was applied.
    """
    backoff = Backoff()
    while True:
        if error.maybe_applied:
            found = yield from _look_for(push, before, error, backoff)
            _log.debug("a push was %s: %s", "not found" if found is None else "found", error)
            if found is not None:
                return found
        elif not error.retryable or not (yield Pause(pause_s := backoff.next_pause_s(error.retry_after_s))):
            raise error
        else:
            _log.debug("a push is made again after %.2f s: %s", pause_s, error)
        try:
            return _landed(push, (yield from ask(push)))
        except StoreError as failed:
            if not failed.maybe_applied:
                raise last_of(error, failed) from failed.__cause__
            error = failed


def _look_for(push: Push, before: Before | None, error: StoreError, backoff: Backoff) -> Plan[Pushed | None]:
    """Return where the values of `push` landed; None if they are missing and may be pushed again.

    Raises: `error` if that cannot be known.
    """
    if not (yield settle(backoff)):
        raise unknown(error)
    try:
        found = yield from _find(push, before)
    except StoreError:
        raise unknown(error) from error.__cause__
    # After a timeout the service may still be about to apply it.
    if found is None and isinstance(error, StoreTimeoutError):
        raise unknown(error)
    return found


def _find(push: Push, before: Before | None) -> Plan[Pushed | None]:
    if before is None:
        # One value is enough: others may have removed some. If they removed them all, pushing again counts as
        # a push after that removal.
        values = yield from read_values(push.key, renews=False)
        at = _first_of(values, push.values)
        return None if at is None else Pushed(at, len(values))
    length = yield from ask(ListLength(push.key))
    grown = length - before.length
    if grown < 0:  # others removed records, so the previous length is of no use
        raise MomentoError("other clients shortened the session meanwhile")
    if grown < len(push.values):
        return None
    if push.front:
        # The previous head must follow. Appends of others do not move it.
        run = [*push.values, *before.head]
        values = yield from read_values(push.key, 0, grown + len(before.head), renews=False)
        at = run_at(values, run)
        return None if at is None else Pushed(at, length)
    values = yield from read_values(push.key, before.length, renews=False)
    at = run_at(values, push.values)
    return None if at is None else Pushed(before.length + at, before.length + len(values))


def _first_of(values: Sequence[bytes], pushed: Sequence[bytes]) -> int | None:
    wanted = set(pushed)
    return next((at for at, value in enumerate(values) if value in wanted), None)


def run_at(values: Sequence[bytes], run: Sequence[bytes]) -> int | None:
    """Return the index at which `values` contains `run`; None if it does not."""
    size, run = len(run), list(run)
    for at in range(len(values) - size + 1):
        if values[at] == run[0] and list(values[at : at + size]) == run:
            return at
    return None


def last_of(earlier: StoreError | None, failed: StoreError) -> StoreError:
    """Return the error to raise after a last attempt that was not applied, if an earlier one may have been.

    A read that did not find it does not rule that out, since reads are eventually consistent.
    """
    if earlier is None or not earlier.maybe_applied:
        return failed
    # An attempt that had no time left is less informative than the one before it.
    return unknown(earlier if isinstance(failed, StoreTimeoutError) else failed)


def unknown(error: StoreError) -> StoreError:
    """Return `error`, marked as a change that may have been applied."""
    error.maybe_applied = True
    if isinstance(error, MomentoError):
        add_sentence(error, _NOT_KNOWN)
    return error
