"""Sessions in Momento."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

from momento import CacheClient, Configurations, CredentialProvider
from momento.config import Configuration

from ...errors import InvalidInputError
from ..arguments import checked_number, checked_text
from ..facade import SessionStoreFacade
from ..protocol import CommandCount
from ..runner import Runner
from .credentials import credential_provider
from .limits import Limits
from .missing_cache import MissingCache
from .plans import MomentoPlans, milliseconds
from .session_index import SessionIndex, recent_names
from .transport import MomentoTransport


class MomentoSessionStore(SessionStoreFacade):
    """Sessions in a Momento cache, each a list with its newest record last.

    **Guarantees.** A record that a call has acknowledged is neither lost nor stored twice, and nothing is
    erased before its replacement was read back, except in the cases below. Each request is atomic. Momento
    has no idempotency keys: if the response to a push is lost, the session is read, and the push is retried
    only if its records are missing. A batch that is too large for one request is sent in parts, in order; if
    a part fails, `records_stored` of the error says how many records are stored. `insert`, `replace`,
    `remove`, and `delete` with `count`, take several requests and are not atomic: they write first, read
    back, and erase last. If one is interrupted in between, some records are in the session twice, and the
    error says so. Nothing is retried after a timeout: unless the change is found, StoreTimeoutError says
    that its outcome is unknown. If the session does not show whether an erasure was applied, the error says
    so, and the erasure is not repeated. Other clients may append at any time and lose nothing; what they
    append during an `insert` or `replace` may end up before the records that the call moves.

    **Exceptions.** Reads are eventually consistent; the Python SDK offers no others.

    - A push or an erasure that was applied, whose response was lost, and that a read 0.1 s later does not
      show yet, is applied twice. The second erasure removes the records that have moved up.
    - A `delete` of a whole session whose response was lost is retried, and also deletes what others appended
      in between.
    - Momento erases by index. Two clients that insert, replace, remove, or delete by count in one session at
      the same time may erase each other's records.
    - If a response is lost while another client pushes equal records, those may be mistaken for this
      client's: records without a "record_id" that happen to be equal, or one file imported by two clients.
    - If a response is lost while others remove records from the front, a batch that is not new (see
      `NewRecords`) may be stored twice.
    - If a response is lost and others remove all records of the push before the session is read, they are
      pushed again.

    **Listing.** Momento cannot list keys, so the ids of the sessions are kept in a sorted set, at one
    operation per write. `index=False` saves that operation, and `session_ids` is not available then. A
    session that another program wrote is listed after its first read here. After a clear, and after removing
    the name of an expired session, the name is added again if the list exists. If an append
    is in progress all that time, or the clear is interrupted before the check, the session is missing from
    listings until the next write, or the next read by a client that has not seen the name for a minute. The
    sorted set has a TTL of at least a day, the maximum on demand. Sessions on provisioned storage may have a
    longer one: use the same `ttl` for all stores of a prefix, since the last write sets the TTL of the
    sorted set. A sorted set that has expired is rebuilt by reads and writes.

    **Limits.** `timeout_s` applies to a call with all its attempts, or to each page or part where a call
    takes several. `commands` counts operations as Momento bills them: one for each 1,024 bytes of each
    record. The SDK sends its own version and Python's with the requests. Middleware of the client's
    configuration does not see these requests.

    **Processes.** A store serves any number of threads and event loops. A store that made its client makes
    a new one in a forked child, and where an interrupt (Ctrl+C) has broken its channel; with a client that
    was passed in, the call ends in an error that says to make a new one. A fork waits for requests under way,
    two seconds at most, since gRPC does not survive one that takes place meanwhile.

    **JavaScript.** `MomentoChatMessageHistory` of npm's `@langchain/community` keeps its newest record last
    too, under the bare session id: pass `key_prefix=""` to share sessions with it, and `javascript=True` to
    reject records that it does not support; see `UpstashSessionStore`.

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
        javascript: bool = False,
    ) -> None:
        """Create a store over `cache_client`, which is never closed here. No request is made.

        `ttl` is the TTL of a session after each append; None: the client's default. A missing cache is
        created when it is first needed, unless `ensure_cache_exists` is False.

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
        self.javascript = javascript
        limits = Limits(
            int(checked_number(max_element_bytes, "max_element_bytes")),
            int(checked_number(max_request_bytes, "max_request_bytes")),
            int(checked_number(max_item_bytes, "max_item_bytes")),
        )
        self.commands = CommandCount()
        self._transport = MomentoTransport(cache_client, cache_name, self.commands)
        repair = MissingCache(cache_name).repair if ensure_cache_exists else None
        self._runner = Runner(self._transport, self.timeout_s, repair)
        # None if not even the client's default is known.
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
        """Return a store with its own client, which `close` closes. No request is made.

        `configuration` None: `Configurations.Laptop.v1()`. `kwargs` are passed to the constructor.

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
        except BaseException:  # an interrupt too: nobody else could close the client
            client.__exit__(None, None, None)
            raise
        store._transport.owns(make_client)
        return store

    @classmethod
    def from_env(cls, cache_name: str, default_ttl: timedelta = timedelta(hours=24), **kwargs: Any) -> Self:
        """Return a store with the key in MOMENTO_API_KEY, and for a v2 key the endpoint in MOMENTO_ENDPOINT.

        `kwargs` are passed to `from_credentials`. 24 hours is the maximum TTL on demand.

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
            "cache_name must be a non-empty string; give the name of a Momento cache",
            field="cache_name",
        )
    if not value.isascii() or not value.isprintable():  # it goes into a header
        raise InvalidInputError("cache_name must be of printable ASCII characters", field="cache_name")
    return value
