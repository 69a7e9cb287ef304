"""The sessions of one store as they are found: ids page by page, lines when they are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ..markdown import showable
from ..records import parse
from ..stores.protocol import SessionStore, SessionSummary, commands_of
from ._entries import cut, text_of
from ._reading import summaries
from ._roles import role_of

PREVIEW: Final = 120
_BATCH: Final = 100
_TOLD_EVERY: Final = 500
_PREVIEW_SOURCE: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """What the list knows of one session, without its words beyond a preview."""

    summary: SessionSummary
    first: dict[str, str] | None
    last: dict[str, str] | None
    read_at: datetime

    @classmethod
    def of(cls, summary: SessionSummary) -> Line:
        """Return the line of `summary`, and let go of the whole records in it."""
        first, last = preview(summary.first), preview(summary.last)
        lean = SessionSummary(summary.session_id, summary.length, summary.ttl, None, None, summary.last_write)
        return cls(lean, first, last, datetime.now(UTC))

    @property
    def ttl_s(self) -> float | None:
        """Seconds that are left now."""
        if self.summary.ttl is None:
            return None
        return max(0.0, (self.summary.ttl - (datetime.now(UTC) - self.read_at)).total_seconds())

    def shown(self) -> dict[str, Any]:
        """Return the line as the page shows it."""
        write = self.summary.last_write
        return {
            "session_id": self.summary.session_id,
            "length": self.summary.length,
            "ttl_s": self.ttl_s,
            "first": self.first,
            "last": self.last,
            "last_write": write.isoformat() if write else None,
        }


class Listing:
    """The ids of one store as they are found, kept, and the lines that were asked for."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._pages: AsyncIterator[str] = store.asession_ids()
        self._turn = asyncio.Lock()
        self.ids: list[str] = []
        self.complete = False
        self.lines: dict[str, Line] = {}
        self.requests = self.billed = 0

    async def find_more(self, enough: Callable[[], bool], tell: Callable[[int], None]) -> None:
        """Go on listing until `enough` or to the end; what was found stays found if this is cancelled."""
        async with self._turn:
            before = self._spent()
            try:
                while not self.complete and not enough():
                    await self._step()
                    if len(self.ids) % _TOLD_EVERY == 0:
                        tell(len(self.ids))
            finally:
                self._spent_since(*before)

    async def _step(self) -> None:
        try:
            self.ids.append(await anext(self._pages))
        except StopAsyncIteration:
            self.complete = True
        except BaseException:
            # An iterator that raised or was cancelled is at its end: begin again, and skip what is known.
            self._pages = _new_only(self._store.asession_ids(), self.ids)
            raise

    async def summarise(
        self, session_ids: Iterable[str], tell: Callable[[int], None] = lambda done: None
    ) -> None:
        """Get the lines of `session_ids` that are not there yet."""
        missing = [name for name in session_ids if name not in self.lines]
        for start in range(0, len(missing), _BATCH):
            before = self._spent()
            try:
                found = await summaries(self._store, missing[start : start + _BATCH])
            finally:
                self._spent_since(*before)
            self.lines.update((summary.session_id, Line.of(summary)) for summary in found)
            tell(min(start + _BATCH, len(missing)))

    def _spent(self) -> tuple[int, int]:
        commands = commands_of(self._store)
        return commands.requests, commands.billed

    def _spent_since(self, requests: int, billed: int) -> None:
        now = self._spent()
        self.requests += now[0] - requests
        self.billed += now[1] - billed


def preview(raw: str | None) -> dict[str, str] | None:
    """Return role and first words of a stored record."""
    if raw is None:
        return None
    if len(raw) > _PREVIEW_SOURCE:
        return {"role": "other", "text": f"a message of {len(raw) / 1e6:.0f} MB"}
    record = parse(raw)
    if record.error is not None:
        return {"role": "other", "text": cut(f"cannot be read: {record.error}", PREVIEW)}
    text = " ".join(showable(text_of(record)[: PREVIEW * 4]).split())
    return {"role": role_of(record), "text": cut(text, PREVIEW)}


async def _new_only(names: AsyncIterator[str], known: list[str]) -> AsyncIterator[str]:
    seen = set(known)
    async for name in names:
        if name not in seen:
            yield name
