"""One session as the list that holds it: newest record first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..runner import Plan, ask
from .commands import Command, Request, as_number, as_texts
from .errors import UpstashConflictError


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
