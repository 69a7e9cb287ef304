"""Erases a range of a list exactly once, even if a response is lost. Plans only; no I/O."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import StoreError, StoreTimeoutError
from ..deadline import Backoff
from ..plans import Plan, ask
from .commands import EraseRange, ListLength
from .errors import MomentoError
from .push import last_of, settle, unknown
from .session_list import read_values

_log = logging.getLogger(__name__)

CONTEXT = 100
"""How many elements after a range are compared, at most, to determine whether it was erased."""


@dataclass(frozen=True, slots=True)
class Range:
    """A range of a list, with the elements around it, which show whether it was erased."""

    key: bytes
    start: int
    count: int
    last: bytes
    """The last element of the range."""
    after: Sequence[bytes]
    """The elements after the range, up to `CONTEXT`; fewer only at the end of the list."""
    length: int
    """The length of the list."""


def erase(erased: Range) -> Plan[None]:
    """Erase the range once.

    Raises: MomentoError if it failed, or if it is unknown whether it was applied; then it is not retried.
    """
    command = EraseRange(erased.key, erased.start, erased.count)
    backoff = Backoff()
    error: StoreError | None = None
    while True:
        try:
            yield from ask(command)
            return
        except StoreError as failed:
            if not failed.maybe_applied:
                raise last_of(error, failed) from failed.__cause__
            error = failed
        if not (yield settle(backoff)):
            raise unknown(error)
        try:
            applied = yield from _was_applied(erased)
        except StoreError:
            raise unknown(error) from error.__cause__
        found = {True: "applied", False: "not applied", None: "not found out"}[applied]
        _log.debug("an erasure was %s: %s", found, error)
        if applied:
            return
        # After a timeout the service may still be about to apply it.
        if applied is None or isinstance(error, StoreTimeoutError):
            raise unknown(error)


def _was_applied(erased: Range) -> Plan[bool | None]:
    """Return whether the range is gone; None if the surroundings do not show it.

    The length alone is misleading when others append meanwhile.
    """
    end = erased.start + erased.count
    length = yield from ask(ListLength(erased.key))
    if length < erased.start:
        raise MomentoError("other clients shortened the session meanwhile")
    around = [erased.last, *erased.after]
    moved = yield from read_values(erased.key, erased.start, erased.start + len(erased.after), renews=False)
    stayed = yield from read_values(erased.key, end - 1, end + len(erased.after), renews=False)
    present = length >= erased.length and stayed == around
    gone = moved == list(erased.after) if erased.after else length < end or not present
    # An equal record that others appended meanwhile would look the same as one that was not erased.
    if present and (gone or not erased.after) and not _are_unique(around):
        return None
    return not present if gone or present else None


def _are_unique(values: Sequence[bytes]) -> bool:
    """Return whether each value has an id, so that no other client has appended an equal one by chance."""
    return all(b'"record_id"' in value for value in values)
