"""Pushes that are applied once, though a lost response says nothing. Plans only; no I/O.

Momento has no idempotency keys. A push whose response was lost is looked for in the list, and made again
only if it is not there. Copies that stood there before must not be taken for it: either its records are new,
so that no list holds them yet, or only what is beyond the length before the push counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import StoreError, StoreTimeoutError
from ..deadline import Backoff
from ..runner import Pause, Plan, Send, ask
from .commands import Command, ListLength, Push
from .errors import MomentoError
from .reading import read_values

SETTLE_S = 0.1
"""Pause before looking whether a request was applied: reads are eventually consistent."""
_NOT_KNOWN = "; whether the change was made is not known, so read the session before you repeat it"


@dataclass(frozen=True, slots=True)
class Before:
    """What a list was like before a push."""

    length: int
    head: Sequence[bytes] = ()
    """Its first elements, for a push to the front."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """Where the values of a push stand, and how long the list is with them."""

    start: int
    length: int


def push_parts(
    parts: Sequence[Push], before: Before | None, beside: Command | None = None
) -> Plan[tuple[list[Pushed], Any]]:
    """Make the pushes, one after another, and return where each landed, and what became of `beside`.

    `before`: the list before the first push; None if the records are in no list yet. `beside` is sent with
    the first push, once, whatever comes of it.

    Raises: MomentoError with `records_stored`, the records of the parts before the one that failed.
    """
    pushed: list[Pushed] = []
    stored, outcome = 0, None
    for part in parts:
        try:
            landed, outcome = yield from _push_once(part, before, beside, outcome, new_deadline=stored > 0)
        except MomentoError as error:
            total = sum(len(one.values) for one in parts)
            error.records_stored = stored
            error.maybe_applied = error.maybe_applied or stored > 0
            if len(parts) > 1:
                error.message += f" ({stored} of {total} records were stored before)"
            raise
        pushed.append(landed)
        stored += len(part.values)
        beside = None
        if before is not None:
            before = Before(landed.length, part.values)
    return pushed, outcome


def _push_once(
    push: Push, before: Before | None, beside: Command | None, outcome: Any, *, new_deadline: bool
) -> Plan[tuple[Pushed, Any]]:
    requests = [push] if beside is None else [beside, push]
    # Once at first: what may be tried again is told apart below, and `beside` must not use up the time.
    outcomes = yield Send(requests, new_deadline, return_errors=True, max_attempts=1)
    if beside is not None:
        outcome = outcomes[0]
    result = outcomes[-1]
    backoff = Backoff()
    while isinstance(result, StoreError):
        if result.maybe_applied:
            landed = yield from _look_for(push, before, result, backoff)
            if landed is not None:
                return landed, outcome
        elif not result.retryable:
            raise result
        try:
            result = yield from ask(push)
        except StoreError as error:
            if not error.maybe_applied:
                raise
            result = error
    return Pushed(0 if push.front else result - len(push.values), result), outcome


def _look_for(push: Push, before: Before | None, error: StoreError, backoff: Backoff) -> Plan[Pushed | None]:
    """Return where the values of `push` landed; None if they are not there and may be pushed again.

    Raises: `error` if that cannot be known.
    """
    if not (yield Pause(backoff.next_pause_s(SETTLE_S))):
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
        # One of them is enough: others may have removed some already. If they removed all, the push comes
        # after their removal.
        values = yield from read_values(push.key, renews=False)
        at = _first_of(values, push.values)
        return None if at is None else Pushed(at, len(values))
    length = yield from ask(ListLength(push.key))
    grown = length - before.length
    if grown < 0:  # others removed records, so that the length before says nothing
        raise MomentoError("other clients shortened the session meanwhile")
    if grown < len(push.values):
        return None
    if push.front:
        # What stood in front before must follow: others may have appended, which moves nothing here.
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
    """Return the index where all of `run` stand together in `values`; None if they do not."""
    size, run = len(run), list(run)
    for at in range(len(values) - size + 1):
        if values[at] == run[0] and list(values[at : at + size]) == run:
            return at
    return None


def unknown(error: StoreError) -> StoreError:
    """Return `error`, saying that a change may have been made."""
    error.maybe_applied = True
    if isinstance(error, MomentoError) and not error.message.endswith(_NOT_KNOWN):
        error.message += _NOT_KNOWN
    return error
