"""Sessions in Momento."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

from momento import CacheClient, Configurations, CredentialProvider
from momento.config import Configuration

from ...errors import InvalidInputError
from ..facade import SessionStoreFacade
from ..protocol import CommandCount, checked_number, checked_text
from ..runner import Runner
from .credentials import credential_provider
from .missing_cache import MissingCache
from .plans import MomentoPlans, milliseconds
from .push import Limits
from .session_index import SessionIndex, recent_names
from .transport import MomentoTransport


class MomentoSessionStore(SessionStoreFacade):
    """Sessions in a Momento cache, each a list, its newest record last.

    **What is kept.** A record that a call has acknowledged is neither lost nor stored twice, and nothing is
    erased before its replacement was read back, apart from the cases below. A request is stored whole or
    not at all. Momento has no idempotency keys: if the response to a push is lost, the session is read, and
    the push is made again only if it is not there. A batch larger than a request goes in parts, one after
    another; if a part fails, `records_stored` of the error says how many records are stored. `insert`,
    `replace`, `remove` and `delete` with `count` are several requests and not atomic: they write first,
    read back, and erase then. Interrupted in between, records are in the session twice, and the error says
    so. After a timeout nothing is repeated: if the change was not found, StoreTimeoutError says that it is
    not known whether it will be made. Where what stands there does not tell whether records were erased,
    the error says that too, and nothing is erased again. Others may append at any time, and lose nothing by
    it; what they append during an `insert` or `replace` may come to stand in front of what that call moves.

    **What remains possible.** Reads are eventually consistent, and the Python SDK has no other. A push or
    an erasure whose response was lost, and which is not seen 0.1 s later although it was applied, is made
    twice: an erasure then takes what has moved into its place. A `delete` of the whole session whose
    response was lost is repeated, and takes with it what others appended in between. Two clients that
    insert, replace, remove or delete by count in one session at the same time may erase each other's
    records, since Momento erases by index, between one request and the next. If a response is lost while
    another client pushes equal records, these may be taken for those of this client: records without a
    "record_id" that are equal by chance, or the same file imported by two at once. If it is lost while
    others remove records in front, a batch that is not new (see `NewRecords`) may be stored twice. If it is
    lost and others remove all records of the push before they were looked for, they are pushed again. If it
    is lost and others remove records in front, the length that `append` returns is smaller by as many.

    **Listing.** Momento lists no keys, so the ids of the sessions are kept in a sorted set, one operation a
    write; `index=False` does without, and then without `session_ids`. Sessions that something else wrote
    are listed once they were read here. A clear or the removal of an expired name looks for the list
    afterwards and puts the name back; if an append is under way all the while, or the clear is interrupted
    before it has looked, the session is missing from listings until the next write, or a read by a client
    that has not seen the name for a minute. The index
    has a TTL of a day at least, the longest on demand. On provisioned storage a session may have more: give
    the same `ttl` to all stores of a prefix, since the set has the TTL of the last write. An index that has
    expired is filled again by reads and writes.

    **Limits.** `timeout_s` is for a call with all its attempts; one of several pages or parts has it for
    each. `commands` counts operations as Momento bills them: each 1,024 bytes of each record. The SDK sends
    its version and that of Python with the requests. Middleware of the client's configuration does not see
    them.

    **Processes.** A store serves any number of threads and event loops. A store that made its client makes
    a new one in a forked child, and where an interrupt (Ctrl+C) has broken its channel; with a client that
    was passed in, the call ends in an error that says to make a new one. A fork waits for requests under way,
    two seconds at most, since gRPC does not survive one that takes place meanwhile.

    >>> from datetime import timedelta
    >>> day = timedelta(days=1)
    >>> with MomentoSessionStore.from_credentials(momento.credential_provider, "langchain", day) as store:
    ...     MomentoChatMessageHistory.from_store(store, "talk").add_user_message("Hello!")
    ...     list(store.session_ids())
    ['talk']
    """

    service = "Momento"
    billed_unit = "operations"

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
        max_item_bytes: int = 5_000_000,
    ) -> None:
        """Open the store; no request is made. `cache_client` is never closed here.

        `ttl` is the TTL of a session after each append; None: the client's default. If the cache is missing,
        it is created, unless `ensure_cache_exists` is False.

        Raises: InvalidInputError; TypeError if `cache_client` is not a momento.CacheClient; StoreClosedError
        if it is closed.
        """
        if not isinstance(cache_client, CacheClient):
            raise TypeError("cache_client must be a momento.CacheClient object.")
        self.cache_name = _checked_cache_name(cache_name)
        self.key_prefix = checked_text(key_prefix, "key_prefix")
        self.ttl = ttl
        self.timeout_s = checked_number(timeout_s, "timeout_s")
        self.index = index
        limits = Limits(
            int(checked_number(max_element_bytes, "max_element_bytes")),
            int(checked_number(max_request_bytes, "max_request_bytes")),
            int(checked_number(max_item_bytes, "max_item_bytes")),
        )
        self.commands = CommandCount()
        self._transport = MomentoTransport(cache_client, cache_name, self.commands)
        repair = MissingCache(cache_name).repair if ensure_cache_exists else None
        self._runner = Runner(self._transport, self.timeout_s, repair)
        # None, where not even the client's default is known.
        ttl_ms = self._transport.default_ttl_ms if ttl is None else milliseconds(ttl)
        seen = recent_names(cache_client, cache_name)
        names = SessionIndex(key_prefix, ttl_ms, seen) if index else None
        self._plans = MomentoPlans(
            limits, names, key_prefix=key_prefix, ttl_ms=ttl_ms, slices=self._transport.slices
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

        `configuration` is the SDK's; None: `Configurations.Laptop.v1()`. `kwargs` are the constructor's.

        Raises: InvalidInputError.
        """
        if milliseconds(default_ttl) is None:
            raise InvalidInputError(
                "default_ttl must be a timedelta above 0, for example timedelta(hours=24)",
                field="default_ttl",
            )

        def make_client() -> CacheClient:
            return CacheClient(configuration or Configurations.Laptop.v1(), provider, default_ttl)

        client = make_client()
        try:
            store = cls(client, cache_name, **kwargs)
        except BaseException:
            client.__exit__(None, None, None)
            raise
        store._transport.owns(make_client)
        return store

    @classmethod
    def from_env(cls, cache_name: str, default_ttl: timedelta = timedelta(hours=24), **kwargs: Any) -> Self:
        """Return a store with the API key of MOMENTO_API_KEY, and for a v2 key with MOMENTO_ENDPOINT.

        `kwargs` are those of `from_credentials`. 24 hours are the longest TTL on demand.

        Raises: InvalidInputError.
        """
        return cls.from_credentials(credential_provider(), cache_name, default_ttl, **kwargs)

    @property
    def cache_client(self) -> CacheClient:
        """The client that the store uses."""
        return self._transport.client

    def _shown(self) -> dict[str, object]:
        # Not the key, and not the client, whose parts would show it.
        names = ("cache_name", "key_prefix", "ttl", "timeout_s", "index")
        closed = {"closed": True} if self._transport.closed else {}
        return {**{name: getattr(self, name) for name in names}, **closed}


def _checked_cache_name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidInputError(
            "cache_name must be a text that is not empty; give the name of a Momento cache",
            field="cache_name",
        )
    if not value.isascii() or not value.isprintable():  # it goes into a header
        raise InvalidInputError("cache_name must be of printable ASCII characters", field="cache_name")
    return value
