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
    """Sessions in an Upstash Redis database, each a list with its newest record first.

    **Guarantees.** Every change is one script and one billed command. It is applied exactly once, even if its
    response is lost and it is retried, until its idempotency key expires, after three times `timeout_s` and a
    minute. A batch that is too large for one request is staged under other keys, and moved into place by one
    script. With a token that may not run scripts, a store can read but not write.

    `timeout_s` applies to a call with all its retries, or to each page or batch where a call takes several.
    After an error with `maybe_applied`, read the session before you retry the change. A store may be shared
    by threads, tasks, event loops and forked processes, which get connections of their own. `commands` counts
    what goes through the store, not other uses of `redis_client`.

    **Requests.** `read` makes one LRANGE per page, `length` one LLEN, `session_ids` one SCAN per 1,000 keys,
    `summaries` one EVAL_RO per 100 sessions, `read_many` one pipeline per 25 to 250 sessions, each change one
    EVAL. `max_request_bytes` is the limit of the database's plan. A response may have eight times as many
    bytes, and at least 64 MiB; larger ones are rejected.

    **JavaScript.** `UpstashRedisChatMessageHistory` of npm's `@langchain/community` keeps its newest record
    first too, under the bare session id: pass `key_prefix=""` to share sessions with it. A record that it
    does not support (`chat`, `remove`, an unreadable one, NaN) makes it throw for the whole session, or skip
    the message. With `javascript=True`, `append` and `replace` reject such records, and histories of this
    store write a ChatMessage as type `generic`, which `langchain_community` of Python does not support.

    Raises: InvalidInputError if the url, the token or another argument is invalid.

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
        """Return a store with the url and token in UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN.

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
        """Host and port of the database."""
        return self._clients.host

    @property
    def redis_client(self) -> Redis:
        """The `upstash_redis` client of this database. It raises the SDK's errors and does not retry."""
        return self._clients.sync

    def _shown(self) -> dict[str, object]:
        return {"host": self.host, "key_prefix": self.key_prefix, "ttl": self.ttl}
