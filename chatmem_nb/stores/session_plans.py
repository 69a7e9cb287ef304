"""The plans that each service has for the verbs of its store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

from ..errors import ChatMemError
from .paging import Cursor
from .plans import Plan
from .protocol import SessionSummary


class SessionPlans(Protocol):
    """A service's plan for each verb. Arguments are checked when the plan is made."""

    first_batch: int
    """How many sessions to pass to `first_pages` at first."""
    summary_batch: int
    """How many sessions to pass to `summaries` at once."""

    def session_ids(self, match: str | None, cursor: Any) -> Plan[tuple[list[str], Any]]:
        """Return a page of new ids, and the cursor of the next page (None at the end); start with None."""
        ...

    def summaries(self, session_ids: Sequence[str]) -> Plan[list[SessionSummary]]: ...

    def previews(self, session_ids: Sequence[str]) -> Plan[list[SessionSummary]]: ...

    def length(self, session_id: str) -> Plan[int]: ...

    def lengths(self, session_ids: Sequence[str]) -> Plan[list[int]]: ...

    def read(self, session_id: str, start: int, stop: int | None) -> Plan[list[str]]: ...

    def first_pages(self, session_ids: Sequence[str]) -> Plan[list[tuple[list[str], Cursor | None]]]:
        """Return the first page of each session, and the cursor of its next page."""
        ...

    def next_page(self, session_id: str, cursor: Cursor) -> Plan[tuple[list[str], Cursor | None]]: ...

    def next_batch(self, size: int, pages: Sequence[tuple[list[str], Cursor | None]]) -> int:
        """Return how many sessions to request next, given the `pages` of the last `size` sessions."""
        ...

    def append(self, session_id: str, records: Sequence[str]) -> Plan[int]: ...

    def append_many(
        self, sessions: Sequence[tuple[str, Sequence[str]]]
    ) -> Plan[list[int | ChatMemError]]: ...

    def insert(
        self, session_id: str, index: int, records: Sequence[str], ttl: timedelta | None
    ) -> Plan[int]: ...

    def replace(self, session_id: str, records: Sequence[str], ttl: timedelta | None) -> Plan[int]: ...

    def delete(self, session_id: str, count: int | None, last: str | None) -> Plan[bool]: ...

    def remove(self, session_id: str, index: int, record: str) -> Plan[bool]: ...
