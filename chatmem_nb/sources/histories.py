"""LangChain's chat message histories as sessions, wherever they store their messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Final

from langchain_core.messages import BaseMessage

from ..errors import ChatMemError, InvalidInputError, RecordError, StoreError
from ..plain_text import counted
from ..records import record_text, unreadable_text
from ..stores.arguments import checked_session_id, checked_session_ids
from ..stores.protocol import SessionSummary
from ..stores.redis_glob import compile_glob

_PIECE: Final = 2_000
"""Maximum number of records in a part of `read_many`."""
# What histories raise if a message cannot be parsed, as opposed to failures of their database.
_UNREADABLE: Final = (RecordError, ValueError, LookupError, TypeError, AttributeError)


class HistorySource:
    """Read-only access to LangChain chat message histories: browse, analyse, export and copy them.

    `factory` takes a session id and returns a chat message history: Redis, SQL, a file, memory. Histories
    cannot list sessions, so `session_ids` does: a list, or a function that returns one. A history returns all
    of its messages, so each call reads a whole session. A session that cannot be parsed has a single record
    with the reason. The histories are never closed here.

    Raises: InvalidInputError if an argument is invalid. Neither `factory` nor `session_ids` is called yet.

    >>> make = UpstashRedisChatMessageHistory.from_store
    >>> histories = HistorySource(lambda name: make(store, name), ["talk"])
    >>> histories.length("talk")
    0
    """

    service = "LangChain histories"

    def __init__(
        self, factory: Callable[[str], Any], session_ids: Iterable[str] | Callable[[], Iterable[str]]
    ) -> None:
        if not callable(factory):
            raise InvalidInputError(
                f"factory must be a function of a session id that returns a history, got {factory!r:.40}"
            )
        if isinstance(session_ids, str) or not (callable(session_ids) or isinstance(session_ids, Iterable)):
            raise InvalidInputError(
                'session_ids must be a list of session ids, as in ["alice"], or a function that returns one'
            )
        self._factory = factory
        self._ids = session_ids if callable(session_ids) else list(checked_session_ids(session_ids))

    def session_ids(self, match: str | None = None) -> Iterator[str]:
        """Yield the ids without duplicates, or those that match the glob `match`."""
        pattern = None if match is None else compile_glob(match)
        listed = self._ids() if callable(self._ids) else self._ids
        for name in dict.fromkeys(checked_session_ids(listed)):
            if pattern is None or pattern.fullmatch(name):
                yield name

    async def asession_ids(self, match: str | None = None) -> AsyncIterator[str]:
        """Yield the ids without duplicates, or those that match the glob `match`."""
        for name in await asyncio.to_thread(lambda: list(self.session_ids(match))):
            yield name

    def summaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id, in order. Reads the whole sessions."""
        return [_summary(name, self.read(name)) for name in checked_session_ids(session_ids)]

    async def asummaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id, in order. Reads the whole sessions."""
        return [_summary(name, await self.aread(name)) for name in checked_session_ids(session_ids)]

    def length(self, session_id: str) -> int:
        """Return the number of messages in the session. Reads all of it."""
        return len(self.read(session_id))

    async def alength(self, session_id: str) -> int:
        """Return the number of messages in the session. Reads all of it."""
        return len(await self.aread(session_id))

    def read(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return the records of the slice `start:stop`, oldest first. Raises: StoreError."""
        name = checked_session_id(session_id)
        try:
            messages = self._factory(name).messages
            return _records(messages)[start:stop]
        except Exception as exc:  # noqa: BLE001 - a history raises what its database's client raises
            return [_unreadable(name, exc)][start:stop]

    async def aread(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return the records of the slice `start:stop`, oldest first. Raises: StoreError."""
        name = checked_session_id(session_id)
        try:
            history = await asyncio.to_thread(self._factory, name)  # it may connect
            return _records(await _messages(history))[start:stop]
        except Exception as exc:  # noqa: BLE001 - a history raises what its database's client raises
            return [_unreadable(name, exc)][start:stop]

    def read_many(self, session_ids: Iterable[str]) -> Iterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) for whole sessions, in order; long ones in several parts."""
        return self._read_many(checked_session_ids(session_ids))

    def _read_many(self, session_ids: Iterator[str]) -> Iterator[tuple[str, int, list[str]]]:
        for name in session_ids:
            yield from _pieces(name, self.read(name))

    def aread_many(self, session_ids: Iterable[str]) -> AsyncIterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) for whole sessions, in order; long ones in several parts."""
        return self._aread_many(checked_session_ids(session_ids))

    async def _aread_many(self, session_ids: Iterator[str]) -> AsyncIterator[tuple[str, int, list[str]]]:
        for name in session_ids:
            for piece in _pieces(name, await self.aread(name)):
                yield piece

    def __repr__(self) -> str:
        listed = "a function" if callable(self._ids) else counted(len(self._ids), "session")
        return f"HistorySource({listed})"


async def _messages(history: Any) -> Iterable[Any]:
    if hasattr(history, "aget_messages"):
        try:
            messages: Iterable[Any] = await history.aget_messages()
            return messages
        except _UNREADABLE:
            pass  # SQLChatMessageHistory raises ValueError if it was created for sync use
    return await asyncio.to_thread(lambda: history.messages)


def _records(messages: Iterable[Any]) -> list[str]:
    return [_record(message) for message in messages]


def _record(message: object) -> str:
    if not isinstance(message, BaseMessage):
        return unreadable_text(f"it is a {type(message).__name__}, not a message")
    try:
        return record_text(message.type, message.model_dump(), record_id=message.id or None)
    except InvalidInputError as exc:
        return unreadable_text(str(exc))


def _unreadable(session_id: str, exc: Exception) -> str:
    """Return a record that says why a session cannot be parsed. Raises: StoreError for other errors."""
    if isinstance(exc, RecordError):
        return unreadable_text(exc.reason)
    if isinstance(exc, _UNREADABLE) and not isinstance(exc, (ChatMemError, OSError)):
        name = type(exc).__name__
        return unreadable_text(f"its history cannot be parsed ({name}); see what its `messages` raises")
    if isinstance(exc, ChatMemError):
        raise exc
    raise StoreError(
        f"the history of session {session_id!r:.80} failed ({type(exc).__name__}); see its cause"
    ) from exc


def _summary(session_id: str, raws: list[str]) -> SessionSummary:
    first, last = (raws[0], raws[-1]) if raws else (None, None)
    return SessionSummary(session_id, len(raws), first=first, last=last)


def _pieces(session_id: str, raws: list[str]) -> Iterator[tuple[str, int, list[str]]]:
    for start in range(0, len(raws), _PIECE):
        yield session_id, start, raws[start : start + _PIECE]
