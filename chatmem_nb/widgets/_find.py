"""Find: messages that fit a filter, in one session or in all, with progress, and as Python code."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import Any, Final

from ..markdown import showable
from ..records import StoredMessage
from ._code import Code
from ._entries import text_of
from ._filter import Filter
from ._identity import identity_of
from ._reading import all_records
from ._refusals import Refusal
from ._requests import Call, Params
from ._roles import role_of
from ._sessions import SessionList
from ._state import BrowserState

HITS_LIMIT: Final = 10_000
_BEFORE, _AFTER = 60, 100
_TOLD_EVERY_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Hit:
    """One message that was found."""

    session_id: str
    index: int
    role: str
    """"human", "ai", "system", "tool" or "other"."""
    snippet: str
    """The words around the match; the first words where no text was looked for."""
    at: tuple[int, int]
    """Where in the snippet the match stands."""
    identity: str = ""
    """A digest of the record, by which a change of it is noticed."""

    def shown(self) -> dict[str, Any]:
        """Return the hit as the page shows it."""
        return {
            "session_id": self.session_id,
            "index": self.index,
            "role": self.role,
            "snippet": self.snippet,
            "at": list(self.at),
            "identity": self.identity,
        }


@dataclass(slots=True)
class Search:
    """One search and what it found so far."""

    filter: Filter
    session_ids: list[str] | None
    """None: all sessions."""
    hits: list[Hit] = field(default_factory=list)
    count: int = 0
    sessions: int = 0
    messages: int = 0

    def take(self, session_id: str, records: list[StoredMessage], limit: int) -> list[Hit]:
        """Add what fits among `records`, and return the new hits."""
        found = self.filter.matching(records)
        new = [
            _hit(session_id, record, self.filter.text) for record in found[: max(0, limit - len(self.hits))]
        ]
        self.hits += new
        self.count += len(found)
        self.messages += len(records)
        return new


class Find:
    """The method of the page that finds messages; the last search is kept, to be taken away."""

    def __init__(self, state: BrowserState, sessions: SessionList, code: Code) -> None:
        self._state, self._sessions, self._code = state, sessions, code
        self.last: Search | None = None

    def forget(self) -> None:
        """Let go of the last search: its store is gone."""
        self.last = None

    async def find(self, params: Params, call: Call) -> dict[str, Any]:
        """Scan one session or all, and return the hits, their number, and the code that finds them."""
        wanted = Filter.of(params)
        limit = params.integer("limit", 1_000, low=1, high=HITS_LIMIT)
        everywhere = params.choice("scope", ("session", "all"), "session") == "all"
        names = await self._sessions.all_ids(call) if everywhere else [params.session_id()]
        search = Search(wanted, None if everywhere else names)
        await self._scan(search, names, limit, call)
        self.last = search
        return {
            "hits": [hit.shown() for hit in search.hits],
            "count": search.count,
            "complete": search.count == len(search.hits),
            "scanned": {"sessions": search.sessions, "messages": search.messages},
            "code": self._code.of_search(search.filter, search.session_ids),
        }

    async def _scan(self, search: Search, names: list[str], limit: int, call: Call) -> None:
        store = self._state.store
        waiting: list[Hit] = []
        told = time.monotonic()
        here: str | None = None
        total = len(names) if search.session_ids is None else None
        async for session_id, records in all_records(store, names):
            if session_id != here:
                here, search.sessions = session_id, search.sessions + 1
            # In a thread, a piece at a time: the loop stays free, and a cancel is heard between pieces.
            waiting += await asyncio.to_thread(search.take, session_id, records, limit)
            if time.monotonic() - told >= _TOLD_EVERY_S:
                told = time.monotonic()
                partial = {"hits": [hit.shown() for hit in waiting], "count": search.count}
                done = search.messages if total is None else search.sessions
                call.progress(done, total, f"{search.messages:,} messages read", partial)
                waiting = []
        if self._state.connection is None or self._state.connection.store is not store:
            raise Refusal("stale", "Another service was connected in the meantime.")


def _hit(session_id: str, record: StoredMessage, text: str) -> Hit:
    words = text_of(record)
    found = _position(words, text)
    if found is None and text and record.error is None:
        words = record.raw  # it stands in a tool call
        found = _position(words, text)
    start, end = found or (0, 0)
    first = max(0, start - _BEFORE)
    snippet = re.sub(r"\s", " ", showable(words[first : end + _AFTER].replace("\r\n", " \n")))
    at = (start - first, end - first)
    return Hit(session_id, record.index, role_of(record), snippet, at, identity_of(record))


def _position(words: str, text: str) -> tuple[int, int] | None:
    found = re.search(re.escape(text), words, re.IGNORECASE) if text else None
    return found.span() if found else None
