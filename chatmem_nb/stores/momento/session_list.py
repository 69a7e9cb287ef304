"""Sessions as Momento lists, oldest record first. Plans only; no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ...errors import StoreError, StoreLimitError, WrongTypeError
from ...records import is_system
from ..paging import Cursor, cursor_after, next_page, read
from ..plans import Plan, Send, ask
from ..protocol import SessionSummary
from .commands import Command, FetchList, GetTtl, ListLength
from .errors import MomentoConflictError

_FIRST_PAGE = 1_000
_WHOLE_LIST = 2**31
"""The page size of a client that can only read whole lists."""
FIRST_RECORDS = 200
"""How many records `read_many` requests of each session at first."""
SUMMARY_COMMANDS = 4
"""Requests for one summary."""


class SessionList:
    """One list, as `paging` reads it. With `exact`, the stored bytes can be recovered from the texts."""

    def __init__(self, key: bytes, *, slices: bool = True, exact: bool = False) -> None:
        self.first_page = _FIRST_PAGE if slices else _WHOLE_LIST
        self._key = key
        self._errors = "surrogateescape" if exact else "backslashreplace"

    def length(self) -> Plan[int]:
        return ask(ListLength(self._key))

    def fetch(self, start: int, count: int, *, new_deadline: bool = False) -> Plan[list[str]]:
        values = yield from ask(FetchList(self._key, start, start + count), new_deadline=new_deadline)
        return [value.decode("utf-8", self._errors) for value in values]

    def tail(self, count: int) -> Plan[list[str]]:
        values = yield from ask(FetchList(self._key, -count))
        return [value.decode("utf-8", self._errors) for value in values]

    def changed(self) -> MomentoConflictError:
        return MomentoConflictError(
            "other clients kept changing the session while it was read; read it again when they are done"
        )


def read_values(
    key: bytes, start: int = 0, stop: int | None = None, *, renews: bool = True
) -> Plan[list[bytes]]:
    """Return the elements of the slice `start:stop`, as they are stored; negative indexes are not supported.

    `renews`: whether each further page has a new deadline.
    """
    if stop is not None and stop <= start:
        return []
    texts = yield from read(SessionList(key, exact=True), start, stop, renews=renews)
    return [text.encode("utf-8", "surrogateescape") for text in texts]


def first_pages(keys: Sequence[bytes], *, slices: bool) -> Plan[list[tuple[list[str], Cursor | None]]]:
    """Return the first page of each session, all requested at the same time, and the cursor after it."""
    size = FIRST_RECORDS if slices else _WHOLE_LIST
    outcomes = yield Send([FetchList(key, 0, size) for key in keys], new_deadline=True, return_errors=True)
    pages = []
    for key, outcome in zip(keys, outcomes, strict=True):
        if isinstance(outcome, StoreLimitError) and outcome.response_too_large:
            pages.append((yield from next_page(SessionList(key), Cursor(0, size // 4))))
        elif isinstance(outcome, StoreError):
            raise outcome
        else:
            records = [as_text(value) for value in outcome]
            pages.append((records, cursor_after(records, 0, size)))
    return pages


def lengths(keys: Sequence[bytes]) -> Plan[list[int]]:
    """Return the length of each list, all requested at the same time; 0 if its key holds something else."""
    outcomes = yield Send([ListLength(key) for key in keys], new_deadline=True, return_errors=True)
    for outcome in outcomes:
        if isinstance(outcome, StoreError) and not isinstance(outcome, WrongTypeError):
            raise outcome
    return [0 if isinstance(outcome, WrongTypeError) else outcome for outcome in outcomes]


def summary_commands(key: bytes, oldest: int = 1) -> list[Command]:
    """Return the requests for `summary`, which read one or two of the oldest records."""
    return [ListLength(key), FetchList(key, 0, oldest), FetchList(key, -1), GetTtl(key)]


def summary(session_id: str, outcomes: Sequence[Any], last_write: datetime | None) -> SessionSummary:
    """Return the summary of a session; length 0 if its key holds something else."""
    error = next((one for one in outcomes if isinstance(one, StoreError)), None)
    if isinstance(error, WrongTypeError):
        return SessionSummary(session_id, 0)
    if error is not None:
        raise error
    length, oldest, last, ttl_ms = outcomes
    first = oldest[1:] if len(oldest) > 1 and is_system(as_text(oldest[0])) else oldest
    if not length:
        return SessionSummary(session_id, 0)
    return SessionSummary(
        session_id,
        length,
        None if ttl_ms is None else timedelta(milliseconds=ttl_ms),
        as_text(first[0]) if first else None,
        as_text(last[-1]) if last else None,
        last_write,
    )


def as_text(value: bytes) -> str:
    """Return the text of a record; bytes that are not UTF-8 as `\\xff`, so that the others can be read."""
    return value.decode("utf-8", "backslashreplace")
