"""The search for messages: its criteria and its matches, in one session or in several."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import Any, Final

from ..markdown import showable
from ..records import StoredMessage
from .entries import role_of, text_of
from .labelling import Labelling
from .protocol.requests import FindParams
from .reading import all_records, identity_of
from .request_errors import RequestError
from .request_parsing import RequestContext, session_id_of
from .search_filter import Filter
from .sessions import SessionList
from .state import BrowserState
from .text_pattern import TextPattern

HITS_LIMIT: Final = 10_000
_BEFORE, _AFTER = 40, 120
_TOLD_EVERY_S: Final = 0.2
_SLICE: Final = 200
"""How many records are searched before a cancellation is noticed."""
_WORDS, _WORD = 20, 200
"""How many distinct matches of a regular expression are reported per message, and their maximum length."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that matches a search."""

    session_id: str
    index: int
    role: str
    """"human", "ai", "system", "tool" or "other"."""
    snippet: str
    """The text around the match; the beginning of the message if no text was searched for."""
    at: tuple[int, int]
    """Start and end of the match in the snippet."""
    identity: str = ""
    """A digest of the record, to notice a change of it."""
    words: tuple[str, ...] = ()
    """The distinct texts that a regular expression matched; empty for other searches."""

    def shown(self) -> dict[str, Any]:
        """Return the hit as the page shows it."""
        return {
            "session_id": self.session_id,
            "index": self.index,
            "role": self.role,
            "snippet": self.snippet,
            "at": list(self.at),
            "identity": self.identity,
            **({"words": [showable(word) for word in self.words]} if self.words else {}),
        }


@dataclass(slots=True)
class Search:
    """One search, and its matches so far."""

    filter: Filter
    session_ids: list[str] | None
    """None: all sessions."""
    scope: str = "session"
    labelling: Labelling | None = None
    hits: list[Hit] = field(default_factory=list)
    count: int = 0
    sessions: int = 0
    messages: int = 0
    matching_sessions: dict[str, None] = field(default_factory=dict)
    """The sessions with at least one match, in order."""

    def arguments(self) -> str:
        """Return the arguments of `HistoryBrowser.find` for this search, as Python."""
        scopes = {"all": {"everywhere": True}, "selected": {"selected": True}}
        given = {**self.filter.arguments(), **scopes.get(self.scope, {})}
        text = [repr(self.filter.pattern.text)] if self.filter.pattern.text else []
        return ", ".join([*text, *(f"{name}={value!r}" for name, value in given.items())])

    def take(self, session_id: str, records: list[StoredMessage], limit: int) -> list[Hit]:
        """Add the matches among `records`, and return the new ones."""
        if self.filter.label and self.labelling is not None:
            of_label = self.labelling.matching(session_id, records, self.filter.label)
            self.filter.labelled.update((record.index, identity_of(record)) for record in of_label)
        found = self.filter.matching(records)
        pattern, room = self.filter.pattern, max(0, limit - len(self.hits))
        new = [_hit(session_id, record, pattern) for record in found[:room]]
        self.hits += new
        if found:
            self.matching_sessions[session_id] = None
        self.count += len(found)
        self.messages += len(records)
        return new


class MessageSearch:
    """Searches for messages; keeps the last search, so that its matches can be exported."""

    def __init__(self, state: BrowserState, sessions: SessionList, labelling: Labelling) -> None:
        self._state, self._sessions, self._labelling = state, sessions, labelling
        self.last: Search | None = None

    def forget(self) -> None:
        """Drop the last search, since its store was disconnected."""
        self.last = None

    async def find(self, params: FindParams, context: RequestContext) -> dict[str, Any]:
        """Search one session, the selected ones or all, and return the matches."""
        wanted = await asyncio.to_thread(Filter.of, params)
        names = await self._names(params, context)
        searched = None if params.scope == "all" else names
        if wanted.label:  # others may have labelled since
            is_labelled = await self._labelling.session_filter(wanted.label)
            names = [name for name in names if is_labelled(name)]
        search = Search(wanted, searched, params.scope, self._labelling)
        await self._scan(search, names, params.limit, context)
        self.last = search
        return {
            "hits": [hit.shown() for hit in search.hits],
            "count": search.count,
            "sessions": len(search.matching_sessions),
            "complete": search.count == len(search.hits),
            "scanned": {"sessions": search.sessions, "messages": search.messages},
        }

    async def _names(self, params: FindParams, context: RequestContext) -> list[str]:
        if params.scope == "all":
            return await self._sessions.all_ids(context)
        if params.scope == "session":
            return [session_id_of(params.session_id)]
        if not self._state.selection:
            raise RequestError("invalid", "Select some sessions first.", field="scope")
        return list(self._state.selection)

    async def _scan(self, search: Search, names: list[str], limit: int, context: RequestContext) -> None:
        store = self._state.store
        waiting: list[Hit] = []
        told = time.monotonic()
        here: str | None = None
        total = len(names) if len(names) > 1 else None
        async for session_id, records in all_records(store, names, times=search.filter.needs_times):
            if session_id != here:
                here, search.sessions = session_id, search.sessions + 1
            # In a thread, slice by slice: the loop stays free, and a cancellation is noticed in between.
            for start in range(0, len(records), _SLICE):
                some = records[start : start + _SLICE]
                waiting += await asyncio.to_thread(search.take, session_id, some, limit)
            if time.monotonic() - told >= _TOLD_EVERY_S:
                told = time.monotonic()
                partial = {
                    "hits": [hit.shown() for hit in waiting],
                    "count": search.count,
                    "sessions": len(search.matching_sessions),
                }
                done = search.messages if total is None else search.sessions
                context.progress(done, total, f"{search.messages:,} messages read", partial)
                waiting = []
        if self._state.connection is None or self._state.connection.store is not store:
            raise RequestError("stale", "Another service was connected in the meantime.")


def _hit(session_id: str, record: StoredMessage, pattern: TextPattern) -> Hit:
    words = text_of(record)
    found = pattern.span(words)
    if found is None and pattern.text and record.error is None:
        words = record.raw  # the match is in a tool call
        found = pattern.span(words)
    start, end = found or (0, 0)
    first = _beginning(words, start)
    snippet = re.sub(r"\s", " ", showable(words[first : end + _AFTER].replace("\r\n", " \n")))
    cut = "…" if first else ""
    at = (start - first + len(cut), end - first + len(cut))
    matched = tuple(pattern.words_in(words, _WORDS, _WORD)) if found else ()
    return Hit(session_id, record.index, role_of(record), cut + snippet, at, identity_of(record), matched)


def _beginning(words: str, start: int) -> int:
    """Return where the snippet of a match at `start` begins: at a word, if one begins nearby."""
    first = max(0, start - _BEFORE)
    if first == 0:
        return 0
    space = re.compile(r"\s").search(words, first, start)
    return space.end() if space and space.end() - first < _BEFORE // 2 else first
