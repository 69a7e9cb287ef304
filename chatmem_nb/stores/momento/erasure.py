"""Erasing a range of a list once, though a lost response says nothing. Plans only; no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import StoreError, StoreTimeoutError
from ..deadline import Backoff
from ..runner import Pause, Plan, ask
from .commands import EraseRange, ListLength
from .errors import MomentoError
from .push import SETTLE_S, unknown
from .session_list import read_values

CONTEXT = 100
"""Elements behind a range that tell, at most, whether it was erased."""


@dataclass(frozen=True, slots=True)
class Range:
    """A range of a list, and what tells whether it still stands."""

    key: bytes
    start: int
    count: int
    last: bytes
    """The last element of the range."""
    after: Sequence[bytes]
    """What follows the range, up to `CONTEXT` elements; fewer only at the end of the list."""
    length: int
    """How long the list is."""


def erase(erased: Range) -> Plan[None]:
    """Erase the range once.

    Raises: MomentoError if it failed, or if it cannot be decided whether it was applied; it is not repeated.
    """
    command = EraseRange(erased.key, erased.start, erased.count)
    backoff = Backoff()
    while True:
        try:
            yield from ask(command)
            return
        except StoreError as failed:
            if not failed.maybe_applied:
                raise
            error = failed
        if not (yield Pause(backoff.next_pause_s(SETTLE_S))):
            raise unknown(error)
        try:
            applied = yield from _was_applied(erased)
        except StoreError:
            raise unknown(error) from error.__cause__
        if applied:
            return
        # After a timeout the service may still be about to apply it.
        if applied is None or isinstance(error, StoreTimeoutError):
            raise unknown(error)


def _was_applied(erased: Range) -> Plan[bool | None]:
    """Return whether the range is gone; None if what stands there does not tell.

    The length alone lies when others append meanwhile.
    """
    end = erased.start + erased.count
    length = yield from ask(ListLength(erased.key))
    if length < erased.start:
        raise MomentoError("other clients shortened the session meanwhile")
    around = [erased.last, *erased.after]
    moved = yield from read_values(erased.key, erased.start, erased.start + len(erased.after), renews=False)
    stayed = yield from read_values(erased.key, end - 1, end + len(erased.after), renews=False)
    stands = length >= erased.length and stayed == around
    gone = moved == list(erased.after) if erased.after else length < end or not stands
    # An equal record that others appended meanwhile would look the same as one that was not erased.
    if stands and (gone or not erased.after) and not _name_themselves(around):
        return None
    return not stands if gone or stands else None


def _name_themselves(values: Sequence[bytes]) -> bool:
    """Return whether others cannot have appended equal records by chance."""
    return all(b'"record_id"' in value for value in values)
