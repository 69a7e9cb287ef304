"""Reading a session page by page, oldest record first, while other clients write to it. Plans only; no I/O.

Indexes counted from the oldest record stay what they are while others append. They move when others insert,
remove or trim at the front. Every page but the first therefore starts with the last record of the page
before: if that is another record now, the session has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..errors import StoreConflictError, StoreLimitError
from .plans import Plan

_PAGE_BYTES = 2_500_000
"""The target size of a page, once the size of the records is known."""
_GROWTH = 20
"""By which factor a page may have more records than the one before."""
_ATTEMPTS = 3
"""How often a read starts over because the session has changed."""


class RecordList(Protocol):
    """The records of one session, oldest first, whatever the order in the service."""

    @property
    def first_page(self) -> int:
        """Records in a page while their size is unknown."""
        ...

    def length(self) -> Plan[int]: ...

    def fetch(self, start: int, count: int, *, new_deadline: bool = False) -> Plan[list[str]]:
        """Return up to `count` records from index `start` on; fewer only at the end of the session.

        Raises: StoreLimitError with `response_too_large` set if the response would be too large.
        """
        ...

    def tail(self, count: int) -> Plan[list[str]]:
        """Return the newest `count` records by one request. Raises: as `fetch`."""
        ...

    def changed(self) -> StoreConflictError:
        """Return the error for a session that others changed while it was read."""
        ...


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position of a reader in one session."""

    start: int
    size: int
    """Records in the next page."""
    last: str | None = None
    """The record before `start`, as it was read; None at the beginning."""


def read(session: RecordList, start: int, stop: int | None, *, renews: bool = True) -> Plan[list[str]]:
    """Return the records of the slice `start:stop`; start over if the session changes between two pages.

    `renews`: whether each further page has a new deadline.

    Raises: StoreConflictError if it changes each time.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return (yield from _read(session, start, stop, renews))
        except StoreConflictError:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _read(session: RecordList, start: int, stop: int | None, renews: bool) -> Plan[list[str]]:
    if start < 0 and stop is None and -start <= session.first_page:
        try:
            return (yield from session.tail(-start))
        except StoreLimitError as error:
            if not error.response_too_large:
                raise
    if start < 0 or (stop is not None and stop < 0):
        start, stop, _ = slice(start, stop).indices((yield from session.length()))
    records: list[str] = []
    cursor: Cursor | None = Cursor(start, session.first_page)
    while cursor is not None and (stop is None or cursor.start < stop):
        if stop is not None:
            cursor = replace(cursor, size=min(cursor.size, stop - cursor.start))
        page, cursor = yield from _page(session, cursor, renews=renews)
        records += page
    return records


def next_page(session: RecordList, cursor: Cursor) -> Plan[tuple[list[str], Cursor | None]]:
    """Return the next page, and the cursor after it; None at the end of the session.

    If others inserted or removed records before the cursor, continue after the last record that was read,
    so that none is repeated or skipped.

    Raises: StoreConflictError if that record is gone.
    """
    for _ in range(_ATTEMPTS):
        try:
            return (yield from _page(session, cursor))
        except StoreConflictError:
            found = yield from _places_of_last(session, cursor)
        if found:
            nearest = min(found, key=lambda index: abs(index - (cursor.start - 1)))
            cursor = replace(cursor, start=nearest + 1)
    raise session.changed()


def _page(
    session: RecordList, cursor: Cursor, *, renews: bool = True
) -> Plan[tuple[list[str], Cursor | None]]:
    """Raises: StoreConflictError if the record before `cursor.start` is not the one that was read there."""
    size = cursor.size
    renews = renews and cursor.last is not None  # the first page has the time of the call
    while True:
        overlap = 0 if cursor.last is None or size == 0 else 1
        asked = max(1, size)
        try:
            records = yield from session.fetch(cursor.start - overlap, asked + overlap, new_deadline=renews)
            break
        except StoreLimitError as error:
            if not error.response_too_large or asked + overlap == 1:
                raise
            # Two records that are too large together may still be read one by one, without the overlap.
            size //= 4
    if overlap and records[:1] != [cursor.last]:
        raise session.changed()
    page = records[overlap:]
    return page, cursor_after(page, cursor.start, asked)


def cursor_after(page: Sequence[str], start: int, asked: int) -> Cursor | None:
    """Return the cursor after `page`, of `asked` records from `start` on; None if it has fewer."""
    if len(page) < asked:
        return None
    mean = max(1, sum(len(record.encode(errors="replace")) for record in page) // len(page))
    return Cursor(start + len(page), next_size(len(page), mean), page[-1])


def next_size(records: int, mean_bytes: int) -> int:
    """Return the records of the page after one of so many `records`, of so many bytes each."""
    return max(1, min(_PAGE_BYTES // mean_bytes, _GROWTH * records))


def _places_of_last(session: RecordList, cursor: Cursor) -> Plan[list[int]]:
    """Return the current indexes of records equal to the last one read; `_page` checks the one chosen."""
    found: list[int] = []
    searching: Cursor | None = Cursor(0, session.first_page)
    while searching is not None:
        first = searching.start
        page, searching = yield from _page(session, replace(searching, last=None))
        found += [first + at for at, record in enumerate(page) if record == cursor.last]
    return found
