"""The search in messages: what is looked for, and what was found, in one session or in all."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..columns.values import Fields, column_values
from ..content import tool_results
from ..markdown import showable
from ..records import StoredMessage
from .entries import page_role, role_of, text_of
from .labelling import Labelling
from .protocol import FindParams
from .reading import all_records, identity_of
from .request_errors import RequestError
from .request_parsing import Call, session_id_of
from .sessions import SessionList
from .state import BrowserState

_COLUMNS: Final = ("content", "tool_calls", "raw", "error", "role", "name", "model")


@dataclass(frozen=True, slots=True)
class Filter:
    """All that is given must hold; what is empty does not count. Case never counts."""

    text: str = ""
    """In the words of a message, in its tool calls, or in the raw text of one that cannot be read."""
    role: str = ""
    """One of ROLES."""
    tool: str = ""
    """In the name of a tool that the message calls, or is the result of."""
    model: str = ""
    errors_only: bool = False
    """Only what cannot be read, and results of tools that failed, or look as if."""
    label: str = ""
    """What the message is labelled with; see `LabelFilter`."""
    labelled: set[tuple[int, str]] = field(default_factory=set, compare=False, repr=False)
    """With a label: index and identity of the messages that have it, as far as the search has come."""

    @classmethod
    def of(cls, params: FindParams) -> Filter:
        """Return the filter that the page asks for. Raises: RequestError."""
        return cls(
            params.text,
            params.role,
            params.tool.strip(),
            params.model.strip(),
            params.errors_only,
            params.label,
        )

    def matching(self, records: Sequence[StoredMessage]) -> list[StoredMessage]:
        """Return those of `records` that fit."""
        if self.label:
            records = [record for record in records if (record.index, identity_of(record)) in self.labelled]
        if self.errors_only:
            records = [record for record in records if _is_error(record)]
        values = column_values(_COLUMNS, Fields.of([], records))
        rows = zip(*(values[name] for name in _COLUMNS), strict=True)
        return [record for record, row in zip(records, rows, strict=True) if self._fits(*row)]

    def keeps(self, record: StoredMessage) -> bool:
        """Return whether `record` fits."""
        return bool(self.matching([record]))

    def _fits(
        self,
        content: str | None,
        calls: str | None,
        raw: str,
        error: str | None,
        role: str | None,
        name: str | None,
        model: str | None,
    ) -> bool:
        if self.role and page_role(role) != self.role:
            return False
        if self.model and not _holds(model, self.model):
            return False
        if self.tool and not self._is_of_tool(calls, role, name):
            return False
        return not self.text or any(
            _holds(text, self.text) for text in (content, calls, raw if error is not None else None)
        )

    def _is_of_tool(self, calls: str | None, role: str | None, name: str | None) -> bool:
        if page_role(role) == "tool" and _holds(name, self.tool):
            return True
        return calls is not None and re.search(self._called, calls.casefold()) is not None

    @property
    def _called(self) -> str:
        """A pattern for the name of a tool in the casefolded JSON of calls."""
        name = json.dumps(self.tool.casefold(), ensure_ascii=False)[1:-1]
        return rf'"name":"[^"]*{re.escape(name)}[^"]*"'


def _is_error(record: StoredMessage) -> bool:
    return record.error is not None or any(result.failure for result in tool_results(record))


def _holds(text: Any, wanted: str) -> bool:
    return isinstance(text, str) and wanted.casefold() in text.casefold()


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
    """The text around the match; the beginning if no text was searched for."""
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
    labelling: Labelling | None = None
    hits: list[Hit] = field(default_factory=list)
    count: int = 0
    sessions: int = 0
    messages: int = 0
    matching_sessions: dict[str, None] = field(default_factory=dict)
    """Those with at least one match, in order."""

    def arguments(self) -> str:
        """Return the arguments of `HistoryBrowser.find` for this search, as Python."""
        wanted = self.filter
        named = {"role": wanted.role, "tool": wanted.tool, "model": wanted.model, "label": wanted.label}
        flags = {"errors_only": wanted.errors_only, "everywhere": self.session_ids is None}
        given = {name: value for name, value in {**named, **flags}.items() if value}
        text = [repr(wanted.text)] if wanted.text else []
        return ", ".join([*text, *(f"{name}={value!r}" for name, value in given.items())])

    def take(self, session_id: str, records: list[StoredMessage], limit: int) -> list[Hit]:
        """Add what fits among `records`, and return the new hits."""
        if self.filter.label and self.labelling is not None:
            of_label = self.labelling.matching(session_id, records, self.filter.label)
            self.filter.labelled.update((record.index, identity_of(record)) for record in of_label)
        found = self.filter.matching(records)
        new = [
            _hit(session_id, record, self.filter.text) for record in found[: max(0, limit - len(self.hits))]
        ]
        self.hits += new
        if found:
            self.matching_sessions[session_id] = None
        self.count += len(found)
        self.messages += len(records)
        return new


class Find:
    """The method of the page that finds messages; the last search is kept, to be exported."""

    def __init__(self, state: BrowserState, sessions: SessionList, labelling: Labelling) -> None:
        self._state, self._sessions, self._labelling = state, sessions, labelling
        self.last: Search | None = None

    def forget(self) -> None:
        """Let go of the last search: its store is gone."""
        self.last = None

    async def find(self, params: FindParams, call: Call) -> dict[str, Any]:
        """Scan one session or all, and return the hits and their number."""
        wanted = Filter.of(params)
        limit = params.limit
        everywhere = params.scope == "all"
        session_id = "" if everywhere else session_id_of(params.session_id)
        names = await self._sessions.all_ids(call) if everywhere else [session_id]
        if wanted.label:  # others may have labelled since
            is_labelled = await self._labelling.session_filter(wanted.label)
            names = [name for name in names if is_labelled(name)]
        search = Search(wanted, None if everywhere else [session_id], self._labelling)
        await self._scan(search, names, limit, call)
        self.last = search
        return {
            "hits": [hit.shown() for hit in search.hits],
            "count": search.count,
            "complete": search.count == len(search.hits),
            "scanned": {"sessions": search.sessions, "messages": search.messages},
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
            raise RequestError("stale", "Another service was connected in the meantime.")


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
