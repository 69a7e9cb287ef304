"""The protocols of stores and readers, and checks of their arguments."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Protocol, Self, SupportsIndex, runtime_checkable

from ..errors import ChatMemError, InvalidInputError
from ..records import javascript_error
from .processes import PerProcess


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """The summary of a session, for lists.

    >>> [summary] = store.summaries(["trip-planner"])
    >>> summary.length, summary.ttl
    (10, None)
    """

    session_id: str
    length: int
    """Records in the session; 0 if it does not exist."""
    ttl: timedelta | None = None
    """Remaining TTL; None if the session does not expire, or if its TTL is unknown."""
    first: str | None = None
    """The oldest record, as stored."""
    last: str | None = None
    """The newest record, as stored."""
    last_write: datetime | None = None
    """Time of the last write (UTC); None if unknown."""


class NewRecords(list[str]):
    """Newly encoded records, each with a new `record_id`, so that no session contains them yet.

    A store can distinguish them from all records stored before. A plain list may contain records that are in
    the session already, as when a file is imported twice.
    """


class CommandCount:
    """Requests, billed commands and bytes of a store since it was created. Thread-safe."""

    def __init__(self) -> None:
        self._lock = PerProcess(Lock)
        self.requests = 0
        """Round trips."""
        self.billed = 0
        """Commands (Upstash) or operations (Momento), as the service bills them."""
        self.bytes_sent = 0
        self.bytes_received = 0

    def add(self, *, requests: int = 0, billed: int = 0, sent: int = 0, received: int = 0) -> None:
        """Add the cost of a request."""
        with self._lock.get():
            self.requests += requests
            self.billed += billed
            self.bytes_sent += sent
            self.bytes_received += received

    def __repr__(self) -> str:
        return (
            f"CommandCount(requests={self.requests}, billed={self.billed}, "
            f"bytes_sent={self.bytes_sent}, bytes_received={self.bytes_received})"
        )


@runtime_checkable
class SessionReader(Protocol):
    """The reading half of the store protocol, which is all that frames, exports and the browser need.

    Each verb has an async twin, `a` + its name. A reader may also have `service` (its display name) and
    `commands` (its `CommandCount`).

    Raises: InvalidInputError before anything is read; StoreError and its subclasses after.
    """

    def session_ids(self, match: str | None = None) -> Iterator[str]:
        """Yield the ids of the sessions, each once, in any order. One request per page.

        `match` is a glob as in Redis: `*`, `?`, `[a-z]`; `\\` escapes a character.
        """
        ...

    def asession_ids(self, match: str | None = None) -> AsyncIterator[str]: ...

    def summaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each session, in order; length 0 if it does not exist."""
        ...

    async def asummaries(self, session_ids: Iterable[str]) -> list[SessionSummary]: ...

    def length(self, session_id: str) -> int:
        """Return the number of records in the session; 0 if it does not exist."""
        ...

    async def alength(self, session_id: str) -> int: ...

    def read(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return the records of the slice `start:stop`, oldest first; [] if the session does not exist.

        Negative indexes count from the newest. Long sessions are read in pages. Only records that are
        returned are requested, and others may append meanwhile.
        """
        ...

    async def aread(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]: ...

    def read_many(self, session_ids: Iterable[str]) -> Iterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) for whole sessions, in order, oldest record first.

        A long session is yielded in several consecutive parts; `start` is the index of the first record of
        each. Sessions that do not exist are skipped. Several sessions share a request, only one page is kept
        in memory, and `session_ids` is consumed while the sessions are read.
        """
        ...

    def aread_many(self, session_ids: Iterable[str]) -> AsyncIterator[tuple[str, int, list[str]]]: ...


@runtime_checkable
class SessionStore(SessionReader, Protocol):
    """The sessions in one service. Each verb has an async twin, `a` + its name.

    Every verb raises InvalidInputError before anything is sent, and StoreError or a subclass after. Reads may
    always be retried; before you retry a change, check `maybe_applied` of its error.
    """

    service: str
    """The name of the service: "Upstash Redis" or "Momento"."""
    key_prefix: str
    ttl: timedelta | None
    """TTL of a session after each append; None: the default of the service."""
    javascript: bool
    """Whether records that `@langchain/community` of npm cannot read are rejected."""
    commands: CommandCount

    def append(self, session_id: str, records: Sequence[str]) -> int:
        """Append `records` in order, and return the new length.

        Upstash: all or nothing, and exactly once. Momento: all or nothing per request; if a response was
        lost, the length is that of the moment when the records were found, with what others appended since.
        """
        ...

    async def aappend(self, session_id: str, records: Sequence[str]) -> int: ...

    def insert(
        self, session_id: str, index: int, records: Sequence[str], *, ttl: timedelta | None = None
    ) -> int:
        """Insert `records` before the record at `index`, and return the new length.

        `ttl` applies if this call creates the session; an existing one keeps its own. An `index` past the
        end appends.
        """
        ...

    async def ainsert(
        self, session_id: str, index: int, records: Sequence[str], *, ttl: timedelta | None = None
    ) -> int: ...

    def replace(self, session_id: str, records: Sequence[str], *, ttl: timedelta | None = None) -> int:
        """Replace the session by `records`, and return their number. Without records, delete it.

        `ttl` is the new TTL of the session; None: the store's. Upstash: atomic. Momento: the new records are
        written and read back before the old ones are erased.
        """
        ...

    async def areplace(
        self, session_id: str, records: Sequence[str], *, ttl: timedelta | None = None
    ) -> int: ...

    def delete(self, session_id: str, *, count: int | None = None, last: str | None = None) -> bool:
        """Delete the session, and return whether it existed.

        With `count` and `last`, delete its `count` oldest records, the newest of which is `last`, and keep
        those appended since.

        Raises: StoreConflictError if record `count - 1` is not `last`; nothing is deleted then.
        """
        ...

    async def adelete(
        self, session_id: str, *, count: int | None = None, last: str | None = None
    ) -> bool: ...

    def remove(self, session_id: str, index: int, record: str) -> bool:
        """Remove the record at `index` if it equals `record`, and return whether it was removed."""
        ...

    async def aremove(self, session_id: str, index: int, record: str) -> bool: ...

    def close(self) -> None:
        """Close what this store opened, never a client that was passed in. Idempotent."""
        ...

    async def aclose(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...


@runtime_checkable
class BatchStore(SessionStore, Protocol):
    """A store that has verbs for several sessions at once, as both stores here have."""

    def lengths(self, session_ids: Iterable[str]) -> list[int]:
        """Return the number of records in each session, in order; 0 if it does not exist."""
        ...

    async def alengths(self, session_ids: Iterable[str]) -> list[int]: ...

    def append_many(self, sessions: Iterable[tuple[str, Sequence[str]]]) -> list[int | ChatMemError]:
        """Append to several sessions; return the new length of each, or the error in its place."""
        ...

    async def aappend_many(
        self, sessions: Iterable[tuple[str, Sequence[str]]]
    ) -> list[int | ChatMemError]: ...


def lengths(store: SessionReader, session_ids: Sequence[str]) -> list[int]:
    """Return the number of records in each session, of any store, in order; 0 if it does not exist."""
    if isinstance(store, BatchStore):
        return store.lengths(session_ids)
    return [summary.length for summary in store.summaries(session_ids)]


def append_many(
    store: SessionStore, sessions: Sequence[tuple[str, Sequence[str]]]
) -> list[int | ChatMemError]:
    """Append to several sessions of any store; return what `BatchStore.append_many` does."""
    if isinstance(store, BatchStore):
        return store.append_many(sessions) if sessions else []
    outcomes: list[int | ChatMemError] = []
    for session_id, records in sessions:
        try:
            outcomes.append(store.append(session_id, records))
        except InvalidInputError as error:
            outcomes.append(error)
    return outcomes


def service_of(reader: SessionReader) -> str | None:
    """Return the display name of the service of `reader`, or None if it has none."""
    service = getattr(reader, "service", None)
    return service if isinstance(service, str) else None


def commands_of(reader: SessionReader) -> CommandCount:
    """Return the `CommandCount` of `reader`; zeros if it has none."""
    commands = getattr(reader, "commands", None)
    return commands if isinstance(commands, CommandCount) else CommandCount()


def checked_text(value: object, field: str) -> str:
    """Return `value` as given. Raises: InvalidInputError if it is not text, or cannot be sent as UTF-8."""
    if not isinstance(value, str):
        raise InvalidInputError(f"{field} must be text, got {type(value).__name__}", field=field)
    if not value.isascii():
        _check_utf8(value, field, field)
    return value


def _check_utf8(
    text: str, name: str, field: str, *, position: int | None = None, advice: str = "remove it"
) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise InvalidInputError(
            f"{name} contains a lone surrogate at character {exc.start}, which cannot be sent; {advice}",
            field=field,
            position=position,
        ) from None


def checked_session_id(session_id: object) -> str:
    """Return `session_id` as given.

    Raises: InvalidInputError if it is not text, is empty, or cannot be sent as UTF-8.
    """
    if not isinstance(session_id, str) or not session_id:
        raise InvalidInputError(
            f"session_id must be a non-empty string, got {session_id!r:.40}; pass the id of a session",
            field="session_id",
        )
    if not session_id.isascii():
        _check_utf8(session_id, "session_id", "session_id")
    return session_id


def checked_session_ids(session_ids: Iterable[str]) -> Iterator[str]:
    """Yield each of `session_ids`, checked. Raises: InvalidInputError."""
    if isinstance(session_ids, str):
        raise InvalidInputError(
            "session_ids must be a list of session ids, not a single one", field="session_ids"
        )
    return map(checked_session_id, session_ids)


def checked_records(records: object) -> list[str]:
    """Return `records` as a list.

    Raises: InvalidInputError if they are not a sequence of texts, or cannot be sent as UTF-8.
    """
    if isinstance(records, str) or not isinstance(records, Sequence):
        raise InvalidInputError(
            "records must be a list of texts, one for each message; see chatmem_nb.records.encode",
            field="records",
        )
    for position, record in enumerate(records):
        if not isinstance(record, str):
            raise InvalidInputError(
                f"record {position} is {type(record).__name__}, not text", field="records", position=position
            )
        if not record.isascii():
            advice = "write it by chatmem_nb.records.to_json, which escapes it"
            _check_utf8(record, f"record {position}", "records", position=position, advice=advice)
    return list(records)


def checked_for_javascript(records: Sequence[str]) -> None:
    """Raise InvalidInputError, with the `position`, if `@langchain/community` of npm cannot read a record."""
    for position, record in enumerate(checked_records(records)):
        if reason := javascript_error(record):
            raise InvalidInputError(
                f"record {position} would make LangChain's JavaScript class fail for the whole session: "
                f"{reason}. Leave it out or convert it, or open the store without javascript=True",
                field="records",
                position=position,
                reason=reason,
            )


def checked_index(index: object, field: str = "index") -> int:
    """Return `index` as given. Raises: InvalidInputError if it is not an integer."""
    if isinstance(index, bool) or not isinstance(index, SupportsIndex):
        raise InvalidInputError(f"{field} must be an integer, got {type(index).__name__}", field=field)
    return operator.index(index)


def checked_ttl(ttl: object) -> timedelta | None:
    """Return `ttl` as given. Raises: InvalidInputError if it is not a timedelta of a millisecond or more."""
    if ttl is None or (isinstance(ttl, timedelta) and ttl >= timedelta(milliseconds=1)):
        return ttl
    raise InvalidInputError(
        f"ttl must be a timedelta of at least a millisecond, or None, got {ttl!r:.60}", field="ttl"
    )


def checked_number(value: object, field: str) -> float:
    """Return `value` as given. Raises: InvalidInputError if it is not a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise InvalidInputError(f"{field} must be a number above 0, got {value!r:.40}", field=field)
    return value


def checked_condition(count: object, last: object) -> tuple[int, str] | None:
    """Return the condition of a delete, or None if it has none. Raises: InvalidInputError."""
    if count is None and last is None:
        return None
    if not isinstance(last, str) or isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InvalidInputError(
            "count and last go together: the number of records to delete, 1 or more, and the newest of them",
            field="count",
        )
    return count, checked_text(last, "last")
