"""What is known of the sessions of one store: their ids, found page by page, and previews of those shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ..markdown import showable, without_marks
from ..records import parse_start, stored_at
from ..stores.protocol import SessionStore, SessionSummary, commands_of
from .entries import cut, role_of, text_of
from .reading import previews

_PREVIEW: Final = 120
_BATCH: Final = 100
_REPORT_EVERY: Final = 500
_PREVIEW_SOURCE: Final = 2_000_000
_LOOKED_THROUGH: Final = 10_000
"""Ids that are listed at most to learn the place of one session."""


@dataclass(frozen=True, slots=True)
class ListedSession:
    """One session of the list, with previews in place of its records."""

    summary: SessionSummary
    first: dict[str, str] | None
    last: dict[str, str] | None
    read_at: datetime

    @classmethod
    def of(cls, summary: SessionSummary) -> ListedSession:
        """Return the session that `summary` describes, without the whole records in it."""
        first, last = preview(summary.first), preview(summary.last)
        write = summary.last_write or (stored_at(summary.last) if summary.last else None)
        lean = SessionSummary(summary.session_id, summary.length, summary.ttl, None, None, write)
        return cls(lean, first, last, datetime.now(UTC))

    @property
    def ttl_s(self) -> float | None:
        """The remaining TTL in seconds, as of now."""
        if self.summary.ttl is None:
            return None
        return max(0.0, (self.summary.ttl - (datetime.now(UTC) - self.read_at)).total_seconds())

    def shown(self) -> dict[str, Any]:
        """Return the session as the page shows it."""
        write = self.summary.last_write
        return {
            "session_id": self.summary.session_id,
            "length": self.summary.length,
            "ttl_s": self.ttl_s,
            "first": self.first,
            "last": self.last,
            "last_write": write.isoformat() if write else None,
        }


class SessionListing:
    """The session ids of one store, listed as far as needed, and the sessions that were summarised."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._pages: AsyncIterator[str] = store.asession_ids()
        self._turn = asyncio.Lock()
        self.ids: list[str] = []
        self.complete = False
        self.sessions: dict[str, ListedSession] = {}
        self.requests = self.billed = 0

    async def find_more(self, enough: Callable[[], bool], tell: Callable[[int], None]) -> None:
        """Continue listing until `enough` returns True, or to the end. Keeps what it found if cancelled."""
        async with self._turn:
            before = self._spent()
            try:
                while not self.complete and not enough():
                    await self._step()
                    if len(self.ids) % _REPORT_EVERY == 0:
                        tell(len(self.ids))
            finally:
                self._spent_since(*before)

    async def look_for(self, session_id: str) -> None:
        """Continue listing up to `session_id`, as far as that takes one more billed request at most."""
        _, billed = self._spent()
        left = iter(range(_LOOKED_THROUGH))
        await self.find_more(
            lambda: self.ids[-1:] == [session_id] or self._spent()[1] > billed or next(left, None) is None,
            lambda done: None,
        )

    async def _step(self) -> None:
        try:
            self.ids.append(await anext(self._pages))
        except StopAsyncIteration:
            self.complete = True
        except BaseException:
            # An iterator that raised or was cancelled is exhausted: start again, and skip the known ids.
            self._pages = _new_only(self._store.asession_ids(), self.ids)
            raise

    async def summarise(
        self, session_ids: Iterable[str], tell: Callable[[int], None] = lambda done: None
    ) -> None:
        """Summarise those of `session_ids` that are not in `sessions` yet."""
        missing = [name for name in session_ids if name not in self.sessions]
        for start in range(0, len(missing), _BATCH):
            before = self._spent()
            try:
                found = await previews(self._store, missing[start : start + _BATCH])
            finally:
                self._spent_since(*before)
            self.sessions.update((summary.session_id, ListedSession.of(summary)) for summary in found)
            tell(min(start + _BATCH, len(missing)))

    def _spent(self) -> tuple[int, int]:
        commands = commands_of(self._store)
        return commands.requests, commands.billed

    def _spent_since(self, requests: int, billed: int) -> None:
        now = self._spent()
        self.requests += now[0] - requests
        self.billed += now[1] - billed


def preview(raw: str | None) -> dict[str, str] | None:
    """Return the role and the beginning of the text of a stored record."""
    if raw is None:
        return None
    if len(raw) > _PREVIEW_SOURCE:
        return {"role": "other", "text": f"a message of {len(raw) / 1e6:.0f} MB"}
    record = parse_start(raw)
    if record.error is not None:
        return {"role": "other", "text": cut(f"cannot be read: {record.error}", _PREVIEW)}
    text = " ".join(showable(without_marks(text_of(record)[: _PREVIEW * 4])).split())
    return {"role": role_of(record), "text": cut(text, _PREVIEW)}


async def _new_only(names: AsyncIterator[str], known: list[str]) -> AsyncIterator[str]:
    seen = set(known)
    async for name in names:
        if name not in seen:
            yield name
