"""The protocols of stores and readers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from inspect import get_annotations
from threading import Lock
from typing import Protocol, Self, TypeGuard, runtime_checkable

from ..errors import ChatMemError, InvalidInputError
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


def is_reader(candidate: object) -> TypeGuard[SessionReader]:
    """Return whether it has all members of SessionReader, also those that its `__getattr__` passes on.

    `isinstance` ignores the latter from Python 3.12 on, and with them the wrappers of stores.
    """
    return isinstance(candidate, SessionReader) or _has_members(candidate, SessionReader)


def is_store(candidate: object) -> TypeGuard[SessionStore]:
    """Return whether it has all members of SessionStore; see `is_reader`."""
    return isinstance(candidate, SessionStore) or _has_members(candidate, SessionStore)


def _has_members(candidate: object, protocol: type) -> bool:
    bases = [base for base in protocol.__mro__ if issubclass(base, SessionReader)]
    names = {name for base in bases for name in (*vars(base), *get_annotations(base))}
    return all(hasattr(candidate, name) for name in names if not name.startswith("_"))


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
