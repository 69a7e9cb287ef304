"""Sessions in Upstash Redis."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import timedelta
from html import escape
from typing import Self

from upstash_redis import Redis

from ...errors import InvalidInputError
from ..protocol import CommandCount, SessionSummary
from . import reading
from .clients import clients_for
from .connection import Connection
from .plans import Plans, checked_names


class UpstashSessionStore:
    """Sessions in an Upstash Redis database, each a list, its newest record first. Making one is no I/O.

    Every change happens exactly once, even where its answer was lost and it was sent again: one script, one
    billed command. A batch larger than a request is staged, and moved in by one script. Where the server
    refuses scripts, the same is done with more commands; `insert` in the middle, and `remove` of one of equal
    records, then fail where an answer is lost.

    `timeout_s` is the time of a call with all its attempts; a call that takes several pages or parts has it
    for each. After a StoreUnavailableError it is not known whether the last attempt of a change arrived.
    `commands` counts what goes through the store, and not what `redis_client` is used for besides.

    Raises: InvalidInputError, where url, token or another argument cannot be used.

    >>> with UpstashSessionStore(server.url, server.token) as store:
    ...     sorted(store.session_ids("short*")), store.length("short-hello")
    (['short-hello'], 2)
    """

    service = "Upstash Redis"

    def __init__(
        self,
        url: str,
        token: str,
        *,
        key_prefix: str = "message_store:",
        ttl: timedelta | None = None,
        timeout_s: float = 10.0,
        max_request_bytes: int = 10_000_000,
    ) -> None:
        self._plans = Plans(key_prefix, ttl, timeout_s, max_request_bytes)
        self.key_prefix, self.ttl, self.timeout_s = key_prefix, ttl, timeout_s
        self.commands = CommandCount()
        self._connection = Connection(clients_for(url, token, timeout_s), timeout_s, self.commands)

    @classmethod
    def from_env(
        cls,
        *,
        key_prefix: str = "message_store:",
        ttl: timedelta | None = None,
        timeout_s: float = 10.0,
        max_request_bytes: int = 10_000_000,
    ) -> Self:
        """Return a store of the database that UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN name.

        Raises: InvalidInputError, where one of the two is not set.
        """
        names = ("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN")
        missing = [name for name in names if not os.environ.get(name)]
        if missing:
            raise InvalidInputError(
                f"{' and '.join(missing)} must be set: url and token are taken as a pair, or given"
            )
        return cls(
            os.environ[names[0]],
            os.environ[names[1]],
            key_prefix=key_prefix,
            ttl=ttl,
            timeout_s=timeout_s,
            max_request_bytes=max_request_bytes,
        )

    @property
    def host(self) -> str:
        """Host and port of the database; no secret."""
        return self._connection.host

    @property
    def redis_client(self) -> Redis:
        """The SDK's own client of this database: it raises the SDK's errors, and sends nothing again."""
        return self._connection.client

    def session_ids(self, match: str | None = None) -> Iterator[str]:
        """Yield the ids of the lists under the prefix, each once. One SCAN for a thousand keys."""
        self._connection.check_open()
        return self._session_ids(match)

    def _session_ids(self, match: str | None) -> Iterator[str]:
        seen: set[str] = set()
        cursor: int | None = None
        while cursor != 0:
            cursor, page = self._connection.run(self._plans.scan(cursor or 0, match))
            yield from _new(page, seen)

    def asession_ids(self, match: str | None = None) -> AsyncIterator[str]:
        """Yield the ids of the lists under the prefix, each once. One SCAN for a thousand keys."""
        self._connection.check_open()
        return self._asession_ids(match)

    async def _asession_ids(self, match: str | None) -> AsyncIterator[str]:
        seen: set[str] = set()
        cursor: int | None = None
        while cursor != 0:
            cursor, page = await self._connection.arun(self._plans.scan(cursor or 0, match))
            for session_id in _new(page, seen):
                yield session_id

    def summaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id, in order. One EVAL for a hundred."""
        return self._connection.run(self._plans.summaries(session_ids))

    async def asummaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id, in order. One EVAL for a hundred."""
        return await self._connection.arun(self._plans.summaries(session_ids))

    def length(self, session_id: str) -> int:
        """Return how many records the session has; 0 if there is none. One LLEN."""
        return self._connection.run(self._plans.length(session_id))

    async def alength(self, session_id: str) -> int:
        """Return how many records the session has; 0 if there is none. One LLEN."""
        return await self._connection.arun(self._plans.length(session_id))

    def read(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return records `start` to `stop`, oldest first, as a slice would; [] if none. One LRANGE a page."""
        return self._connection.run(self._plans.read(session_id, start, stop))

    async def aread(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return records `start` to `stop`, oldest first, as a slice would; [] if none. One LRANGE a page."""
        return await self._connection.arun(self._plans.read(session_id, start, stop))

    def read_many(self, session_ids: Iterable[str]) -> Iterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) of whole sessions, long ones in pieces; 25 to 250 a request."""
        self._connection.check_open()
        return self._read_many(checked_names(session_ids))

    def _read_many(self, session_ids: Iterator[str]) -> Iterator[tuple[str, int, list[str]]]:
        batches = reading.Batches(session_ids)
        for batch in batches:
            pages = self._connection.run(self._plans.first_pages(batch))
            batches.came(pages)
            for session_id, (records, more) in zip(batch, pages, strict=True):
                start = 0
                while records:
                    yield session_id, start, records
                    start += len(records)
                    following = self._plans.page_after(session_id, start, records)
                    records, more = self._connection.run(following) if more else ([], False)

    def aread_many(self, session_ids: Iterable[str]) -> AsyncIterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) of whole sessions, long ones in pieces; 25 to 250 a request."""
        self._connection.check_open()
        return self._aread_many(checked_names(session_ids))

    async def _aread_many(self, session_ids: Iterator[str]) -> AsyncIterator[tuple[str, int, list[str]]]:
        batches = reading.Batches(session_ids)
        for batch in batches:
            pages = await self._connection.arun(self._plans.first_pages(batch))
            batches.came(pages)
            for session_id, (records, more) in zip(batch, pages, strict=True):
                start = 0
                while records:
                    yield session_id, start, records
                    start += len(records)
                    following = self._plans.page_after(session_id, start, records)
                    records, more = await self._connection.arun(following) if more else ([], False)

    def append(self, session_id: str, records: Sequence[str]) -> int:
        """Add `records` after the newest, all of them once or none, and return the new length. One EVAL."""
        return self._connection.run(self._plans.append(session_id, records))

    async def aappend(self, session_id: str, records: Sequence[str]) -> int:
        """Add `records` after the newest, all of them once or none, and return the new length. One EVAL."""
        return await self._connection.arun(self._plans.append(session_id, records))

    def insert(
        self, session_id: str, index: int, records: Sequence[str], *, ttl: timedelta | None = None
    ) -> int:
        """Put `records` before the record at `index`, and return the new length. One EVAL.

        `ttl` is the life of a session that this call makes anew; None: the store's.
        """
        return self._connection.run(self._plans.insert(session_id, index, records, ttl))

    async def ainsert(
        self, session_id: str, index: int, records: Sequence[str], *, ttl: timedelta | None = None
    ) -> int:
        """Put `records` before the record at `index`, and return the new length. One EVAL.

        `ttl` is the life of a session that this call makes anew; None: the store's.
        """
        return await self._connection.arun(self._plans.insert(session_id, index, records, ttl))

    def replace(self, session_id: str, records: Sequence[str], *, ttl: timedelta | None = None) -> int:
        """Make `records` all that the session holds, at once, and return their number. One EVAL."""
        return self._connection.run(self._plans.replace(session_id, records, ttl))

    async def areplace(self, session_id: str, records: Sequence[str], *, ttl: timedelta | None = None) -> int:
        """Make `records` all that the session holds, at once, and return their number. One EVAL."""
        return await self._connection.arun(self._plans.replace(session_id, records, ttl))

    def delete(self, session_id: str) -> bool:
        """Delete the session, and return whether it existed. One EVAL."""
        return self._connection.run(self._plans.delete(session_id))

    async def adelete(self, session_id: str) -> bool:
        """Delete the session, and return whether it existed. One EVAL."""
        return await self._connection.arun(self._plans.delete(session_id))

    def remove(self, session_id: str, index: int, record: str) -> bool:
        """Remove the record at `index` if its text is `record`, and return whether it was. One EVAL."""
        return self._connection.run(self._plans.remove(session_id, index, record))

    async def aremove(self, session_id: str, index: int, record: str) -> bool:
        """Remove the record at `index` if its text is `record`, and return whether it was. One EVAL."""
        return await self._connection.arun(self._plans.remove(session_id, index, record))

    def close(self) -> None:
        """Close every client that this store made. Closing twice is one."""
        self._connection.close()

    async def aclose(self) -> None:
        """Close every client that this store made. Closing twice is one."""
        await self._connection.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        host, prefix = self._connection.host, self.key_prefix
        return f"UpstashSessionStore(host={host!r}, key_prefix={prefix!r}, ttl={self.ttl!r})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the service, the host and what was spent; nothing secret, and no request."""
        spent = self.commands
        rows = {
            "service": self.service,
            "host": self._connection.host,
            "key prefix": self.key_prefix,
            "ttl": "none" if self.ttl is None else str(self.ttl),
            "spent": f"{spent.billed:,} commands in {spent.requests:,} requests, "
            f"{spent.bytes_sent:,} bytes sent, {spent.bytes_received:,} received",
        }
        cells = "".join(
            f'<tr><th style="text-align:left">{escape(name)}</th>'
            f'<td style="text-align:left">{escape(value)}</td></tr>'
            for name, value in rows.items()
        )
        return f"<table>{cells}</table>"


def _new(page: list[str], seen: set[str]) -> Iterator[str]:
    """Those of `page` that were not seen before: a SCAN may return a key again."""
    for session_id in page:
        if session_id not in seen:
            seen.add(session_id)
            yield session_id
