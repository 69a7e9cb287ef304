"""The verbs of a session store and their async twins, once for both services."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import timedelta
from html import escape
from itertools import islice
from typing import Any, NoReturn, Self

from ..errors import ChatMemError, InvalidInputError
from ..plain_text import NOT_MATH
from .arguments import checked_for_javascript, checked_session_id, checked_session_ids
from .protocol import CommandCount, SessionSummary
from .runner import Runner
from .session_plans import SessionPlans


class SessionStoreFacade:
    """A session store over the plans of a service and the runner of its transport.

    `protocol.SessionStore` says what each verb promises, and the classes of the services what it costs.
    """

    service: str
    billed_unit: str
    """What the service's price list counts."""
    key_prefix: str
    ttl: timedelta | None
    timeout_s: float
    javascript: bool = False
    """Whether `append` and `replace` reject records that `@langchain/community` of npm cannot read."""
    commands: CommandCount
    _plans: SessionPlans
    _runner: Runner

    def session_ids(self, match: str | None = None) -> Iterator[str]:
        """Yield the ids of the sessions, each once, or those that match the glob `match`."""
        self._runner.transport.check_open()
        return self._session_ids(match)

    def _session_ids(self, match: str | None) -> Iterator[str]:
        cursor: Any = None
        while True:
            page, cursor = self._runner.run(self._plans.session_ids(match, cursor))
            yield from page
            if cursor is None:
                return

    def asession_ids(self, match: str | None = None) -> AsyncIterator[str]:
        """Yield the ids of the sessions, each once, or those that match the glob `match`."""
        self._runner.transport.check_open()
        return self._asession_ids(match)

    async def _asession_ids(self, match: str | None) -> AsyncIterator[str]:
        cursor: Any = None
        while True:
            page, cursor = await self._runner.arun(self._plans.session_ids(match, cursor))
            for session_id in page:
                yield session_id
            if cursor is None:
                return

    def summaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id, in order; length 0 if the session does not exist."""
        found: list[SessionSummary] = []
        for batch in _batches(checked_session_ids(session_ids), self._plans.summary_batch):
            found += self._runner.run(self._plans.summaries(batch))
        return found

    async def asummaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id, in order; length 0 if the session does not exist."""
        found: list[SessionSummary] = []
        for batch in _batches(checked_session_ids(session_ids), self._plans.summary_batch):
            found += await self._runner.arun(self._plans.summaries(batch))
        return found

    def previews(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id for display, in order, at the cost of `summaries`.

        `first` is the oldest record, or the second oldest if the oldest is a system message. On Upstash both
        records are truncated, and `last_write` is the `stored_at` of the newest, if it has one.
        """
        found: list[SessionSummary] = []
        for batch in _batches(checked_session_ids(session_ids), self._plans.summary_batch):
            found += self._runner.run(self._plans.previews(batch))
        return found

    async def apreviews(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id for display, as `previews` does."""
        found: list[SessionSummary] = []
        for batch in _batches(checked_session_ids(session_ids), self._plans.summary_batch):
            found += await self._runner.arun(self._plans.previews(batch))
        return found

    def length(self, session_id: str) -> int:
        """Return the number of records in the session; 0 if it does not exist. One request."""
        return self._runner.run(self._plans.length(session_id))

    async def alength(self, session_id: str) -> int:
        """Return the number of records in the session; 0 if it does not exist. One request."""
        return await self._runner.arun(self._plans.length(session_id))

    def lengths(self, session_ids: Iterable[str]) -> list[int]:
        """Return the number of records in each session, in order; 0 if there is no such session.

        On Momento one request a session, where `summaries` takes four; on Upstash one for 100 sessions.
        """
        found: list[int] = []
        for batch in _batches(checked_session_ids(session_ids), self._plans.summary_batch):
            found += self._runner.run(self._plans.lengths(batch))
        return found

    async def alengths(self, session_ids: Iterable[str]) -> list[int]:
        """Return the number of records in each session, as `lengths` does."""
        found: list[int] = []
        for batch in _batches(checked_session_ids(session_ids), self._plans.summary_batch):
            found += await self._runner.arun(self._plans.lengths(batch))
        return found

    def read(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return the records of the slice `start:stop`, oldest first. One request per page.

        Raises: StoreConflictError if others keep inserting or removing records between two pages.
        """
        return self._runner.run(self._plans.read(session_id, start, stop))

    async def aread(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return the records of the slice `start:stop`, oldest first. One request per page.

        Raises: StoreConflictError if others keep inserting or removing records between two pages.
        """
        return await self._runner.arun(self._plans.read(session_id, start, stop))

    def read_many(self, session_ids: Iterable[str]) -> Iterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) for whole sessions, in order; long ones in several parts.

        Raises: StoreConflictError if a long session is replaced or deleted between two of its parts.
        """
        self._runner.transport.check_open()
        return self._read_many(checked_session_ids(session_ids))

    def _read_many(self, session_ids: Iterator[str]) -> Iterator[tuple[str, int, list[str]]]:
        size = self._plans.first_batch
        while batch := list(islice(session_ids, size)):
            pages = self._runner.run(self._plans.first_pages(batch))
            size = self._plans.next_batch(len(batch), pages)
            for session_id, (records, cursor) in zip(batch, pages, strict=True):
                start = 0
                while records:
                    yield session_id, start, records
                    start += len(records)
                    if cursor is None:
                        break
                    records, cursor = self._runner.run(self._plans.next_page(session_id, cursor))

    def aread_many(self, session_ids: Iterable[str]) -> AsyncIterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) for whole sessions, in order; long ones in several parts.

        Raises: StoreConflictError if a long session is replaced or deleted between two of its parts.
        """
        self._runner.transport.check_open()
        return self._aread_many(checked_session_ids(session_ids))

    async def _aread_many(self, session_ids: Iterator[str]) -> AsyncIterator[tuple[str, int, list[str]]]:
        size = self._plans.first_batch
        while batch := list(islice(session_ids, size)):
            pages = await self._runner.arun(self._plans.first_pages(batch))
            size = self._plans.next_batch(len(batch), pages)
            for session_id, (records, cursor) in zip(batch, pages, strict=True):
                start = 0
                while records:
                    yield session_id, start, records
                    start += len(records)
                    if cursor is None:
                        break
                    records, cursor = await self._runner.arun(self._plans.next_page(session_id, cursor))

    def append(self, session_id: str, records: Sequence[str]) -> int:
        """Append `records` in order, and return the new length."""
        self._check(records)
        return self._runner.run(self._plans.append(session_id, records))

    async def aappend(self, session_id: str, records: Sequence[str]) -> int:
        """Append `records` in order, and return the new length."""
        self._check(records)
        return await self._runner.arun(self._plans.append(session_id, records))

    def append_many(self, sessions: Iterable[tuple[str, Sequence[str]]]) -> list[int | ChatMemError]:
        """Append to several sessions, many of them in one request, with the guarantees of `append` for each.

        On Upstash, sessions share a pipeline, in which each command has its own idempotency key; on Momento,
        they share the write to the index.

        Returns the new length of each session, or the error in its place; an error does not affect the other
        sessions, and its `maybe_applied` is that of its session.

        Raises: InvalidInputError, before anything is sent, if a session is named twice or an id is invalid.
        """
        return self._runner.run(self._plans.append_many(self._checked_sessions(sessions)))

    async def aappend_many(self, sessions: Iterable[tuple[str, Sequence[str]]]) -> list[int | ChatMemError]:
        """Append to several sessions, as `append_many` does."""
        return await self._runner.arun(self._plans.append_many(self._checked_sessions(sessions)))

    def _checked_sessions(
        self, sessions: Iterable[tuple[str, Sequence[str]]]
    ) -> list[tuple[str, Sequence[str]]]:
        found = list(sessions)
        seen: set[str] = set()
        for session_id, records in found:
            if checked_session_id(session_id) in seen:
                raise InvalidInputError(
                    f"session {session_id!r} is named twice; append all of its records at once",
                    field="sessions",
                )
            seen.add(session_id)
            self._check(records)
        return found

    def insert(
        self, session_id: str, index: int, records: Sequence[str], *, ttl: timedelta | None = None
    ) -> int:
        """Insert `records` before the record at `index`, and return the new length.

        `ttl` applies if this call creates the session; None: the store's.
        """
        return self._runner.run(self._plans.insert(session_id, index, records, ttl))

    async def ainsert(
        self, session_id: str, index: int, records: Sequence[str], *, ttl: timedelta | None = None
    ) -> int:
        """Insert `records` before the record at `index`, and return the new length.

        `ttl` applies if this call creates the session; None: the store's.
        """
        return await self._runner.arun(self._plans.insert(session_id, index, records, ttl))

    def replace(self, session_id: str, records: Sequence[str], *, ttl: timedelta | None = None) -> int:
        """Replace the session by `records`, and return their number. Without records, delete it.

        `ttl` is the new TTL of the session; None: the store's.
        """
        self._check(records)
        return self._runner.run(self._plans.replace(session_id, records, ttl))

    async def areplace(self, session_id: str, records: Sequence[str], *, ttl: timedelta | None = None) -> int:
        """Replace the session by `records`, and return their number. Without records, delete it.

        `ttl` is the new TTL of the session; None: the store's.
        """
        self._check(records)
        return await self._runner.arun(self._plans.replace(session_id, records, ttl))

    def delete(self, session_id: str, *, count: int | None = None, last: str | None = None) -> bool:
        """Delete the session, or its `count` oldest records, ending with `last`; return whether it existed.

        Raises: StoreConflictError if record `count - 1` is not `last`; nothing is deleted then.
        """
        return self._runner.run(self._plans.delete(session_id, count, last))

    async def adelete(self, session_id: str, *, count: int | None = None, last: str | None = None) -> bool:
        """Delete the session, or its `count` oldest records, ending with `last`; return whether it existed.

        Raises: StoreConflictError if record `count - 1` is not `last`; nothing is deleted then.
        """
        return await self._runner.arun(self._plans.delete(session_id, count, last))

    def remove(self, session_id: str, index: int, record: str) -> bool:
        """Remove the record at `index` if it is `record`; return whether it was removed."""
        return self._runner.run(self._plans.remove(session_id, index, record))

    async def aremove(self, session_id: str, index: int, record: str) -> bool:
        """Remove the record at `index` if it is `record`; return whether it was removed."""
        return await self._runner.arun(self._plans.remove(session_id, index, record))

    def _check(self, records: Sequence[str]) -> None:
        # Not for `insert`, which restores records that were removed, whatever they are.
        if self.javascript:
            checked_for_javascript(records)

    def close(self) -> None:
        """Close what this store opened, never a client that was passed in. Idempotent."""
        self._runner.transport.close()

    async def aclose(self) -> None:
        """Close what this store opened, never a client that was passed in. Idempotent."""
        await self._runner.transport.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def _shown(self) -> dict[str, object]:
        """Return the settings that may be shown: no secrets."""
        raise NotImplementedError

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self._shown().items())
        return f"{type(self).__name__}({settings})"

    def _repr_html_(self) -> str:
        """Return the settings and the cost so far as an HTML table. No request."""
        spent = self.commands
        rows = {
            "service": self.service,
            **{name.replace("_", " "): value for name, value in self._shown().items()},
            "spent": f"{spent.billed:,} {self.billed_unit} in {spent.requests:,} requests, "
            f"{spent.bytes_sent:,} bytes sent, {spent.bytes_received:,} received",
        }
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:left'>{escape(str(value))}</td></tr>"
            for name, value in rows.items()
        )
        return f"<table class='{NOT_MATH}'>{cells}</table>"

    def __reduce__(self) -> NoReturn:
        # A pickle would hold the token or the key.
        name = type(self).__name__
        raise TypeError(
            f"a {name} cannot be pickled: it holds a secret and open connections. "
            f"Pickle functools.partial({name}.from_env, ...) instead, and call it in the other process"
        )


def _batches(session_ids: Iterator[str], size: int) -> Iterator[list[str]]:
    while batch := list(islice(session_ids, size)):
        yield batch
