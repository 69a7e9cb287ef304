"""Sessions in Upstash Redis."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Self

from upstash_redis import Redis

from ..errors import InvalidInputError
from . import upstash_listing as listing
from . import upstash_reading as reading
from . import upstash_writing as writing
from .base import SessionSummary, checked_records, checked_session_id
from .upstash_clients import clients_for
from .upstash_connection import Connection
from .upstash_requests import Plan
from .upstash_writing import Change


class UpstashSessionStore:
    """Sessions in an Upstash Redis database, each a list, its newest record first.

    Every change happens exactly once, even where its answer was lost and it was sent again: one script, one
    billed command. A batch larger than a request is staged first, and moved in by one script. `timeout_s`
    is for a call with all its attempts; one that takes several pages or parts has it for each of them.
    After a StoreUnavailableError it is not known whether the last attempt of a change arrived.

    `commands` counts what goes through the store; what `redis_client` is used for besides is not in it.
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
        self.key_prefix = _checked_prefix(key_prefix)
        self.ttl = _checked_ttl(ttl)
        self.timeout_s = _checked_timeout(timeout_s)
        self.max_request_bytes = max_request_bytes
        self._connection = Connection(clients_for(url, token, self.timeout_s), self.timeout_s)
        self.commands = self._connection.commands
        # Never under the prefix, so that no scan for sessions finds markers or staged parts.
        self._aside = next(
            name
            for name in ("chatmem_nb:", "_chatmem_nb:")
            if not name.startswith(key_prefix) or not key_prefix
        )

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
            raise InvalidInputError(f"{' and '.join(missing)} must be set: url and token are taken as a pair")
        url, token = (os.environ[name] for name in names)
        return cls(
            url,
            token,
            key_prefix=key_prefix,
            ttl=ttl,
            timeout_s=timeout_s,
            max_request_bytes=max_request_bytes,
        )

    @property
    def redis_client(self) -> Redis:
        """The SDK's own client of this database; its errors are the SDK's, and it sends nothing twice."""
        return self._connection.client

    def session_ids(self, match: str | None = None) -> Iterator[str]:
        """Yield the ids of the lists under the prefix, each once; one billed SCAN a thousand keys."""
        self._connection.check_open()
        return self._session_ids(match)

    def _session_ids(self, match: str | None) -> Iterator[str]:
        seen: set[str] = set()
        cursor = -1
        while cursor != 0:
            cursor, page = self._connection.run(self._scan(cursor, match))
            yield from _new(page, seen)

    def asession_ids(self, match: str | None = None) -> AsyncIterator[str]:
        """Yield the ids of the lists under the prefix, each once; one billed SCAN a thousand keys."""
        self._connection.check_open()
        return self._asession_ids(match)

    async def _asession_ids(self, match: str | None) -> AsyncIterator[str]:
        seen: set[str] = set()
        cursor = -1
        while cursor != 0:
            cursor, page = await self._connection.arun(self._scan(cursor, match))
            for session_id in _new(page, seen):
                yield session_id

    def _scan(self, cursor: int, match: str | None) -> Plan[tuple[int, list[str]]]:
        return listing.scan(max(0, cursor), self.key_prefix, match, self._aside)

    def summaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id, in order; one billed command for each hundred."""
        return self._connection.run(listing.summaries(list(_names(session_ids)), self.key_prefix))

    async def asummaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id, in order; one billed command for each hundred."""
        return await self._connection.arun(listing.summaries(list(_names(session_ids)), self.key_prefix))

    def length(self, session_id: str) -> int:
        """Return how many records the session has; 0 if there is none. One LLEN."""
        return self._connection.run(reading.length(self._key(session_id)))

    async def alength(self, session_id: str) -> int:
        """Return how many records the session has; 0 if there is none. One LLEN."""
        return await self._connection.arun(reading.length(self._key(session_id)))

    def read(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return records `start` to `stop`, oldest first, as a slice would; [] if none. One LRANGE a page."""
        return self._connection.run(reading.read(self._key(session_id), start, stop))

    async def aread(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return records `start` to `stop`, oldest first, as a slice would; [] if none. One LRANGE a page."""
        return await self._connection.arun(reading.read(self._key(session_id), start, stop))

    def read_many(self, session_ids: Iterable[str]) -> Iterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) of whole sessions, long ones in pieces; 25 in a request."""
        self._connection.check_open()
        return self._read_many(_names(session_ids))

    def _read_many(self, names: Iterator[str]) -> Iterator[tuple[str, int, list[str]]]:
        for batch in reading.batches(names):
            pages = self._connection.run(reading.first_pages([self._key(name) for name in batch]))
            for name, (records, more) in zip(batch, pages, strict=True):
                start = 0
                while records:
                    yield name, start, records
                    start += len(records)
                    following = reading.page(self._key(name), start, reading.next_size(records))
                    records, more = self._connection.run(following) if more else ([], False)

    def aread_many(self, session_ids: Iterable[str]) -> AsyncIterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) of whole sessions, long ones in pieces; 25 in a request."""
        self._connection.check_open()
        return self._aread_many(_names(session_ids))

    async def _aread_many(self, names: Iterator[str]) -> AsyncIterator[tuple[str, int, list[str]]]:
        for batch in reading.batches(names):
            pages = await self._connection.arun(reading.first_pages([self._key(name) for name in batch]))
            for name, (records, more) in zip(batch, pages, strict=True):
                start = 0
                while records:
                    yield name, start, records
                    start += len(records)
                    following = reading.page(self._key(name), start, reading.next_size(records))
                    records, more = await self._connection.arun(following) if more else ([], False)

    def append(self, session_id: str, records: Sequence[str]) -> int:
        """Add `records` after the newest, all of them once or none, and return the new length. One EVAL."""
        return self._connection.run(self._append(session_id, records))

    async def aappend(self, session_id: str, records: Sequence[str]) -> int:
        """Add `records` after the newest, all of them once or none, and return the new length. One EVAL."""
        return await self._connection.arun(self._append(session_id, records))

    def _append(self, session_id: str, records: Sequence[str]) -> Plan[int]:
        checked = checked_records(records)
        if not checked:
            return reading.length(self._key(session_id))
        return writing.append(self._change(session_id), checked, self.ttl)

    def insert(
        self, session_id: str, index: int, records: Sequence[str], *, ttl: timedelta | None = None
    ) -> int:
        """Put `records` before the record at `index`, and return the new length. One EVAL.

        `ttl` is the life of a session that this call makes anew; None: the store's.
        """
        return self._connection.run(self._insert(session_id, index, records, ttl))

    async def ainsert(
        self, session_id: str, index: int, records: Sequence[str], *, ttl: timedelta | None = None
    ) -> int:
        """Put `records` before the record at `index`, and return the new length. One EVAL.

        `ttl` is the life of a session that this call makes anew; None: the store's.
        """
        return await self._connection.arun(self._insert(session_id, index, records, ttl))

    def _insert(
        self, session_id: str, index: int, records: Sequence[str], ttl: timedelta | None
    ) -> Plan[int]:
        checked = checked_records(records)
        if not checked:
            return reading.length(self._key(session_id))
        return writing.place(
            self._change(session_id), checked, _checked_ttl(ttl) or self.ttl, "insert", index
        )

    def replace(self, session_id: str, records: Sequence[str], *, ttl: timedelta | None = None) -> int:
        """Make `records` all that the session holds, at once, and return their number. One EVAL."""
        return self._connection.run(self._replace(session_id, records, ttl))

    async def areplace(self, session_id: str, records: Sequence[str], *, ttl: timedelta | None = None) -> int:
        """Make `records` all that the session holds, at once, and return their number. One EVAL."""
        return await self._connection.arun(self._replace(session_id, records, ttl))

    def _replace(self, session_id: str, records: Sequence[str], ttl: timedelta | None) -> Plan[int]:
        life = _checked_ttl(ttl) or self.ttl
        return writing.place(self._change(session_id), checked_records(records), life, "replace")

    def delete(self, session_id: str) -> bool:
        """Delete the session, and return whether it existed. One EVAL."""
        return self._connection.run(writing.delete(self._change(session_id)))

    async def adelete(self, session_id: str) -> bool:
        """Delete the session, and return whether it existed. One EVAL."""
        return await self._connection.arun(writing.delete(self._change(session_id)))

    def remove(self, session_id: str, index: int, record: str) -> bool:
        """Remove the record at `index` if its text is `record`, and return whether it was. One EVAL."""
        return self._connection.run(writing.remove(self._change(session_id), index, record))

    async def aremove(self, session_id: str, index: int, record: str) -> bool:
        """Remove the record at `index` if its text is `record`, and return whether it was. One EVAL."""
        return await self._connection.arun(writing.remove(self._change(session_id), index, record))

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

    def _key(self, session_id: str) -> str:
        return self.key_prefix + checked_session_id(session_id)

    def _change(self, session_id: str) -> Change:
        return Change.of(self._key(session_id), self._aside, self.timeout_s, self.max_request_bytes)


def _new(page: list[str], seen: set[str]) -> Iterator[str]:
    """Those of `page` that were not seen before: a SCAN may return a key again."""
    for session_id in page:
        if session_id not in seen:
            seen.add(session_id)
            yield session_id


def _names(session_ids: Iterable[str]) -> Iterator[str]:
    if isinstance(session_ids, str):
        raise InvalidInputError("session_ids must be a list of names, not one name")
    return map(checked_session_id, session_ids)


def _checked_prefix(key_prefix: object) -> str:
    if not isinstance(key_prefix, str):
        raise InvalidInputError(f"key_prefix must be text, got {type(key_prefix).__name__}")
    return key_prefix


def _checked_ttl(ttl: object) -> timedelta | None:
    if ttl is None or (isinstance(ttl, timedelta) and ttl > timedelta(0)):
        return ttl
    raise InvalidInputError("ttl must be a timedelta longer than zero, or None for no end")


def _checked_timeout(timeout_s: object) -> float:
    if isinstance(timeout_s, int | float) and 0 < timeout_s < float("inf"):
        return float(timeout_s)
    raise InvalidInputError("timeout_s must be a number of seconds above 0")
