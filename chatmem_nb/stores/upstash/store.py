"""Sessions in Upstash Redis."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Self

from upstash_redis import Redis

from ...errors import InvalidInputError
from ..facade import SessionStoreFacade
from ..protocol import CommandCount
from ..runner import Runner
from .clients import Clients
from .http_limits import response_limit
from .plans import UpstashPlans
from .transport import UpstashTransport


class UpstashSessionStore(SessionStoreFacade):
    """Sessions in an Upstash Redis database, each a list, its newest record first. Making one is no I/O.

    Every change is one script, one billed command, and happens exactly once, also if its response was lost
    and it was retried: for as long as its idempotency key lives, which is a minute longer than three times
    `timeout_s`. A batch larger than a request is staged under other keys, and moved by one script. A
    token that may not run scripts reads, and changes nothing.

    `timeout_s` is for a call with all its retries; a call of several pages or batches has it for each. After
    an error with `maybe_applied`, read before you repeat a change. A store may be shared by threads, tasks,
    event loops and, with connections of their own, forked processes. `commands` counts what goes through the
    store, and not what `redis_client` is used for besides.

    Requests: `read` one LRANGE a page, `length` one LLEN, `session_ids` one SCAN for each thousand keys,
    `summaries` one EVAL_RO for each hundred, `read_many` one pipeline for 25 to 250 sessions, each change one
    EVAL. `max_request_bytes` is the limit of the database's plan; a response may have eight times that, or
    64 MiB if that is more, and is refused beyond it.

    **JavaScript.** `UpstashRedisChatMessageHistory` of npm's `@langchain/community` keeps its newest record
    first too, under the bare session id: give `key_prefix=""` to share sessions with it. One record that it
    does not know (`chat`, `remove`, one that is unreadable, NaN) makes it throw for the whole session, or
    skip the message; with `javascript=True`, `append` and `replace` refuse such records, and histories of
    this store write a ChatMessage as its `generic`, which `langchain_community` of Python does not know.

    Raises: InvalidInputError if url, token or another argument cannot be used.

    >>> with UpstashSessionStore(server.url, server.token) as store:
    ...     sorted(store.session_ids("short*")), store.length("short-hello")
    (['short-hello'], 2)
    """

    service = "Upstash Redis"
    billed_unit = "commands"

    def __init__(
        self,
        url: str,
        token: str,
        *,
        key_prefix: str = "message_store:",
        ttl: timedelta | None = None,
        timeout_s: float = 10.0,
        max_request_bytes: int = 10_000_000,
        javascript: bool = False,
    ) -> None:
        self._plans = UpstashPlans(key_prefix, ttl, timeout_s, max_request_bytes)
        self.key_prefix, self.ttl, self.timeout_s = key_prefix, ttl, timeout_s
        self.javascript = javascript
        self.commands = CommandCount()
        self._clients = Clients(url, token, timeout_s)
        transport = UpstashTransport(self._clients, self.commands, response_limit(max_request_bytes))
        self._runner = Runner(transport, timeout_s)

    @classmethod
    def from_env(
        cls,
        *,
        key_prefix: str = "message_store:",
        ttl: timedelta | None = None,
        timeout_s: float = 10.0,
        max_request_bytes: int = 10_000_000,
        javascript: bool = False,
    ) -> Self:
        """Return a store of the database that UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN name.

        Raises: InvalidInputError if one of the two is not set.
        """
        names = ("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN")
        missing = [name for name in names if not os.environ.get(name)]
        if missing:
            raise InvalidInputError(
                f"{' and '.join(missing)} must be set; set both variables, or pass url and token"
            )
        return cls(
            os.environ[names[0]],
            os.environ[names[1]],
            key_prefix=key_prefix,
            ttl=ttl,
            timeout_s=timeout_s,
            max_request_bytes=max_request_bytes,
            javascript=javascript,
        )

    @property
    def host(self) -> str:
        """Host and port of the database; no secret."""
        return self._clients.host

    @property
    def redis_client(self) -> Redis:
        """The SDK's own client of this database. It raises the SDK's errors, and retries nothing."""
        return self._clients.sync

    def _shown(self) -> dict[str, object]:
        return {"host": self.host, "key_prefix": self.key_prefix, "ttl": self.ttl}
