"""Sessions as Redis lists, newest record first, and their summaries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar, Final

from ...records import stored_at
from ..plans import Plan, ask
from ..protocol import SessionSummary
from .commands import Command, Request, as_list, as_number, as_texts
from .errors import UpstashConflictError

HEAD_BYTES: Final = 400
"""Bytes of the beginning of a record in a preview: enough for about 100 characters in any alphabet."""
TAIL_BYTES: Final = 160
"""Bytes of its end, which contain `record_id` and `stored_at`."""


@dataclass(frozen=True, slots=True)
class SessionList:
    """What `paging` reads: records by their index from the oldest, which stays as others push."""

    first_page: ClassVar[int] = 12_000
    """Most sessions are read by one request. Upstash refuses a response over 10 MB, and then fewer records
    are asked for."""

    session_id: str
    key: str

    def length(self) -> Plan[int]:
        return as_number((yield from ask(Request([["LLEN", self.key]]))))

    def fetch(self, start: int, count: int, *, new_deadline: bool = False) -> Plan[list[str]]:
        response = yield from ask(Request([self.page(start, count)]), new_deadline=new_deadline)
        return as_texts(response)[::-1]

    def page(self, start: int, count: int) -> Command:
        """Return the command for `count` records from `start` on: the i-th oldest is element -(i+1)."""
        return ["LRANGE", self.key, -(start + count), -(start + 1)]

    def tail(self, count: int) -> Plan[list[str]]:
        return as_texts((yield from ask(Request([["LRANGE", self.key, 0, count - 1]]))))[::-1]

    def changed(self) -> UpstashConflictError:
        return UpstashConflictError(
            f"session {self.session_id!r} was changed by others while it was read; read it again"
        )


def summary_commands(key: str) -> list[Command]:
    """Return the commands for `summary`, for a token that may not run scripts."""
    return [["LLEN", key], ["PTTL", key], ["LINDEX", key, -1], ["LINDEX", key, 0]]


def summary(session_id: str, row: Any) -> SessionSummary:
    """Return the summary that `row` holds: length, remaining TTL in ms, oldest, newest; or [0]."""
    if row == [0]:
        return SessionSummary(session_id, 0)
    length, left, oldest, newest = as_list(row, 4)
    if not as_number(length):  # it expired between two commands of a pipeline
        return SessionSummary(session_id, 0)
    as_texts([oldest, newest])
    ttl = timedelta(milliseconds=left) if as_number(left) >= 0 else None
    return SessionSummary(session_id, length, ttl, oldest, newest)


def preview(session_id: str, row: Any) -> SessionSummary:
    """Return the summary that `row` holds: that of `summary`, and the end of the newest record."""
    if row == [0]:
        return SessionSummary(session_id, 0)
    *found, end = as_list(row, 5)
    as_texts([end])
    return replace(summary(session_id, found), last_write=stored_at(end))
