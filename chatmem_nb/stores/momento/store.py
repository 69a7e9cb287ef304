"""Sessions in Momento."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any, Self

from momento import CacheClient, Configurations, CredentialProvider
from momento.config import Configuration

from ...errors import InvalidInputError
from ..protocol import SessionSummary
from .connection import Connection
from .credentials import credential_provider
from .exchange import Exchange, MissingCache
from .index import IndexPlans
from .sessions import Limits, SessionPlans, milliseconds

_TOGETHER = 25
"""Sessions that are asked about at the same time."""


class MomentoSessionStore:
    """Sessions in a Momento cache, each a list, its newest record last.

    What is promised of `append`: each request is stored whole or not at all. None is sent again blindly:
    after a failure that may have come behind a push that was stored, the end of the session is looked at
    for its records, and they are sent again only if they are not there. So no record is stored twice, but
    for two cases: where Momento stores a push late, after it was looked for, and where others appended more
    than 1,000 records meanwhile to a session that this client has not appended to before. After a timeout
    nothing is sent again: where the records were not found, StoreTimeoutError says that it is not known
    whether they will be stored. A batch larger than a request goes in parts, one after another; a reader
    may see the first and not the last, and where a part fails, `records_stored` of the error says how many
    records are stored, and the rest can be appended. Texts without a "record_id" are taken for stored only
    where they are the very last.

    `insert`, `replace` and `remove` are several requests and not atomic: they write first and erase then,
    so that an interruption leaves records twice, and loses none. Others who append at the same time lose
    nothing; two that insert, replace or remove in one session at the same time may disturb each other.

    `timeout_s` is for a call with all its attempts; one that takes several pages or parts has it for each.

    Momento lists no keys, so that the ids of the sessions are kept in a sorted set, one operation a write;
    `index=False` does without, and then without `session_ids`. Sessions that something else wrote are
    listed once they were read here. `commands` counts what goes through the store. Middleware of the
    client's configuration does not see these requests.

    >>> from datetime import timedelta
    >>> day = timedelta(days=1)
    >>> with MomentoSessionStore.from_credentials(momento.credential_provider, "langchain", day) as store:
    ...     MomentoChatMessageHistory.from_store(store, "talk").add_user_message("Hello!")
    ...     list(store.session_ids())
    ['talk']
    """

    service = "Momento"

    def __init__(
        self,
        cache_client: CacheClient,
        cache_name: str,
        *,
        key_prefix: str = "message_store:",
        ttl: timedelta | None = None,
        ensure_cache_exists: bool = True,
        timeout_s: float = 10.0,
        index: bool = True,
        max_element_bytes: int = 128 * 1024,
        max_request_bytes: int = 5_000_000,
    ) -> None:
        """Open the store; no request is made. `cache_client` stays its owner's, who closes it.

        `ttl`: the life of a session after each append; None: the default of the client. The cache is made
        when it turns out to be missing, unless `ensure_cache_exists` is False.

        Raises: InvalidInputError; TypeError, where `cache_client` is no momento.CacheClient;
        StoreClosedError, where it is closed.
        """
        if not isinstance(cache_client, CacheClient):
            raise TypeError("cache_client must be a momento.CacheClient object.")
        self.cache_name = _checked_text("cache_name", cache_name, "give the name of a Momento cache")
        if not cache_name.isascii() or not cache_name.isprintable():  # it goes into a header
            raise InvalidInputError("cache_name must be of printable ASCII characters")
        self.key_prefix = _checked_text("key_prefix", key_prefix, "", empty=True)
        self.ttl = ttl
        self.timeout_s = _checked_number("timeout_s", timeout_s)
        self.index = index
        limits = Limits(
            int(_checked_number("max_element_bytes", max_element_bytes)),
            int(_checked_number("max_request_bytes", max_request_bytes)),
        )
        ttl_ms = milliseconds(ttl)
        self._connection = Connection(cache_client, cache_name)
        self.commands = self._connection.commands
        exchange = Exchange(MissingCache(ensure_cache_exists))
        transport = self._connection.transport
        seen = self._connection.seen()
        names = IndexPlans(exchange, key_prefix, ttl_ms or transport.default_ttl_ms, seen)
        self._plans = SessionPlans(
            exchange,
            seen,
            key_prefix=key_prefix,
            ttl_ms=ttl_ms,
            index=names if index else None,
            limits=limits,
            timeout_s=self.timeout_s,
            slices=transport.slices,
        )

    @classmethod
    def from_credentials(
        cls,
        provider: CredentialProvider,
        cache_name: str,
        default_ttl: timedelta,
        *,
        configuration: Configuration | None = None,
        **kwargs: Any,
    ) -> Self:
        """Return a store with a client of its own, which `close` closes; no request is made.

        `configuration`: the SDK's; None: `Configurations.Laptop.v1()`. `kwargs`: the constructor's.

        Raises: InvalidInputError.
        """
        if milliseconds(default_ttl) is None:
            raise InvalidInputError(
                "default_ttl must be a timedelta above 0, for example timedelta(hours=24)"
            )
        client = CacheClient(configuration or Configurations.Laptop.v1(), provider, default_ttl)
        try:
            store = cls(client, cache_name, **kwargs)
        except BaseException:
            client.__exit__(None, None, None)
            raise
        store._connection.owned = True
        return store

    @classmethod
    def from_env(cls, cache_name: str, default_ttl: timedelta = timedelta(hours=24), **kwargs: Any) -> Self:
        """Return a store with the API key of MOMENTO_API_KEY, and for a v2 key with MOMENTO_ENDPOINT.

        `kwargs`: those of `from_credentials`. The life of 24 hours is the longest that Momento gives.

        Raises: InvalidInputError.
        """
        return cls.from_credentials(credential_provider(), cache_name, default_ttl, **kwargs)

    @property
    def cache_client(self) -> CacheClient:
        """The client that the store uses."""
        return self._connection.client

    def session_ids(self, match: str | None = None) -> Iterator[str]:
        """Yield the ids of the sessions, each once, last written first; two requests for 500.

        Names whose sessions have expired are taken out of the index on the way.
        """
        self._connection.check_open()
        return self._session_ids(match)

    def _session_ids(self, match: str | None) -> Iterator[str]:
        listing = self._plans.listing(match)
        while listing.left:
            yield from self._connection.run(self._plans.page(listing))

    def asession_ids(self, match: str | None = None) -> AsyncIterator[str]:
        """Yield the ids of the sessions, each once, last written first; two requests for 500.

        Names whose sessions have expired are taken out of the index on the way.
        """
        self._connection.check_open()
        return self._asession_ids(match)

    async def _asession_ids(self, match: str | None) -> AsyncIterator[str]:
        listing = self._plans.listing(match)
        while listing.left:
            for session_id in await self._connection.arun(self._plans.page(listing)):
                yield session_id

    def summaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id, in order; four requests each, those of 25 ids at the same time."""
        found = []
        for batch in _batches(session_ids):
            found += self._connection.run(self._plans.summaries(batch))
        return found

    async def asummaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id, in order; four requests each, those of 25 ids at the same time."""
        found = []
        for batch in _batches(session_ids):
            found += await self._connection.arun(self._plans.summaries(batch))
        return found

    def length(self, session_id: str) -> int:
        """Return how many records the session has; 0 if there is none. One request."""
        return self._connection.run(self._plans.length(session_id))

    async def alength(self, session_id: str) -> int:
        """Return how many records the session has; 0 if there is none. One request."""
        return await self._connection.arun(self._plans.length(session_id))

    def read(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return records `start` to `stop`, oldest first, as a slice would; [] if none. One request a page.

        The first time that its client reads a session, one more puts the name into the index.
        """
        return self._connection.run(self._plans.read(session_id, start, stop))

    async def aread(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return records `start` to `stop`, oldest first, as a slice would; [] if none. One request a page.

        The first time that its client reads a session, one more puts the name into the index.
        """
        return await self._connection.arun(self._plans.read(session_id, start, stop))

    def read_many(self, session_ids: Iterable[str]) -> Iterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) of whole sessions, long ones in pieces; 25 at the same time."""
        self._connection.check_open()
        return self._read_many(session_ids)

    def _read_many(self, session_ids: Iterable[str]) -> Iterator[tuple[str, int, list[str]]]:
        for batch in _batches(session_ids):
            for session_id, (pages, records) in zip(
                batch, self._connection.run(self._plans.first_pages(batch)), strict=True
            ):
                start = 0
                while records:
                    yield session_id, start, records
                    start += len(records)
                    records = (
                        self._connection.run(self._plans.next_page(session_id, pages)) if pages.left else []
                    )

    def aread_many(self, session_ids: Iterable[str]) -> AsyncIterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) of whole sessions, long ones in pieces; 25 at the same time."""
        self._connection.check_open()
        return self._aread_many(session_ids)

    async def _aread_many(self, session_ids: Iterable[str]) -> AsyncIterator[tuple[str, int, list[str]]]:
        for batch in _batches(session_ids):
            for session_id, (pages, records) in zip(
                batch, await self._connection.arun(self._plans.first_pages(batch)), strict=True
            ):
                start = 0
                while records:
                    yield session_id, start, records
                    start += len(records)
                    records = (
                        await self._connection.arun(self._plans.next_page(session_id, pages))
                        if pages.left
                        else []
                    )

    def append(self, session_id: str, records: Sequence[str]) -> int:
        """Add `records` after the newest, in order, and return the new length; see the class for the promise.

        One round trip: two requests at the same time, one of them for the index. All records are checked
        before anything is sent.
        """
        return self._connection.run(self._plans.append(session_id, records))

    async def aappend(self, session_id: str, records: Sequence[str]) -> int:
        """Add `records` after the newest, in order, and return the new length; see the class for the promise.

        One round trip: two requests at the same time, one of them for the index. All records are checked
        before anything is sent.
        """
        return await self._connection.arun(self._plans.append(session_id, records))

    def insert(
        self, session_id: str, index: int, records: Sequence[str], *, ttl: timedelta | None = None
    ) -> int:
        """Put `records` before the record at `index`, and return the new length. Not atomic.

        In the middle, the shorter side of the session is written anew, then erased. `ttl` is the life of a
        session that this call makes anew; None: the store's.
        """
        return self._connection.run(self._plans.insert(session_id, index, records, ttl))

    async def ainsert(
        self, session_id: str, index: int, records: Sequence[str], *, ttl: timedelta | None = None
    ) -> int:
        """Put `records` before the record at `index`, and return the new length. Not atomic.

        In the middle, the shorter side of the session is written anew, then erased. `ttl` is the life of a
        session that this call makes anew; None: the store's.
        """
        return await self._connection.arun(self._plans.insert(session_id, index, records, ttl))

    def replace(self, session_id: str, records: Sequence[str], *, ttl: timedelta | None = None) -> int:
        """Make `records` all that the session holds, and return their number. Not atomic.

        They are written behind what is there, which is then erased. `ttl`: its life from now on; None: the
        store's. No records: the session is deleted.
        """
        return self._connection.run(self._plans.replace(session_id, records, ttl))

    async def areplace(self, session_id: str, records: Sequence[str], *, ttl: timedelta | None = None) -> int:
        """Make `records` all that the session holds, and return their number. Not atomic.

        They are written behind what is there, which is then erased. `ttl`: its life from now on; None: the
        store's. No records: the session is deleted.
        """
        return await self._connection.arun(self._plans.replace(session_id, records, ttl))

    def delete(self, session_id: str) -> bool:
        """Delete the session and its name, and return whether it existed. Three requests."""
        return self._connection.run(self._plans.delete(session_id))

    async def adelete(self, session_id: str) -> bool:
        """Delete the session and its name, and return whether it existed. Three requests."""
        return await self._connection.arun(self._plans.delete(session_id))

    def remove(self, session_id: str, index: int, record: str) -> bool:
        """Remove the one record at `index` if its text is `record`, and return whether it was removed.

        Read again first, then erased at its place; not atomic. Records that are equal to it stay.
        """
        return self._connection.run(self._plans.remove(session_id, index, record))

    async def aremove(self, session_id: str, index: int, record: str) -> bool:
        """Remove the one record at `index` if its text is `record`, and return whether it was removed.

        Read again first, then erased at its place; not atomic. Records that are equal to it stay.
        """
        return await self._connection.arun(self._plans.remove(session_id, index, record))

    def close(self) -> None:
        """Close the client if this store made it, never one that was given. Closing twice is one."""
        self._connection.close()

    async def aclose(self) -> None:
        """Close the client if this store made it, never one that was given. Closing twice is one."""
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self._settings().items())
        return f"{type(self).__name__}({settings}{', closed' if self._connection.closed else ''})"

    def _repr_html_(self) -> str:
        """What the store is set to and has spent, as an escaped table for a notebook."""
        spent = self.commands
        cells = {"service": self.service, **self._settings(), "closed": self._connection.closed}
        cells |= {"requests": spent.requests, "billed operations": spent.billed}
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(str(value))}</td></tr>"
            for name, value in cells.items()
        )
        return f"<table><tbody>{rows}</tbody></table>"

    def _settings(self) -> dict[str, object]:
        """What may be shown: no key, and not the client, whose parts would show it."""
        names = ("cache_name", "key_prefix", "ttl", "timeout_s", "index")
        return {name: getattr(self, name) for name in names}


def _batches(session_ids: Iterable[str]) -> Iterator[list[str]]:
    if isinstance(session_ids, str):
        raise InvalidInputError("session_ids must be a list of texts, not one text")
    left = iter(session_ids)
    while batch := list(islice(left, _TOGETHER)):
        yield batch


def _checked_text(name: str, value: object, hint: str, *, empty: bool = False) -> str:
    if not isinstance(value, str) or not (value or empty):
        raise InvalidInputError(f"{name} must be a text{'' if empty else ' that is not empty'}; {hint}")
    return value


def _checked_number(name: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
        raise InvalidInputError(f"{name} must be a number above 0, got {value!r:.40}")
    return value
